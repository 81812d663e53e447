"""The life cycle of a purchase: what the customer's ledger needs to credit it to a contact."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kpis.controls import Controls
from kpis.lifecycles.attributes import Add
from schemas import events as ev


class Purchase(Struct, array_like=True):
    """What is known of one purchase; `names` is the contact it names as `ticket:ID` or `call:ID`."""

    customer_id: str | None = None
    completed_ms: int | None = None
    refunded: bool = False
    names: str | None = None


def step(state: Purchase, event: Any, add: Add, controls: Controls) -> None:
    """Apply the next event of the purchase's log; it contributes through its customer only."""
    if event.customer_id is not None:
        state.customer_id = event.customer_id
    if event.ticket_id is not None:
        state.names = f"ticket:{event.ticket_id}"
    elif event.call_id is not None:
        state.names = f"call:{event.call_id}"
    if isinstance(event, ev.PurchaseCompleted) and state.completed_ms is None:
        state.completed_ms = event.occurred_at_ms
    elif isinstance(event, ev.PurchaseRefunded):
        state.refunded = True
