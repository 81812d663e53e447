"""`deskpulse kpis`: the catalogue, or one KPI, from the declarations themselves."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import typer

from cli.terminal import AsJson, show, show_json, stdout
from kpis.catalogue import by_id
from kpis.kpi import Kpi


def kpis(
    kpi: Annotated[str | None, typer.Argument(metavar="[ID]", help="One KPI; without it, all of them.")] = None, as_json: AsJson = False
) -> None:
    """List every KPI, or tell all about one: meaning, formula, events, windows, dimensions, source."""
    declared = by_id()
    if kpi is None:
        rows = [described(each) for each in declared.values()]
        show(rows, ("id", "title", "unit", "subject", "formula"), as_json=as_json)
        return
    if kpi not in declared:
        near = difflib.get_close_matches(kpi, declared, 1)
        raise typer.BadParameter(f"there is no KPI {kpi}" + (f"; the nearest is {near[0]}" if near else "; see deskpulse kpis"))
    told = described(declared[kpi])
    if as_json:
        show_json(told)
        return
    for name, value in told.items():
        text = ", ".join(value) if isinstance(value, list | tuple) else str(value)
        stdout().print(f"{name:<11} {text or '-'}")


def described(kpi: Kpi) -> dict[str, Any]:
    """What the catalogue says of a KPI."""
    return {
        "id": kpi.id,
        "title": kpi.title,
        "subject": kpi.subject,
        "meaning": kpi.meaning,
        "formula": kpi.formula,
        "unit": kpi.unit,
        "better": kpi.better,
        "events": list(kpi.events),
        "measures": [measure.name for measure in kpi.measures],
        "windows": list(kpi.windows),
        "anchors": list(kpi.anchors),
        "dimensions": list(kpi.dimensions),
        "n_min": kpi.n_min,
        "version": kpi.version,
        "source": kpi.source,
    }
