"""The KPIs of one chosen agent, from the exposition by agent: for a talk between two people, not for a ranking."""

from __future__ import annotations

from itertools import groupby

from deploy.render.dashboards.frame import WRITES, Line, Placed, Section, chosen
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.panels import Ask, lines, unit_of
from deploy.render.dashboards.promql import by_agent, exposed
from deploy.render.dashboards.sdk import m
from kpis.kpi import Kpi
from services.api.metrics import AGENT_WINDOW

_WIDTH, _HEIGHT = 8, 7


def dashboard(kpis: tuple[Kpi, ...]) -> m.Dashboard:
    """The dashboard: every exposed KPI that is kept by agent."""
    declared = {kpi.id: kpi for kpi in kpis}
    shown = [one for one in exposed(kpis) if "agent" in declared[one.kpi].dimensions]
    sections: list[Section] = []
    for subject, of_subject in groupby(shown, key=lambda one: declared[one.kpi].subject):
        panels = []
        for one in of_subject:
            kpi = declared[one.kpi]
            window = AGENT_WINDOW if AGENT_WINDOW in one.windows else one.windows[-1]
            about = f"{kpi.meaning} How: {kpi.formula}."
            if kpi.n_min:
                about += f" One agent seldom has many cases a day: below {kpi.n_min} a value says little."
            decimals = None if one.unit == "seconds" else 1
            drawn = lines(f"{kpi.title} · {window}", about, unit_of(one.unit), [Ask(by_agent(one))], decimals=decimals)
            panels.append(Placed(_WIDTH, drawn))
        in_rows = [Line(_HEIGHT, panels[i : i + 3]) for i in range(0, len(panels), 3)]
        sections.append(Section(subject.capitalize(), in_rows, collapsed=bool(sections)))
    return framed(
        "deskpulse-agents",
        "Agents",
        "One agent at a time, by an opaque id, over the last 24 h. It needs the scrape job of /metrics/agents.",
        sections,
        families=f"deskpulse_agent_.+|{WRITES}",
        variables=[
            chosen("agent", "Agent", 'label_values({__name__=~"deskpulse_agent_.+",job=~"$job",instance=~"$instance"}, agent)', many=False)
        ],
        since="now-7d",
        refresh="5m",
    )
