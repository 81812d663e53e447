"""The KPIs, by subject: the only place where a KPI is written down. A further KPI is one entry in one of these files."""

from __future__ import annotations

from kpis.catalogue import calls, customers, sales, satisfaction, solving, speed, volume
from kpis.kpi import Kpi

KPIS: tuple[Kpi, ...] = (
    *volume.KPIS,
    *speed.KPIS,
    *calls.KPIS,
    *solving.KPIS,
    *satisfaction.KPIS,
    *sales.KPIS,
    *customers.KPIS,
)


def by_id(kpis: tuple[Kpi, ...] = KPIS) -> dict[str, Kpi]:
    """The catalogue by id. Raises ValueError when two entries have one id."""
    found: dict[str, Kpi] = {}
    for kpi in kpis:
        if kpi.id in found:
            raise ValueError(f"two KPIs are called {kpi.id}")
        found[kpi.id] = kpi
    return found
