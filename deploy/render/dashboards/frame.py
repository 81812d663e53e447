"""What every dashboard shares: its variables, links and annotations, where its panels stand, and how it becomes a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from deploy.render.dashboards.palette import VERMILION
from deploy.render.dashboards.promql import whole
from deploy.render.dashboards.sdk import Builder, JSONEncoder, d, m, mc

TAG = "deskpulse"
COLUMNS = 24
SOURCE = mc.DataSourceRef(type_val="prometheus", uid="${datasource}")
WRITES = "deskpulse_build_info"
"""The family by which the jobs of the API are known."""


Panel = Builder[m.Panel]


class Placed(NamedTuple):
    """A panel with its width in columns."""

    width: int
    panel: Panel


class Line(NamedTuple):
    """Panels side by side, of one height in grid units (38 pixels)."""

    height: int
    panels: Sequence[Placed]


class Section(NamedTuple):
    """Lines under a heading; without one (`""`) they stand by themselves."""

    title: str
    lines: Sequence[Line]
    collapsed: bool = False


def dashboard(
    uid: str,
    title: str,
    about: str,
    sections: Iterable[Section],
    *,
    families: str = WRITES,
    variables: Iterable[Builder[m.VariableModel]] = (),
    since: str = "now-6h",
    refresh: str = "30s",
) -> m.Dashboard:
    """One dashboard. `families` (a name or a regular expression of names) says whose jobs and instances can be chosen."""
    built = (
        d.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags([TAG])
        .readonly()
        .time(since, "now")
        .refresh(refresh)
        .tooltip(m.DashboardCursorSync.CROSSHAIR)
        .variables([*_variables(families), *variables])
        .annotation(_spikes())
        .link(d.DashboardLink("deskpulse").type(m.DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True).include_vars(True))
        .build()
    )
    built.panels = list(_laid_out(sections))
    return built


def as_text(board: m.Dashboard) -> str:
    """The file: keys in order, two spaces."""
    made = json.loads(JSONEncoder().encode(board))
    panels = [panel for shown in made["panels"] for panel in (shown, *shown.get("panels", ()))]
    for shown in (*made["links"], *made["annotations"]["list"], *(link for panel in panels for link in panel.get("links", ()))):
        del shown["placement"]  # the generator hides each link and annotation in a menu
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def chosen(name: str, label: str, query: str, *, many: bool = True, every: str = ".+") -> d.QueryVariable:
    """A variable over the values of a label: all of them unless chosen, or the first one where only one can be.

    `every` is what stands for all: `.*` where series without the label count too.
    """
    variable = (
        d.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": f"Variable-{name}"})
        .definition(query)
        .refresh(m.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(m.VariableSort.NATURAL_ASC)
        .multi(many)
    )
    if many:
        at_first = m.VariableOption(selected=True, text=["All"], value=["$__all"])
        variable = variable.include_all(True).all_value(every).current(at_first)
    return variable


def one_of(name: str, label: str, values: Sequence[str], at_first: str) -> d.CustomVariable:
    """A variable over values that are known."""
    options = [m.VariableOption(selected=value == at_first, text=value, value=value) for value in values]
    current = m.VariableOption(selected=True, text=at_first, value=at_first)
    return d.CustomVariable(name).label(label).values(",".join(values)).options(options).current(current)


def _variables(families: str) -> list[Builder[m.VariableModel]]:
    named = f'{{__name__=~"{families}"}}' if set(families) & set(".|+*") else families
    within = named[:-1] + ',job=~"$job"}' if named.endswith("}") else f'{named}{{job=~"$job"}}'
    return [
        d.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        chosen("job", "Job", f"label_values({named}, job)"),
        chosen("instance", "Instance", f"label_values({within}, instance)"),
    ]


def _spikes() -> d.AnnotationQuery:
    return (
        d.AnnotationQuery()
        .name("Unusually high")
        .datasource(SOURCE)
        .enable(True)
        .icon_color(VERMILION)
        .expr(f"{whole('deskpulse_spike_alert', 'kpi')} == 1")
        .step("60s")
        .tag_keys("kpi")
        .title_format("Unusually high: {{kpi}}")
        .text_format("{{kpi}}")
    )


def _laid_out(sections: Iterable[Section]) -> Iterable[Any]:
    number = y = 0
    for section in sections:
        heading: m.RowPanel | None = None
        if section.title:
            number += 1
            heading = d.Row(section.title).collapsed(section.collapsed).build()
            heading.id_val, heading.grid_pos = number, m.GridPos(h=1, w=COLUMNS, x=0, y=y)
            y += 1
            yield heading
        inside: list[m.Panel] = []
        for line in section.lines:
            x = 0
            for width, builder in line.panels:
                number += 1
                panel = builder.build()
                panel.id_val, panel.grid_pos = number, m.GridPos(h=line.height, w=width, x=x, y=y)
                inside.append(panel)
                x += width
            y += line.height
        if heading is not None and section.collapsed:
            heading.panels = inside
        else:
            yield from inside
