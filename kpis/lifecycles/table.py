"""The kinds of entities that have a life cycle: state, reducer and what they tell the ledgers. A kind is one line here.

Events of other kinds wait in `events` until their life cycle exists; they are counted and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kpis.controls import Controls
from kpis.lifecycles import call, forwarding, lead, purchase, survey, ticket, ticket_state
from kpis.lifecycles.attributes import Add
from schemas.events import Event
from schemas.facts import AnyFact


class LifeCycle(NamedTuple):
    """One kind of entity; `foresee` learns from a whole log what its events tell of the time before them, where any can."""

    state: Callable[[], Any]
    step: Callable[[Any, Any, Add, Controls], None]
    facts: Callable[[Any, str], list[AnyFact]]
    foresee: Callable[[Any, list[Event]], None] | None = None


def _no_facts(state: Any, key: str) -> list[AnyFact]:
    return []


LIFE_CYCLES: dict[str, LifeCycle] = {
    "ticket": LifeCycle(ticket_state.Ticket, ticket.step, forwarding.of_ticket, ticket.foresee),
    "call": LifeCycle(call.Call, call.step, forwarding.of_call),
    "survey": LifeCycle(survey.Survey, survey.step, forwarding.of_survey),
    "complaint": LifeCycle(survey.Complaint, survey.complaint_step, _no_facts),
    "lead": LifeCycle(lead.Lead, lead.step, forwarding.of_lead),
    "quote": LifeCycle(lead.Lead, lead.step, forwarding.of_lead),
    "deal": LifeCycle(lead.Lead, lead.step, _no_facts),
    "booking": LifeCycle(lead.Lead, lead.step, _no_facts),
    "purchase": LifeCycle(purchase.Purchase, purchase.step, forwarding.of_purchase),
}
