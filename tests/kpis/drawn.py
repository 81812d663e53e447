"""Timelines drawn as text, and what they come to as text: one line an event, one line a contribution.

A line is `Mon 09:00 verb name=value …`; `Mon2` is the Monday a week later, `@t2` says which entity (else `t1`), `#e7` gives the
event an id and `v1` a version. `drawn` makes the events, `emitted` writes every contribution that stands as `Mon 09:00 10m` under
the name of its measure and class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from kpis.contributions import Contributions
from kpis.controls import DEFAULT, InForce
from kpis.dimensions import SETS
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.measures import BY_KEY, SLOTS
from kpis.window import Zone
from schemas import events as ev
from schemas.events import Event

MONDAY_MS = 1_789_344_000_000
"""Midnight of Monday 2026-09-14 UTC."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MS = 86_400_000


def moment(day: str, clock: str) -> int:
    """`Tue2 09:00:05` as an instant."""
    week = int(day[3:] or 1) - 1
    hours, minutes, *seconds = clock.split(":")
    of_day = (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds[0]) * 1000 if seconds else 0)
    return MONDAY_MS + (week * 7 + DAYS.index(day[:3])) * DAY_MS + of_day


def written(at_ms: int) -> str:
    """The inverse of `moment`."""
    days, rest = divmod(at_ms - MONDAY_MS, DAY_MS)
    week = f"{days // 7 + 1}" if days >= 7 or days < 0 else ""
    whole, part = divmod(rest % 60_000, 1000)
    seconds = (f":{whole:02d}" + (f".{part:03d}" if part else "")) if whole or part else ""
    return f"{DAYS[days % 7]}{week} {rest // 3_600_000:02d}:{rest // 60_000 % 60:02d}{seconds}"


def lasted(ms: int) -> str:
    """A duration as `1d2h`, `10m`, `1m30s`, `0s`."""
    out = ""
    for unit, width in (("d", DAY_MS), ("h", 3_600_000), ("m", 60_000)):
        if ms >= width:
            out += f"{ms // width}{unit}"
            ms %= width
    return out + (f"{ms / 1000:g}s" if ms or not out else "")


def _answer(said: dict[str, Any], entity: str) -> dict[str, Any]:
    answer = {k: said.pop(k) for k in ("metric", "score", "question", "scale_min", "scale_max") if k in said}
    return {"response_id": said.pop("response", entity), "answers": (ev.Answer(**answer),), "survey_type": said.pop("type", "post_case")}


def _purchase(said: dict[str, Any], entity: str) -> dict[str, Any]:
    return {"purchase_id": entity, "amount_minor": 100, "currency": "EUR"}


Make = Callable[[dict[str, Any], str], dict[str, Any]]
_Types = dict[str, type[Event]]
_TICKET: _Types = {
    "created": ev.TicketCreated, "status": ev.TicketStatusChanged, "solved": ev.TicketSolved, "reopened": ev.TicketReopened,
    "closed": ev.TicketClosed, "assigned": ev.TicketAssigned, "transferred": ev.TicketTransferred, "merged": ev.TicketMerged,
    "deleted": ev.TicketDeleted, "priority": ev.TicketPriorityChanged, "classified": ev.TicketClassified, "escalated": ev.TicketEscalated,
    "schedule": ev.TicketScheduleApplied,
}  # fmt: skip
_WRITTEN: _Types = {"message": ev.TicketCustomerMessage, "reply": ev.TicketPublicReply, "bot": ev.TicketPublicReply, "note": ev.TicketNote}
_CALL: _Types = {
    "queued": ev.CallQueued, "answered": ev.CallAnswered, "abandoned": ev.CallAbandoned, "ended": ev.CallEnded,
    "passed": ev.CallTransferred, "callback": ev.CallCallbackAccepted,
}  # fmt: skip
_LEAD: _Types = {"lead": ev.LeadCreated, "contacted": ev.LeadContacted, "lost": ev.LeadLost, "duplicate": ev.LeadMerged}
_VERBS: dict[str, tuple[type[Event], Make]] = {
    **{verb: (cls, lambda said, entity: {"ticket_id": entity}) for verb, cls in _TICKET.items()},
    **{verb: (cls, lambda said, entity: {"ticket_id": entity, "message_id": "m"}) for verb, cls in _WRITTEN.items()},
    **{verb: (cls, lambda said, entity: {"call_id": entity}) for verb, cls in _CALL.items()},
    **{verb: (cls, lambda said, entity: {"lead_id": entity}) for verb, cls in _LEAD.items()},
    "bot": (ev.TicketPublicReply, lambda said, entity: {"ticket_id": entity, "message_id": "m", "by": "bot"}),
    "complaint": (ev.ComplaintRaised, lambda said, entity: {"ticket_id": entity, "complaint_id": said.pop("complaint", "x1")}),
    "complaint-alone": (ev.ComplaintRaised, lambda said, entity: {"complaint_id": entity}),
    "logged": (ev.AgentTimeLogged, lambda said, entity: {"ticket_id": entity, "activity": "work", "agent_id": said.pop("agent", "a1")}),
    "surveyed": (ev.SurveySent, lambda said, entity: {"ticket_id": entity, "survey_type": "post_case"}),
    "rated": (ev.SurveyResponded, lambda said, entity: {"ticket_id": entity, **_answer(said, entity)}),
    "surveyed-alone": (ev.SurveySent, lambda said, entity: {"survey_id": entity, "survey_type": said.pop("type", "relationship")}),
    "rated-alone": (ev.SurveyResponded, _answer),
    "quote": (ev.QuoteSent, lambda said, entity: {"quote_id": entity, "lead_id": said.pop("lead", None)}),
    "booked": (ev.BookingCreated, lambda said, entity: {"booking_id": entity, "lead_id": said.pop("lead", None)}),
    "cancelled": (ev.BookingCancelled, lambda said, entity: {"booking_id": entity, "lead_id": said.pop("lead", None)}),
    "won": (ev.DealWon, lambda said, entity: {"deal_id": entity, "lead_id": said.pop("lead", None)}),
    "bought": (ev.PurchaseCompleted, _purchase),
    "refunded": (ev.PurchaseRefunded, _purchase),
    "withdrawn": (ev.FactWithdrawn, lambda said, entity: {}),
}
_NAMES = {
    "customer": "customer_id", "agent": "agent_id", "to_agent": "to_agent_id", "actor": "actor_id", "into": "into_ticket_id",
    "into_lead": "into_lead_id", "survey": "survey_id", "quote": "quote_id", "ticket": "ticket_id", "call": "call_id",
    "talk": "talk_seconds", "hold": "hold_seconds", "wrap": "wrap_seconds", "from": "from_",
}  # fmt: skip
_NUMBERS = frozenset({"talk", "hold", "wrap", "seconds", "score", "scale_min", "scale_max"})


def drawn(text: str) -> list[Event]:
    """The events of a drawing, in the order of its lines."""
    return [_event(line.split(), number) for number, line in enumerate(filter(None, map(str.strip, text.splitlines())))]


def _event(words: list[str], number: int) -> Event:
    day, clock, verb, *rest = words
    at = moment(day, clock)
    entity, event_id, version = "t1", f"e{number}", 0
    said: dict[str, Any] = {}
    for word in rest:
        if word[0] == "@":
            entity = word[1:]
        elif word[0] == "#":
            event_id = word[1:]
        elif word[0] == "v" and word[1:].isdigit():
            version = int(word[1:])
        else:
            name, _, value = word.partition("=")
            said[name] = _value(name, value)
    cls, make = _VERBS[verb]
    own = make(said, entity)
    if "opened" in said:
        said["opened_at_ms"] = moment(*said.pop("opened").split("_"))
    fields = {**own, **{_NAMES.get(name, name): value for name, value in said.items()}}
    return cls(id=event_id, source="desk", occurred_at_ms=at, received_at_ms=at, version=version, **fields)


def _value(name: str, value: str) -> Any:
    if name in _NUMBERS:
        return float(value)
    return {"yes": True, "no": False, "nobody": None}.get(value, value)


Emitted = dict[str, list[str]]


def emitted(events: Iterable[Event], controls: InForce = DEFAULT, attribute: str = "") -> Emitted:
    """What stands after these events, entities and ledgers together, by measure and class; gauges as +1 and −1.

    With `attribute`, each line ends with the value of that dimension.
    """
    entities, ledgers = Entities(controls), Ledgers(Rules(Zone()))
    for event in events:
        entities.apply(event)
    pending = entities.changes()[1]
    while entities.absorbed:
        absorbed, entities.absorbed = entities.absorbed, []
        for event in absorbed:
            entities.apply(event)
        pending += entities.changes()[1]
    for fact in pending:
        ledgers.apply(fact)
    ledgers.changes()
    rows = Contributions()
    rows.add_all(entities.rows)
    rows.add_all(ledgers.rows)
    return listed(rows, attribute)


def listed(rows: Contributions, attribute: str = "") -> Emitted:
    """Contributions as text, ascending."""
    out: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (slot, at, attributes, value), count in rows.rows.items():
        key, cls = SLOTS[slot]
        measure = BY_KEY[key]
        if attributes[0] == "=" and len(attributes) > 1:
            continue
        name = f"{measure.name}/{cls}" if cls else measure.name
        text = written(at)
        if measure.kind == "duration" or cls in ("out", "cens"):
            text += f" {lasted(value)}"
        if measure.kind == "gauge" or count < 0:
            text += f" {count:+d}"
        elif count > 1:
            text += f" ×{count}"
        if attribute:
            text += f" {attributes[SETS[str(attributes[0])].position(attribute)]}"
        out[name].append((at, text))
    return {name: [text for _, text in sorted(lines)] for name, lines in out.items()}
