"""Counts, shares of counts, and what is made of several counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kpis import measures as m
from kpis.kpi import Targets, Value
from kpis.measures import Measure
from kpis.slices import Cuts, Slice
from kpis.statistics import poisson_interval, wilson
from schemas.figures import Item

Parts = Callable[[Slice, Cuts], dict[str, float | int | str | None]]


class Term(NamedTuple):
    """A count, or some of its classes (None: all)."""

    measure: Measure
    classes: tuple[str, ...] | None = None

    def n(self, cells: Slice, cuts: Cuts) -> int:
        """How many over the slice."""
        return cells.n(cuts, self.measure, self.classes)


class Count(NamedTuple):
    """The number of contributions, with an exact Poisson interval; `parts_by_class` names each class beside it."""

    measure: Measure
    parts_by_class: bool = False

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The counted measure."""
        return (self.measure,)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The count; 0 is a count, not missing data."""
        n = cells.n(cuts, self.measure)
        parts: dict[str, float | int | str | None] = {}
        if self.parts_by_class and not cells.brief:
            for name in cells.classes(self.measure):
                if count := cells.get(cuts, self.measure, name):
                    parts["other" if name == "n" else name] = count
        return counted(n, parts)


def counted(n: int, parts: dict[str, float | int | str | None] | None = None) -> Value:
    """A count as a value."""
    low, high = poisson_interval(max(n, 0))
    return Value(value=n, n=n, numerator=n, ci_low=low, ci_high=high, parts=parts or {})


class Balance(NamedTuple):
    """Backlog growth: created − solved (every transition) + reopened; no interval, since it is a difference of exact counts."""

    created: Measure
    solved: Measure
    reopened: Measure
    otherwise: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All four."""
        return tuple(self)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The balance and its terms."""
        created, solved, reopened = (cells.n(cuts, measure) for measure in (self.created, self.solved, self.reopened))
        parts: dict[str, float | int | str | None] = {
            "created": created, "solved": solved, "reopened": reopened, "entered_otherwise": cells.n(cuts, self.otherwise)
        }  # fmt: skip
        value = created - solved + reopened
        return Value(value=value, n=created + solved + reopened, numerator=value, parts=parts)


class Resolved(NamedTuple):
    """Resolved issues: three numbers always together, net, gross and customers."""

    net: Measure
    gross: Measure
    customers: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Net and gross; customers are a part with a past of its own."""
        return (self.net, self.gross)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Net as the value; customers are None for a rolling window that does not end now."""
        net = cells.n(cuts, self.net)
        if cells.brief:
            return counted(net)
        component = {"today": "day", "week": "week", "month": "month", "quarter": "quarter"}.get(cells.bounds.name, "latest")
        known = component != "latest" or cells.present
        parts: dict[str, float | int | str | None] = {
            "net": net,
            "gross": cells.n(cuts, self.gross),
            "customers": cells.get(cuts, self.customers, component) if known else None,
            "no_reply": cells.get(cuts, self.net, "no_reply"),
        }
        if not known:
            parts["customers_reason"] = "distinct customers of a rolling window are kept for windows that end now"
        return counted(net, parts)


class Share(NamedTuple):
    """One count as a part of another, with Wilson's interval; `parts` adds figures beside it."""

    part: tuple[Term, ...]
    of: tuple[Term, ...]
    parts: Parts | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures of both counts."""
        return tuple(dict.fromkeys(term.measure for term in (*self.part, *self.of)))

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Numerator / denominator; None with reason no_data when there is nothing to divide."""
        k = sum(term.n(cells, cuts) for term in self.part)
        n = sum(term.n(cells, cuts) for term in self.of)
        parts = {} if self.parts is None or cells.brief else self.parts(cells, cuts)
        return shared(k, n, parts)


def shared(k: int, n: int, parts: dict[str, float | int | str | None] | None = None) -> Value:
    """K of n as a value with Wilson's interval."""
    if n <= 0:
        return Value(value=None, n=0, numerator=k, denominator=n, reason="no_data", parts=parts or {})
    low, high = wilson(min(max(k, 0), n), n)
    return Value(value=k / n, n=n, numerator=k, denominator=n, ci_low=low, ci_high=high, parts=parts or {})


def ratio(k: int, n: int) -> float | None:
    """K / n, or None when there is nothing to divide."""
    return k / n if n > 0 else None


class SplitCount(NamedTuple):
    """A count with one line for each value of a dimension, its share of the whole and Wilson's interval."""

    measure: Measure
    dimension: str
    switched: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Both counts."""
        return (self.measure, self.switched)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The count; `items` where the cut can still be split by the dimension."""
        n = cells.n(cuts, self.measure)
        value = counted(n)
        value.parts["switched"] = ratio(cells.n(cuts, self.switched), n)
        if cells.brief or len(cuts) != 1 or len(cuts[0]) > 1 or any(name == self.dimension for name, _ in cuts[0]):
            return value
        for name in cells.cells.values_of(self.dimension):
            here = _within(cells, cuts, self.dimension, name)
            if here is None:
                return value
            k = cells.n(here, self.measure)
            if k > 0 and n > 0:
                low, high = wilson(min(k, n), n)
                value.items.append(Item(key=name, value=k / n, n=k, ci_low=low, ci_high=high))
        value.items.sort(key=lambda item: (-item.n, item.key))
        return value


def _within(cells: Slice, cuts: Cuts, dimension: str, name: str) -> Cuts | None:
    cut = cuts[0]
    if not cut:
        return (((dimension, name),),)
    other = cut[0]
    for pair in cells.cells.dimension_pairs:
        if set(pair) == {dimension, other[0]}:
            here = ((dimension, name), other)
            return (here if pair[0] == dimension else (other, (dimension, name)),)
    return None


def parts_of(measure: Measure, of: Measure) -> Parts:
    """Parts that say the share of each part of a count in another count."""

    def read(cells: Slice, cuts: Cuts) -> dict[str, float | int | str | None]:
        n = cells.n(cuts, of)
        counts = ((name, cells.get(cuts, measure, m.PART + name)) for name in cells.parts(measure))
        return {name: ratio(count, n) for name, count in counts if count}

    return read
