"""Tallies: gross counts for counters that never fall, of what the rows of one event add anew.

A reply is tallied by whether it came within its target, so that a counter of breaches stands beside one of what was due.
Law: a contribution that only moves (its attributes were filled in, its time corrected) was counted before and is not again.
"""

from __future__ import annotations

from collections.abc import Iterator

from kpis.dimensions import Attributes
from kpis.entity import Rows
from kpis.measures import BY_KEY, FIRST_REPLY_WAIT, PART, SLOTS, slot_number

MET, BREACHED = "met", "breached"
REPLIES = "first_reply_time"
"""The name under which replies are tallied, by `MET` and `BREACHED`: no measure of its own."""


def newly_counted(rows: Rows, reply_within_ms: int) -> Iterator[tuple[tuple[int, Attributes], int]]:
    """(slot, attributes) with how many of them are new; a first reply is met when it came within `reply_within_ms`."""
    tallied = _tallied()
    found = [(row, count) for row, count in rows if row[0] in tallied]
    if not found:
        return
    net: dict[str, int] = {}
    for row, count in found:
        measure = SLOTS[row[0]][0]
        net[measure] = net.get(measure, 0) + count
    for (slot, _, attributes, value), count in found:
        measure = SLOTS[slot][0]
        new = min(count, net[measure])
        if new > 0:
            net[measure] -= new
            if measure == FIRST_REPLY_WAIT.key:
                slot = slot_number(REPLIES, MET if value <= reply_within_ms else BREACHED)
            yield (slot, attributes), new


def _tallied() -> set[int]:
    if len(_TALLIED_SEEN) != len(SLOTS):
        for number in range(len(_TALLIED_SEEN), len(SLOTS)):
            _TALLIED_SEEN.append(number)
            key, cls = SLOTS[number]
            measure = BY_KEY.get(key)
            if measure is None or cls.startswith(PART):
                continue
            if measure.tally or (key, cls) == (FIRST_REPLY_WAIT.key, ""):
                _TALLIED.add(number)
    return _TALLIED


_TALLIED: set[int] = set()
_TALLIED_SEEN: list[int] = []
