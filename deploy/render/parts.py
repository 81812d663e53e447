"""Which parts stand beside a KPI's value: found by reading the KPI from cells that hold one of everything.

A class that only data can name (a category, a status, the way of a transfer) shows as a placeholder such as `‹class›`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kpis.cells import Cells
from kpis.dimensions import SURVEY, TOTAL
from kpis.kpi import Kpi, Targets
from kpis.measures import ENTERED, MEASURES, OUTCOME, PART, Measure
from kpis.slices import Slice
from kpis.window import DAY, MINUTE, Levels, Zone
from schemas.differences import Differences

_NOW_MS = 1_000 * DAY + DAY // 2
_LEVELS = Levels(Zone())
_TARGET_SECONDS = 7_777
_TARGETS = (Targets(), Targets(within_ms=_TARGET_SECONDS * 1000))
_ANSWERS = ("csat|overall|1-5|4", "ces|effort|1-7|6", "nps|recommend|0-10|9")
"""The classes of answers are read for what they say, so that a placeholder will not do for them."""


def parts_of(kpis: Iterable[Kpi]) -> dict[str, tuple[str, ...]]:
    """The names of every KPI's parts, over all its windows and anchors, in the order of first sight."""
    cells = _one_of_everything()
    return {kpi.id: _parts(kpi, cells) for kpi in kpis}


def _parts(kpi: Kpi, cells: Cells) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for formula in (kpi.figure,) if kpi.created is None else (kpi.figure, kpi.created):
        for window in kpi.windows:
            bounds = _LEVELS.window(window, _NOW_MS, _NOW_MS, kpi.finest)
            for targets in _TARGETS:
                value = formula.read(Slice(cells, bounds, _NOW_MS, kpi.finest, present=True), (TOTAL,), targets)
                found |= dict.fromkeys(name.replace(str(_TARGET_SECONDS), "‹target›") for name in value.parts)
    return tuple(found)


def _one_of_everything() -> Cells:
    cells = Cells(_LEVELS, ())
    for measure in MEASURES:
        slots = [(measure.key, name) for name in _classes(measure)]
        n = len(slots)
        cells.add(
            Differences(
                shard="",
                last_offset=0,
                slots=slots,
                attributes=[measure.by.nothing()],
                slot=np.arange(n, dtype=np.int32).tobytes(),
                attribute=np.zeros(n, dtype=np.int32).tobytes(),
                level=np.full(n, measure.finest, dtype=np.int8).tobytes(),
                time=np.full(n, _NOW_MS - MINUTE, dtype=np.int64).tobytes(),
                value=np.full(n, MINUTE, dtype=np.int64).tobytes(),
                count=np.ones(n, dtype=np.int64).tobytes(),
            )
        )
    return cells


def _classes(measure: Measure) -> tuple[str, ...]:
    if measure.kind == "cohort":
        return (ENTERED, OUTCOME)
    if measure.kind == "count":
        return _ANSWERS if measure.by is SURVEY else ("‹class›", f"{PART}‹kind›")
    if measure.kind == "gauge":
        return ("9",) if measure.name == "relationship_nps" else ("‹status›",)
    return ("", "‹kind›") if measure.kind == "duration" else ("latest",)
