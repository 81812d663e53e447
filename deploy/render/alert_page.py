"""docs/alerts.md: every alert on one page, from the same declarations as the rules."""

from __future__ import annotations

import re

from deploy.render.markdown import code, head, joined, sentence, table
from deploy.render.rules import SHIPPED, groups
from kpis.kpi import Kpi

_ABOUT = """\
`deploy/prometheus/rules/` holds them for the default targets, `deploy/prometheus/tests/` what proves each of them.
`deskpulse rules --out DIR` writes both for your own `deskpulse.toml`: other targets are other thresholds, and a target for which no alert
could ever fire is refused. The rules go by the names of the scrape jobs in `deploy/prometheus/prometheus.yml`. Critical alerts go to the
receiver `page`, warnings to `chat`, information stays in Alertmanager. *For* is how long it must have lasted, *holds* how long it goes on
after it was last so."""
_TITLES = {
    "services.yml": "The services, and who sends to them",
    "spikes.yml": "Unusual numbers: one for each watched KPI",
    "targets.yml": "Targets: one for each speed, as the defaults are",
}
_TEMPLATE = re.compile(r"\{\{ (?:\$labels\.(\w+)|[^}]*) \}\}")


def page(kpis: tuple[Kpi, ...]) -> str:
    """The page."""
    lines = [*head("Alerts", "deploy/render/alerts*.py"), *_ABOUT.split("\n"), ""]
    for file, of_file in groups(SHIPPED, kpis).items():
        rows = [
            (f"`{alert.name}`", alert.severity, code([alert.kpi] if alert.kpi else []), alert.lasts or "–", alert.keep_firing_for or "–",
             sentence(_TEMPLATE.sub(lambda found: f"‹{found[1] or 'value'}›", alert.summary)))
            for group in of_file for alert in group.alerts
        ]  # fmt: skip
        lines += [f"## {_TITLES[file]}", "", *table(("alert", "severity", "kpi", "for", "holds", "says"), rows)]
    return joined(lines)
