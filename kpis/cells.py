"""Cells: for each level and bucket, how much every component of every cut holds. They add, and subtract exactly.

A *pair* is a (cut, component) with a number of its own; a bucket is a sparse column of pairs. Adding is appending, and a bucket
is summed up when it is read or written. Gauges keep what is older than the oldest bucket in a base.
Laws: order, repetition of taking back and splitting of what is added cannot matter; a cell of 0 is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kpis import sketch
from kpis.dimensions import OUTRIGHT, SETS, TOTAL, Attributes, Cut, cuts_of, named_outright
from kpis.measures import BY_KEY, Measure, bin_letter, components
from kpis.window import Levels, Longs
from schemas.differences import Differences

EMPTY = np.zeros(0, dtype=np.int64)
_TEMPLATES_MAX = 100_000
"""Templates remembered per (attributes, slot): past it they are forgotten and made anew, so that hostile values stay bounded."""


class Template(NamedTuple):
    """Where one class of one measure goes for one tuple of attributes.

    Pairs to add counts to, pairs to add values to, and the cuts that hold bins (found per bin, on first use).
    """

    by_count: Longs
    by_value: Longs
    value_is_sum: bool
    letter: str
    measure: Measure | None
    cuts: tuple[Cut, ...]
    sketched: tuple[Cut, ...]
    bins: dict[int, tuple[int, ...]]


class Bucket:
    """A sparse column: ascending pairs and their amounts, and what was appended since they were last summed up."""

    __slots__ = ("_amounts", "_pairs", "_pending", "_waiting")

    def __init__(self) -> None:
        self._pairs = EMPTY
        self._amounts = EMPTY
        self._pending: list[tuple[Longs, Longs]] = []
        self._waiting = 0

    def add(self, pairs: Longs, amounts: Longs) -> None:
        """Append amounts; they may repeat pairs and be negative."""
        self._pending.append((pairs, amounts))
        self._waiting += len(pairs)
        if self._waiting > 4096 + 2 * len(self._pairs):
            self.column()

    def column(self) -> tuple[Longs, Longs]:
        """(pairs ascending, amounts not 0)."""
        if self._pending:
            pairs = np.concatenate([self._pairs, *(p for p, _ in self._pending)])
            amounts = np.concatenate([self._amounts, *(a for _, a in self._pending)])
            order = np.argsort(pairs, kind="stable")
            pairs, amounts = pairs[order], amounts[order]
            first = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
            sums = np.add.reduceat(amounts, first)
            held = sums != 0
            self._pairs, self._amounts = pairs[first][held], sums[held]
            self._pending, self._waiting = [], 0
        return self._pairs, self._amounts


class Cells:
    """All cells of all levels."""

    def __init__(self, levels: Levels, pairs: tuple[tuple[str, str], ...] = (("channel", "team"),)) -> None:
        self.levels = levels
        self.dimension_pairs = pairs
        self.cuts: list[Cut] = []
        self.components: list[tuple[str, str]] = []
        self.pair_cut: list[int] = []
        self.pair_component: list[int] = []
        self.buckets: list[dict[int, Bucket]] = [{} for _ in levels.all]
        self.base = Bucket()
        self.touched: set[tuple[int, int]] = set()
        self.version = 0
        self._cut_numbers: dict[Cut, int] = {}
        self._component_numbers: dict[tuple[str, str], int] = {}
        self._pair_numbers: dict[tuple[int, int], int] = {}
        self._templates: dict[tuple[Attributes, str, str], Template] = {}
        self._gauge_pairs: set[int] = set()
        self._cuts_by_names: dict[tuple[str, ...], int] = {}

    # ---- names ---------------------------------------------------------------------------------

    def pair(self, cut: Cut, measure_key: str, component: str) -> int:
        """The number of a pair, given on first use."""
        cut_number = self._cut_numbers.get(cut)
        if cut_number is None:
            cut_number = self._new_cut(cut)
        key = (measure_key, component)
        number = self._component_numbers.get(key)
        if number is None:
            number = self._component_numbers[key] = len(self.components)
            self.components.append(key)
        both = (cut_number, number)
        pair = self._pair_numbers.get(both)
        if pair is None:
            pair = self._pair_numbers[both] = len(self.pair_cut)
            self.pair_cut.append(cut_number)
            self.pair_component.append(number)
            if measure_key in BY_KEY and BY_KEY[measure_key].kind == "gauge":
                self._gauge_pairs.add(pair)
        return pair

    def _new_cut(self, cut: Cut) -> int:
        names = tuple(name for name, _ in cut)
        seen = self._cuts_by_names.get(names, 0)
        if seen >= VALUES_MAX:
            overflow = tuple((name, OTHER) for name in names)
            if overflow in self._cut_numbers:
                return self._cut_numbers[overflow]
            cut = overflow
        self._cuts_by_names[names] = seen + 1
        number = self._cut_numbers[cut] = len(self.cuts)
        self.cuts.append(cut)
        return number

    def find(self, cut: Cut, measure_key: str, component: str) -> int | None:
        """The number of a pair that something was ever added to, else None."""
        cut_number = self._cut_numbers.get(cut)
        number = self._component_numbers.get((measure_key, component))
        if cut_number is None or number is None:
            return None
        return self._pair_numbers.get((cut_number, number))

    def components_of(self, measure_key: str) -> list[str]:
        """All components a measure ever had, in order of first sight."""
        return [component for key, component in self.components if key == measure_key]

    def values_of(self, dimension: str) -> list[str]:
        """All values a dimension ever had, sorted."""
        return sorted({cut[0][1] for cut in self.cuts if len(cut) == 1 and cut[0][0] == dimension})

    # ---- adding --------------------------------------------------------------------------------

    def add(self, differences: Differences) -> None:
        """Add the contributions of one record, at the level of each row and all coarser ones."""
        if not differences.slot:
            return
        slot = np.frombuffer(differences.slot, dtype=np.int32).astype(np.int64)
        attribute = np.frombuffer(differences.attribute, dtype=np.int32)
        level = np.frombuffer(differences.level, dtype=np.int8)
        time = np.frombuffer(differences.time, dtype=np.int64)
        value = np.frombuffer(differences.value, dtype=np.int64)
        count = np.frombuffer(differences.count, dtype=np.int64)
        kinds, of_row = np.unique(attribute * np.int64(len(differences.slots)) + slot, return_inverse=True)
        templates = [self._template_of(differences, *divmod(int(kind), len(differences.slots))) for kind in kinds]
        rows_n, pairs_n = _expand([t.by_count for t in templates], of_row)
        rows_x, pairs_x = _expand([t.by_value for t in templates], of_row)
        is_gauge = np.array([t.value_is_sum for t in templates])[of_row]
        by_value = np.where(is_gauge, value, value * count)
        rows_b, pairs_b = self._binned(templates, of_row, value)
        rows = np.concatenate([rows_n, rows_x, rows_b])
        amounts = np.concatenate([count[rows_n], by_value[rows_x], count[rows_b]])
        self._add_expanded(np.concatenate([pairs_n, pairs_x, pairs_b]), amounts, time[rows], level[rows])
        self.version += 1

    def _template_of(self, differences: Differences, attribute: int, slot: int) -> Template:
        attributes, (measure_key, cls) = differences.attributes[attribute], differences.slots[slot]
        name = (attributes, measure_key, cls)
        template = self._templates.get(name)
        if template is None:
            measure = BY_KEY.get(measure_key)
            template = _NOTHING if measure is None else self._template(measure, cls, attributes)
            if len(self._templates) >= _TEMPLATES_MAX:
                self._templates.clear()
            self._templates[name] = template
        return template

    def _binned(self, templates: list[Template], of_row: Longs, value: Longs) -> tuple[Longs, Longs]:
        """Rows and pairs of the bins (and of "within the horizon") that the values of rows with a sketch fall into."""
        with_values = np.array([t.letter != "" for t in templates])[of_row]
        rows: list[int] = []
        pairs: list[int] = []
        if with_values.any():
            at = np.flatnonzero(with_values)
            bins = sketch.bins_of(value[at])
            for row, kind, number in zip(at.tolist(), of_row[at].tolist(), bins.tolist(), strict=True):
                template = templates[kind]
                found = template.bins.get(number)
                if found is None:
                    found = template.bins[number] = self._bin_pairs(template, number)
                pairs += found
                rows += [row] * len(found)
        return np.array(rows, dtype=np.int64), np.array(pairs, dtype=np.int64)

    def _bin_pairs(self, template: Template, number: int) -> tuple[int, ...]:
        measure = template.measure
        assert measure is not None
        key = measure.key
        found = [self.pair(cut, key, f"{template.letter}{number}") for cut in template.sketched]
        if template.letter == "o" and sketch.upper_ms(number) <= measure.horizon_ms:
            found += [self.pair(cut, key, "within") for cut in template.cuts]
        return tuple(found)

    def _add_expanded(self, pairs: Longs, amounts: Longs, time: Longs, level: npt.NDArray[np.int8]) -> None:
        for number in range(5):
            mask = level <= number
            if not mask.any():
                continue
            starts = self.levels.zone.bucket_starts(time[mask], number)
            self._add_level(number, starts, pairs[mask], amounts[mask])

    def _add_level(self, level: int, starts: Longs, pairs: Longs, amounts: Longs) -> None:
        order = np.argsort(starts, kind="stable")
        starts, pairs, amounts = starts[order], pairs[order], amounts[order]
        edges = [*np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]])).tolist(), len(starts)]
        buckets = self.buckets[level]
        for low, high in pairwise(edges):
            start = int(starts[low])
            bucket = buckets.get(start)
            if bucket is None:
                bucket = buckets[start] = Bucket()
            bucket.add(pairs[low:high], amounts[low:high])
            self.touched.add((level, start))

    def _template(self, measure: Measure, cls: str, attributes: Attributes) -> Template:
        by_count, by_value = components(measure, cls)
        if attributes[0] == OUTRIGHT:
            cuts = [named_outright(attributes)]
        else:
            cuts = cuts_of(SETS[str(attributes[0])].names, attributes, self.dimension_pairs)
        key = measure.key
        return Template(
            by_count=np.array([self.pair(cut, key, c) for cut in cuts for c in by_count], dtype=np.int64),
            by_value=np.array([self.pair(cut, key, c) for cut in cuts for c in by_value], dtype=np.int64),
            value_is_sum=measure.kind == "gauge",
            letter=bin_letter(measure, cls),
            measure=measure,
            cuts=tuple(cuts),
            sketched=tuple(cut for cut in cuts if has_sketch(measure, cut)),
            bins={},
        )

    # ---- reading -------------------------------------------------------------------------------

    def total(self, start_ms: int | None, end_ms: int, now_ms: int, finest: int = 0) -> Longs:
        """Σ of every pair over [start_ms, end_ms), indexed by pair; `start_ms` None is everything before, the base included."""
        out = np.zeros(len(self.pair_cut), dtype=np.int64)
        if start_ms is None:
            pairs, amounts = self.base.column()
            out[pairs] += amounts
            start_ms = min(self.buckets[4], default=end_ms)
        for bucket in self.over(start_ms, end_ms, now_ms, finest):
            pairs, amounts = bucket.column()
            out[pairs] += amounts
        return out

    def over(self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0) -> Iterator[Bucket]:
        """The buckets that tile [start_ms, end_ms)."""
        for _, _, bucket in self.tiles(start_ms, end_ms, now_ms, finest):
            yield bucket

    def tiles(self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0) -> Iterator[tuple[int, int, Bucket]]:
        """(level, start, bucket) of the buckets that tile [start_ms, end_ms); empty ones are left out."""
        for level, low, high in self.levels.cover(start_ms, end_ms, now_ms, finest):
            buckets = self.buckets[level]
            width = self.levels.all[level].width_ms
            if (high - low) // width > 2 * len(buckets):
                found = sorted(s for s in buckets if low <= s < high)
            else:
                found = []
                at = low
                while at < high:
                    if at in buckets:
                        found.append(at)
                    at = self.levels.zone.bucket_end(at, level)
            for start in found:
                yield level, start, buckets[start]

    # ---- keeping -------------------------------------------------------------------------------

    def prune(self, now_ms: int) -> list[tuple[int, int]]:
        """Let go of buckets older than their level keeps them; gauges of the day level go into the base. What went: (level, start)."""
        gone: list[tuple[int, int]] = []
        for level in self.levels.all:
            buckets = self.buckets[level.number]
            for start in [s for s in buckets if now_ms - s >= level.kept_ms + level.width_ms]:
                bucket = buckets.pop(start)
                gone.append((level.number, start))
                self.touched.discard((level.number, start))
                if level.number == 4:
                    self._to_base(bucket)
        return gone

    def _to_base(self, bucket: Bucket) -> None:
        pairs, amounts = bucket.column()
        gauges = np.fromiter((p in self._gauge_pairs for p in pairs.tolist()), dtype=bool, count=len(pairs))
        if gauges.any():
            self.base.add(pairs[gauges], amounts[gauges])

    # ---- at rest -------------------------------------------------------------------------------

    def at_rest(self, level: int, start_ms: int) -> dict[bytes, bytes]:
        """One bucket as records of `cells`: key level|start|measure|part, value {cut: {component: amount}}; canonical bytes."""
        bucket = self.base if level == BASE else self.buckets[level].get(start_ms)
        by_measure: dict[str, dict[str, dict[str, int]]] = {}
        if bucket is not None:
            pairs, amounts = bucket.column()
            for pair, amount in zip(pairs.tolist(), amounts.tolist(), strict=True):
                measure_key, component = self.components[self.pair_component[pair]]
                cut = cut_name(self.cuts[self.pair_cut[pair]])
                by_measure.setdefault(measure_key, {}).setdefault(cut, {})[component] = amount
        out: dict[bytes, bytes] = {}
        for measure, cuts in by_measure.items():
            names = sorted(cuts)
            for part, first in enumerate(range(0, len(names), CUTS_PER_RECORD)):
                held = {name: cuts[name] for name in names[first : first + CUTS_PER_RECORD]}
                out[f"{level}|{start_ms}|{measure}|{part}".encode()] = _CANONICAL.encode(held)
        return out

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of `cells`."""
        level, start, measure, _ = key.decode().split("|", 3)
        pairs, amounts = [], []
        for cut, held in _CELL.decode(value).items():
            for component, amount in held.items():
                pairs.append(self.pair(cut_from(cut), measure, component))
                amounts.append(amount)
        bucket = self.base if int(level) == BASE else self.buckets[int(level)].setdefault(int(start), Bucket())
        bucket.add(np.array(pairs, dtype=np.int64), np.array(amounts, dtype=np.int64))
        self.version += 1


CUTS_PER_RECORD = 1_000
"""Cuts of one record of `cells`: with every component they hold, and the bins of at most a hundred of them, below 900 KB."""
VALUES_MAX = 50_000
"""Values of one dimension that cells tell apart: a hundred times what is published. Past it hostile values share `__other__`."""
OTHER = "__other__"
BASE = 9
"""The level under which the base of gauges stands in `cells`."""


_NOTHING = Template(EMPTY, EMPTY, False, "", None, (), (), {})


def _expand(templates: list[Longs], of_row: Longs) -> tuple[Longs, Longs]:
    """For every row the pairs of its template, one after the other: (row of each, pairs)."""
    sizes = np.array([len(t) for t in templates], dtype=np.int64)
    lengths = sizes[of_row]
    rows = np.repeat(np.arange(len(of_row), dtype=np.int64), lengths)
    if not len(rows):
        return EMPTY, EMPTY
    first = np.cumsum(sizes) - sizes
    before = np.cumsum(lengths) - lengths
    at = np.arange(len(rows), dtype=np.int64) - before[rows] + first[of_row][rows]
    return rows, np.concatenate(templates)[at]


def has_sketch(measure: Measure, cut: Cut) -> bool:
    """Whether a cut of a measure holds the bins of its values."""
    return cut == TOTAL or (len(cut) == 1 and cut[0][0] in measure.sketch_by)


def cut_name(cut: Cut) -> str:
    """A cut as text that no value can forge."""
    return _CANONICAL.encode([list(part) for part in cut]).decode()


def cut_from(name: str) -> Cut:
    """The inverse of `cut_name`."""
    return _CUT.decode(name)


def bins_in(components_and_amounts: Iterable[tuple[str, int]], letter: str) -> dict[int, int]:
    """The bins of one sketch (b values, o outcomes, c censored) among components."""
    return {int(c[1:]): amount for c, amount in components_and_amounts if c[0] == letter and c[1:].isdigit() and amount}


_CANONICAL = msgspec.json.Encoder(order="deterministic")
_CELL = msgspec.json.Decoder(dict[str, dict[str, int]])
_CUT = msgspec.json.Decoder(Cut)
