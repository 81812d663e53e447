"""Cohorts: what became of those that entered in a span, by a horizon; who is still open is censored, never a failure.

A cohort whose entries are all older than the horizon is mature: outcomes / entered, with Wilson's interval. A younger one is
Kaplan–Meier's P(≤ horizon), provisional. Cuts without a sketch show mature buckets only.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from kpis import sketch
from kpis.formulas.counts import Parts, shared
from kpis.kpi import Targets, Value
from kpis.measures import BY_NAME, Measure
from kpis.slices import Cuts, Slice
from kpis.statistics import km_probability, km_quantile


class Cohort(NamedTuple):
    """The share of those that entered whose outcome came within the measure's horizon."""

    measure: Measure
    parts: Parts | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The cohort and, where another count holds its entries, that one."""
        return (self.measure, *((BY_NAME[self.measure.entry],) if self.measure.entry else ()))

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Mature share, or Kaplan–Meier so far; numerator and denominator are always outcomes so far / entered."""
        horizon = self.measure.horizon_ms
        entered = entries(cells, cuts, self.measure)
        within = cells.get(cuts, self.measure, "within")
        parts = {} if self.parts is None or cells.brief else self.parts(cells, cuts)
        if cells.end_ms + horizon <= cells.now_ms or entered <= 0:
            return shared(within, entered, parts)
        value = Value(value=None, n=entered, numerator=within, denominator=entered, mature=False, parts=parts)
        if cells.has_sketch(cuts, self.measure):
            outcomes, censored = at_risk(cells, cuts, self.measure)
            if not outcomes and not censored:
                value.reason = "young"
                return value
            value.value, value.ci_low, value.ci_high = km_probability(outcomes, censored, sketch.bin_of(horizon))
            return value
        return _mature_buckets(cells, cuts, self.measure, value)


class KaplanMeier(NamedTuple):
    """The median time to the outcome with everything still open at risk, in seconds; None while the curve stays above one half."""

    measure: Measure
    within_ms: tuple[int, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The cohort and the count of its entries."""
        return Cohort(self.measure).measures

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Median and P(≤ each span); `n` is all that entered, numerator their outcomes so far."""
        entered = entries(cells, cuts, self.measure)
        out = cells.get(cuts, self.measure, "out")
        value = Value(value=None, n=max(entered, 0), numerator=out, denominator=entered, mature=False)
        if entered <= 0:
            value.reason = "no_data"
            return value
        if not cells.has_sketch(cuts, self.measure):
            value.reason = "no_sketch"
            return value
        outcomes, censored = at_risk(cells, cuts, self.measure)
        spans = sorted({*self.within_ms, *((targets.within_ms,) if targets.within_ms else ())})
        for span_ms in () if cells.brief else spans:
            known = bool(outcomes or censored)
            value.parts[f"within_{span_ms // 1000}s"] = km_probability(outcomes, censored, sketch.bin_of(span_ms))[0] if known else None
        reached = km_quantile(outcomes, censored, 0.5) if outcomes else None
        if reached is None:
            value.reason = "median_not_reached"
        else:
            value.value = sketch.representative_ms(reached) / 1000
        return value


def entries(cells: Slice, cuts: Cuts, measure: Measure) -> int:
    """How many entered: the cohort's own count, or the count it shares."""
    return cells.n(cuts, BY_NAME[measure.entry]) if measure.entry else cells.get(cuts, measure, "in")


def at_risk(cells: Slice, cuts: Cuts, measure: Measure) -> tuple[dict[int, int], dict[int, int]]:
    """(outcomes, censored) by bin; what is still open is censored at the age of the bucket it entered in."""
    outcomes = {b: n for b, n in cells.bins(cuts, measure, "o").items() if n > 0}
    censored: Counter[int] = Counter({b: n for b, n in cells.bins(cuts, measure, "c").items() if n > 0})
    opened: Counter[int] = Counter()
    if measure.entry:
        entry = BY_NAME[measure.entry]
        for start, amounts in cells.by_age(cuts, entry, cells.classes(entry)):
            opened[start] += sum(amounts)
    else:
        for start, amounts in cells.by_age(cuts, measure, ("in",)):
            opened[start] += amounts[0]
    for start, amounts in cells.by_age(cuts, measure, ("out", "cens")):
        opened[start] -= sum(amounts)
    for start, n in opened.items():
        if n > 0:
            censored[sketch.bin_of(max(cells.now_ms - start, 0))] += n
    return outcomes, dict(censored)


def _mature_buckets(cells: Slice, cuts: Cuts, measure: Measure, value: Value) -> Value:
    grown = cells.until(cells.now_ms - measure.horizon_ms)
    within, entered = grown.get(cuts, measure, "within"), entries(grown, cuts, measure)
    if entered <= 0:
        value.reason = "young"
        return value
    mature = shared(within, entered)
    value.value, value.ci_low, value.ci_high = mature.value, mature.ci_low, mature.ci_high
    value.parts["mature_n"] = entered
    return value


def incremental(measure: Measure, base: Measure) -> Parts:
    """Parts of a conversion: the base rate of the same customers, and what the contact added to it."""

    def read(cells: Slice, cuts: Cuts) -> dict[str, float | int | str | None]:
        bought = cells.get(cuts, base, "bought")
        n = bought + cells.get(cuts, base, "not")
        entered = entries(cells, cuts, measure)
        so_far = cells.get(cuts, measure, "within")
        known = n > 0 and entered > 0
        return {"base_rate": bought / n if n else None, "incremental_conversion": so_far / entered - bought / n if known else None}

    return read
