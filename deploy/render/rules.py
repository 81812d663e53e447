"""The rules of Prometheus as files: every alert with its labels and links, grouped by what it is about.

Law: the same settings and catalogue give the same bytes, so that what is committed can be compared with what is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from deploy.render import alerts
from deploy.render.alerts import Alert
from deploy.render.alerts_of_spikes import alerts_of_spikes
from deploy.render.alerts_of_targets import Record, of_targets
from deploy.render.yaml_text import document
from kpis.kpi import Kpi
from services.settings import Settings

SHIPPED = Settings()
"""The settings that the committed rules are for: the defaults."""
HEADING = (
    "Written by `make render` from deploy/render/alerts*.py and the targets; `deskpulse rules` writes them for your own deskpulse.toml."
)


class Links(Struct, frozen=True, kw_only=True):
    """Where the links in a message lead: the runbook, and the API with its wall boards."""

    runbook: str = "docs/runbook.md"
    api: str = "http://localhost:8081"


class Group(Struct, frozen=True, kw_only=True):
    """One group of rules, which are evaluated one after the other."""

    name: str
    records: tuple[Record, ...] = ()
    alerts: tuple[Alert, ...] = ()


def groups(settings: Settings, kpis: tuple[Kpi, ...]) -> dict[str, tuple[Group, ...]]:
    """The groups by file. Raises ConfigError for a target that can never wake anybody."""
    return {
        "services.yml": (
            Group(name="deskpulse_freshness", alerts=alerts.FRESHNESS),
            Group(name="deskpulse_deliveries", alerts=alerts.DELIVERIES),
            Group(name="deskpulse_proof", alerts=alerts.PROOF),
        ),
        "spikes.yml": (Group(name="deskpulse_spikes", alerts=tuple(alerts_of_spikes(kpis))),),
        "targets.yml": tuple(
            Group(name=f"deskpulse_target_{one.key}", records=one.records, alerts=one.alerts) for one in of_targets(settings, kpis)
        ),
    }


def every_alert(settings: Settings, kpis: tuple[Kpi, ...]) -> list[Alert]:
    """All alerts of an installation, in the order of their files. Raises ConfigError."""
    return [alert for of_file in groups(settings, kpis).values() for group in of_file for alert in group.alerts]


def files(settings: Settings, kpis: tuple[Kpi, ...], links: Links) -> dict[str, str]:
    """The text of each file by its name. Raises ConfigError."""
    return {
        name: document({"groups": [_group(group, settings.tenant, links) for group in of_file]}, heading=HEADING)
        for name, of_file in groups(settings, kpis).items()
    }


def labels(alert: Alert, tenant: str) -> dict[str, str]:
    """What an alert always carries; what its expression yields comes on top."""
    given = {"severity": alert.severity, "tenant": tenant, "kpi": alert.kpi, "job": alert.job}
    return {name: value for name, value in given.items() if value}


def text_of(alert: Alert, links: Links) -> dict[str, str]:
    """What its message says, and where it leads."""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{links.runbook}#{alert.name.lower()}",
        "dashboard_url": f"{links.api.rstrip('/')}/wall/{alert.board}",
    }


def _group(group: Group, tenant: str, links: Links) -> Mapping[str, Any]:
    return {"name": group.name, "rules": [*(record._asdict() for record in group.records), *_rules(group.alerts, tenant, links)]}


def _rules(some: Iterable[Alert], tenant: str, links: Links) -> Iterable[Mapping[str, Any]]:
    for alert in some:
        rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expr}
        if alert.lasts:
            rule["for"] = alert.lasts
        if alert.keep_firing_for:
            rule["keep_firing_for"] = alert.keep_firing_for
        yield {**rule, "labels": labels(alert, tenant), "annotations": text_of(alert, links)}
