"""A slice of the cells: one span of time, from which formulas take their numbers.

`cuts` is nearly always one cut; several are read as their sum (what `__other__` holds).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kpis.cells import Cells
from kpis.dimensions import Cut
from kpis.expansion import has_sketch
from kpis.measures import PART, STARTS, Measure
from kpis.window import HOUR, MINUTE, Bounds, Longs

Cuts = tuple[Cut, ...]


class Slice:
    """The cells of one span [start_ms, end_ms), and of everything before its end."""

    def __init__(self, cells: Cells, bounds: Bounds, now_ms: int, finest: int, present: bool) -> None:
        self.cells = cells
        self.bounds = bounds
        self.now_ms = now_ms
        self.finest = finest
        self.present = present
        self._inside: Longs | None = None
        self._until: dict[int, Longs] = {}

    @property
    def start_ms(self) -> int:
        """Start of the span."""
        return self.bounds.start_ms

    @property
    def end_ms(self) -> int:
        """End of the span, exclusive."""
        return self.bounds.end_ms

    # ---- sums over the span --------------------------------------------------------------------

    def get(self, cuts: Cuts, measure: Measure, component: str) -> int:
        """Σ of one component over the span."""
        return self._pick(self._total(), cuts, measure, component)

    def n(self, cuts: Cuts, measure: Measure, classes: tuple[str, ...] | None = None) -> int:
        """How many contributions of a count over the span; `classes` None is all of them, parts left out."""
        names = self.classes(measure) if classes is None else classes
        return sum(self.get(cuts, measure, name) for name in names)

    def classes(self, measure: Measure) -> tuple[str, ...]:
        """Every class of a count that was ever seen ("n" where it has none)."""
        return tuple(c for c in self.cells.components_of(measure.key) if not c.startswith(PART))

    def parts(self, measure: Measure) -> tuple[str, ...]:
        """Every part of a count that was ever seen, without its sign."""
        return tuple(sorted(c[1:] for c in self.cells.components_of(measure.key) if c.startswith(PART)))

    def bins(self, cuts: Cuts, measure: Measure, letter: str) -> dict[int, int]:
        """The bins of a sketch (b of values, o of outcomes, c of censored), ascending; empty ones are left out."""
        total = self._total()
        found: dict[int, int] = {}
        for component in self.cells.components_of(measure.key):
            if component[0] == letter and component[1:].isdigit():
                amount = self._pick(total, cuts, measure, component)
                if amount:
                    found[int(component[1:])] = amount
        return dict(sorted(found.items()))

    def has_sketch(self, cuts: Cuts, measure: Measure) -> bool:
        """Whether these cuts hold bins of a measure."""
        return all(has_sketch(measure, cut) for cut in cuts)

    # ---- levels of gauges ----------------------------------------------------------------------

    def level(self, cuts: Cuts, measure: Measure, cls: str, at_ms: int | None = None) -> int:
        """The level of one class of a gauge at an instant (the end of the span unless told)."""
        at = self.end_ms if at_ms is None else at_ms
        total = self._until.get(at)
        if total is None:
            total = self._until[at] = self.cells.total(None, at, self.now_ms, self.finest)
        return self._pick(total, cuts, measure, cls)

    def states(self, measure: Measure) -> tuple[str, ...]:
        """Every class of a gauge that was ever seen ("" where it has none)."""
        return tuple(c for c in self.cells.components_of(measure.key) if c != STARTS and not c.endswith("~"))

    def starts(self, cuts: Cuts, measure: Measure) -> list[tuple[int, int]]:
        """(start of bucket, how many that are open began in it), ascending; for the present only."""
        out = []
        first = min(self.cells.buckets[4], default=self.end_ms)
        for start, amounts in self._by_bucket(cuts, measure, (STARTS,), first, by_age=self.finest):
            if amounts[0] > 0:
                out.append((start, amounts[0]))
        return sorted(out)

    # ---- bucket by bucket ----------------------------------------------------------------------

    def by_bucket(self, cuts: Cuts, measure: Measure, components: tuple[str, ...]) -> list[tuple[int, list[int]]]:
        """(start of bucket, amounts of the components) of every bucket of the span that holds any of them."""
        return list(self._by_bucket(cuts, measure, components, self.start_ms))

    def by_age(self, cuts: Cuts, measure: Measure, components: tuple[str, ...]) -> list[tuple[int, list[int]]]:
        """The same by buckets that are small beside their age and beside the span."""
        width = self.end_ms - self.start_ms
        finest = max(self.finest, 0 if width <= 15 * MINUTE else 1 if width <= 4 * HOUR else 2)
        return list(self._by_bucket(cuts, measure, components, self.start_ms, by_age=finest))

    def until(self, at_ms: int) -> Slice:
        """The part of the span before an instant, which is rounded down to a bucket that can be read."""
        levels = self.cells.levels
        level = min(levels.readable(at_ms, self.now_ms, self.finest), 4)
        end = min(max(levels.zone.bucket_start(at_ms, level), self.start_ms), self.end_ms)
        return Slice(self.cells, self.bounds._replace(end_ms=end), self.now_ms, self.finest, False)

    def _by_bucket(
        self, cuts: Cuts, measure: Measure, components: tuple[str, ...], start_ms: int, by_age: int | None = None
    ) -> Iterator[tuple[int, list[int]]]:
        wanted = [[k for cut in cuts if (k := self.cells.names.key(cut, measure.key, c)) is not None] for c in components]
        if not any(wanted):
            return
        for _, start, bucket in self.cells.tiles(start_ms, self.end_ms, self.now_ms, self.finest, by_age=by_age):
            keys, amounts = bucket.column()
            found = [_sum_of(keys, amounts, some) for some in wanted]
            if any(found):
                yield start, found

    def _total(self) -> Longs:
        if self._inside is None:
            self._inside = self.cells.total(self.start_ms, self.end_ms, self.now_ms, self.finest)
        return self._inside

    def _pick(self, total: Longs, cuts: Cuts, measure: Measure, component: str) -> int:
        out = 0
        for cut in cuts:
            place = self.cells.place(cut, measure.key, component)
            if place is not None and place < len(total):
                out += int(total[place])
        return out


def _sum_of(keys: Longs, amounts: Longs, wanted: list[int]) -> int:
    out = 0
    for key in wanted:
        at = int(np.searchsorted(keys, key))
        if at < len(keys) and keys[at] == key:
            out += int(amounts[at])
    return out
