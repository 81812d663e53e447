"""Logs at rest as histories: what each event of an entity added and took back, and which fact of a ledger a row came from.

Laws: a history's rows are those of `kpis.entity.replay`; nothing an entity contributes is dated after `newest_ms` of its rest,
so what is older than a span can be passed over unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from kpis.contributions import Contributions, Row
from kpis.controls import InForce
from kpis.dimensions import Attributes
from kpis.entity import flattened, woken
from kpis.ledgers import facts_at_rest
from kpis.lifecycles.ledger import Rules, contributions
from kpis.lifecycles.table import LIFE_CYCLES
from kpis.measures import BY_KEY, SLOTS
from schemas import events as ev
from schemas import facts as f
from schemas.codec import unpack_event
from schemas.facts import AnyFact

_TICKET, _CALL, _LEAD = ("ticket",), ("call",), ("lead",)
_BOTH = ("ticket", "call")
CUSTOMER, INVITATION, QUOTE = "customer", "invitation", "quote"
LEDGER_OF = {
    "survey_response": INVITATION, "relationship_nps": CUSTOMER, "solved_customer": CUSTOMER, "conversion": CUSTOMER,
    "conversion_base": CUSTOMER, "repeat_contact": CUSTOMER, "quote_booking": QUOTE,
}  # fmt: skip
"""The kind of ledger that contributes a measure; every other measure comes from entities."""
TOLD_BY = {CUSTOMER: ("ticket", "call", "survey", "purchase"), INVITATION: ("ticket", "survey"), QUOTE: ("lead", "quote")}
"""The kinds of entities whose facts a kind of ledger keeps."""
KINDS_OF = {
    **dict.fromkeys(("contact_waiting", "contact_connected", "contact_transferred", "handle_span", "handle_span_by_start"), _BOTH),
    **dict.fromkeys(("call_answered", "call_abandoned", "answer_wait", "answer_wait_cohort", "abandon_wait"), _CALL),
    **dict.fromkeys(("lead_response", "lead_response_cohort", "booking_wait", "booking_wait_cohort"), _LEAD),
    **dict.fromkeys(("case_answer", "case_answer_by_solve"), ("ticket", "survey")),
    "complaint": ("ticket", "complaint"),
    "quarantined": ("ticket", "call"),
    "quarantined_sale": _LEAD,
}
"""The kinds of entities that contribute a measure, where it is not the ticket alone."""


def kinds_of(measure_key: str) -> tuple[str, ...]:
    """The kinds of entities a measure@version comes from, none where a ledger contributes it."""
    name = BY_KEY[measure_key].name.removesuffix("_business")
    return () if name in LEDGER_OF else KINDS_OF.get(name, _TICKET)


def kind_in(name: bytes) -> str:
    """The kind in the key of a record of a state topic; "" for its marker and for notes, which are no entities."""
    kind, colon, _ = name.partition(b":")
    return kind.decode("ascii", "replace") if colon and kind.islower() else ""


class _Head(Struct, array_like=True):
    """What of an entity at rest is looked at before it is woken; the rest of the array is passed over."""

    arrived_ms: int
    state: msgspec.Raw
    void: bool
    last: tuple[int, int, int, str]


class _Log(_Head, array_like=True):
    """As far as the log, which is all that a history needs."""

    ids: msgspec.Raw
    log: list[bytes]


def newest_ms(data: bytes) -> int:
    """No contribution of an entity at rest is dated later than this."""
    newest = _HEAD.decode(data).last[0]
    if b"opened_at_ms" in data:  # a creation may name an opening that lies elsewhere
        newest = max(newest, *(_opened_ms(packed) for packed in _LOG.decode(data).log))
    return newest


def shows(kind: str, data: bytes) -> bool:
    """Whether an entity at rest stands in a gauge now."""
    return getattr(woken(kind, data).state, "shown", None) is not None


def may_lack_a_purchase_or_customer(kind: str, data: bytes) -> bool:
    """Whether an entity that only tells ledgers may be what they lack: a purchase, or a contact without a customer."""
    return kind == "purchase" or (kind in _BOTH and woken(kind, data).state.customer_id is None)


def _opened_ms(packed: bytes) -> int:
    return 0 if b"opened_at_ms" not in packed else getattr(unpack_event(packed), "opened_at_ms", None) or 0


class History(NamedTuple):
    """One entity: its events in their order, what each changed, the sum of that, and the state after them.

    `rows` are what the entity stands for, or would stand for if it were not `void` (deleted, merged).
    """

    key: str
    kind: str
    events: list[ev.Event]
    steps: list[dict[Row, int]]
    rows: dict[Row, int]
    state: Any
    void: bool


def history(key: str, data: bytes, controls: InForce, wants: Callable[[int], bool] = lambda slot: True) -> History:
    """The history of an entity at rest, as far as the slots that are wanted are concerned."""
    kind = key[: key.index(":")]
    rest = _LOG.decode(data)
    life = LIFE_CYCLES[kind]
    state = life.state()
    events = flattened([unpack_event(packed) for packed in rest.log])
    if life.foresee is not None and events:
        life.foresee(state, events)
    steps: list[dict[Row, int]] = []
    total = Contributions()
    step: dict[Row, int] = {}

    def add(slot: int, time_ms: int, attributes: Attributes, value: int = 0, count: int = 1) -> None:
        if wants(slot):
            row = (slot, time_ms, attributes, value)
            step[row] = step.get(row, 0) + count

    for event in events:
        step = {}
        life.step(state, event, add, controls.at(event.occurred_at_ms))
        held = {row: count for row, count in step.items() if count}
        steps.append(held)
        if held:
            total.add_rows(held.items())
    return History(key, kind, events, steps, total.rows, state, rest.void)


# ---- ledgers -----------------------------------------------------------------------------------


class Ledger(NamedTuple):
    """One ledger: the facts that hold of it and what it stands for."""

    key: str
    facts: list[AnyFact]
    rows: dict[Row, int]


def ledger(key: str, data: bytes, rules: Rules, may_count: Callable[[int], bool] = lambda at_ms: True) -> Ledger | None:
    """The ledger of these bytes at rest; None when no time of its facts may count, since what it stands for is dated at these.

    (Only the end of a relationship answer is dated elsewhere: a gauge, of which every ledger may count.)
    """
    facts = [fact for fact in facts_at_rest(data) if not fact.withdrawn]
    times = (getattr(fact, name, None) for fact in facts for name in _TIMES)
    if not any(at_ms is not None and may_count(at_ms) for at_ms in times):
        return None
    return Ledger(key, facts, contributions(key[: key.index(":")], facts, rules).rows)


def entity_of(fact: AnyFact) -> str:
    """The key of the entity that told a fact: a fact's id is that key with what it is of it."""
    word = _WORDS[type(fact)]
    return fact.id.rsplit(f"/{word}", 1)[0]


def facts_behind(row: Row, facts: Iterable[AnyFact]) -> list[AnyFact]:
    """The facts that began what a row of their ledger counts; none where the row is of the ledger as a whole."""
    slot, at_ms, attributes, _ = row
    name = BY_KEY[SLOTS[slot][0]].name
    if name not in _BEGUN:
        return []
    cls, time, said = _BEGUN[name]
    score = SLOTS[slot][1] if name == "relationship_nps" else None
    return [
        fact
        for fact in facts
        if isinstance(fact, cls)
        and getattr(fact, time) == at_ms
        and (not said or getattr(fact, said) == attributes)
        and (score is None or str(getattr(fact, "score", None)) == score)
    ]


def facts_that_ended(row: Row, facts: Iterable[AnyFact]) -> list[AnyFact]:
    """The facts that may be the outcome a row counts: of the outcome's kind, at the outcome's time."""
    slot, at_ms, _, value = row
    name = BY_KEY[SLOTS[slot][0]].name
    if name not in _ENDED:
        return []
    cls, time = _ENDED[name]
    return [fact for fact in facts if isinstance(fact, cls) and getattr(fact, time) == at_ms + value]


_BEGUN: dict[str, tuple[type, str, str]] = {
    "conversion": (f.Contact, "ended_at_ms", "end_attributes"),
    "conversion_base": (f.Contact, "ended_at_ms", "end_attributes"),
    "repeat_contact": (f.Contact, "started_at_ms", "start_attributes"),
    "survey_response": (f.InvitationSent, "at_ms", "attributes"),
    "quote_booking": (f.QuoteOffered, "at_ms", "attributes"),
    "relationship_nps": (f.RelationshipAnswer, "at_ms", "attributes"),
    "solved_customer": (f.Contact, "ended_at_ms", ""),
}
_ENDED: dict[str, tuple[type, str]] = {
    "conversion": (f.Purchase, "at_ms"),
    "repeat_contact": (f.Contact, "started_at_ms"),
    "survey_response": (f.InvitationAnswered, "at_ms"),
    "quote_booking": (f.QuoteBooked, "at_ms"),
}
_WORDS: dict[type, str] = {
    f.Contact: "contact", f.Purchase: "purchase", f.RelationshipAnswer: "nps/", f.InvitationSent: "sent/",
    f.InvitationAnswered: "answered/", f.QuoteOffered: "quote/", f.QuoteBooked: "booked/", f.Withdrawn: "",
}  # fmt: skip
_TIMES = ("at_ms", "started_at_ms", "ended_at_ms")
_HEAD = msgspec.msgpack.Decoder(_Head)
_LOG = msgspec.msgpack.Decoder(_Log)
