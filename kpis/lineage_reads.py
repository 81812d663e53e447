"""What a figure was read from: the very sums its formula asks a slice for, and which contributions went into them.

A formula is read once more through a slice that notes every question. So the list behind a number is decided by the formula
itself: a contribution belongs to it when it is part of a sum that was asked for, in the span and the cut that were asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kpis import measures as m
from kpis.contributions import Row
from kpis.dimensions import OUTRIGHT, SETS, Attributes, Cut, named_outright
from kpis.formulas import Balance, Resolved, SplitCount
from kpis.kpi import Formula, Targets
from kpis.measures import BY_KEY, SLOTS, STARTS, Measure, bin_letter, components
from kpis.slices import Cuts, Slice

Sum = tuple[str, str]
"""(measure@version, component); the component "b*" stands for every bin whose letter is b."""
_WITHOUT_PARTS: dict[str, Any] = {"parts": None, "by_class": False, "beside": (), "counts": (), "parts_by_class": False}
_TOLD_BESIDE: dict[type, tuple[str, ...]] = {Balance: ("otherwise",), SplitCount: ("switched",), Resolved: ("gross", "customers")}
"""Formulas whose fields name measures that are told beside the value and are no part of it."""


class Noting(Slice):
    """A slice that notes what it is asked about one set of cuts."""

    def __init__(self, of: Slice, cuts: Cuts) -> None:
        super().__init__(of.cells, of.bounds, of.now_ms, of.finest, of.present)
        self._asked_cuts = cuts
        self.sums: dict[Sum, int] = {}
        self.levels: dict[tuple[str, str, int], int] = {}
        self.ages: set[str] = set()

    def get(self, cuts: Cuts, measure: Measure, component: str) -> int:
        """As `Slice.get`."""
        found = super().get(cuts, measure, component)
        if cuts == self._asked_cuts:
            self.sums[measure.key, component] = found
        return found

    def bins(self, cuts: Cuts, measure: Measure, letter: str) -> dict[int, int]:
        """As `Slice.bins`."""
        found = super().bins(cuts, measure, letter)
        if cuts == self._asked_cuts:
            self.sums[measure.key, f"{letter}*"] = sum(found.values())
        return found

    def level(self, cuts: Cuts, measure: Measure, cls: str, at_ms: int | None = None) -> int:
        """As `Slice.level`."""
        found = super().level(cuts, measure, cls, at_ms)
        if cuts == self._asked_cuts:
            self.levels[measure.key, cls, self.end_ms if at_ms is None else at_ms] = found
        return found

    def starts(self, cuts: Cuts, measure: Measure) -> list[tuple[int, int]]:
        """As `Slice.starts`."""
        if cuts == self._asked_cuts:
            self.ages.add(measure.key)
        return super().starts(cuts, measure)

    def by_age(self, cuts: Cuts, measure: Measure, components: tuple[str, ...]) -> list[tuple[int, list[int]]]:
        """As `Slice.by_age`, which a formula asks only for sums over the whole span."""
        for component in components:
            self.get(cuts, measure, component)
        return super().by_age(cuts, measure, components)


class Reads(NamedTuple):
    """The sums and levels one figure was read from, and the span of time that each takes in.

    `sums` are over [start_ms, end_ms); `levels` (measure@version, class, instant) count everything before the instant; `ages`
    are gauges of which the starts were read. `value` names what the value itself rests on, the rest is told beside it.
    `held_from_ms` is the start of the oldest bucket that is still kept: only gauges know what lies before it.
    """

    formula: Formula
    cut: Cut
    start_ms: int
    end_ms: int
    now_ms: int
    held_from_ms: int
    sums: dict[Sum, int]
    levels: dict[tuple[str, str, int], int]
    ages: frozenset[str]
    value: frozenset[Sum]

    @property
    def measures(self) -> frozenset[str]:
        """Every measure@version that was read."""
        return frozenset({key for key, _ in self.sums} | {key for key, _, _ in self.levels} | self.ages)

    @property
    def gauges(self) -> bool:
        """Whether anything was read that reaches back before the span."""
        return bool(self.levels or self.ages)

    def sums_of(self, row: Row) -> list[Sum]:
        """The sums that were read and that this contribution is part of, were it in the span and the cut; none for a gauge's."""
        key, cls = SLOTS[row[0]]
        measure = BY_KEY[key]
        by_count, by_value = components(measure, cls)
        names = [by_count] if by_value is None else [by_count, by_value]
        if letter := bin_letter(measure, cls):
            names.append(f"{letter}*")
        if measure.kind == "cohort" and cls == m.OUTCOME and row[3] <= measure.horizon_ms:
            names.append("within")
        return [(key, name) for name in names if (key, name) in self.sums]

    def in_span(self, at_ms: int) -> bool:
        """Whether sums take in a contribution of this time."""
        return self.start_ms <= at_ms < self.end_ms and at_ms >= self.held_from_ms

    def in_cut(self, attributes: Attributes) -> bool:
        """Whether a contribution with these attributes belongs to the cut."""
        if attributes[0] == OUTRIGHT:
            return named_outright(attributes) == self.cut
        names = SETS[str(attributes[0])].names
        return all(name in names and attributes[1 + names.index(name)] == value for name, value in self.cut)

    def counts(self, row: Row) -> bool:
        """Whether a contribution is part of what was read, a sum or a level."""
        if not self.in_cut(row[2]):
            return False
        key, cls = SLOTS[row[0]]
        if BY_KEY[key].kind == "gauge":
            return self.in_gauge(key, cls, row[1])
        return self.in_span(row[1]) and bool(self.sums_of(row))

    def in_gauge(self, key: str, cls: str, at_ms: int) -> bool:
        """Whether a step of a gauge was read: it lies before an instant whose level, or whose ages, were asked for."""
        if cls == STARTS:
            return key in self.ages and self.held_from_ms <= at_ms < self.end_ms
        return at_ms < self.end_ms and any(key == of and cls == asked for of, asked, _ in self.levels)

    def is_value(self, row: Row) -> bool:
        """Whether the value itself rests on a contribution that counts, rather than a part told beside it."""
        key, cls = SLOTS[row[0]]
        if BY_KEY[key].kind == "gauge":
            return (key, cls) in self.value
        return any(one in self.value for one in self.sums_of(row))


def reads_of(formula: Formula, cells: Slice, cut: Cut, targets: Targets) -> Reads:
    """What a formula reads of a slice for one cut."""
    whole = Noting(cells, (cut,))
    formula.read(whole, (cut,), targets)
    bare = Noting(cells, (cut,))
    _bare(formula).read(bare, (cut,), targets)
    beside = {getattr(formula, name).key for name in _TOLD_BESIDE.get(type(formula), ())}
    value = (
        {one for one in bare.sums if one[0] not in beside}
        | {(key, cls) for key, cls, _ in bare.levels}
        | {(key, STARTS) for key in bare.ages}
    )
    levels = cells.cells.levels
    cover = levels.cover(cells.start_ms, cells.end_ms, cells.now_ms, cells.finest)
    start, end = (cover[0][1], cover[-1][2]) if cover else (cells.start_ms, cells.end_ms)
    held_from = min(cells.cells.buckets[4], default=0)
    return Reads(formula, cut, start, end, cells.now_ms, held_from, whole.sums, whole.levels, frozenset(whole.ages), frozenset(value)
    )  # fmt: skip


def _bare(formula: Formula) -> Formula:
    """The same formula without what it tells beside the value."""
    fields: tuple[str, ...] = getattr(formula, "_fields", ())
    changes = {name: value for name, value in _WITHOUT_PARTS.items() if name in fields}
    if not changes:
        return formula
    bare: Formula = formula._replace(**changes)  # type: ignore[attr-defined]  # formulas are named tuples
    return bare
