"""Every exposed KPI of the catalogue: its value over each window it is kept over, and how it went, in all and by channel or team."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from deploy.render.dashboards.frame import Line, Placed, Section, chosen, one_of
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.panels import Ask, lines, number, unit_of
from deploy.render.dashboards.promql import NOW, exposed, parts, total
from deploy.render.dashboards.sdk import m
from kpis.kpi import Kpi
from services.api.metrics import EXPOSED_WINDOWS, Exposed

AT_FIRST = "24h"
"""The window that is drawn unless another is chosen: nearly all KPIs are kept over it."""
_BETTER = {"up": "More is better.", "down": "Less is better.", "none": "Neither more nor less is better."}
_NUMBERS, _SERIES, _HEIGHT = 4, 8, 8


def dashboard(kpis: tuple[Kpi, ...]) -> m.Dashboard:
    """The dashboard: one row for each subject, two KPIs side by side."""
    declared = {kpi.id: kpi for kpi in kpis}
    shown = exposed(kpis)
    sections: list[Section] = []
    for subject, of_subject in groupby(shown, key=lambda one: declared[one.kpi].subject):
        placed = [list(_panels(declared[one.kpi], one)) for one in of_subject]
        in_rows = [Line(_HEIGHT, [panel for pair in placed[i : i + 2] for panel in pair]) for i in range(0, len(placed), 2)]
        sections.append(Section(subject.capitalize(), in_rows, collapsed=bool(sections)))
    labels = sorted({one.label for one in shown if one.label})
    return framed(
        "deskpulse-kpis",
        "KPIs",
        "Every KPI of the catalogue: its value over each window, and how it went. Values of windows are never summed or averaged.",
        sections,
        variables=[
            one_of("window", "Window", EXPOSED_WINDOWS, AT_FIRST),
            *(
                chosen(label, label.capitalize(), f'label_values({{__name__=~"deskpulse_.+",job=~"$job",instance=~"$instance"}}, {label})')
                for label in labels
            ),
        ],
        since="now-24h",
    )


def _panels(kpi: Kpi, one: Exposed) -> Iterator[Placed]:
    about = f"{kpi.meaning} How: {kpi.formula}. {_BETTER[kpi.better]}"
    if kpi.n_min:
        about += f" Below {kpi.n_min} cases a value says little: see the API's figure for n and the interval."
    unit, decimals = unit_of(one.unit), None if one.unit == "seconds" else 1
    asks = [Ask(total(one, window), window) for window in one.windows]
    yield Placed(_NUMBERS, number(f"{kpi.title} · by window", about, unit, asks, named=True, decimals=decimals))
    windows = [window for window in one.windows if window != NOW]
    drawn = "$window" if AT_FIRST in windows else (windows or [NOW])[0]
    kept = f" Kept over {', '.join(windows)}." if drawn == "$window" else ""
    history = [Ask(total(one, drawn), "all")]
    if one.label:
        history.append(Ask(parts(one, drawn), f"{{{{{one.label}}}}}"))
    yield Placed(
        _SERIES,
        lines(
            f"{kpi.title} · {drawn}{f' · by {one.label}' if one.label else ''}",
            f"{about}{kept}",
            unit,
            history,
            strong=("all",) if one.label else (),
            at_least=None if one.unit == "score" or kpi.id == "backlog_growth" else 0,
            decimals=decimals,
        ),
    )
