"""Tallies: gross counts for counters that never fall, of what the rows of one event add anew.

Law: a contribution that only moves (its attributes were filled in, its time corrected) was counted before and is not again.
"""

from __future__ import annotations

from collections.abc import Iterator

from kpis.dimensions import Attributes
from kpis.entity import Rows
from kpis.measures import BY_KEY, PART, SLOTS


def newly_counted(rows: Rows) -> Iterator[tuple[tuple[int, Attributes], int]]:
    """(slot, attributes) with how many of them are new."""
    tallied = _tallied()
    found = [(row[0], row[2], count) for row, count in rows if row[0] in tallied]
    if not found:
        return
    net: dict[str, int] = {}
    for slot, _, count in found:
        measure = SLOTS[slot][0]
        net[measure] = net.get(measure, 0) + count
    for slot, attributes, count in found:
        measure = SLOTS[slot][0]
        new = min(count, net[measure])
        if new > 0:
            net[measure] -= new
            yield (slot, attributes), new


def _tallied() -> set[int]:
    if len(_TALLIED_SEEN) != len(SLOTS):
        for number in range(len(_TALLIED_SEEN), len(SLOTS)):
            _TALLIED_SEEN.append(number)
            key, cls = SLOTS[number]
            if BY_KEY[key].tally and not cls.startswith(PART):
                _TALLIED.add(number)
    return _TALLIED


_TALLIED: set[int] = set()
_TALLIED_SEEN: list[int] = []
