"""Gauges: how many are in a state at an instant, on average over a span, and how old what is open is now."""

from __future__ import annotations

from typing import NamedTuple

from kpis.kpi import Targets, Value
from kpis.measures import Measure
from kpis.slices import Cuts, Slice
from kpis.window import DAY, NOW
from schemas.figures import Item


class LevelOf(NamedTuple):
    """A gauge: its level for `now`, its exact time mean for a window; parts last, max at bucket ends, and each state."""

    measure: Measure
    beside: tuple[tuple[str, Measure], ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The gauge."""
        return (self.measure,)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The level; 0 is a level, not missing data."""
        states = cells.states(self.measure)
        parts: dict[str, float | int | str | None] = {s: n for s in states if s and (n := cells.level(cuts, self.measure, s))}
        last = sum(cells.level(cuts, self.measure, s) for s in states)
        for name, measure in () if cells.brief else self.beside:
            parts[name] = sum(cells.level(cuts, measure, s) for s in cells.states(measure))
        if cells.bounds.name == NOW or cells.end_ms <= cells.start_ms:
            return Value(value=last, n=last, numerator=last, parts=parts)
        mean, highest = over_span(cells, cuts, self.measure, states)
        parts |= {"last": last, "max_at_bucket_ends": highest}
        return Value(value=mean, n=last, parts=parts)


def over_span(cells: Slice, cuts: Cuts, measure: Measure, states: tuple[str, ...]) -> tuple[float, int]:
    """(exact time mean, greatest level at the bucket ends) of a gauge over the span, from Σδ and Σδ·ms of its buckets."""
    end = cells.end_ms
    at_start = level = highest = sum(cells.level(cuts, measure, s, cells.start_ms) for s in states)
    weighted = 0
    names = tuple(name for s in states for name in (s, f"{s}~"))
    zone = cells.cells.levels.zone
    for start, amounts in sorted(cells.by_bucket(cuts, measure, names)):
        change = sum(amounts[0::2])
        into_day = sum(amounts[1::2])
        weighted += (end - zone.day_start(start)) * change - into_day
        level += change
        highest = max(highest, level)
    return at_start + weighted / (end - cells.start_ms), highest


class Ages(NamedTuple):
    """How long what is open has been open, at the present: its median (or its maximum) in seconds."""

    measure: Measure
    longest: bool = False

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The gauge with starts."""
        return (self.measure,)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Age = end of the slice − start of the bucket in which it began; nothing open is no data for an age."""
        starts = cells.starts(cuts, self.measure)
        end = cells.end_ms
        ages = [(end - start, n) for start, n in reversed(starts)]
        n = sum(count for _, count in ages)
        parts: dict[str, float | int | str | None] = {"count": n}
        if n == 0:
            return Value(value=None, n=0, reason="no_data", parts=parts)
        median, p90, oldest = _ranked(ages, n, 0.5), _ranked(ages, n, 0.9), ages[-1][0]
        parts |= {"p50": median / 1000, "p90": p90 / 1000, "max": oldest / 1000}
        items = []
        for name, low, high in _BANDS:
            count = sum(c for age, c in ages if low <= age < high)
            items.append(Item(key=name, value=count / n, n=count))
        value = oldest if self.longest else median
        return Value(value=value / 1000, n=n, denominator=n, parts=parts, items=[] if self.longest else items)


_BANDS = (
    ("< 1 d", 0, DAY),
    ("1–3 d", DAY, 3 * DAY),
    ("3–7 d", 3 * DAY, 7 * DAY),
    ("7–30 d", 7 * DAY, 30 * DAY),
    ("> 30 d", 30 * DAY, 10**15),
)


def _ranked(ages: list[tuple[int, int]], n: int, q: float) -> float:
    """The value at rank (n − 1)·q of ages given ascending with their counts, linear between two ranks."""
    rank = (n - 1) * q
    low = int(rank)
    return _at(ages, low) + (rank - low) * (_at(ages, min(low + 1, n - 1)) - _at(ages, low))


def _at(ages: list[tuple[int, int]], rank: int) -> int:
    for age, count in ages:
        rank -= count
        if rank < 0:
            return age
    return ages[-1][0]
