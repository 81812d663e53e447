"""The alerts as rules that Grafana evaluates itself, for who has no Alertmanager: from the same declarations as Prometheus's.

Laws: an expression is Prometheus's to the letter, so that both wake for the same; what the expression yields is firing, whatever its
value (Grafana alone would take a 0 for well), and nothing is well; an address (`uid`) follows from the name alone.
`python -m deploy.render.grafana_alerts FILE` writes them for the targets of one's own deskpulse.toml.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from deploy.render import rules
from deploy.render.alerts import Alert
from deploy.render.dashboards.files import SOURCE_UID
from deploy.render.rules import SHIPPED, Links
from deploy.render.yaml_text import document
from kpis.catalogue import KPIS
from kpis.kpi import Kpi
from services.settings import Settings, load_settings
from services.settings_errors import ConfigError

FILE = "deploy/grafana/optional/alerting.yml"
FOLDER = "deskpulse"
INTERVAL_SECONDS = 60
UID_CHARS = 40
"""What Grafana takes of an address."""
BLIND = frozenset({"DeskpulseFiguresStale"})
"""Fires when Prometheus itself cannot be asked; one alert for that is enough, the others stay as they were."""
_ASKED, _FIRING = "A", "B"
_EXPRESSIONS = "__expr__"
_HEADING = """\
Written by `make render` from deploy/render/alerts*.py: the alerts of deploy/prometheus/rules as rules that Grafana evaluates itself.
Not provisioned unless you copy it to /etc/grafana/provisioning/alerting: two systems that wake are one too many (docs/grafana.md).
The recording rules of deploy/prometheus/rules/targets.yml are read here and stay Prometheus's."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600}


def shipped(kpis: tuple[Kpi, ...]) -> dict[str, str]:
    """The committed file by its path from the repository's root."""
    return {FILE: text(SHIPPED, kpis, Links())}


def text(settings: Settings, kpis: tuple[Kpi, ...], links: Links) -> str:
    """The file. Raises ConfigError for a target that can never wake anybody."""
    groups = [
        {
            "orgId": 1,
            "name": group.name,
            "folder": FOLDER,
            "interval": f"{INTERVAL_SECONDS}s",
            "rules": [rule(alert, settings.tenant, links) for alert in group.alerts],
        }
        for of_file in rules.groups(settings, kpis).values()
        for group in of_file
        if group.alerts
    ]
    return document({"apiVersion": 1, "groups": groups}, heading=_HEADING)


def uid_of(name: str) -> str:
    """The address of an alert: its name in small letters, shortened by a fingerprint where that is too long."""
    plain = f"deskpulse-{name.removeprefix('Deskpulse').lower()}"
    if len(plain) <= UID_CHARS:
        return plain
    fingerprint = sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: UID_CHARS - len(fingerprint) - 1]}-{fingerprint}"


def rule(alert: Alert, tenant: str, links: Links) -> Mapping[str, Any]:
    """One rule."""
    held: dict[str, Any] = {
        "uid": uid_of(alert.name),
        "title": _literal(alert.name),
        "condition": _FIRING,
        "data": [
            _query(_ASKED, SOURCE_UID, {"expr": alert.expr, "instant": True, "range": False, "editorMode": "code"}),
            _query(_FIRING, _EXPRESSIONS, {"type": "math", "expression": f"is_number(${_ASKED})"}),
        ],
        "noDataState": "OK",  # an expression that yields nothing says that nothing is wrong; that nothing is told is an alert of its own
        "execErrState": "Alerting" if alert.name in BLIND else "KeepLast",
        "for": alert.lasts or "0s",
    }
    if alert.keep_firing_for:
        held["keepFiringFor"] = alert.keep_firing_for
    # a series that is well again is gone from the expression: Grafana must not call that over before Prometheus would
    held["missing_series_evals_to_resolve"] = max(1, _seconds(alert.keep_firing_for) // INTERVAL_SECONDS)
    said = rules.text_of(alert, links)
    if alert.unasked:
        said["description"] = alert.unasked
    held["labels"] = {name: _literal(value) for name, value in rules.labels(alert, tenant).items()}
    held["annotations"] = {name: re.sub(r"\$value\b", f"$values.{_ASKED}.Value", words) for name, words in said.items()}
    return held


def _query(ref: str, source: str, model: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = _EXPRESSIONS if source == _EXPRESSIONS else "prometheus"
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 10 * INTERVAL_SECONDS, "to": 0},
        "datasourceUid": source,
        "model": {"refId": ref, "datasource": {"type": kind, "uid": source}, **model},
    }


def _literal(words: str) -> str:
    """What Grafana reads back as it is: it puts variables of the environment into labels and titles."""
    return words.replace("$", "$$")


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] if duration else 0


def main(arguments: list[str] | None = None) -> int:
    """Render; the exit code: 2 when the settings cannot be read or a target can never wake anybody."""
    parser = argparse.ArgumentParser(prog="python -m deploy.render.grafana_alerts", description=__doc__)
    parser.add_argument("file", type=Path, help="where the rules are written")
    parser.add_argument("--config", type=Path, help="the settings; else those that DESKPULSE_CONFIG names, or ./deskpulse.toml")
    parser.add_argument("--url", default=Links().api, help="where people reach the API, for the links to the wall boards")
    parser.add_argument("--runbook", default=Links().runbook, help="where people reach the runbook")
    given = parser.parse_args(arguments)
    try:
        made = text(load_settings(given.config), KPIS, Links(runbook=given.runbook, api=given.url))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    given.file.write_text(made, encoding="utf-8", newline="\n")
    print(given.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
