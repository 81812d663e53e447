"""Contributions on their way from life cycles to cells: a commutative sum of rows, and its columns.

Laws: adding a row and taking it back leaves nothing; the order of adding does not matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np

from kpis.dimensions import Attributes
from kpis.measures import BY_KEY, SLOTS
from kpis.window import Levels
from schemas.differences import Differences

T = TypeVar("T", bound=Hashable)
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
        rows = self.rows
        for row, count in other.rows.items():
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
    slots: _Table[tuple[str, str]] = _Table()
    attributes: _Table[Attributes] = _Table()
    slot_index, attribute_index = [], []
    for (slot, _, attrs, _), _ in listed:
        slot_index.append(slots.number(SLOTS[slot]))
        attribute_index.append(attributes.number(attrs))
    time = np.array([row[1] for row, _ in listed], dtype=np.int64)
    value = np.array([row[3] for row, _ in listed], dtype=np.int64)
    count = np.array([n for _, n in listed], dtype=np.int64)
    slot_column = np.array(slot_index, dtype=np.int32)
    attribute_column = np.array(attribute_index, dtype=np.int32)
    measures = [BY_KEY[key] for key, _ in slots.values]
    finest = np.array([m.finest for m in measures], dtype=np.int64)[slot_column]
    is_gauge = np.array([m.kind == "gauge" and cls != "^" for m, (_, cls) in zip(measures, slots.values, strict=True)])[slot_column]
    value = np.where(is_gauge, count * (time - levels.zone.day_starts(time)), value)
    level = levels.written(now_ms - time, finest)
    beyond = int(np.count_nonzero(level == 5))
    level = np.minimum(level, 4).astype(np.int8)
    start = np.empty_like(time)
    for number in range(5):
        mask = level == number
        if mask.any():
            start[mask] = levels.zone.bucket_starts(time[mask], number)
    merged: dict[tuple[int, int, int, int, int], list[int]] = {}
    for s, a, lv, t, v, n, gauge in zip(
        slot_column.tolist(),
        attribute_column.tolist(),
        level.tolist(),
        start.tolist(),
        value.tolist(),
        count.tolist(),
        is_gauge.tolist(),
        strict=True,
    ):
        key = (s, a, lv, t, 0 if gauge else v)
        there = merged.get(key)
        if there is None:
            merged[key] = [v, n]
        else:
            there[1] += n
            if gauge:
                there[0] += v
    kept = [(key, both) for key, both in merged.items() if both[1] or (both[0] and BY_KEY[slots.values[key[0]][0]].kind == "gauge")]
    into.slots = slots.values
    into.attributes = attributes.values
    into.slot = np.array([k[0] for k, _ in kept], dtype=np.int32).tobytes()
    into.attribute = np.array([k[1] for k, _ in kept], dtype=np.int32).tobytes()
    into.level = np.array([k[2] for k, _ in kept], dtype=np.int8).tobytes()
    into.time = np.array([k[3] for k, _ in kept], dtype=np.int64).tobytes()
    into.value = np.array([both[0] for _, both in kept], dtype=np.int64).tobytes()
    into.count = np.array([both[1] for _, both in kept], dtype=np.int64).tobytes()
    return beyond


class _Table(Generic[T]):
    """Values in the order of first sight, each with its number."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self.values)
            self.values.append(value)
        return number
