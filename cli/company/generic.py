"""What the systems without an adapter of their own say: canonical events, flat or as CloudEvents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cli.company.people import Customer
from cli.company.world import Message, Source, World

_EVENTED: frozenset[Source] = frozenset({"sales", "shop"})
"""The systems that speak CloudEvents; the other generic ones speak Standard Webhooks."""


def rfc3339(at_ms: int) -> str:
    """An instant as the systems write it: UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def message(world: World, source: Source, at_ms: int, kind: str, customer: Customer | None = None, /, **fields: Any) -> Message:
    """An event of type `kind` from `source`; fields that are None are not said. `id=` gives it a certain id (to replace an event)."""
    uid = fields.pop("id", None) or world.uid()
    data = {name: value for name, value in fields.items() if value is not None}
    if customer is not None:
        data["customer_id"] = customer.id
    if source not in _EVENTED:
        return Message(at_ms, source, uid, {"type": kind, "id": uid, "occurred_at": rfc3339(at_ms), **data})
    envelope = {"specversion": "1.0", "type": kind, "source": f"/{source}", "id": uid, "time": rfc3339(at_ms)}
    return Message(at_ms, source, uid, {**envelope, "datacontenttype": "application/json", "data": data})


def about(customer: Customer) -> dict[str, Any]:
    """What a system that knows its customer says with the first event of something."""
    return {"customer_id": customer.id, "language": customer.language, "region": customer.region, "customer_tier": customer.tier}
