"""Expanding differences: from rows (slot, attributes, time, value, count) to amounts of single cells.

A row adds its count to one component of every cut its attributes belong to, its value to another where the measure has one, and
its count to the bin its value falls into on the cuts that hold a sketch. All of a record at once, by arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kpis import sketch
from kpis.dimensions import OUTRIGHT, SETS, TOTAL, Attributes, Cut, cuts_of, named_outright
from kpis.measures import BY_KEY, OUTCOME, Measure, bin_letter, components
from kpis.names import COMPONENT_BITS, Names
from kpis.window import Longs
from schemas.differences import Differences

EMPTY = np.zeros(0, dtype=np.int64)
_REMEMBERED_MAX = 100_000
"""Attribute tuples whose cuts are remembered: past it they are worked out anew, so that hostile values stay bounded."""


class Plan(NamedTuple):
    """Where contributions of one slot go: components (−1: none), and the bins of its values."""

    by_count: int
    by_value: int
    value_is_sum: bool
    letter: str
    within: int
    measure: Measure
    bins: Longs


class CutsOf:
    """The cuts of one attribute tuple, and those of them that hold a sketch, as numbers."""

    __slots__ = ("all", "cuts", "sketched")

    def __init__(self, cuts: list[Cut], numbers: Longs) -> None:
        self.cuts = cuts
        self.all = numbers
        self.sketched: dict[tuple[str, ...], Longs] = {}

    def with_sketch(self, sketch_by: tuple[str, ...]) -> Longs:
        """The numbers of the cuts that hold bins of a measure sketched by these dimensions."""
        found = self.sketched.get(sketch_by)
        if found is None:
            held = [cut == TOTAL or (len(cut) == 1 and cut[0][0] in sketch_by) for cut in self.cuts]
            found = self.sketched[sketch_by] = self.all[np.array(held, dtype=bool)]
        return found


class Amounts(NamedTuple):
    """Amounts of single cells: key, amount, the time and level of the row each came from."""

    keys: Longs
    amounts: Longs
    time: Longs
    level: npt.NDArray[np.int8]


class Expansion:
    """Expands records by one table of names."""

    def __init__(self, names: Names, pairs: tuple[tuple[str, str], ...]) -> None:
        self.names = names
        self._pairs = pairs
        self._plans: dict[tuple[str, str], Plan | None] = {}
        self._cuts: dict[Attributes, CutsOf] = {}

    def expand(self, differences: Differences) -> Amounts | None:
        """The amounts of one record; None when it holds no row of a known measure."""
        plans = [self._plan(*slot) for slot in differences.slots]
        slot = np.frombuffer(differences.slot, dtype=np.int32)
        known = np.array([plan is not None for plan in plans], dtype=bool)[slot] if len(slot) else np.zeros(0, dtype=bool)
        if not known.any():
            return None
        slot = slot[known]
        attribute = np.frombuffer(differences.attribute, dtype=np.int32)[known]
        time = np.frombuffer(differences.time, dtype=np.int64)[known]
        value = np.frombuffer(differences.value, dtype=np.int64)[known]
        count = np.frombuffer(differences.count, dtype=np.int64)[known]
        level = np.frombuffer(differences.level, dtype=np.int8)[known]
        cuts = [self._cuts_of(attributes) for attributes in differences.attributes]
        arrays = [c.all for c in cuts]

        def of_slot(field: str, default: int) -> Longs:
            found: Longs = np.array([default if plan is None else getattr(plan, field) for plan in plans], dtype=np.int64)[slot]
            return found

        rows, numbers = _repeated(arrays, attribute)
        keys = [numbers << COMPONENT_BITS | of_slot("by_count", 0)[rows]]
        amounts, origin = [count[rows]], [rows]
        by_value = of_slot("by_value", -1)
        amount = np.where(of_slot("value_is_sum", 0) == 1, value, value * count)
        for at, component, of_row in (
            (np.flatnonzero(by_value >= 0), by_value, amount),
            *self._within(plans, slot, value, count),
        ):
            rows, numbers = _repeated(arrays, attribute[at])
            rows = at[rows]
            keys.append(numbers << COMPONENT_BITS | component[rows])
            amounts.append(of_row[rows])
            origin.append(rows)
        for at, component, letter_cuts in self._sketched(plans, slot, attribute, value, cuts):
            rows, numbers = _repeated(letter_cuts, np.arange(len(at)))
            keys.append(numbers << COMPONENT_BITS | component[rows])
            amounts.append(count[at[rows]])
            origin.append(at[rows])
        every = np.concatenate(origin)
        return Amounts(np.concatenate(keys), np.concatenate(amounts), time[every], level[every])

    def _within(self, plans: Sequence[Plan | None], slot: Longs, value: Longs, count: Longs) -> list[tuple[Longs, Longs, Longs]]:
        """Outcomes within their cohort's horizon, which every cut counts."""
        within = np.array([-1 if plan is None else plan.within for plan in plans], dtype=np.int64)[slot]
        horizon = np.array([0 if plan is None else plan.measure.horizon_ms for plan in plans], dtype=np.int64)[slot]
        at = np.flatnonzero((within >= 0) & (value <= horizon))
        return [(at, within, count)] if len(at) else []

    def _sketched(
        self, plans: Sequence[Plan | None], slot: Longs, attribute: Longs, value: Longs, cuts: list[CutsOf]
    ) -> list[tuple[Longs, Longs, list[Longs]]]:
        """Rows whose value falls into a bin: which rows, the bin's component for each, the cuts that hold it for each."""
        at = np.flatnonzero(np.array([plan is not None and plan.letter != "" for plan in plans], dtype=bool)[slot])
        if not len(at):
            return []
        bins = sketch.bins_of(value[at])
        component = np.empty(len(at), dtype=np.int64)
        held: list[Longs] = []
        for position, (s, a, b) in enumerate(zip(slot[at].tolist(), attribute[at].tolist(), bins.tolist(), strict=True)):
            plan = plans[s]
            assert plan is not None
            number = plan.bins[b]
            if number < 0:
                number = plan.bins[b] = self.names.component(plan.measure.key, f"{plan.letter}{b}")
            component[position] = number
            held.append(cuts[a].with_sketch(plan.measure.sketch_by))
        return [(at, component, held)]

    def _plan(self, measure_key: str, cls: str) -> Plan | None:
        name = (measure_key, cls)
        if name not in self._plans:
            self._plans[name] = self._new_plan(measure_key, cls)
        return self._plans[name]

    def _new_plan(self, measure_key: str, cls: str) -> Plan | None:
        measure = BY_KEY.get(measure_key)
        if measure is None:
            return None
        by_count, by_value = components(measure, cls)
        number = self.names.component
        letter = bin_letter(measure, cls)
        return Plan(
            by_count=number(measure_key, by_count),
            by_value=number(measure_key, by_value) if by_value is not None else -1,
            value_is_sum=measure.kind == "gauge",
            letter=letter,
            within=number(measure_key, "within") if measure.kind == "cohort" and cls == OUTCOME else -1,
            measure=measure,
            bins=np.full(sketch.LAST_BIN + 1 if letter else 0, -1, dtype=np.int64),
        )

    def _cuts_of(self, attributes: Attributes) -> CutsOf:
        found = self._cuts.get(attributes)
        if found is None:
            if attributes[0] == OUTRIGHT:
                cuts = [named_outright(attributes)]
            else:
                cuts = cuts_of(SETS[str(attributes[0])].names, attributes, self._pairs)
            found = CutsOf(cuts, np.array([self.names.cut(cut) for cut in cuts], dtype=np.int64))
            if len(self._cuts) >= _REMEMBERED_MAX:
                self._cuts.clear()
            self._cuts[attributes] = found
        return found


def _repeated(arrays: list[Longs], which: Longs) -> tuple[Longs, Longs]:
    """For every row its array, one after the other: (the row of each, the values)."""
    sizes = np.array([len(a) for a in arrays], dtype=np.int64)
    lengths = sizes[which]
    rows = np.repeat(np.arange(len(which), dtype=np.int64), lengths)
    if not len(rows):
        return EMPTY, EMPTY
    first = np.cumsum(sizes) - sizes
    before = np.cumsum(lengths) - lengths
    at = np.arange(len(rows), dtype=np.int64) - before[rows] + first[which][rows]
    return rows, np.concatenate(arrays)[at]


def has_sketch(measure: Measure, cut: Cut) -> bool:
    """Whether a cut of a measure holds the bins of its values."""
    return cut == TOTAL or (len(cut) == 1 and cut[0][0] in measure.sketch_by)
