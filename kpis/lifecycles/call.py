"""The life cycle of a call (chat sessions too): queued, answered or given up, ended. Inbound calls only.

A wait needs `call.queued`; an answer without it counts as connected, without a wait.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kpis import measures as m
from kpis.controls import Controls
from kpis.dimensions import TICKET, Attributes
from kpis.lifecycles.attributes import AGENT, HANDLED_BY, TEAM, Add, after, filled, span, with_value
from kpis.lifecycles.business import business_ms
from kpis.lifecycles.groups import Connect, Group, Shown
from schemas import events as ev

QUEUE = TICKET.position("queue")
COUNTED_REASONS = frozenset({"caller", "other"})


class Queued(Group, frozen=True, array_like=True, gc=False):
    """A call from the moment it began to wait: what became of the wait, dated at its start."""

    at_ms: int
    attributes: Attributes
    answered_ms: int | None = None
    gave_up_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Entered when queued; the answer is the outcome, giving up censors."""
        add(_WAIT_IN, self.at_ms, self.attributes, 0, sign)
        if self.answered_ms is not None and (value := span(self.answered_ms - self.at_ms)) is not None:
            add(_WAIT_OUT, self.at_ms, self.attributes, value, sign)
        elif self.gave_up_ms is not None and (value := span(self.gave_up_ms - self.at_ms)) is not None:
            add(_WAIT_CENSORED, self.at_ms, self.attributes, value, sign)


class Answered(Group, frozen=True, array_like=True, gc=False):
    """An answered call; `wait_ms` is None when nobody said when it was queued or the wait cannot be."""

    at_ms: int
    attributes: Attributes
    wait_ms: int | None
    within_ms: int
    wait_business_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Answered within the target or late, and the wait."""
        value = None if self.wait_ms is None else span(self.wait_ms)
        cls = "no_wait" if value is None else "within" if value <= self.within_ms else "late"
        add(m.CALL_ANSWERED.slot(cls), self.at_ms, self.attributes, 0, sign)
        if value is not None:
            add(_ANSWER_WAIT, self.at_ms, self.attributes, value, sign)
            if self.wait_business_ms is not None:
                add(_ANSWER_WAIT_BUSINESS, self.at_ms, self.attributes, self.wait_business_ms, sign)
        elif self.wait_ms is not None:
            add(m.QUARANTINED.slot("answer_wait"), self.at_ms, self.attributes, 0, sign)


class Handled(Group, frozen=True, array_like=True, gc=False):
    """The work on a call, dated at its end and once more at its start."""

    at_ms: int
    start_ms: int
    attributes: Attributes
    duration_ms: int
    start_attributes: Attributes = ()

    def contribute(self, add: Add, sign: int) -> None:
        """Talk, hold and wrap; at the start with the attributes of the start."""
        value = span(self.duration_ms)
        if value is None:
            add(m.QUARANTINED.slot("handle_span"), self.at_ms, self.attributes, 0, sign)
            return
        add(_HANDLE, self.at_ms, self.attributes, value, sign)
        add(_HANDLE_BY_START, self.start_ms, self.start_attributes, value, sign)


class Abandoned(Group, frozen=True, array_like=True, gc=False):
    """A call that its caller gave up; `wait_ms` is None when nobody said when it was queued."""

    at_ms: int
    attributes: Attributes
    wait_ms: int | None
    short_ms: int
    within_ms: int

    def contribute(self, add: Add, sign: int) -> None:
        """Given up soon, within the target or late, and the wait."""
        value = None if self.wait_ms is None else span(self.wait_ms)
        if value is None:
            add(m.CALL_ABANDONED.slot("no_wait"), self.at_ms, self.attributes, 0, sign)
            if self.wait_ms is not None:
                add(m.QUARANTINED.slot("abandon_wait"), self.at_ms, self.attributes, 0, sign)
            return
        cls = "short" if value <= self.short_ms else "within" if value <= self.within_ms else "late"
        add(m.CALL_ABANDONED.slot(cls), self.at_ms, self.attributes, 0, sign)
        add(_ABANDON_WAIT, self.at_ms, self.attributes, value, sign)


class Call(Struct, array_like=True):
    """What is known of one call."""

    attributes: Attributes = TICKET.nothing()
    outbound: bool = False
    began_ms: int | None = None
    queued: Queued | None = None
    answered: Answered | None = None
    connect: Connect | None = None
    handled: Handled | None = None
    shown: Shown | None = None
    gave_up: bool = False
    callback: bool = False
    over: bool = False
    ended_ms: int | None = None
    customer_id: str | None = None
    abandoned: Abandoned | None = None
    gave_up_ms: int | None = None
    start_attributes: Attributes = ()
    end_attributes: Attributes = ()


def step(state: Call, event: Any, add: Add, controls: Controls) -> None:
    """Apply the next event of the call's log and add what it contributes."""
    at = event.occurred_at_ms
    before = (state.queued, state.answered, state.connect, state.handled, state.abandoned)
    if event.customer_id is not None:
        state.customer_id = event.customer_id
    if state.began_ms is None:
        state.began_ms = at
    state.attributes = after(state.attributes, event)
    if state.connect is not None and not isinstance(event, ev.CallTransferred):
        state.connect = state.connect.now_with(state.attributes[AGENT], state.attributes[TEAM])
    handler = _HANDLERS.get(type(event))
    if handler is not None and not state.outbound:
        handler(state, event, at, add, controls)
    _fill(state)
    for old, new in zip(before, (state.queued, state.answered, state.connect, state.handled, state.abandoned), strict=True):
        if new is not old:
            if old is not None:
                old.contribute(add, -1)
            if new is not None:
                new.contribute(add, 1)
    _show(state, at, add)


def _fill(state: Call) -> None:
    """What was not said at the start, or at the end, takes the first value said later."""
    now = with_value(state.attributes, HANDLED_BY, None)
    if None in state.start_attributes:
        state.start_attributes = filled(state.start_attributes, now)
    if None in state.end_attributes:
        state.end_attributes = filled(state.end_attributes, now)
    if state.queued is not None and state.queued.attributes != state.start_attributes:
        state.queued = state.queued.but(attributes=state.start_attributes)
    if state.handled is not None and state.handled.start_attributes != state.start_attributes:
        state.handled = state.handled.but(start_attributes=state.start_attributes)


def _on_queued(state: Call, event: ev.CallQueued, at: int, add: Add, controls: Controls) -> None:
    if event.direction == "outbound":
        state.outbound = True  # whatever was counted of it was never an inbound call's
        state.queued = state.answered = state.connect = state.handled = state.abandoned = None
        return
    if state.queued is not None:
        return
    state.start_attributes = with_value(state.attributes, HANDLED_BY, None)
    state.queued = Queued(at_ms=at, attributes=state.start_attributes)
    if state.abandoned is not None:
        state.abandoned = state.abandoned.but(wait_ms=state.abandoned.at_ms - at)
    if state.gave_up_ms is not None and not state.callback:
        state.queued = state.queued.but(gave_up_ms=state.gave_up_ms)
    if state.answered is not None and state.answered.wait_ms is None:
        business = business_ms((), controls, at, state.answered.at_ms)
        state.answered = state.answered.but(wait_ms=state.answered.at_ms - at, wait_business_ms=business)
        state.queued = state.queued.but(answered_ms=state.answered.at_ms)


def _on_answered(state: Call, event: ev.CallAnswered, at: int, add: Add, controls: Controls) -> None:
    if state.answered is not None:
        return
    if state.queued is None:
        state.start_attributes = with_value(state.attributes, HANDLED_BY, None)
    state.attributes = with_value(state.attributes, HANDLED_BY, "human")
    wait = None if state.queued is None else at - state.queued.at_ms
    state.answered = Answered(
        at_ms=at,
        attributes=state.attributes,
        wait_ms=wait,
        within_ms=controls.answer_within_ms,
        wait_business_ms=None if state.queued is None else business_ms((), controls, state.queued.at_ms, at),
    )
    state.connect = Connect(at_ms=at, attributes=state.attributes, agent=state.attributes[AGENT], team=state.attributes[TEAM])
    if state.queued is not None:
        state.queued = state.queued.but(answered_ms=at)


def _on_abandoned(state: Call, event: ev.CallAbandoned, at: int, add: Add, controls: Controls) -> None:
    if state.gave_up or state.answered is not None:
        return
    state.gave_up = True
    if state.callback:
        return
    state.gave_up_ms = at
    if state.queued is not None:
        state.queued = state.queued.but(gave_up_ms=at)
    if event.reason not in COUNTED_REASONS:
        return
    state.abandoned = Abandoned(
        at_ms=at,
        attributes=state.attributes,
        wait_ms=None if state.queued is None else at - state.queued.at_ms,
        short_ms=controls.short_abandon_ms,
        within_ms=controls.answer_within_ms,
    )


def _on_ended(state: Call, event: ev.CallEnded, at: int, add: Add, controls: Controls) -> None:
    state.over = True
    if state.answered is None or state.handled is not None:
        return
    state.ended_ms = at
    said = [s for s in (event.talk_seconds, event.hold_seconds, event.wrap_seconds) if s is not None]
    duration = round(sum(said) * 1000) if said else at - state.answered.at_ms
    start = state.queued.at_ms if state.queued is not None else state.answered.at_ms
    state.end_attributes = state.attributes
    state.handled = Handled(
        at_ms=at, start_ms=start, attributes=state.attributes, duration_ms=duration, start_attributes=state.start_attributes
    )


def _on_transferred(state: Call, event: ev.CallTransferred, at: int, add: Add, controls: Controls) -> None:
    if event.to_queue is not None:
        state.attributes = with_value(state.attributes, QUEUE, event.to_queue)
    if state.connect is not None:
        state.connect = state.connect.transferred_by(event.mode)


def _on_callback(state: Call, event: ev.CallCallbackAccepted, at: int, add: Add, controls: Controls) -> None:
    """Who is called back did not give up, accepted before hanging up or a moment after."""
    state.callback = True
    state.abandoned = state.gave_up_ms = None
    if state.queued is not None:
        state.queued = state.queued.but(gave_up_ms=None)


def _show(state: Call, at: int, add: Add) -> None:
    waiting = state.queued is not None and state.answered is None and not state.gave_up and not state.over and not state.outbound
    new = None
    if waiting and state.queued is not None:
        start = state.queued.at_ms
        new = Shown(status="", start_ms=start, attributes=with_value(state.attributes, HANDLED_BY, None), waiting_ms=start)
    old = state.shown
    if new != old:
        if old is not None:
            old.leave(add, at, new)
        if new is not None:
            new.enter(add, at, old)
        state.shown = new


_HANDLERS: dict[type, Any] = {
    ev.CallQueued: _on_queued,
    ev.CallAnswered: _on_answered,
    ev.CallAbandoned: _on_abandoned,
    ev.CallEnded: _on_ended,
    ev.CallTransferred: _on_transferred,
    ev.CallCallbackAccepted: _on_callback,
}
_WAIT_IN = m.ANSWER_WAIT_COHORT.slot(m.ENTERED)
_WAIT_OUT = m.ANSWER_WAIT_COHORT.slot(m.OUTCOME)
_WAIT_CENSORED = m.ANSWER_WAIT_COHORT.slot(m.CENSORED)
_ANSWER_WAIT = m.ANSWER_WAIT.slot()
_ANSWER_WAIT_BUSINESS = m.ANSWER_WAIT_BUSINESS.slot()
_ABANDON_WAIT = m.ABANDON_WAIT.slot()
_HANDLE = m.HANDLE_SPAN.slot()
_HANDLE_BY_START = m.HANDLE_SPAN_BY_START.slot()
