"""What a figure leaves out, and why: would-be contributions of its own measures that do not stand, or stand elsewhere.

Law: a reason is told only of what lies in the span and the cut of the figure, or would if it counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from kpis import measures as m
from kpis.contributions import Row
from kpis.lifecycles.ledger import CREDIT_MS
from kpis.lifecycles.table import LIFE_CYCLES
from kpis.lineage_answer import LeftOut
from kpis.lineage_logs import History, Ledger, entity_of, facts_behind
from kpis.lineage_reads import Reads
from kpis.measures import BY_KEY, SLOTS, Measure
from schemas import events as ev
from schemas import facts as f
from schemas.canonical import rfc3339

REASONS: dict[str, str] = {
    "merged": "merged into another, which counts in its place",
    "deleted": "deleted",
    "spam": "deleted as spam",
    "test": "deleted as a test",
    "quarantined": "a duration that cannot be (below -5 s or above 10 years): counted apart, never averaged",
    "reopened": "a solve that did not stand: a reopening took it back",
    "superseded": "a newer answer of the same case replaced it",
    "cancelled": "a booking that was cancelled",
    "taken_back": "a later event took it back",
    "bot_only": "only a machine replied: no word from a person",
    "beside": "told beside the figure, no part of its value",
    "other_class": "of a class that the figure does not count",
    "at_risk": "entered and counted, its outcome may still come",
    "no_outcome": "entered and counted, without the outcome in time",
    "after_horizon": "its outcome came after the horizon",
    "no_customer": "nobody said whose contact it was",
    "refunded": "a purchase that was refunded",
    "credited_elsewhere": "the purchase is credited to another contact",
}  # fmt: skip
"""Every reason of this file, in words. What was refused at a door keeps the reason it was refused with."""


def of_history(past: History, reads: Reads) -> Iterator[LeftOut]:
    """Why some of an entity is left out, each reason once."""
    if past.void:
        if any(_would_count(row, reads) for row in past.rows):
            yield _voided(past)
        return
    counted = [row for row in past.rows if reads.counts(row)]
    seen: set[str] = set()
    for found in (
        *_quarantined(past, reads),
        *_taken_back(past, reads),
        *_told_apart(past, counted, reads),
        *_without_customer(past, reads),
    ):
        if found.reason not in seen:
            seen.add(found.reason)
            yield found
    yield from _refunded(past, reads)
    yield from without_outcome(past.key, counted, past.rows, reads)


def of_ledger(held: Ledger, reads: Reads) -> Iterator[LeftOut]:
    """Contacts without a purchase of their own although there was one: it is credited to another."""
    bought = [fact for fact in held.facts if isinstance(fact, f.Purchase)]
    outcomes = {(row[1], row[2]) for row in held.rows if SLOTS[row[0]] == (m.CONVERSION.key, m.OUTCOME)}
    for row in held.rows:
        if SLOTS[row[0]] != (m.CONVERSION.key, m.ENTERED) or not reads.counts(row) or (row[1], row[2]) in outcomes:
            continue
        near = next((p for p in bought if 0 <= p.at_ms - row[1] < CREDIT_MS), None)
        for contact in facts_behind(row, held.facts)[:1] if near is not None else ():
            assert near is not None
            yield _left(entity_of(contact), "credited_elsewhere", f"{entity_of(near)} at {rfc3339(near.at_ms)}", row[1])


def without_outcome(entity: str, counted: list[Row], rows: dict[Row, int], reads: Reads) -> Iterator[LeftOut]:
    """Entries of cohorts that have no outcome, or one that came too late."""
    for key in sorted(reads.measures):
        measure = BY_KEY[key]
        if measure.kind != "cohort":
            continue
        entry = (f"{measure.entry}@", None) if measure.entry else (key, m.ENTERED)
        for row in counted:
            of, cls = SLOTS[row[0]]
            if not (of.startswith(entry[0]) if measure.entry else (of, cls) == entry):
                continue
            ended = [other for other in rows if other[1] == row[1] and SLOTS[other[0]] in ((key, m.OUTCOME), (key, m.CENSORED))]
            yield from _outcome(entity, measure, row, ended, reads)


def _outcome(entity: str, measure: Measure, row: Row, ended: list[Row], reads: Reads) -> Iterator[LeftOut]:
    horizon = _lasted(measure.horizon_ms)
    if not ended:
        age_ms = max(reads.now_ms - row[1], 0)
        reason = "at_risk" if age_ms < measure.horizon_ms else "no_outcome"
        yield _left(entity, reason, f"{measure.name}: none for {_lasted(age_ms)}, horizon {horizon}", row[1])
    elif all(other[3] > measure.horizon_ms for other in ended):
        yield _left(entity, "after_horizon", f"{measure.name}: after {_lasted(min(o[3] for o in ended))}, horizon {horizon}", row[1])


def _would_count(row: Row, reads: Reads) -> bool:
    return reads.counts(row) and BY_KEY[SLOTS[row[0]][0]].kind != "gauge"


def _voided(past: History) -> LeftOut:
    event = next((e for e in reversed(past.events) if isinstance(e, ev.TicketMerged | ev.TicketDeleted | ev.LeadMerged)), past.events[-1])
    if isinstance(event, ev.TicketMerged):
        return _left(past.key, "merged", f"into {past.kind}:{event.source}:{event.into_ticket_id}", event.occurred_at_ms)
    if isinstance(event, ev.LeadMerged):
        return _left(past.key, "merged", f"into lead:{event.source}:{event.into_lead_id}", event.occurred_at_ms)
    return _left(past.key, getattr(event, "reason", None) or "deleted", f"{event.type} {event.id}", event.occurred_at_ms)


def _quarantined(past: History, reads: Reads) -> Iterator[LeftOut]:
    names = {BY_KEY[key].name.removesuffix("_business") for key in reads.measures}
    for slot, at_ms, attributes, _ in past.rows:
        key, name = SLOTS[slot]
        if key in (m.QUARANTINED.key, m.QUARANTINED_SALE.key) and name in names and reads.in_span(at_ms) and reads.in_cut(attributes):
            lasted = _IMPOSSIBLE[name](past.state, at_ms) if name in _IMPOSSIBLE else None
            yield _left(past.key, "quarantined", name if lasted is None else f"{name} of {lasted / 1000:g} s", at_ms)


def _taken_back(past: History, reads: Reads) -> Iterator[LeftOut]:
    standing = {(row[0], row[1]) for row in past.rows}
    for event, step in zip(past.events, past.steps, strict=True):
        added = {(row[0], row[1]) for row, count in step.items() if count > 0}
        for row, count in step.items():
            place = (row[0], row[1])
            if count < 0 and place not in standing and place not in added and _would_count(row, reads):
                key, cls = SLOTS[row[0]]
                reason = next((reason for types, reason in _TOOK_BACK if isinstance(event, types)), "taken_back")
                yield _left(past.key, reason, f"{BY_KEY[key].name} {cls}".strip() + f", by {event.type} {event.id}", row[1])


def _told_apart(past: History, counted: list[Row], reads: Reads) -> Iterator[LeftOut]:
    """What is only told beside the value, and classes of what is counted that the figure passes over."""
    if counted and not any(reads.is_value(row) for row in counted):
        key, cls = SLOTS[counted[0][0]]
        bots = getattr(past.state, "bot_replies", 0) and not getattr(past.state, "human_replies", 0)
        yield _left(past.key, "bot_only" if bots else "beside", f"{BY_KEY[key].name} {cls}".strip(), counted[0][1])
    read = {key for key, _ in reads.value}
    for row in past.rows:
        key, cls = SLOTS[row[0]]
        kind = BY_KEY[key].kind
        if key not in read or kind not in ("count", "distinct") or cls.startswith(m.PART) or not reads.in_span(row[1]):
            continue
        if reads.in_cut(row[2]) and not reads.sums_of(row) and not _of_another_question(cls, key, reads):
            yield _left(past.key, "bot_only" if cls == "bot_only" else "other_class", f"{BY_KEY[key].name} {cls}", row[1])


def _of_another_question(cls: str, key: str, reads: Reads) -> bool:
    """Answers of another metric are no more left out of a figure than calls are of tickets."""
    return "|" in cls and all(cls.split("|")[0] != component.split("|")[0] for of, component in reads.sums if of == key)


def _without_customer(past: History, reads: Reads) -> Iterator[LeftOut]:
    names = {BY_KEY[key].name for key in reads.measures} & _CONTACT.keys()
    if not names or past.kind not in ("ticket", "call") or past.state.customer_id is not None:
        return
    supposed = msgspec.structs.replace(past.state, customer_id="?")
    for fact in LIFE_CYCLES[past.kind].facts(supposed, past.key):
        for name in sorted(names) if isinstance(fact, f.Contact) else ():
            time, said = _CONTACT[name]
            at_ms = getattr(fact, time)
            if at_ms is not None and reads.in_span(at_ms) and reads.in_cut(getattr(fact, said)):
                yield _left(past.key, "no_customer", name, at_ms)


def _refunded(past: History, reads: Reads) -> Iterator[LeftOut]:
    if past.kind != "purchase" or m.CONVERSION.key not in reads.measures or not past.state.refunded:
        return
    at_ms = past.state.completed_ms
    if at_ms is not None and reads.start_ms <= at_ms < reads.end_ms + CREDIT_MS:
        yield _left(past.key, "refunded", f"of customer {past.state.customer_id or 'unknown'}", at_ms)


def _left(entity: str, reason: str, detail: str, at_ms: int) -> LeftOut:
    return LeftOut(entity=entity, reason=reason, detail=detail, at=rfc3339(at_ms))


def _lasted(ms: int) -> str:
    for unit, width in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= width:
            return f"{ms / width:.3g} {unit}"
    return f"{ms / 1000:g} s"


_TOOK_BACK: tuple[tuple[tuple[type, ...], str], ...] = (
    ((ev.TicketReopened, ev.TicketStatusChanged), "reopened"),
    ((ev.SurveyResponded,), "superseded"),
    ((ev.BookingCancelled,), "cancelled"),
)
_CONTACT = {
    "conversion": ("ended_at_ms", "end_attributes"),
    "repeat_contact": ("started_at_ms", "start_attributes"),
    "solved_customer": ("ended_at_ms", "end_attributes"),
}
_IMPOSSIBLE: dict[str, Callable[[Any, int], int | None]] = {
    "first_reply_wait": lambda state, at: None if state.clock is None else at - state.clock.start_ms,
    "first_bot_reply_wait": lambda state, at: None if state.clock is None else at - state.clock.start_ms,
    "first_resolution": lambda state, at: None if state.opened_ms is None else at - state.opened_ms,
    "full_resolution": lambda state, at: None if state.opened_ms is None else at - state.opened_ms,
    "escalation_wait": lambda state, at: None if state.opened_ms is None else at - state.opened_ms,
    "requester_wait": lambda state, at: state.solve.wait_ms if state.solve is not None else None,
    "handle_span": lambda state, at: _handled_ms(state),
    "answer_wait": lambda state, at: None if state.answered is None else state.answered.wait_ms,
}
"""The duration that could not be, from the state after the log."""


def _handled_ms(state: Any) -> int | None:
    if hasattr(state, "handled"):
        return None if state.handled is None else state.handled.duration_ms
    return None if state.solve is None else state.solve.handle_ms
