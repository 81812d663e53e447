"""The life cycle of a ticket: statuses, replies, solves and reopenings, from created to closed.

The state holds facts in small frozen groups. A step replaces groups; where a group was replaced, the contributions it stood for
are taken back and those of the new one added. What happened once and for all (a reply, a transition) is added as it happens.
What each event does stands in `ticket_events`.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from kpis.controls import Controls
from kpis.lifecycles import answers as answered
from kpis.lifecycles.attributes import AGENT, CHANNEL, HANDLED_BY, TEAM, Add, after, filled, with_value
from kpis.lifecycles.groups import Clock, Entry, Shown
from kpis.lifecycles.ticket_events import HANDLERS, second_owner
from kpis.lifecycles.ticket_state import DONE, WAITS, Ticket
from schemas import events as ev


def step(state: Ticket, event: Any, add: Add, controls: Controls) -> None:
    """Apply the next event of the ticket's log and add what it contributes."""
    at = event.occurred_at_ms
    entry, clock, solve = state.entry, state.clock, state.solve
    first_solve, connect, runs = state.first_solve, state.connect, state.runs
    status, attributes, waiting = state.status, state.attributes, state.waiting_since_ms
    kind = type(event)
    _attributes(state, event, kind)
    if state.status == "":
        _first_seen(state, event, kind, at)
    elif kind is ev.TicketCreated:
        _created_late(state, event, at)
    if state.connect is not None and state.attributes is not attributes and kind is not ev.TicketTransferred:
        second_owner(state, state.attributes[AGENT], state.attributes[TEAM])
    handler = HANDLERS.get(kind)
    if handler is not None:
        handler(state, event, at, add, controls)
    said = state.attributes is not attributes or (state.entry is not None and state.entry.linked != (state.customer_id is not None))
    if said:
        _fill_entries(state)
        _channel_switch(state)
    if state.entry is not entry:
        _exchange(entry, state.entry, add)
    if state.clock is not clock:
        _exchange(clock, state.clock, add)
    if state.solve is not solve:
        _exchange(solve, state.solve, add)
    if state.first_solve is not first_solve:
        _exchange(first_solve, state.first_solve, add)
    if state.connect is not connect:
        _exchange(connect, state.connect, add)
    if state.runs is not runs:
        for number, run in enumerate(state.runs):
            before = runs[number] if number < len(runs) else None
            if run is not before:
                _exchange(before, run, add)
    if said or state.status != status or state.waiting_since_ms != waiting or state.entry is not entry:
        _show(state, at, add)


def _exchange(old: Any, new: Any, add: Add) -> None:
    if old is not None:
        old.contribute(add, -1)
    if new is not None:
        new.contribute(add, 1)


def _attributes(state: Ticket, event: Any, kind: type) -> None:
    if event.customer_id is not None:
        state.customer_id = event.customer_id
    if kind is ev.TicketAssigned:
        before = state.attributes
        agent = before[AGENT] if event.agent_id is UNSET else event.agent_id
        team = before[TEAM] if event.team is UNSET else event.team
        rest = after(before, _Said(event))
        state.attributes = with_value(with_value(rest, AGENT, agent), TEAM, team)
    else:
        state.attributes = after(state.attributes, event)


class _Said:
    """An assignment without its agent and team, which have a null of their own."""

    __slots__ = (
        "agent_id",
        "brand",
        "channel",
        "customer_tier",
        "issue_type",
        "language",
        "priority",
        "product",
        "queue",
        "region",
        "team",
    )

    def __init__(self, event: ev.TicketAssigned) -> None:
        for name in self.__slots__:
            setattr(self, name, None if name in ("agent_id", "team") else getattr(event, name))


def _first_seen(state: Ticket, event: Any, kind: type, at: int) -> None:
    state.status_since_ms = at
    if kind is ev.TicketCreated:
        _created(state, event, at)
        state.status = event.status
        state.status_since_ms = state.opened_ms if state.opened_ms is not None else at
        return
    before = getattr(event, "from_", None) if kind is ev.TicketStatusChanged else "solved" if kind is ev.TicketReopened else None
    state.status = before or "open"
    state.entry = Entry(at_ms=at, attributes=state.attributes, kind="first_seen", seen_ms=at, seen_open=state.status not in DONE)


def _created_late(state: Ticket, event: ev.TicketCreated, at: int) -> None:
    entry = state.entry
    if entry is None or entry.kind != "first_seen":
        return
    old = entry
    _created(state, event, at)
    assert state.entry is not None
    state.entry = state.entry.but(
        first_solve_ms=old.first_solve_ms,
        latest_solve_ms=old.latest_solve_ms,
        lasting_ms=old.lasting_ms,
        escalated_ms=old.escalated_ms,
        wait_ms=old.wait_ms,
        handle_ms=old.handle_ms,
        seen_ms=old.seen_ms,
        seen_open=old.seen_open,
    )


def _created(state: Ticket, event: ev.TicketCreated, at: int) -> None:
    opened = event.opened_at_ms if event.opened_at_ms is not None else (None if event.backfill else at)
    state.opened_ms = opened
    state.by_customer, state.public = event.by == "customer", event.public
    state.entry = Entry(
        at_ms=at,
        attributes=with_value(state.attributes, HANDLED_BY, None),
        kind="backfill" if event.backfill else "created",
        linked=state.customer_id is not None,
        opened_ms=opened,
    )
    if opened is not None and event.public and state.clock is None and not state.human_replies:
        state.clock = Clock(start_ms=opened, attributes=with_value(state.attributes, HANDLED_BY, None))
    if state.by_customer and event.public and opened is not None and not state.human_replies and event.status not in DONE:
        state.waiting_since_ms = opened if state.waiting_since_ms is None else min(opened, state.waiting_since_ms)


def _fill_entries(state: Ticket) -> None:
    now = with_value(state.attributes, HANDLED_BY, None)
    entry = state.entry
    if entry is not None:
        known = filled(entry.attributes, now)
        linked = state.customer_id is not None
        if known != entry.attributes or linked != entry.linked:
            state.entry = entry.but(attributes=known, linked=linked)
    if None in state.end_attributes:
        state.end_attributes = filled(state.end_attributes, now)
    if any(None in run.attributes for run in state.runs):
        runs = tuple(run if (known := filled(run.attributes, now)) == run.attributes else run.but(attributes=known) for run in state.runs)
        if any(new is not old for new, old in zip(runs, state.runs, strict=True)):
            state.runs = runs
    answered.fill(state, now)
    for name in ("clock", "first_solve"):
        group = getattr(state, name)
        if group is not None and None in group.attributes:
            known = filled(group.attributes, now)
            if known != group.attributes:
                setattr(state, name, group.but(attributes=known))


# ---- gauges ------------------------------------------------------------------------------------


def _show(state: Ticket, at: int, add: Add) -> None:
    """Move the gauges from what they show to what is so now; they are left with the attributes they were entered with."""
    status = state.status
    attributes = with_value(state.attributes, HANDLED_BY, None)
    if status in DONE:
        new = None
    else:
        start = state.opened_ms if state.opened_ms is not None else (state.entry.at_ms if state.entry is not None else at)
        waiting = state.waiting_since_ms if status in WAITS else None
        new = Shown(status=status, start_ms=start, attributes=attributes, waiting_ms=waiting)
    old = state.shown
    if new == old:
        return
    if old is not None:
        old.leave(add, at, new)
    if new is not None:
        new.enter(add, at, old)
    state.shown = new


def _channel_switch(state: Ticket) -> None:
    entry, channel = state.entry, state.attributes[CHANNEL]
    if entry is not None and entry.kind == "created" and not entry.switched and entry.attributes[CHANNEL] not in (None, channel):
        state.entry = entry.but(switched=True)


# ---- what a log tells before its time ----------------------------------------------------------


def foresee(state: Ticket, events: list[ev.Event]) -> None:
    """Learn from a whole log when the ticket was opened, so that what happened before its creation was told has its durations."""
    created = next((event for event in events if isinstance(event, ev.TicketCreated)), None)
    if created is None or created is events[0]:
        return
    state.opened_ms = created.opened_at_ms if created.opened_at_ms is not None else (None if created.backfill else created.occurred_at_ms)
    state.public = created.public
