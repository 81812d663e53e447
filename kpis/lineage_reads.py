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
        self.whole: set[str] = set()

    def classes(self, measure: Measure) -> tuple[str, ...]:
        """As `Slice.classes`: who asks for all that were seen would have asked for any other too."""
        self.whole.add(measure.key)
        return super().classes(measure)

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


class _Plan(NamedTuple):
    """What of a figure contributions of one slot may be part of: the sums asked for, one more for values up to `within_ms`."""

    key: str
    cls: str
    gauge: bool
    sums: tuple[Sum, ...]
    within: tuple[Sum, ...]
    within_ms: int


class Reads:
    """The sums and levels one figure was read from, and the span of time that each takes in.

    `sums` are over [start_ms, end_ms); `levels` (measure@version, class, instant) count everything before the instant; `ages`
    are gauges of which the starts were read; `measures` are all measure@version among them. `value` names what the value itself
    rests on, the rest is told beside it. `held_from_ms` is the start of the oldest bucket that may still be kept: only gauges know
    what lies before it.
    """

    def __init__(self, formula: Formula, noted: Noting, cut: Cut, value: frozenset[Sum]) -> None:
        cells = noted.cells
        cover = cells.levels.cover(noted.start_ms, noted.end_ms, noted.now_ms, noted.finest)
        self.formula = formula
        self.cut = cut
        self.start_ms, self.end_ms = (cover[0][1], cover[-1][2]) if cover else (noted.start_ms, noted.end_ms)
        self.now_ms = noted.now_ms
        days, zone = cells.levels.all[4], cells.levels.zone
        self.held_from_ms = zone.bucket_end(zone.day_start(noted.now_ms - days.kept_ms - days.width_ms), 4)  # as `Cells.prune`
        self.sums = noted.sums
        self.levels = noted.levels
        self.ages = frozenset(noted.ages)
        self.value = value
        self.measures = frozenset({key for key, _ in self.sums} | {key for key, _, _ in self.levels} | self.ages | noted.whole)
        self._whole = noted.whole
        self._levelled = frozenset((key, cls) for key, cls, _ in self.levels)
        self._seen = cells.components_of
        self._plans: dict[int, _Plan | None] = {}

    @property
    def gauges(self) -> bool:
        """Whether anything was read that reaches back before the span."""
        return bool(self.levels or self.ages)

    def wants(self, slot: int) -> bool:
        """Whether contributions of a slot have to do with the figure: of a measure that was read, or of durations that cannot be."""
        return SLOTS[slot][0] in self.measures or SLOTS[slot][0] in (m.QUARANTINED.key, m.QUARANTINED_SALE.key)

    def sums_of(self, row: Row) -> tuple[Sum, ...]:
        """The sums that were read and that this contribution is part of, were it in the span and the cut; none for a gauge's."""
        plan = self._plan(row[0])
        if plan is None:
            return ()
        return (*plan.sums, *plan.within) if plan.within and row[3] <= plan.within_ms else plan.sums

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
        plan = self._plan(row[0])
        if plan is None or not self.in_cut(row[2]):
            return False
        if plan.gauge:  # a step of a gauge lies before an instant whose level, or whose ages, were asked for
            return row[1] < self.end_ms and (plan.cls != STARTS or row[1] >= self.held_from_ms)
        return self.in_span(row[1]) and bool(self.sums_of(row))

    def is_value(self, row: Row) -> bool:
        """Whether the value itself rests on a contribution that counts, rather than a part told beside it."""
        plan = self._plan(row[0])
        if plan is None:
            return False
        return (plan.key, plan.cls) in self.value if plan.gauge else any(one in self.value for one in self.sums_of(row))

    def _plan(self, slot: int) -> _Plan | None:
        if slot not in self._plans:
            self._plans[slot] = self._new_plan(*SLOTS[slot])
        return self._plans[slot]

    def _new_plan(self, key: str, cls: str) -> _Plan | None:
        measure = BY_KEY[key]
        if measure.kind == "gauge":
            read = key in self.ages if cls == STARTS else (key, cls) in self._levelled
            return _Plan(key, cls, True, (), (), 0) if read else None
        by_count, by_value = components(measure, cls)
        names = [by_count] if by_value is None else [by_count, by_value]
        if letter := bin_letter(measure, cls):
            names.append(f"{letter}*")
        sums = tuple((key, name) for name in names if (key, name) in self.sums)
        if not sums and key in self._whole and by_count not in self._seen(key) and _would_read(self.formula, cls):
            sums = ((key, by_count),)  # a class of which nothing stands: all of it was taken back
        outcome = measure.kind == "cohort" and cls == m.OUTCOME and (key, "within") in self.sums
        within = ((key, "within"),) if outcome else ()
        return _Plan(key, cls, False, sums, within, measure.horizon_ms) if sums or within else None


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
    return Reads(formula, whole, cut, frozenset(value))


def _would_read(formula: Formula, cls: str) -> bool:
    """Whether a formula that reads all classes of a measure reads one that it never saw; answers are told apart by their question."""
    if cls.startswith(m.PART) or "|" not in cls:
        return not cls.startswith(m.PART)
    metric, question, _ = cls.split("|", 2)
    wanted = getattr(formula, "question", None)
    return metric == getattr(formula, "metric", "nps") and wanted in (None, question)


def _bare(formula: Formula) -> Formula:
    """The same formula without what it tells beside the value."""
    fields: tuple[str, ...] = getattr(formula, "_fields", ())
    changes = {name: value for name, value in _WITHOUT_PARTS.items() if name in fields}
    if not changes:
        return formula
    bare: Formula = formula._replace(**changes)  # type: ignore[attr-defined]  # formulas are named tuples
    return bare
