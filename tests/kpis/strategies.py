"""Random worlds for Hypothesis: events of a small company whose customers come through every door.

Ids, customers and attributes come from small pools, so that events meet; times come from few moments, so that they tie.
What is drawn need not be sensible: a reply before its ticket, a reopening of nothing and a merge in a circle are input too.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET

from schemas import events as ev
from schemas.events import Event

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START_MS = 1_788_998_400_000
"""Midnight of 2026-09-10 UTC."""
SPAN_MS = 40 * DAY
END_MS = START_MS + SPAN_MS

_customers = st.sampled_from([None, "c1", "c2", "c3"])
_moments = st.one_of(
    st.integers(0, 20).map(lambda n: START_MS + n * MINUTE),
    st.integers(0, 60).map(lambda n: START_MS + n * HOUR),
    st.integers(0, 39).map(lambda n: START_MS + n * DAY),
    st.integers(0, SPAN_MS - 1).map(lambda n: START_MS + n),
)
_attributes: list[dict[str, str | None]] = [
    {},
    {"agent_id": "a1"},
    {"agent_id": "a2", "team": "t2"},
    {"team": "t1", "channel": "email"},
    {"channel": "chat"},
    {"channel": "email", "issue_type": "bug"},
    {"issue_type": "bill", "team": "t2", "channel": "chat"},
    {"priority": "high", "customer_tier": "gold"},
]
_all_attributes: list[dict[str, str | None]] = [
    {"agent_id": agent, "team": team, "channel": channel, "priority": "high"}
    for agent, team, channel in (("a1", "t1", "email"), ("a2", "t1", "email"), ("a2", "t2", "chat"), ("a1", "t1", "chat"))
]
_ticket = st.sampled_from(["k1", "k2", "k3"])
_call = st.sampled_from(["p1", "p2"])
_lead = st.sampled_from([None, "l1", "l2"])
_some_lead = st.sampled_from(["l1", "l2"])
_quote = st.sampled_from(["q1", "q2"])
_survey = st.sampled_from(["s1", "s2"])
_status = st.sampled_from(["new", "open", "pending", "on_hold", "solved", "closed"])
_kinds = st.sampled_from(["functional", "hierarchic", "complaint", "priority", "sla"])
_seconds = st.sampled_from([None, 0.0, 30.0, 90.5])

_METRICS: tuple[Literal["csat", "nps", "ces"], ...] = ("csat", "nps", "ces")


@st.composite
def _answers(draw: st.DrawFn) -> tuple[ev.Answer, ...]:
    metric = draw(st.sampled_from(_METRICS))
    score = draw(st.integers(1, 5 if metric == "csat" else 7 if metric == "ces" else 10))
    question = draw(st.sampled_from(["overall", "speed"]))
    return (ev.Answer(question=question, metric=metric, score=float(score)),)


Fields = dict[str, st.SearchStrategy[Any]]
_SHAPES: tuple[tuple[type[Event], int, Fields], ...] = (
    (ev.TicketCreated, 5, {"ticket_id": _ticket, "by": st.sampled_from(["customer", "customer", "agent"]),
                           "status": st.sampled_from(["new", "new", "open", "solved"]), "backfill": st.sampled_from([False, False, True]),
                           "opened_at_ms": st.one_of(st.none(), st.none(), _moments), "public": st.sampled_from([True, True, False])}),
    (ev.TicketStatusChanged, 5, {"ticket_id": _ticket, "to": _status, "from_": st.one_of(st.none(), _status)}),
    (ev.TicketSolved, 4, {"ticket_id": _ticket}),
    (ev.TicketReopened, 2, {"ticket_id": _ticket}),
    (ev.TicketClosed, 1, {"ticket_id": _ticket}),
    (ev.TicketAssigned, 2, {"ticket_id": _ticket, "agent_id": st.sampled_from([UNSET, None, "a1", "a2"]),
                            "team": st.sampled_from([UNSET, None, "t1", "t2"])}),
    (ev.TicketScheduleApplied, 1, {"ticket_id": _ticket, "calendar": st.sampled_from(["default", "night", "unheard"])}),
    (ev.TicketTransferred, 1, {"ticket_id": _ticket, "mode": st.sampled_from(["cold", "warm"]), "to_team": st.sampled_from([None, "t2"])}),
    (ev.TicketCustomerMessage, 4, {"ticket_id": _ticket, "message_id": st.just("m")}),
    (ev.TicketPublicReply, 4, {"ticket_id": _ticket, "message_id": st.just("m"), "by": st.sampled_from(["human", "human", "bot"])}),
    (ev.TicketNote, 1, {"ticket_id": _ticket, "message_id": st.just("m")}),
    (ev.TicketMerged, 1, {"ticket_id": _ticket, "into_ticket_id": _ticket}),
    (ev.TicketDeleted, 1, {"ticket_id": _ticket}),
    (ev.TicketEscalated, 2, {"ticket_id": _ticket, "kind": _kinds}),
    (ev.ComplaintRaised, 1, {"complaint_id": st.sampled_from(["x1", "x2"]), "ticket_id": st.one_of(st.none(), _ticket),
                             "category": st.sampled_from([None, "invoice", "+more"])}),
    (ev.AgentTimeLogged, 1, {"ticket_id": _ticket, "activity": st.just("work"), "seconds": st.sampled_from([60.0, 600.0]),
                             "agent_id": st.just("a1")}),
    (ev.CallQueued, 3, {"call_id": _call, "direction": st.sampled_from(["inbound", "inbound", "outbound"])}),
    (ev.CallAnswered, 3, {"call_id": _call}),
    (ev.CallAbandoned, 2, {"call_id": _call, "reason": st.sampled_from(["caller", "ivr", "other"])}),
    (ev.CallEnded, 3, {"call_id": _call, "talk_seconds": _seconds, "wrap_seconds": _seconds}),
    (ev.CallTransferred, 1, {"call_id": _call, "to_queue": st.sampled_from([None, "vip"])}),
    (ev.CallCallbackAccepted, 1, {"call_id": _call}),
    (ev.SurveySent, 2, {"survey_id": _survey, "survey_type": st.just("post_case"), "ticket_id": st.one_of(st.none(), _ticket)}),
    (ev.SurveyResponded, 4, {"response_id": st.sampled_from(["r1", "r2"]), "survey_id": st.one_of(st.none(), _survey),
                             "ticket_id": st.one_of(st.none(), _ticket), "answers": _answers(),
                             "survey_type": st.sampled_from(["post_case", "relationship"])}),
    (ev.LeadCreated, 3, {"lead_id": _some_lead}),
    (ev.LeadContacted, 2, {"lead_id": _some_lead, "automatic": st.booleans()}),
    (ev.LeadMerged, 1, {"lead_id": _some_lead, "into_lead_id": _some_lead}),
    (ev.QuoteSent, 2, {"quote_id": _quote, "lead_id": _lead}),
    (ev.BookingCreated, 2, {"booking_id": st.sampled_from(["b1", "b2"]), "lead_id": _lead, "quote_id": st.one_of(st.none(), _quote)}),
    (ev.BookingCancelled, 1, {"booking_id": st.sampled_from(["b1", "b2"]), "lead_id": _lead, "quote_id": st.one_of(st.none(), _quote)}),
    (ev.DealWon, 1, {"deal_id": st.just("d1"), "lead_id": _lead}),
    (ev.PurchaseCompleted, 3, {"purchase_id": st.sampled_from(["u1", "u2", "u3"]), "amount_minor": st.just(500), "currency": st.just("EUR"),
                               "ticket_id": st.one_of(st.none(), _ticket)}),
    (ev.PurchaseRefunded, 1, {"purchase_id": st.sampled_from(["u1", "u2"]), "amount_minor": st.just(500), "currency": st.just("EUR")}),
    (ev.FactWithdrawn, 2, {"of": st.integers(0, 16).map(lambda n: f"e{n}")}),
)  # fmt: skip
_ALL = tuple(shape for shape in _SHAPES for _ in range(shape[1]))
_OF_TICKETS = tuple(shape for shape in _ALL if issubclass(shape[0], ev.TicketEvent))
_ORDERLY = frozenset({ev.TicketMerged, ev.TicketDeleted, ev.FactWithdrawn})


def _some(*types: type[Event]) -> tuple[tuple[type[Event], int, Fields], ...]:
    return tuple(shape for shape in _ALL if issubclass(shape[0], types))


_FAMILIES = (
    _ALL,
    _ALL,
    _some(
        ev.TicketCreated,
        ev.TicketCustomerMessage,
        ev.TicketPublicReply,
        ev.TicketMerged,
        ev.TicketSolved,
        ev.SurveyResponded,
        ev.FactWithdrawn,
    ),
    _some(ev.TicketEvent, ev.FactWithdrawn),
    _some(ev.CallEvent, ev.PurchaseEvent, ev.TicketCreated, ev.TicketSolved, ev.FactWithdrawn),
    _some(ev.LeadEvent, ev.QuoteEvent, ev.BookingEvent, ev.DealEvent, ev.FactWithdrawn),
    _some(ev.SurveySent, ev.SurveyResponded, ev.TicketCreated, ev.TicketSolved, ev.TicketMerged, ev.FactWithdrawn),
)
"""Which types a world is made of: all, or a few that meet often."""


@st.composite
def _event(draw: st.DrawFn, number: int, shapes: tuple[tuple[type[Event], int, Fields], ...], every: bool) -> Event:
    cls, _, fields = draw(st.sampled_from(shapes))
    said: dict[str, Any] = {"customer_id": draw(_customers), **draw(st.sampled_from(_all_attributes if every else _attributes))}
    said |= {name: draw(values) for name, values in fields.items()}
    at = draw(_moments)
    return cls(id=f"e{number}", source="desk", occurred_at_ms=at, received_at_ms=END_MS, **said)


@st.composite
def worlds(draw: st.DrawFn, most: int = 16, tickets_only: bool = False, all_said: bool = False) -> list[Event]:
    """Up to `most` events of their own ids, and now and then a higher version or other content of an earlier id.

    `tickets_only` leaves out all but tickets (and what would void them); `all_said` says every attribute on every event.
    """
    shapes = tuple(s for s in _OF_TICKETS if s[0] not in _ORDERLY) if tickets_only else draw(st.sampled_from(_FAMILIES))
    if all_said:
        shapes = tuple(s for s in shapes if s[0] is not ev.TicketAssigned)
    count = draw(st.integers(0, most))
    events = [draw(_event(n, shapes, all_said)) for n in range(count)]
    for _ in range(draw(st.integers(0, 3)) if count else 0):
        again = draw(st.sampled_from(events))
        events.append(draw(_replacement(again)))
    return events


@st.composite
def _replacement(draw: st.DrawFn, event: Event) -> Event:
    changes: dict[str, Any] = {"occurred_at_ms": draw(_moments), "version": event.version + draw(st.integers(0, 2))}
    if not isinstance(event, ev.TicketAssigned | ev.AgentTimeLogged):
        changes["team"] = draw(st.sampled_from([event.team, "t3"]))
    return msgspec.structs.replace(event, **changes)


class Path(NamedTuple):
    """A way that events may take: order, repetition, how many partitions, and after which event which checkpoint is made."""

    order: list[int]
    partitions: int
    checkpoints: frozenset[int]
    restarts: bool


@st.composite
def paths(draw: st.DrawFn, count: int) -> Path:
    """Any order with any repetition over 1 to 3 partitions, with checkpoints anywhere, with or without restarts."""
    order = draw(st.permutations(range(count)))
    again = draw(st.lists(st.integers(0, count - 1), max_size=5)) if count else []
    tape = [*order, *again]
    return Path(tape, draw(st.integers(1, 3)), draw(st.frozensets(st.integers(0, max(len(tape), 1)), max_size=5)), draw(st.booleans()))
