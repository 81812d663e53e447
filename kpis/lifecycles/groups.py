"""The groups of facts in a ticket's state, each with the contributions it stands for.

A group is frozen: a change replaces it, so taking back is calling `contribute` of the old one with −1.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from kpis import measures as m
from kpis.dimensions import Attributes
from kpis.lifecycles.attributes import Add, span

Self = TypeVar("Self", bound="Group")


class Group(Struct, frozen=True, array_like=True, gc=False):
    """Facts that contribute together."""

    def but(self: Self, **changes: Any) -> Self:
        """The same facts with some of them changed."""
        return msgspec.structs.replace(self, **changes)


class Entry(Group, frozen=True, array_like=True, gc=False):
    """How a ticket came in, and what became of it since: all dated at the entry, with the attributes of the entry.

    `kind` is created, backfill or first_seen; `opened_ms` is None when nobody said when the ticket was opened. `seen_ms` is when
    a ticket was first seen by another event than its creation, `seen_open` whether it was open before that event.
    """

    at_ms: int
    attributes: Attributes
    kind: str
    linked: bool = False
    opened_ms: int | None = None
    first_solve_ms: int | None = None
    latest_solve_ms: int | None = None
    lasting_ms: int | None = None
    escalated_ms: int | None = None
    switched: bool = False
    wait_ms: int | None = None
    handle_ms: int | None = None
    seen_ms: int | None = None
    seen_open: bool = True

    def contribute(self, add: Add, sign: int) -> None:
        """Add (or take back) what the entry stands for; outcomes count only for what was entered as created."""
        at, attributes = self.at_ms, self.attributes
        if self.seen_ms is not None:
            if self.seen_open:
                add(_FIRST_SEEN, self.seen_ms, attributes, 0, sign)
            if self.kind != "first_seen":  # it counts as created from here on, so no longer as entered otherwise
                add(_FIRST_SEEN, at, attributes, 0, -sign)
        if self.opened_ms is not None:
            if self.wait_ms is not None and (waited := span(self.wait_ms)) is not None:
                add(_WAIT_BY_START, at, attributes, waited, sign)
            if self.handle_ms is not None and (handled := span(self.handle_ms)) is not None:
                add(_HANDLE_BY_START, at, attributes, handled, sign)
        if self.kind == "backfill":
            add(_BACKFILL, at, attributes, 0, sign)
        if self.kind != "created":
            return
        add(_LINKED if self.linked else _UNLINKED, at, attributes, 0, sign)
        if self.switched:
            add(_SWITCHED, at, attributes, 0, sign)
        for slot, when in (
            (_FIRST_OUT, self.first_solve_ms),
            (_FULL_OUT, self.latest_solve_ms),
            (_LASTING_OUT, self.lasting_ms),
            (_ESCALATION_OUT, self.escalated_ms),
        ):
            if when is not None and self.opened_ms is not None and (value := span(when - self.opened_ms)) is not None:
                add(slot, at, attributes, value, sign)


class Clock(Group, frozen=True, array_like=True, gc=False):
    """The clock of the first reply.

    It starts at the creation, at the first message of a ticket that began with notes, or at a reopening after a solve that no
    person wrote a word in.
    """

    start_ms: int
    attributes: Attributes
    reply_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Entered at the start; the reply is the outcome, an unreplied ticket stays at risk."""
        add(_CLOCK_IN, self.start_ms, self.attributes, 0, sign)
        if self.reply_ms is not None and (value := span(self.reply_ms - self.start_ms)) is not None:
            add(_CLOCK_OUT, self.start_ms, self.attributes, value, sign)


class Run(Group, frozen=True, array_like=True, gc=False):
    """Messages of the customer after the first human reply, from the first unanswered one to the reply or the solve that ends them."""

    at_ms: int
    attributes: Attributes
    ended_ms: int | None = None
    replied: bool = False

    def contribute(self, add: Add, sign: int) -> None:
        """Entered at the first message; the reply is the outcome, a solve censors."""
        add(_RUN_IN, self.at_ms, self.attributes, 0, sign)
        if self.ended_ms is not None:
            add(_RUN_OUT if self.replied else _RUN_CENSORED, self.at_ms, self.attributes, max(0, self.ended_ms - self.at_ms), sign)


class Solve(Group, frozen=True, array_like=True, gc=False):
    """The latest solve, as long as it stands: a reopening takes it back."""

    at_ms: int
    attributes: Attributes
    cls: str
    resolution_ms: int | None
    wait_ms: int | None
    kinds: tuple[str, ...]
    handle_ms: int | None
    resolution_business_ms: int | None = None
    wait_business_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Solved, its durations by both clocks, and the escalations it had."""
        at, attributes = self.at_ms, self.attributes
        add(_SOLVED[self.cls], at, attributes, 0, sign)
        for slot, name, duration, twin, business in (
            (_FULL, "full_resolution", self.resolution_ms, _FULL_BUSINESS, self.resolution_business_ms),
            (_WAIT, "requester_wait", self.wait_ms, _WAIT_BUSINESS, self.wait_business_ms),
            (_HANDLE, "handle_span", self.handle_ms, 0, None),
        ):
            if duration is None:
                continue
            value = span(duration)
            if value is None:
                add(m.QUARANTINED.slot(name), at, attributes, 0, sign)
            else:
                add(slot, at, attributes, value, sign)
                without_reply = slot == _FULL and self.cls == "no_reply"
                if without_reply:
                    add(_FULL_NO_REPLY, at, attributes, value, sign)
                if business is not None:
                    add(twin, at, attributes, business, sign)
                    if without_reply:
                        add(_FULL_NO_REPLY_BUSINESS, at, attributes, business, sign)
        if self.kinds:
            add(_SOLVED_ESCALATED, at, attributes, 0, sign)
            for kind in self.kinds:
                add(m.TICKET_SOLVED_ESCALATED.slot(m.PART + kind), at, attributes, 0, sign)


class FirstSolve(Group, frozen=True, array_like=True, gc=False):
    """The first solve and the first reopening after it."""

    at_ms: int
    attributes: Attributes
    reopened_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Entered at the first solve; a ticket never reopened stays at risk."""
        add(_REOPENING_IN, self.at_ms, self.attributes, 0, sign)
        if self.reopened_ms is not None:
            add(_REOPENING_OUT, self.at_ms, self.attributes, max(0, self.reopened_ms - self.at_ms), sign)


class Connect(Group, frozen=True, array_like=True, gc=False):
    """The moment a contact reached a person, and whether a second person or team took it over afterwards."""

    at_ms: int
    attributes: Attributes
    agent: str | None = None
    team: str | None = None
    modes: tuple[str, ...] = ()

    def transferred_by(self, mode: str) -> Connect:
        """The same contact after a transfer; each mode counts once."""
        return self if mode in self.modes else self.but(modes=(*self.modes, mode))

    def now_with(self, agent: str | None, team: str | None) -> Connect:
        """The same contact when this agent and team are responsible: another one took it over; one not known before is filled in."""
        other_agent = None not in (agent, self.agent) and agent != self.agent
        other_team = None not in (team, self.team) and team != self.team
        if (other_agent or other_team) and not self.modes:
            return self.transferred_by("unknown")
        if (self.agent is None and agent is not None) or (self.team is None and team is not None):
            return self.but(agent=self.agent or agent, team=self.team or team)
        return self

    def contribute(self, add: Add, sign: int) -> None:
        """Connected, and once transferred, both dated at the connect."""
        at, attributes = self.at_ms, self.attributes
        add(_CONNECTED, at, attributes, 0, sign)
        if self.modes:
            add(_TRANSFERRED, at, attributes, 0, sign)
            for mode in self.modes:
                add(m.CONTACT_TRANSFERRED.slot(m.PART + mode), at, attributes, 0, sign)


class Shown(Group, frozen=True, array_like=True, gc=False):
    """What the gauges show of an open ticket or a queued call; `waiting_ms` is the start of an unanswered wait."""

    status: str
    start_ms: int
    attributes: Attributes
    waiting_ms: int | None = None

    def enter(self, add: Add, at_ms: int, old: Shown | None) -> None:
        """Enter at an instant what the former display did not show alike."""
        self._move(add, at_ms, old, 1)

    def leave(self, add: Add, at_ms: int, new: Shown | None) -> None:
        """Leave at an instant what the next display does not show alike."""
        self._move(add, at_ms, new, -1)

    def _move(self, add: Add, at_ms: int, other: Shown | None, sign: int) -> None:
        attributes = self.attributes
        same = other is not None and other.attributes == attributes
        if self.status and not (same and other is not None and other.status == self.status):
            add(m.TICKET_OPEN.slot(self.status), at_ms, attributes, 0, sign)
        if self.status and not (same and other is not None and other.start_ms == self.start_ms):
            add(_OPEN_START, self.start_ms, attributes, 0, sign)
        if self.waiting_ms is not None:
            waits_alike = same and other is not None and other.waiting_ms is not None
            if not waits_alike:
                add(_WAITING, at_ms, attributes, 0, sign)
            if not (waits_alike and other is not None and other.waiting_ms == self.waiting_ms):
                add(_WAITING_START, self.waiting_ms, attributes, 0, sign)


_BACKFILL, _FIRST_SEEN = m.TICKET_ENTERED_OTHERWISE.slot("backfill"), m.TICKET_ENTERED_OTHERWISE.slot("first_seen")
_LINKED, _UNLINKED = m.TICKET_CREATED.slot("linked"), m.TICKET_CREATED.slot("unlinked")
_SWITCHED = m.TICKET_CHANNEL_SWITCHED.slot()
_FIRST_OUT = m.FIRST_RESOLUTION_COHORT.slot(m.OUTCOME)
_FULL_OUT = m.FULL_RESOLUTION_COHORT.slot(m.OUTCOME)
_LASTING_OUT = m.LASTING_SOLVE.slot(m.OUTCOME)
_ESCALATION_OUT = m.ESCALATION_WAIT_COHORT.slot(m.OUTCOME)
_WAIT_BY_START = m.REQUESTER_WAIT_BY_START.slot()
_HANDLE_BY_START = m.HANDLE_SPAN_BY_START.slot()
_CLOCK_IN, _CLOCK_OUT = m.FIRST_REPLY_WAIT_COHORT.slot(m.ENTERED), m.FIRST_REPLY_WAIT_COHORT.slot(m.OUTCOME)
_RUN_IN, _RUN_OUT = m.NEXT_REPLY_WAIT_COHORT.slot(m.ENTERED), m.NEXT_REPLY_WAIT_COHORT.slot(m.OUTCOME)
_RUN_CENSORED = m.NEXT_REPLY_WAIT_COHORT.slot(m.CENSORED)
_SOLVED = {cls: m.TICKET_SOLVED.slot(cls) for cls in ("no_reply", "bot_only", "one_touch", "replied")}
_FULL, _WAIT, _HANDLE = m.FULL_RESOLUTION.slot(), m.REQUESTER_WAIT.slot(), m.HANDLE_SPAN.slot()
_FULL_NO_REPLY = m.FULL_RESOLUTION_NO_REPLY.slot()
_FULL_BUSINESS, _WAIT_BUSINESS = m.FULL_RESOLUTION_BUSINESS.slot(), m.REQUESTER_WAIT_BUSINESS.slot()
_FULL_NO_REPLY_BUSINESS = m.FULL_RESOLUTION_NO_REPLY_BUSINESS.slot()
_SOLVED_ESCALATED = m.TICKET_SOLVED_ESCALATED.slot()
_REOPENING_IN, _REOPENING_OUT = m.REOPENING.slot(m.ENTERED), m.REOPENING.slot(m.OUTCOME)
_CONNECTED, _TRANSFERRED = m.CONTACT_CONNECTED.slot(), m.CONTACT_TRANSFERRED.slot()
_OPEN_START = m.TICKET_OPEN.slot(m.STARTS)
_WAITING, _WAITING_START = m.CONTACT_WAITING.slot(), m.CONTACT_WAITING.slot(m.STARTS)
