"""A strip: consecutive spans of the cells, read for some cuts and measures together, for a series.

A series is one formula over hundreds of spans and dozens of cuts. Each bucket is looked into once, for all cuts, and what it holds
of the measures is small: a formula then reads dictionaries where a `Slice` sums up every cell there is.
Law: a piece of a strip answers as a `Slice` of the same span and cut does; what it does not hold, it asks the cells for, as that would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kpis.cells import Bucket, Cells
from kpis.dimensions import Cut
from kpis.kpi import Value
from kpis.measures import Measure
from kpis.names import COMPONENT_BITS, COMPONENT_MASK
from kpis.slices import Cuts, Slice
from kpis.steps import Steps
from kpis.window import Bounds, Longs

Held = dict[int, int]
"""Amounts by the key of their cell."""
_NOTHING: Held = {}


class Tile(NamedTuple):
    """What a bucket holds of a strip's measures: amounts by cut (its number), empty cuts left out."""

    start_ms: int
    cuts: dict[int, Held]


class Strip:
    """Some cuts of cells that stand still, and the measures that are read of them."""

    def __init__(self, cells: Cells, measures: Iterable[Measure], cuts: Iterable[Cut], now_ms: int, finest: int) -> None:
        self.cells = cells
        self.now_ms = now_ms
        self.finest = finest
        self.measures = {measure.key: measure for measure in measures}
        self.classes: dict[str, tuple[str, ...]] = {}
        self.states: dict[str, tuple[str, ...]] = {}
        components = [(key, name) for key in self.measures for name in cells.components_of(key)]
        self._wanted = np.zeros(len(cells.names.components), dtype=bool)
        self._wanted[[cells.names.component(*named) for named in components]] = True
        keys = ((cut, cells.names.key(cut, *components[0]) if components else None) for cut in cuts)
        self._cuts = {cut: None if key is None else key >> COMPONENT_BITS for cut, key in keys}
        self._low = np.array(sorted(number for number in self._cuts.values() if number is not None), dtype=np.int64) << COMPONENT_BITS
        self._bins: dict[tuple[str, str], dict[int, int]] = {}
        self._levels: dict[Cut, Held] = {}
        self._uneventful: dict[Cut, Value] = {}

    def begin(self, start_ms: int) -> Steps[None]:
        """Read the levels that the measures' gauges have where the strip begins; its spans are then read one after another."""
        gauges = [(m.key, name) for m in self.measures.values() if m.kind == "gauge" for name in self.cells.components_of(m.key)]
        if not gauges:
            return
        total = yield from self.cells.total_in_steps(None, start_ms, self.now_ms, self.finest)
        for cut in self._cuts:
            found = ((self.cells.names.key(cut, *named), self.cells.place(cut, *named)) for named in gauges)
            self._levels[cut] = {key: int(total[at]) for key, at in found if key is not None and at is not None and at < len(total)}
            yield

    def values(self, bounds: Bounds, present: bool, read: Callable[[Piece], Value]) -> Iterator[Value]:
        """What `read` makes of one span, for each cut; every span is read to its end before the next.

        Where nothing happened it is what was made of the last such span, for a formula sees sums, and levels which stayed as they were.
        """
        span = _Span(self, bounds, present)
        for cut in self._cuts:
            held = self.of(span.cuts, cut)
            value = None if held else self._uneventful.get(cut)
            levels = self._levels.get(cut)
            if value is None:
                value = read(Piece(span, cut, held, levels))
                if not held:
                    self._uneventful[cut] = value
            yield value
            if held and levels is not None:
                self._uneventful.pop(cut, None)
                for key, amount in held.items():
                    levels[key] = levels.get(key, 0) + amount

    def tiles(self, bounds: Bounds, by_age: int | None = None) -> list[Tile]:
        """The buckets that tile a span, as `Cells.tiles` chooses them."""
        found = self.cells.tiles(bounds.start_ms, bounds.end_ms, self.now_ms, self.finest, by_age=by_age)
        return [Tile(start, cuts) for _, start, bucket in found if (cuts := self._of(bucket))]

    def bins(self, measure: Measure, letter: str) -> dict[int, int]:
        """The bin that each of a measure's components with this letter counts."""
        found = self._bins.get((measure.key, letter))
        if found is None:
            bins, components = self.cells.bins_of(measure.key, letter)
            found = self._bins[measure.key, letter] = dict(zip(components.tolist(), bins.tolist(), strict=True))
        return found

    def of(self, by_cut: dict[int, Held], cut: Cut) -> Held:
        """What is held of one of the strip's cuts."""
        number = self._cuts[cut]
        return _NOTHING if number is None else by_cut.get(number, _NOTHING)

    def _of(self, bucket: Bucket) -> dict[int, Held]:
        if not len(self._low):
            return {}
        keys, amounts = bucket.column()
        first = np.searchsorted(keys, self._low)
        sizes = np.searchsorted(keys, self._low + (1 << COMPONENT_BITS)) - first
        at = np.arange(int(sizes.sum())) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)  # the cuts' own keys, side by side
        at = at[self._wanted[keys[at] & COMPONENT_MASK]]
        keys, amounts = keys[at], amounts[at]
        return _by_cut(keys, amounts) if len(keys) else {}


def _by_cut(keys: Longs, amounts: Longs) -> dict[int, Held]:
    cuts = keys >> COMPONENT_BITS
    edges = [0, *(np.flatnonzero(cuts[1:] != cuts[:-1]) + 1).tolist(), len(keys)]
    names, values, numbers = keys.tolist(), amounts.tolist(), cuts.tolist()
    return {numbers[low]: dict(zip(names[low:high], values[low:high], strict=True)) for low, high in pairwise(edges)}


class _Span:
    """One span of a strip, for all its cuts; `cuts` is what each holds over the whole of it."""

    def __init__(self, strip: Strip, bounds: Bounds, present: bool) -> None:
        self.strip = strip
        self.bounds = bounds
        self.present = present
        self._tiles: dict[int | None, list[Tile]] = {}
        self._shorter: dict[int, _Span] = {}
        self.cuts: dict[int, Held] = {}
        tiles = self.tiles()
        if len(tiles) == 1:
            self.cuts = tiles[0].cuts
            return
        for tile in tiles:
            for number, held in tile.cuts.items():
                total = self.cuts.setdefault(number, {})
                for key, amount in held.items():
                    total[key] = total.get(key, 0) + amount

    def tiles(self, by_age: int | None = None) -> list[Tile]:
        """Its tiles, read once for all cuts."""
        found = self._tiles.get(by_age)
        if found is None:
            found = self._tiles[by_age] = self.strip.tiles(self.bounds, by_age)
        return found

    def until(self, end_ms: int) -> _Span:
        """The same span with an earlier end."""
        found = self._shorter.get(end_ms)
        if found is None:
            found = self._shorter[end_ms] = _Span(self.strip, self.bounds._replace(end_ms=end_ms), False)
        return found


class Piece(Slice):
    """A slice for one cut, of which the value and n alone are wanted: what it holds, and the levels of its gauges at the start."""

    brief = True

    def __init__(self, span: _Span, cut: Cut, held: Held, levels: Held | None) -> None:
        strip = span.strip
        super().__init__(strip.cells, span.bounds, strip.now_ms, strip.finest, span.present)
        self.cuts: Cuts = (cut,)
        self._strip = strip
        self._span = span
        self._held = held
        self._levels = levels

    def get(self, cuts: Cuts, measure: Measure, component: str) -> int:
        """As `Slice.get`."""
        if not self._holds(cuts, measure):
            return super().get(cuts, measure, component)
        key = self.cells.names.key(self.cuts[0], measure.key, component)
        return 0 if key is None else self._held.get(key, 0)

    def classes(self, measure: Measure) -> tuple[str, ...]:
        """As `Slice.classes`, looked up once for the strip."""
        found = self._strip.classes.get(measure.key)
        if found is None:
            found = self._strip.classes[measure.key] = super().classes(measure)
        return found

    def bins(self, cuts: Cuts, measure: Measure, letter: str) -> dict[int, int]:
        """As `Slice.bins`."""
        if not self._holds(cuts, measure):
            return super().bins(cuts, measure, letter)
        bins = self._strip.bins(measure, letter)
        found = ((bins.get(key & COMPONENT_MASK), amount) for key, amount in self._held.items())
        return dict(sorted((index, amount) for index, amount in found if index is not None and amount))

    def states(self, measure: Measure) -> tuple[str, ...]:
        """As `Slice.states`, looked up once for the strip."""
        found = self._strip.states.get(measure.key)
        if found is None:
            found = self._strip.states[measure.key] = super().states(measure)
        return found

    def level(self, cuts: Cuts, measure: Measure, cls: str, at_ms: int | None = None) -> int:
        """As `Slice.level`."""
        at = self.end_ms if at_ms is None else at_ms
        key = self.cells.names.key(self.cuts[0], measure.key, cls)
        if self._levels is None or key is None or not self._holds(cuts, measure) or at not in (self.start_ms, self.end_ms):
            return super().level(cuts, measure, cls, at)
        at_start = self._levels.get(key, 0)
        return at_start if at == self.start_ms else at_start + self._held.get(key, 0)

    def until(self, at_ms: int) -> Slice:
        """As `Slice.until`."""
        span = self._span.until(self._end_until(at_ms))
        return Piece(span, self.cuts[0], self._strip.of(span.cuts, self.cuts[0]), None)

    def _by_bucket(
        self, cuts: Cuts, measure: Measure, components: tuple[str, ...], start_ms: int, by_age: int | None = None
    ) -> Iterator[tuple[int, list[int]]]:
        if start_ms != self.start_ms or not self._holds(cuts, measure):
            yield from super()._by_bucket(cuts, measure, components, start_ms, by_age)
            return
        keys = [self.cells.names.key(self.cuts[0], measure.key, component) for component in components]
        for tile in self._span.tiles(by_age):
            held = self._strip.of(tile.cuts, self.cuts[0])
            found = [0 if key is None else held.get(key, 0) for key in keys]
            if any(found):
                yield tile.start_ms, found

    def _holds(self, cuts: Cuts, measure: Measure) -> bool:
        return cuts == self.cuts and measure.key in self._strip.measures
