"""Contributions on their way from life cycles to cells: a commutative sum of rows, and its columns.

Laws: adding a row and taking it back leaves nothing; the order of adding does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kpis.dimensions import Attributes
from kpis.measures import BY_KEY, SLOTS, STARTS
from kpis.window import Levels
from schemas.differences import Differences

Row = tuple[int, int, Attributes, int]
"""(slot, time_ms, attributes, value); attributes begin with the name of their dimension set, or with "=" for a cut outright."""


ROWS_PER_RECORD = 10_000
"""Rows of one record of `differences`: at 33 bytes a row and a few hundred for its names it stays well below 900 KB."""


class Contributions:
    """Rows with their counts; a row whose count is 0 is not there."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[Row, int] = {}

    def add(self, slot: int, time_ms: int, attributes: Attributes, value: int = 0, count: int = 1) -> None:
        """Add one contribution (`count` −1 takes it back)."""
        row = (slot, time_ms, attributes, value)
        rows = self.rows
        now = rows.get(row, 0) + count
        if now:
            rows[row] = now
        else:
            rows.pop(row, None)

    def add_all(self, other: Contributions, sign: int = 1) -> None:
        """Add another sum to this one."""
        self.add_rows(other.rows.items(), sign)

    def add_rows(self, others: Iterable[tuple[Row, int]], sign: int = 1) -> None:
        """Add rows with their counts."""
        rows = self.rows
        for row, count in others:
            now = rows.get(row, 0) + count * sign
            if now:
                rows[row] = now
            else:
                rows.pop(row, None)

    def clear(self) -> None:
        """Forget everything."""
        self.rows = {}


def to_columns(rows: Iterable[tuple[Row, int]], levels: Levels, now_ms: int, into: Differences) -> int:
    """Write rows as columns into `into`: each at the finest level still kept for its age, rows that fall together summed.

    Returns how many were older than every level (they still count in gauges, whose base has no age).
    """
    listed = list(rows)
    if not listed:
        return 0
    slot_numbers: dict[int, int] = {}
    attribute_numbers: dict[Attributes, int] = {}
    slot = np.array([slot_numbers.setdefault(row[0], len(slot_numbers)) for row, _ in listed], dtype=np.int64)
    attribute = np.array([attribute_numbers.setdefault(row[2], len(attribute_numbers)) for row, _ in listed], dtype=np.int64)
    time = np.array([row[1] for row, _ in listed], dtype=np.int64)
    value = np.array([row[3] for row, _ in listed], dtype=np.int64)
    count = np.array([n for _, n in listed], dtype=np.int64)
    into.slots = [SLOTS[number] for number in slot_numbers]
    into.attributes = list(attribute_numbers)
    measures = [BY_KEY[key] for key, _ in into.slots]
    is_gauge = np.array([m.kind == "gauge" and cls != STARTS for m, (_, cls) in zip(measures, into.slots, strict=True)])[slot]
    value = np.where(is_gauge, count * (time - levels.zone.day_starts(time)), value)
    level = levels.written(now_ms - time, np.array([m.finest for m in measures], dtype=np.int64)[slot])
    beyond = int(np.count_nonzero(level == 5))
    level = np.minimum(level, 4)
    start = np.empty_like(time)
    for number in range(5):
        mask = level == number
        if mask.any():
            start[mask] = levels.zone.bucket_starts(time[mask], number)
    # A gauge's value is a sum already, so its rows fall together whatever they hold.
    told_apart = np.where(is_gauge, 0, value)
    order = np.lexsort((told_apart, start, level, attribute, slot))
    columns = [column[order] for column in (slot, attribute, level, start, told_apart)]
    differs = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    first = np.flatnonzero(np.concatenate([[True], differs]))
    counts = np.add.reduceat(count[order], first)
    sums = np.add.reduceat(np.where(is_gauge, value, 0)[order], first)
    slot, attribute, level, start, told_apart = (column[first] for column in columns)
    held = (counts != 0) | (sums != 0)
    into.slot = slot[held].astype(np.int32).tobytes()
    into.attribute = attribute[held].astype(np.int32).tobytes()
    into.level = level[held].astype(np.int8).tobytes()
    into.time = start[held].tobytes()
    into.value = (told_apart + sums)[held].tobytes()
    into.count = counts[held].tobytes()
    return beyond
