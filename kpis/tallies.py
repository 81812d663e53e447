"""Tallies: gross counts for counters and histograms that never fall, of what the rows of one event or one ledger add anew.

A measure that declares a `tally` feeds the counter of that name; a duration feeds a histogram. A first reply is tallied by whether
it came within its target too, so that a counter of breaches stands beside one of what was due.
Law: a contribution that only moves (its attributes were filled in, its time or value corrected) was counted before and is not again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import inf
from typing import NamedTuple

from kpis import histograms
from kpis.contributions import Row
from kpis.controls import Controls
from kpis.dimensions import Attributes
from kpis.entity import Rows
from kpis.formulas.scores import OVERALL, parsed
from kpis.measures import (
    BY_KEY,
    CASE_ANSWER,
    CONVERSION,
    ENTERED,
    FIRST_REPLY_WAIT,
    MEASURES,
    OUTCOME,
    PART,
    SECONDS_5,
    SLOTS,
    Measure,
    slot_number,
)

MET, BREACHED = "met", "breached"
REPLIES = FIRST_REPLY_WAIT.tally
"""The name under which first replies are tallied: by `MET` and `BREACHED`, and as a histogram."""
RATINGS, RESPONSES = "csat_ratings", "nps_responses"
"""The names under which answers are tallied: satisfaction by scale and score, recommendations by survey type and group."""
BASES: dict[str, tuple[int, ...]] = {
    m.tally: histograms.CALLS_MS if m.finest == SECONDS_5 else histograms.TICKETS_MS for m in MEASURES if m.tally and m.kind == "duration"
}
"""The bounds of each histogram, in ms, besides its configured limit."""
OWN_CLASSES = frozenset({*BASES, RESPONSES, CONVERSION.tally})
"""Tallies whose classes are ours and few, whatever a source says."""
Tallied = Iterator[tuple[tuple[int, Attributes], int]]
"""(slot, attributes) with how many are new."""


class _Fed(NamedTuple):
    """What a slot of a measure feeds: the counter of `slot`, or with `base` bounds the histogram of the measure."""

    measure: Measure
    slot: int
    base: tuple[int, ...] = ()


def newly_counted(rows: Rows, controls: Controls) -> list[tuple[tuple[int, Attributes], int]]:
    """What the rows of one event add to counters and histograms, by the limits that held when it happened."""
    fed = _FED if _looked_at[0] == len(SLOTS) else _fed()
    found = [(row, count, feeds) for row, count in rows if (feeds := fed.get(row[0])) is not None]
    net: dict[str, int] = {}
    if any(count < 0 for _, count, _ in found):
        for _, count, feeds in found:
            net[feeds.measure.name] = net.get(feeds.measure.name, 0) + count
    out: list[tuple[tuple[int, Attributes], int]] = []
    for (_, _, attributes, value), count, feeds in found:
        name = feeds.measure.name
        new = min(count, net[name]) if net else count
        if new <= 0:
            continue
        if net:
            net[name] -= new
        if not feeds.base:
            out.append(((feeds.slot, only_channel(attributes) if feeds.measure is CASE_ANSWER else attributes), new))
            continue
        if feeds.measure is FIRST_REPLY_WAIT:
            out.append(((_MET if value <= controls.first_reply_within_ms else _BREACHED, attributes), new))
        buckets = _buckets(feeds.measure.tally, controls.limit_ms(feeds.measure.tally) or 0)
        channel = only_channel(attributes)
        out.append(((buckets.slots[bisect_left(buckets.bounds, value)], channel), new))
        if value > 0:  # a clock that was a little off must not make a sum fall
            out.append(((buckets.sum_slot, channel), value * new))
    return out


class _Buckets(NamedTuple):
    """The slots of a histogram, by the number of bounds that are below a value."""

    bounds: tuple[int, ...]
    slots: tuple[int, ...]
    sum_slot: int


@lru_cache(maxsize=256)
def _buckets(name: str, limit_ms: int) -> _Buckets:
    bounds = histograms.bounds_ms(BASES[name], limit_ms)
    slots = tuple(slot_number(name, histograms.class_of(bound)) for bound in (*bounds, inf))
    return _Buckets(bounds, slots, slot_number(name, histograms.SUM))


def recommended(score: float, attributes: Attributes) -> tuple[int, Attributes]:
    """The tally of one answer to the recommendation question of a relationship survey, which is about no case."""
    return slot_number(RESPONSES, f"relationship|{_group(score)}"), only_channel(attributes)


def _group(score: float) -> str:
    return "promoter" if score >= 9 else "detractor" if score <= 6 else "passive"


def newly_converted(before: Iterable[tuple[Row, int]], after: Iterable[tuple[Row, int]], since_ms: int) -> Tallied:
    """Contacts that ended, and conversions credited to them, which a customer's ledger has now and had not before.

    What happened before `since_ms` is history and no news; an entry lies at the end of its contact, an outcome at its purchase.
    """
    net = {_CONTACTS: 0, _CONVERSIONS: 0}
    for (slot, _, _, _), count in before:
        if slot in net:
            net[slot] -= count
    recent: list[tuple[int, Attributes, int]] = []
    for (slot, time_ms, attributes, value), count in after:
        if slot in net:
            net[slot] += count
            if time_ms + value >= since_ms:
                recent.append((slot, attributes, count))
    for slot, attributes, count in recent:
        new = min(count, net[slot])
        if new > 0:
            net[slot] -= new
            yield (slot, only_channel(attributes)), new


def only_channel(attributes: Attributes) -> Attributes:
    """The same attributes without all but the channel, which every dimension set begins with."""
    head = attributes[:2]
    found = _ONLY_CHANNEL.get(head)
    if found is None:
        if len(_ONLY_CHANNEL) > 10_000:
            _ONLY_CHANNEL.clear()
        found = _ONLY_CHANNEL[head] = (*head, *(None,) * (len(attributes) - 2))
    return found


def _fed() -> dict[int, _Fed]:
    """What each slot feeds; slots are given numbers as they are first used, so those that came since are looked at now."""
    for number in range(_looked_at[0], len(SLOTS)):
        key, cls = SLOTS[number]
        measure = BY_KEY.get(key)
        if measure is None or not measure.tally or cls.startswith(PART):
            continue
        if measure is CASE_ANSWER:
            slot = _answer_slot(cls)
            if slot is not None:
                _FED[number] = _Fed(measure, slot)
        elif measure.kind == "count":
            _FED[number] = _Fed(measure, number)
        elif measure.kind == "duration" and not cls:
            _FED[number] = _Fed(measure, number, BASES[measure.tally])
    _looked_at[0] = len(SLOTS)
    return _FED


def _answer_slot(cls: str) -> int | None:
    """What an answer about a case is tallied as: overall satisfaction and recommendations of 0–10; questions are free text."""
    said = parsed(cls)
    if said is None:
        return None
    metric, question, scale, score = said
    if metric == "csat" and question == OVERALL:
        return slot_number(RATINGS, f"{scale}|{score:g}")
    return slot_number(RESPONSES, f"transactional|{_group(score)}") if metric == "nps" and scale == "0-10" else None


_CONTACTS, _CONVERSIONS = CONVERSION.slot(ENTERED), CONVERSION.slot(OUTCOME)
_FED: dict[int, _Fed] = {}
_looked_at = [0]
_ONLY_CHANNEL: dict[Attributes, Attributes] = {}
_MET, _BREACHED = slot_number(REPLIES, MET), slot_number(REPLIES, BREACHED)
