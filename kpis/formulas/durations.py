"""Durations: the median, with its interval by order statistics; the mean beside it, never instead."""

from __future__ import annotations

from typing import NamedTuple

from kpis.formulas.counts import ratio
from kpis.kpi import Targets, Value
from kpis.measures import IN_BUSINESS_TIME, Measure
from kpis.slices import Cuts, Slice
from kpis.statistics import columns, count_within, quantile, quantile_interval


class Quantile(NamedTuple):
    """The median of a duration in seconds.

    `within_ms` are the spans whose share is always told; the target's span is told beside them. `by_class` tells n and mean of
    each class; `no_reply` names a count that is told as a part.
    """

    measure: Measure
    within_ms: tuple[int, ...] = ()
    by_class: bool = False
    beside: tuple[tuple[str, Measure], ...] = ()
    counts: tuple[tuple[str, Measure, str], ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The duration."""
        return (self.measure,)

    def in_business_time(self) -> Quantile | None:
        """The same by business hours, None for a duration that has no such twin."""
        twin = IN_BUSINESS_TIME.get(self.measure.name)
        if twin is None:
            return None
        beside = tuple((name, IN_BUSINESS_TIME[measure.name]) for name, measure in self.beside if measure.name in IN_BUSINESS_TIME)
        return self._replace(measure=twin, beside=beside)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Median, p90, mean and shares; on a cut without sketch only n and the mean."""
        n = cells.get(cuts, self.measure, "n")
        total = cells.get(cuts, self.measure, "x")
        parts: dict[str, float | int | str | None] = {"p50": None, "p90": None, "mean": total / n / 1000 if n > 0 else None}
        if not cells.brief:
            self._beside(cells, cuts, parts)
        if n <= 0:
            return Value(value=None, n=0, numerator=None, denominator=None, reason="no_data", parts=parts)
        value = Value(value=None, n=n, numerator=total / 1000, denominator=n, parts=parts)
        if not cells.has_sketch(cuts, self.measure):
            value.reason = "no_sketch"
            return value
        bins, counts = columns(cells.bins(cuts, self.measure, "b"))
        median = quantile(bins, counts, 0.5) / 1000
        if cells.brief:
            value.value = median
            return value
        low, high = quantile_interval(bins, counts, 0.5)
        parts["p50"], parts["p90"] = median, quantile(bins, counts, 0.9) / 1000
        for span_ms in sorted({*self.within_ms, *((targets.within_ms,) if targets.within_ms else ())}):
            parts[f"within_{span_ms // 1000}s"] = count_within(bins, counts, span_ms) / n
        if targets.within_ms:
            parts["within"] = count_within(bins, counts, targets.within_ms) / n
        value.value, value.ci_low, value.ci_high = median, low / 1000, high / 1000
        return value

    def _beside(self, cells: Slice, cuts: Cuts, parts: dict[str, float | int | str | None]) -> None:
        if self.by_class:
            for component in cells.cells.components_of(self.measure.key):
                if component.startswith("n/"):
                    name, n = component[2:], cells.get(cuts, self.measure, component)
                    if not n:
                        continue
                    parts[f"{name}_n"] = n
                    mean = ratio(cells.get(cuts, self.measure, f"x/{name}"), n)
                    parts[f"{name}_mean"] = None if mean is None else mean / 1000
        for name, measure in self.beside:
            n = cells.get(cuts, measure, "n")
            parts[f"{name}_n"] = n
            mean = ratio(cells.get(cuts, measure, "x"), n)
            parts[f"{name}_mean"] = None if mean is None else mean / 1000
        for name, measure, component in self.counts:
            parts[name] = cells.get(cuts, measure, component)
