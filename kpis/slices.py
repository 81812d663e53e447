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
from kpis.names import COMPONENT_BITS
from kpis.steps import Steps, finished
from kpis.window import HOUR, MINUTE, Bounds, Longs

Cuts = tuple[Cut, ...]


class Slice:
    """The cells of one span [start_ms, end_ms), and of everything before its end."""

    brief = False
    """Whether a figure's value and n are all that is wanted: formulas then leave out what they tell beside them."""

    def __init__(self, cells: Cells, bounds: Bounds, now_ms: int, finest: int, present: bool) -> None:
        self.cells = cells
        self.bounds = bounds
        self.now_ms = now_ms
        self.finest = finest
        self.present = present
        self._inside: Longs | None = None
        self._until: dict[int, Longs] = {}
        self._earlier: dict[int, Slice] = {}

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
        bins, components = self.cells.bins_of(measure.key, letter)
        amounts = np.zeros(len(bins), dtype=np.int64)
        for cut in cuts:
            key = self.cells.names.key(cut, measure.key, f"{letter}{bins[0]}") if len(bins) else None
            if key is not None:
                places = self.cells.places.find_all(key >> COMPONENT_BITS << COMPONENT_BITS | components)
                held = (places >= 0) & (places < len(total))
                amounts[held] += total[places[held]]
        some = amounts != 0
        return dict(zip(bins[some].tolist(), amounts[some].tolist(), strict=True))

    def has_sketch(self, cuts: Cuts, measure: Measure) -> bool:
        """Whether these cuts hold bins of a measure."""
        return all(has_sketch(measure, cut) for cut in cuts)

    # ---- levels of gauges ----------------------------------------------------------------------

    def level(self, cuts: Cuts, measure: Measure, cls: str, at_ms: int | None = None) -> int:
        """The level of one class of a gauge at an instant (the end of the span unless told)."""
        at = self.end_ms if at_ms is None else at_ms
        total = self._until.get(at)
        if total is None:
            total = finished(self._total_until(at))
        return self._pick(total, cuts, measure, cls)

    def levels_in_steps(self) -> Steps[None]:
        """Sums up everything before the start and before the end of the span, a bucket a step, so that asking for levels is quick."""
        for at in {self.start_ms, self.end_ms} - self._until.keys():
            yield from self._total_until(at)

    def _total_until(self, at_ms: int) -> Steps[Longs]:
        total = self._until[at_ms] = yield from self.cells.total_in_steps(None, at_ms, self.now_ms, self.finest)
        return total

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
        end = self._end_until(at_ms)
        earlier = self._earlier.get(end)
        if earlier is None:
            earlier = self._earlier[end] = Slice(self.cells, self.bounds._replace(end_ms=end), self.now_ms, self.finest, False)
        return earlier

    def total_in_steps(self) -> Steps[None]:
        """Sums up the span, a bucket a step, so that asking for any of it is quick."""
        if self._inside is None:
            self._inside = yield from self.cells.total_in_steps(self.start_ms, self.end_ms, self.now_ms, self.finest)

    def _end_until(self, at_ms: int) -> int:
        levels = self.cells.levels
        level = min(levels.readable(at_ms, self.now_ms, self.finest), 4)
        return min(max(levels.zone.bucket_start(at_ms, level), self.start_ms), self.end_ms)

    def _by_bucket(
        self, cuts: Cuts, measure: Measure, components: tuple[str, ...], start_ms: int, by_age: int | None = None
    ) -> Iterator[tuple[int, list[int]]]:
        named = ((self.cells.names.key(cut, measure.key, c), n) for n, c in enumerate(components) for cut in cuts)
        wanted = sorted((key, n) for key, n in named if key is not None)
        if not wanted:
            return
        sought = np.array([key for key, _ in wanted], dtype=np.int64)
        for _, start, bucket in self.cells.tiles(start_ms, self.end_ms, self.now_ms, self.finest, by_age=by_age):
            found = [0] * len(components)
            for (_, n), amount in zip(wanted, bucket.of(sought).tolist(), strict=True):
                found[n] += amount
            if any(found):
                yield start, found

    def _total(self) -> Longs:
        finished(self.total_in_steps())
        assert self._inside is not None
        return self._inside

    def _pick(self, total: Longs, cuts: Cuts, measure: Measure, component: str) -> int:
        out = 0
        for cut in cuts:
            place = self.cells.place(cut, measure.key, component)
            if place is not None and place < len(total):
                out += int(total[place])
        return out
