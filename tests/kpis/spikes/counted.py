"""Cells of counts that a test states outright, without the events they would come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kpis import measures as m
from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.contributions import Contributions, to_columns
from kpis.kpi import Kpi
from kpis.measures import Measure
from kpis.spikes.watch import Watch
from kpis.window import Levels, Zone
from schemas.differences import Differences

ESCALATION = Watch(id="escalation", noun="Escalations", unit="tickets", measure=m.TICKET_ESCALATED)


class Counted(NamedTuple):
    """So many at an instant, with what was said of them."""

    at_ms: int
    n: int = 1
    said: tuple[tuple[str, str], ...] = (("channel", "chat"), ("team", "billing"))


def cells_of(counted: Iterable[Counted], now_ms: int, zone: str = "UTC", measure: Measure = m.TICKET_ESCALATED, cls: str = "") -> Cells:
    """The cells that hold these counts as of an instant."""
    cells = Cells(Levels(Zone(zone)))
    add(cells, counted, now_ms, measure, cls)
    return cells


def add(cells: Cells, counted: Iterable[Counted], now_ms: int, measure: Measure = m.TICKET_ESCALATED, cls: str = "") -> None:
    """More counts, or fewer: a negative one takes back."""
    rows = Contributions()
    for one in counted:
        said = dict(one.said)
        rows.add(measure.slot(cls), one.at_ms, (measure.by.name, *(said.get(name) for name in measure.by.names)), 0, one.n)
    columns = Differences(shard="test", last_offset=0)
    to_columns(rows.rows.items(), cells.levels, now_ms, columns)
    cells.add(columns)


def watching(watch: Watch = ESCALATION) -> Kpi:
    """A KPI that watches a count."""
    found = next(kpi for kpi in KPIS if kpi.watch is not None and kpi.watch.id == "escalation")
    return Kpi(
        id=watch.id, title=found.title, subject=found.subject, unit=found.unit, better=found.better, figure=found.figure,
        windows=found.windows, formula=found.formula, meaning=found.meaning, watch=watch,
    )  # fmt: skip
