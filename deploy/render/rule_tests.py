"""Unit tests of the rules for promtool, one file beside each file of rules: every proof becomes a test, instants become evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from deploy.render.alert_proofs import PROOFS, Proof
from deploy.render.alerts import Alert
from deploy.render.proofs_of_kpis import proofs_of_spikes, proofs_of_targets
from deploy.render.rules import Links, groups, labels, text_of
from deploy.render.yaml_text import document
from kpis.kpi import Kpi
from services.settings import Settings

HEADING = "Written by `make render` from deploy/render/*proofs*.py. Run them: promtool test rules deploy/prometheus/tests/*.yml"


def every_proof(settings: Settings, kpis: tuple[Kpi, ...]) -> list[Proof]:
    """All of them. Raises ConfigError."""
    return list(chain(PROOFS, proofs_of_spikes(kpis), proofs_of_targets(settings, kpis)))


def files(settings: Settings, kpis: tuple[Kpi, ...], links: Links) -> dict[str, str]:
    """The text of each file by its name; a file of rules without an alert has no tests. Raises ConfigError."""
    proofs = every_proof(settings, kpis)
    found = {}
    for name, of_file in groups(settings, kpis).items():
        of_name = {alert.name: alert for group in of_file for alert in group.alerts}
        tests = [_test(proof, of_name[proof.of], settings.tenant, links) for proof in proofs if proof.of in of_name]
        if tests:
            head = {"rule_files": [f"../rules/{name}"], "evaluation_interval": "1m"}
            found[name.replace(".yml", "_test.yml")] = document({**head, "tests": tests}, heading=HEADING)
    return found


def _test(proof: Proof, alert: Alert, tenant: str, links: Links) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": f"{proof.of}: {proof.case}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in proof.series.items()],
    }
    if alerts := [*_evaluations(proof.quiet, proof.of, []), *_evaluations(proof.fires, proof.of, [_expected(proof, alert, tenant, links)])]:
        test["alert_rule_test"] = alerts
    if proof.firing:
        firing = f'count(ALERTS{{alertname="{proof.of}",alertstate="firing"}})'
        test["promql_expr_test"] = [{"expr": firing, "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}]} for at in proof.firing]
    return test


def _evaluations(instants: Iterable[str], name: str, expected: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for at in instants:
        yield {"eval_time": at, "alertname": name, "exp_alerts": expected}


def _expected(proof: Proof, alert: Alert, tenant: str, links: Links) -> dict[str, Any]:
    said = text_of(alert, links)
    said |= {name: text for name, text in (("summary", proof.summary), ("description", proof.description)) if text}
    return {"exp_labels": {**labels(alert, tenant), **proof.labels}, "exp_annotations": said}
