"""One entity: its log, the state after it, and what it last told others; at rest and awake.

Laws: replaying a log gives the contributions and the state of its steps; what an entity tells the ledgers and a primary is a
function of its log, sent again only when it changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from kpis.contributions import Contributions, Row
from kpis.controls import InForce
from kpis.lifecycles.table import LIFE_CYCLES
from schemas import events as ev
from schemas.codec import encode_event, unpack_event
from schemas.facts import AnyFact, Withdrawn, pack_fact

STATE_LAYOUT = 2
"""Raised when what stands in the state topics can no longer be read by this version: a rebuild makes them anew."""

Order = tuple[int, int, int, str]
Rows = list[tuple[Row, int]]
SentFact = tuple[int, str, bytes]
"""What was last sent of a fact: its version, its ledger and a digest of its content, b"" once it was withdrawn."""


class Sent(Struct, array_like=True, frozen=True):
    """What a merged ticket last sent to its primary: the event without its log, and a digest of the log."""

    event: ev.TicketAbsorbed
    digest: bytes


class Rest(Struct, array_like=True):
    """An entity at rest, exactly what the state topic holds; the first two fields decide how long it stays."""

    arrived_ms: int
    state: msgspec.Raw
    void: bool
    last: Order
    ids: list[int]
    log: list[bytes]
    facts: dict[str, SentFact]
    sent: Sent | None = None
    full_from: Order | None = None


class Live(Struct):
    """An entity that was touched since the last checkpoint; `full_from` is where a log that grew too large was cut off."""

    kind: str
    state: Any
    arrived_ms: int = 0
    void: bool = False
    last: Order = (-1, 0, 0, "")
    ids: list[int] = msgspec.field(default_factory=list)
    log: list[bytes] = msgspec.field(default_factory=list)
    facts: dict[str, SentFact] = msgspec.field(default_factory=dict)
    sent: Sent | None = None
    full_from: Order | None = None
    stands: Contributions | None = None
    """What the log stands for, where it is known from the newest replay."""
    corrected: bool = False
    """Whether a late event changed it since the last checkpoint."""


def identity_of(source: str, event_id: str) -> int:
    """The 64-bit identity of (source, id) that logs keep; the top bit is set, so that its packed form is always 9 bytes."""
    digest = hashlib.blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") | (1 << 63)


def order_of(event: ev.Event) -> Order:
    """Where an event stands in its entity's log: by time, sequence, rank of its type, id."""
    return (event.occurred_at_ms, event.sequence, event.rank, event.id)


def flattened(events: list[ev.Event]) -> list[ev.Event]:
    """A log with the logs of absorbed tickets in their places; an event that stands in both counts once.

    That a ticket was absorbed is itself no event of its primary: when it was sent depends on the order of arrival.
    """
    if not any(isinstance(e, ev.TicketAbsorbed) for e in events):
        return events
    by_identity: dict[tuple[str, str], ev.Event] = {}
    for event in events:
        if isinstance(event, ev.TicketAbsorbed):
            for inner in event.log:
                known = msgspec.convert(inner, ev.BY_TYPE[inner["type"]])
                by_identity.setdefault((known.source, known.id), known)
    for event in events:
        if not isinstance(event, ev.TicketAbsorbed):
            by_identity[event.source, event.id] = event
    return sorted(by_identity.values(), key=order_of)


def replay(kind: str, events: list[ev.Event], controls: InForce) -> tuple[Contributions, Any, bool]:
    """The contributions of a whole log in its order, the state after it, and whether the entity is void (deleted, merged)."""
    life = LIFE_CYCLES[kind]
    state = life.state()
    rows = Contributions()
    deleted = merged = False
    ordered = flattened(events)
    if life.foresee is not None and ordered:
        life.foresee(state, ordered)
    for event in ordered:
        life.step(state, event, rows.add, controls.at(event.occurred_at_ms))
        if isinstance(event, ev.TicketMerged):
            merged = True
        elif isinstance(event, ev.TicketDeleted):
            deleted = True
        elif deleted and isinstance(event, ev.TicketStatusChanged):  # what is changed was brought back; a merged ticket never is
            deleted = False
    void = deleted or merged or bool(getattr(state, "void", False))
    if void:
        rows.clear()
    return rows, state, void


def same_content(a: ev.Event, b: ev.Event) -> bool:
    """Whether two events say the same; when they were received does not matter, nor the times that stand in for ones not said."""
    if type(a) is not type(b):
        return False
    unsaid = a.time_is_received and b.time_is_received
    return _content(a, unsaid) == _content(b, unsaid)


def _content(event: ev.Event, unsaid: bool) -> ev.Event:
    at_ms = 0 if unsaid else event.occurred_at_ms
    return msgspec.structs.replace(event, received_at_ms=0, time_is_received=False, occurred_at_ms=at_ms)


def rank_of_content(event: ev.Event) -> tuple[int, bytes]:
    """Of two events with one id and one version the one that ranks lower holds."""
    return event.occurred_at_ms, encode_event(msgspec.structs.replace(event, received_at_ms=0))


def to_primary(live: Live, generation: int) -> list[ev.TicketAbsorbed]:
    """A merged ticket's messages and answers go to its primary, as one event that the next one replaces.

    A merge that was taken back, or went elsewhere, empties what was sent before.
    """
    out: list[ev.TicketAbsorbed] = []
    sent = live.sent
    events = [unpack_event(packed) for packed in live.log] if live.void else []
    merged = next((event for event in reversed(events) if isinstance(event, ev.TicketMerged)), None)
    elsewhere = sent is not None and (merged is None or merged.into_ticket_id != sent.event.ticket_id)
    if sent is not None and elsewhere and sent.digest:
        live.sent = sent = Sent(msgspec.structs.replace(sent.event, version=sent.event.version + 1), b"")
        out.append(sent.event)
    if merged is None:
        return out
    inner = tuple(msgspec.to_builtins(event) for event in flattened(events) if isinstance(event, _ABSORBED))
    digest = hashlib.blake2b(_PACK.encode(inner), digest_size=8).digest()
    if sent is not None and sent.digest == digest:
        return out
    event = ev.TicketAbsorbed(
        id=f"merge:{merged.source}:{merged.ticket_id}"[: ev.ID_MAX_CHARS],
        source=merged.source,
        occurred_at_ms=merged.occurred_at_ms,
        received_at_ms=max(merged.received_at_ms, live.arrived_ms),
        version=0 if sent is None else sent.event.version + 1,
        ticket_id=merged.into_ticket_id,
        log=(),
        generation=generation,
    )
    live.sent = Sent(event, digest)
    out.append(msgspec.structs.replace(event, log=inner))
    return out


def changed_facts(key: str, live: Live) -> list[AnyFact]:
    """The facts that hold now and were not sent like this, and the withdrawal of those that hold no more."""
    now = [] if live.void else LIFE_CYCLES[live.kind].facts(live.state, key)
    if not now and not live.facts:
        return []
    out: list[AnyFact] = []
    held: set[str] = set()
    for fact in now:
        held.add(fact.id)
        digest = hashlib.blake2b(pack_fact(fact), digest_size=8).digest()
        version, ledger, before = live.facts.get(fact.id, (0, fact.key, b""))
        if before == digest:
            continue
        if before and ledger != fact.key:
            version += 1
            out.append(Withdrawn(key=ledger, id=fact.id, version=version, withdrawn=True))
        live.facts[fact.id] = (version + 1, fact.key, digest)
        out.append(msgspec.structs.replace(fact, version=version + 1))
    for fact_id, (version, ledger, before) in list(live.facts.items()):
        if fact_id not in held and before:
            live.facts[fact_id] = (version + 1, ledger, b"")
            out.append(Withdrawn(key=ledger, id=fact_id, version=version + 1, withdrawn=True))
    return out


def at_rest(live: Live) -> bytes:
    """The bytes that stand for an entity in memory and in the state topic."""
    state = msgspec.Raw(_PACK.encode(live.state))
    return _PACK.encode(Rest(live.arrived_ms, state, live.void, live.last, live.ids, live.log, live.facts, live.sent, live.full_from))


def woken(kind: str, data: bytes) -> Live:
    """The inverse of `at_rest`."""
    rest = _REST.decode(data)
    state = _STATES[kind].decode(rest.state)
    return Live(kind, state, rest.arrived_ms, rest.void, rest.last, rest.ids, rest.log, rest.facts, rest.sent, rest.full_from)


def arrived_ms_of(data: bytes) -> int:
    """When the newest event of an entity at rest arrived."""
    return _HEAD.decode(data).arrived_ms


class _Head(Struct, array_like=True):
    arrived_ms: int


_ABSORBED = (ev.TicketCustomerMessage, ev.TicketPublicReply, ev.SurveySent, ev.SurveyResponded)
_PACK = msgspec.msgpack.Encoder()
_REST = msgspec.msgpack.Decoder(Rest)
_HEAD = msgspec.msgpack.Decoder(_Head)
_STATES: dict[str, Any] = {kind: msgspec.msgpack.Decoder(life.state) for kind, life in LIFE_CYCLES.items()}
