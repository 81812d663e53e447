"""docs/kpis.md: what each number is, from the declarations in kpis/catalogue/."""

from __future__ import annotations

from itertools import groupby

from deploy.render.expressions import expression
from deploy.render.markdown import code, head, joined, sentence, table
from deploy.render.parts import parts_of
from kpis.kpi import Kpi
from kpis.measures import Measure
from kpis.spikes.watch import WaitWatch, Watch
from kpis.window import CALENDAR, NOW, ROLLING, Levels, Zone

_ABOUT = """\
Every number comes as a *figure*: `value` with `n`, `numerator`, `denominator`, the 95 % interval `ci_low`–`ci_high`, `quality` and
`parts` (schemas/json/figure.json). Shares are 0–1, scores −100…100, durations seconds. Where there is nothing to divide, `value` is
null with a `reason`, never 0. Below *n_min* a figure is published as `insufficient`; 0 means that the number is exact at any n.

*Anchor* `completed` dates a case at its end event, with the attributes in force then; `created` dates it at its entry, with those of
the entry. *Clock* `calendar` counts every hour; `business` (asked as `clock=business`) only those within the configured business hours:
it goes by completion, and without a calendar the value is null (`no_calendar`). *Reads* is the formula over measures as the code applies
it; measures are listed at the end. A part in ‹angles› stands for one part for each value seen."""


def page(kpis: tuple[Kpi, ...]) -> str:
    """The page."""
    lines = head("KPIs", "kpis/catalogue/")
    lines += [*_ABOUT.split("\n"), "", "## Windows", "", *_windows(), "## All of them", ""]
    rows = [(f"[{kpi.title}](#{kpi.id})", f"`{kpi.id}`", kpi.subject, kpi.unit, sentence(kpi.formula)) for kpi in kpis]
    lines += table(("KPI", "id", "subject", "unit", "formula"), rows)
    parts = parts_of(kpis)
    for subject, of_subject in groupby(kpis, key=lambda kpi: kpi.subject):
        lines += [f"## {subject.capitalize()}", ""]
        for kpi in of_subject:
            lines += _section(kpi, parts[kpi.id])
    return joined([*lines, *_measures(kpis)])


def _section(kpi: Kpi, parts: tuple[str, ...]) -> list[str]:
    reads = [f"{kpi.anchor}: `{expression(kpi.figure)}`"]
    if kpi.created is not None:
        reads.append(f"created: `{expression(kpi.created)}`")
    if kpi.business is not None:
        reads.append(f"business: `{expression(kpi.business)}`")
    better = {"up": "more is better", "down": "less is better", "none": "neither more nor less is better"}[kpi.better]
    rows = [
        ("formula", sentence(kpi.formula)),
        ("reads", "<br>".join(reads)),
        ("unit", f"{kpi.unit}; {better}"),
        ("windows", code(kpi.windows)),
        ("anchors", code(kpi.anchors)),
        ("clocks", code(kpi.clocks)),
        ("dimensions", code(kpi.dimensions)),
        ("n_min", str(kpi.n_min)),
        ("parts", code(parts)),
        ("events", code(kpi.events)),
        *([("watched", _watched(kpi.watch))] if kpi.watch is not None else []),
        ("version", f"{kpi.version}{'' if kpi.exposed else '; not in /metrics'}"),
    ]
    return [f'### <a id="{kpi.id}"></a>{kpi.title}', "", sentence(kpi.meaning), "", *table((f"`{kpi.id}`", ""), rows)]


def _watched(watch: Watch | WaitWatch) -> str:
    if isinstance(watch, WaitWatch):
        return f"for unusual numbers: the longest wait beside past waits, as `{watch.id}`"
    minutes = ", ".join(f"{width // 60_000} min" for width in watch.windows_ms)
    return f"for unusual numbers: `{watch.measure.name}` over {minutes}, in all and by {' and by '.join(watch.by)}, as `{watch.id}`"


def _windows() -> list[str]:
    levels = Levels(Zone()).all
    rows = [(f"`{NOW}`", "the instant", "the finest bucket that can be read")]
    rows += [(f"`{name}`", f"the last {name}", f"{levels[level].name} buckets") for name, (_, level) in ROLLING.items()]
    rows += [
        (f"`{name}`", f"the calendar {_PERIODS[name]} so far, local time", f"{levels[at].name} buckets") for name, at in CALENDAR.items()
    ]
    return table(("window", "covers", "cut at"), rows)


_PERIODS = {"today": "day", "week": "week (from Monday)", "month": "month", "quarter": "quarter"}


def _measures(kpis: tuple[Kpi, ...]) -> list[str]:
    finest = [level.name for level in Levels(Zone()).all]
    known: dict[Measure, list[str]] = {}
    for kpi in kpis:
        for measure in kpi.measures:
            known.setdefault(measure, []).append(f"[{kpi.title}](#{kpi.id})")
    rows = [
        (f"`{m.name}`", m.kind, sentence(m.about), m.by.name, finest[m.finest], code(m.sketch_by), ", ".join(read_by))
        for m, read_by in sorted(known.items(), key=lambda item: item[0].name)
    ]
    columns = ("measure", "kind", "what is counted", "dimensions", "finest bucket", "quantiles also by", "read by")
    return ["## Measures", "", *table(columns, rows)]
