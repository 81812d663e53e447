"""Served and computed figures side by side: all that can be asked, and where two answers differ.

Compared is everything that a figure promises; `watermark`, `revision`, `late_applied` and `quality` depend on when things arrived and
are not (they are facts about the publication).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from kpis.query import Anchor, Clock, Query
from kpis.window import NOW
from schemas.canonical import rfc3339
from schemas.figures import Figure

PUBLICATION = frozenset({"watermark", "revision", "late_applied", "quality"})
_TOLERANCE = 1e-9
"""Both sides run the same arithmetic on the same integers; only the trip through JSON lies between."""


class Question(NamedTuple):
    """KPIs that can be asked together: split by nothing, one dimension or a pair, by one anchor (None: their own) and one clock.

    `span` (start_ms, end_ms) stands instead of the windows.
    """

    kpis: tuple[str, ...]
    by: tuple[str, ...] = ()
    anchor: Anchor | None = None
    clock: Clock = "calendar"
    span: tuple[int, int] | None = None

    def parameters(self) -> dict[str, list[str]]:
        """The question as the API's query string."""
        found = {"kpi": list(self.kpis)}
        if self.by:
            found["by"] = [",".join(self.by)]
        if self.anchor:
            found["anchor"] = [self.anchor]
        if self.clock != "calendar":
            found["clock"] = [self.clock]
        if self.span:
            found |= {"from": [rfc3339(self.span[0])], "to": [rfc3339(self.span[1])]}
        return found

    def query(self) -> Query:
        """The question for a reader of cells."""
        return Query(kpis=self.kpis, by=self.by, anchor=self.anchor, clock=self.clock, span=self.span)


class Name(NamedTuple):
    """Which figure is meant, whenever it is read."""

    kpi: str
    window: str
    anchor: str
    clock: str
    dims: str


class Difference(NamedTuple):
    """One field of one figure in which the API and the computation differ; a figure that only one of them has differs in `figure`."""

    kpi: str
    window: str
    anchor: str
    clock: str
    dims: str
    field: str
    served: Any
    computed: Any


def questions(
    catalogue: Sequence[Mapping[str, Any]], pairs: Sequence[tuple[str, str]], span: tuple[int, int] | None = None
) -> Iterator[Question]:
    """All that can be asked of the figures of now, by each anchor and clock: the total, each dimension, each configured pair.

    The first question is for the totals of all KPIs by their own anchor. Over a span those are left out that are figures of now.
    """
    catalogue = [entry for entry in catalogue if span is None or set(entry["windows"]) != {NOW}]
    yield Question(tuple(str(entry["id"]) for entry in catalogue), span=span)
    anchors: list[Anchor | None] = sorted({anchor for entry in catalogue for anchor in entry["anchors"]})
    dimensions = sorted({name for entry in catalogue for name in entry["dimensions"]})
    for clock, anchor in [*(("calendar", anchor) for anchor in anchors), ("business", None)]:
        entries = [
            entry
            for entry in catalogue
            if (anchor is None or anchor in entry["anchors"]) and (clock == "calendar" or clock in entry.get("clocks", ()))
        ]
        for by in [(), *((name,) for name in dimensions), *pairs]:
            kpis = tuple(str(entry["id"]) for entry in entries if set(by) <= set(entry["dimensions"]))
            for asked in [kpis] if span is None else [(kpi,) for kpi in kpis]:
                if asked:
                    yield Question(asked, tuple(by), anchor, "business" if clock == "business" else "calendar", span)


def differences(served: Sequence[Figure], computed: Sequence[Figure]) -> list[Difference]:
    """Where two sets of figures differ: a figure that is missing on one side, or a field of one that is on both."""
    ours, theirs = ({name_of(figure): figure for figure in figures} for figures in (served, computed))
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if (name not in ours or name not in theirs) and (ours.get(name) or theirs[name]).n == 0:
            continue  # one side remembers a value of a dimension of which everything was taken back
        left, right = (msgspec.to_builtins(side.get(name)) for side in (ours, theirs))
        if left is None or right is None:
            found.append(Difference(*name, "figure", left and "there", right and "there"))
            continue
        fields = sorted((left.keys() | right.keys()) - PUBLICATION)
        found += [
            Difference(*name, field, left.get(field), right.get(field)) for field in fields if not _equal(left.get(field), right.get(field))
        ]
    return found


def name_of(figure: Figure) -> Name:
    """Which figure it is."""
    dims = ", ".join(f"{name}={value}" for name, value in sorted(figure.dims.items()))
    return Name(figure.kpi, figure.window, figure.anchor, figure.clock, dims)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) or isinstance(right, float):
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return numbers and math.isclose(left, right, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(left == right)
