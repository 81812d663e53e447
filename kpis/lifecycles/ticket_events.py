"""What each event does to a ticket: transitions of its status, replies and messages, owners, escalations, surveys.

Transitions are counted, never the names of events: a claim of the state already held does nothing.
"""

from __future__ import annotations

from typing import Any

from kpis import measures as m
from kpis.controls import Controls
from kpis.dimensions import TICKET, Attributes
from kpis.lifecycles import answers as answered
from kpis.lifecycles.attributes import AGENT, HANDLED_BY, PRIORITY, SPAN_SLACK_MS, TEAM, Add, span, with_value
from kpis.lifecycles.business import business_ms
from kpis.lifecycles.groups import Clock, Connect, FirstSolve, Run, Solve
from kpis.lifecycles.ticket_state import DONE, WAITS, Ticket
from schemas import events as ev


def _to_status(state: Ticket, to: str, at: int, add: Add, controls: Controls) -> None:
    before = state.status
    if to == before:
        return
    if before in WAITS:
        state.wait_ms += at - state.status_since_ms
        waited = business_ms(state.schedules, controls, state.status_since_ms, at)
        state.wait_business_ms = None if waited is None or state.wait_business_ms is None else state.wait_business_ms + waited
    state.status = to
    state.status_since_ms = at
    if to in DONE and before not in DONE:
        _solve(state, at, add, controls)
    elif before in DONE and to not in DONE:
        _reopen(state, at, add)


def _solve(state: Ticket, at: int, add: Add, controls: Controls) -> None:
    attributes = state.attributes
    add(_SOLVED_GROSS, at, attributes, 0, 1)
    state.waiting_since_ms = None
    if state.run_since_ms is not None:
        state.end_run(at, replied=False)
    state.end_attributes = attributes
    opened = state.opened_ms
    if state.last_solve_ms is None:
        state.first_solve = FirstSolve(at_ms=at, attributes=with_value(attributes, HANDLED_BY, None))
        if opened is not None:
            _duration(m.FIRST_RESOLUTION, opened, at, attributes, state, add, controls)
    state.last_solve_ms = at
    one_touch = state.human_replies == 1 and state.reopenings == 0
    cls = "one_touch" if one_touch else "replied" if state.human_replies else "bot_only" if state.bot_replies else "no_reply"
    state.solve = Solve(
        at_ms=at,
        attributes=attributes,
        cls=cls,
        resolution_ms=None if opened is None else at - opened,
        wait_ms=state.wait_ms if opened is not None else None,
        kinds=tuple(k for k in state.kinds if k in controls.escalation_kinds),
        handle_ms=state.logged_ms,
        resolution_business_ms=None if opened is None else business_ms(state.schedules, controls, opened, at),
        wait_business_ms=state.wait_business_ms if opened is not None and controls.calendars else None,
    )
    if state.entry is not None:
        lasting = state.entry.lasting_ms if state.entry.lasting_ms is not None else at
        first = state.entry.first_solve_ms if state.entry.first_solve_ms is not None else at
        state.entry = state.entry.but(
            first_solve_ms=first, latest_solve_ms=at, lasting_ms=lasting, wait_ms=state.solve.wait_ms, handle_ms=state.logged_ms
        )


def _reopen(state: Ticket, at: int, add: Add) -> None:
    add(_REOPENED, at, state.attributes, 0, 1)
    state.reopenings += 1
    state.solve = None
    if state.first_solve is not None and state.first_solve.reopened_ms is None:
        state.first_solve = state.first_solve.but(reopened_ms=at)
    if state.entry is not None:
        stood = state.entry.lasting_ms is not None and state.last_solve_ms is not None and at - state.entry.lasting_ms > m.H24
        state.entry = state.entry.but(
            latest_solve_ms=None, wait_ms=None, handle_ms=None, lasting_ms=state.entry.lasting_ms if stood else None
        )
    if not state.human_replies and state.clock is not None:
        state.clock = Clock(start_ms=at, attributes=with_value(state.attributes, HANDLED_BY, None))


def _duration(
    measure: m.Measure, start_ms: int, at: int, attributes: Attributes, state: Ticket, add: Add, controls: Controls, cls: str = ""
) -> bool:
    """Add a duration that ends now, by both clocks; one that cannot be is quarantined. Returns whether it counts."""
    value = span(at - start_ms)
    if value is None:
        add(m.QUARANTINED.slot(measure.name), at, attributes, 0, 1)
        return False
    add(measure.slot(), at, attributes, value, 1)
    if cls:
        add(measure.slot(cls), at, attributes, value, 1)
    business = business_ms(state.schedules, controls, start_ms, at)
    if business is not None:
        twin = m.IN_BUSINESS_TIME[measure.name]
        add(twin.slot(), at, attributes, business, 1)
        if cls:
            add(twin.slot(cls), at, attributes, business, 1)
    return True


# ---- events ------------------------------------------------------------------------------------


def _on_status(state: Ticket, event: ev.TicketStatusChanged, at: int, add: Add, controls: Controls) -> None:
    _to_status(state, event.to, at, add, controls)


def _on_created(state: Ticket, event: ev.TicketCreated, at: int, add: Add, controls: Controls) -> None:
    if (
        event.status in DONE
        and state.status == event.status
        and state.last_solve_ms is None
        and state.entry is not None
        and state.entry.at_ms == at
        and state.entry.seen_ms is None
    ):
        state.status = "open"
        _to_status(state, event.status, at, add, controls)


def _on_solved(state: Ticket, event: ev.TicketSolved, at: int, add: Add, controls: Controls) -> None:
    if state.status not in DONE:
        _to_status(state, "solved", at, add, controls)


def _on_closed(state: Ticket, event: ev.TicketClosed, at: int, add: Add, controls: Controls) -> None:
    _to_status(state, "closed", at, add, controls)


def _on_reopened(state: Ticket, event: ev.TicketReopened, at: int, add: Add, controls: Controls) -> None:
    if state.status in DONE:
        _to_status(state, "open", at, add, controls)


def _on_message(state: Ticket, event: ev.TicketCustomerMessage, at: int, add: Add, controls: Controls) -> None:
    if state.clock is None and not state.human_replies:
        state.clock = Clock(start_ms=at, attributes=with_value(state.attributes, HANDLED_BY, None))
    if state.waiting_since_ms is None:
        state.waiting_since_ms = at
    if state.human_replies and state.run_since_ms is None:
        state.runs = (*state.runs, Run(at_ms=at, attributes=with_value(state.attributes, HANDLED_BY, None)))


def _clock_of_opening(state: Ticket, at: int | None) -> None:
    """Start the clock of the first reply where the opening is known before its event, which comes late.

    What happens before the opening itself starts no clock; only a reply, which ends it, finds that the wait cannot be (`at` None).
    """
    if at is not None and state.opened_ms is not None and state.opened_ms > at + SPAN_SLACK_MS:
        return
    if state.clock is None and state.opened_ms is not None and state.public and not state.human_replies:
        state.clock = Clock(start_ms=state.opened_ms, attributes=with_value(state.attributes, HANDLED_BY, None))


def _on_reply(state: Ticket, event: ev.TicketPublicReply, at: int, add: Add, controls: Controls) -> None:
    _clock_of_opening(state, at if event.by == "bot" else None)
    if event.by == "bot":
        state.attributes = with_value(state.attributes, HANDLED_BY, "mixed" if state.human_replies else "bot")
        if not state.bot_replies and not state.human_replies and state.clock is not None:
            _duration(m.FIRST_BOT_REPLY_WAIT, state.clock.start_ms, at, state.attributes, state, add, controls)
        state.bot_replies += 1
        return
    state.attributes = with_value(state.attributes, HANDLED_BY, "mixed" if state.bot_replies else "human")
    replier = event.actor_id or state.attributes[AGENT]
    attributes = with_value(state.attributes, AGENT, replier)
    if not state.human_replies:
        if state.clock is not None:
            _duration(m.FIRST_REPLY_WAIT, state.clock.start_ms, at, attributes, state, add, controls)
            state.clock = state.clock.but(reply_ms=at)
        state.connect = Connect(at_ms=at, attributes=attributes, agent=replier, team=attributes[TEAM])
    else:
        second_owner(state, replier, None)
    if state.run_since_ms is not None:
        _duration(m.NEXT_REPLY_WAIT, state.run_since_ms, at, attributes, state, add, controls)
        state.end_run(at, replied=True)
    state.waiting_since_ms = None
    state.human_replies += 1
    state.last_replier = replier


def _on_assigned(state: Ticket, event: ev.TicketAssigned, at: int, add: Add, controls: Controls) -> None:
    second_owner(state, state.attributes[AGENT], state.attributes[TEAM])


def _on_transferred(state: Ticket, event: ev.TicketTransferred, at: int, add: Add, controls: Controls) -> None:
    if event.to_team is not None:
        state.attributes = with_value(state.attributes, TEAM, event.to_team)
    if event.to_agent_id is not None:
        state.attributes = with_value(state.attributes, AGENT, event.to_agent_id)
    if state.connect is not None:
        state.connect = state.connect.transferred_by(event.mode)


def second_owner(state: Ticket, agent: str | None, team: str | None) -> None:
    """Tell the contact who is responsible now, once it reached a person."""
    if state.connect is not None:
        state.connect = state.connect.now_with(agent, team)


def _on_priority(state: Ticket, event: ev.TicketPriorityChanged, at: int, add: Add, controls: Controls) -> None:
    state.attributes = with_value(state.attributes, PRIORITY, event.to)


def _on_classified(state: Ticket, event: ev.TicketClassified, at: int, add: Add, controls: Controls) -> None:
    state.attributes = with_value(state.attributes, TICKET.position(event.field), event.to)


def _on_escalated(state: Ticket, event: ev.TicketEscalated, at: int, add: Add, controls: Controls) -> None:
    if event.kind in state.kinds:
        return
    counted_before = any(k in controls.escalation_kinds for k in state.kinds)
    state.kinds = (*state.kinds, event.kind)
    add(_ESCALATED, at, state.attributes, 0, 1)
    add(m.TICKET_ESCALATED.slot(m.PART + event.kind), at, state.attributes, 0, 1)
    if counted_before or event.kind not in controls.escalation_kinds or state.opened_ms is None:
        return
    counts = _duration(m.ESCALATION_WAIT, state.opened_ms, at, state.attributes, state, add, controls, cls=event.kind)
    if counts and state.entry is not None:
        state.entry = state.entry.but(escalated_ms=at)


def _on_complaint(state: Ticket, event: ev.ComplaintRaised, at: int, add: Add, controls: Controls) -> None:
    if event.complaint_id not in state.complaints:
        state.complaints = (*state.complaints, event.complaint_id)
        add(m.COMPLAINT.slot((event.category or "").lstrip(m.PART)), at, ("complaint", *state.attributes[1:], event.department), 0, 1)


def _on_time(state: Ticket, event: ev.AgentTimeLogged, at: int, add: Add, controls: Controls) -> None:
    state.logged_ms = (state.logged_ms or 0) + round(event.seconds * 1000)


def _on_schedule(state: Ticket, event: ev.TicketScheduleApplied, at: int, add: Add, controls: Controls) -> None:
    state.schedules = (*state.schedules, (at, event.calendar))


def _on_survey(state: Ticket, event: Any, at: int, add: Add, controls: Controls) -> None:
    replier = (
        state.attributes
        if isinstance(event, ev.SurveySent)
        else with_value(state.attributes, AGENT, state.last_replier or state.attributes[AGENT])
    )
    answered.on_survey(state, event, at, add, replier, state.last_solve_ms)


HANDLERS: dict[type, Any] = {
    ev.TicketCreated: _on_created,
    ev.TicketStatusChanged: _on_status,
    ev.TicketSolved: _on_solved,
    ev.TicketClosed: _on_closed,
    ev.TicketReopened: _on_reopened,
    ev.TicketCustomerMessage: _on_message,
    ev.TicketPublicReply: _on_reply,
    ev.TicketAssigned: _on_assigned,
    ev.TicketTransferred: _on_transferred,
    ev.TicketPriorityChanged: _on_priority,
    ev.TicketClassified: _on_classified,
    ev.TicketEscalated: _on_escalated,
    ev.ComplaintRaised: _on_complaint,
    ev.AgentTimeLogged: _on_time,
    ev.TicketScheduleApplied: _on_schedule,
    ev.SurveySent: _on_survey,
    ev.SurveyResponded: _on_survey,
}

_SOLVED_GROSS = m.TICKET_SOLVED_GROSS.slot()
_REOPENED = m.TICKET_REOPENED.slot()
_ESCALATED = m.TICKET_ESCALATED.slot()
