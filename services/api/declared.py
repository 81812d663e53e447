"""What is declared of the KPIs: each as the API and the docs show it, and what the settings aim at for it."""

from __future__ import annotations

from typing import Any

from kpis.kpi import Kpi, Targets
from services.settings import Settings

_UNITS = ("_seconds", "_ratio", "_score", "_tickets", "_complaints")


def targets_of(settings: Settings, kpis: tuple[Kpi, ...]) -> dict[str, Targets]:
    """The configured targets by KPI; a target is named after the KPI, with or without its unit."""
    ids = {kpi.id for kpi in kpis}
    out: dict[str, Targets] = {}
    for name, target in settings.targets.items():
        kpi_id = next((name.removesuffix(u) for u in _UNITS if name.removesuffix(u) in ids), name)
        out[kpi_id] = Targets(_ms(target.p50), _ms(target.within), target.share)
    return out


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def entry_of(kpi: Kpi) -> dict[str, Any]:
    """One entry of the catalogue, as the API and the docs show it."""
    return {
        "id": kpi.id,
        "title": kpi.title,
        "subject": kpi.subject,
        "unit": kpi.unit,
        "better": kpi.better,
        "formula": kpi.formula,
        "meaning": kpi.meaning,
        "windows": list(kpi.windows),
        "anchors": list(kpi.anchors),
        "clocks": list(kpi.clocks),
        "dimensions": list(kpi.dimensions),
        "measures": [measure.name for measure in kpi.measures],
        "n_min": kpi.n_min,
        "version": kpi.version,
        "exposed": kpi.exposed,
        "watch": None if kpi.watch is None else kpi.watch.id,
        "events": list(kpi.events),
        "source": kpi.source,
    }
