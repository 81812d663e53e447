"""The life cycle of a survey response without a ticket, and of a complaint without one."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kpis import measures as m
from kpis.controls import Controls
from kpis.dimensions import TICKET, Attributes
from kpis.lifecycles import answers as answered
from kpis.lifecycles.attributes import Add, after
from schemas import events as ev


class Survey(Struct, array_like=True):
    """What is known of one invitation or response that names no ticket."""

    attributes: Attributes = TICKET.nothing()
    customer_id: str | None = None
    answers: list[answered.Standing] = []
    invitations: list[answered.Invitation] = []
    relationship: list[answered.Recommendation] = []


def step(state: Survey, event: Any, add: Add, controls: Controls) -> None:
    """Apply the next event of the response's log."""
    if event.customer_id is not None:
        state.customer_id = event.customer_id
    state.attributes = after(state.attributes, event)
    answered.fill(state, state.attributes)
    if isinstance(event, ev.SurveySent | ev.SurveyResponded):
        answered.on_survey(state, event, event.occurred_at_ms, add, state.attributes, None)


class Complaint(Struct, array_like=True):
    """What is known of one complaint that names no ticket."""

    attributes: Attributes = TICKET.nothing()
    raised: bool = False


def complaint_step(state: Complaint, event: Any, add: Add, controls: Controls) -> None:
    """Count the complaint once."""
    state.attributes = after(state.attributes, event)
    if not state.raised:
        state.raised = True
        add(
            m.COMPLAINT.slot((event.category or "").lstrip(m.PART)),
            event.occurred_at_ms,
            ("complaint", *state.attributes[1:], event.department),
            0,
            1,
        )
