"""The committed rules: accepted and proven by promtool, each alert with what lets it be and what fires it, all in one form."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from deploy.render.alert_proofs import Proof
from deploy.render.alerts import Alert
from deploy.render.rule_tests import every_proof
from deploy.render.rules import SHIPPED, Links, every_alert
from kpis.catalogue import KPIS
from kpis.catalogue import by_id as kpis_by_id
from services.api.boards.shipped import SHIPPED as BOARDS
from tests.deploy.prometheus.tools import PROMETHEUS, said, tool

RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
OPTIONAL = sorted((PROMETHEUS / "optional").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTS = every_alert(SHIPPED, KPIS)
PROOFS = every_proof(SHIPPED, KPIS)
SHARED = ("DeskpulseEscalationsAnscombe",)
"""Alerts that share the page of another in the runbook."""


def loaded(files: list[Path]) -> list[dict[str, Any]]:
    """Every rule of these files."""
    groups = chain.from_iterable(yaml.safe_load(file.read_text(encoding="utf-8"))["groups"] for file in files)
    return [rule for group in groups for rule in group["rules"]]


def test_there_is_no_file_but_those_that_are_made() -> None:
    assert [file.name for file in RULES] == ["services.yml", "spikes.yml", "targets.yml"], "run make render; delete what is gone"
    assert [file.name for file in TESTS] == ["anscombe_test.yml", "services_test.yml", "spikes_test.yml", "targets_test.yml"]


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    said(tool("promtool"), "check", "rules", *RULES, *OPTIONAL)
    assert f"{len(RULES)} rule files found" in said(tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.stem))
def test_promtool_proves_the_rules(file: Path) -> None:
    assert "SUCCESS" in said(tool("promtool"), "test", "rules", file)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert.name))
def test_every_alert_has_its_not_yet_and_its_now(alert: Alert) -> None:
    mine = [proof for proof in PROOFS if proof.of == alert.name]
    assert [proof for proof in mine if proof.quiet and (proof.fires or proof.firing)], "no case in which it is quiet first and fires then"
    # what it says is compared where it fires, so that a broken template is found
    assert [proof for proof in mine if proof.fires] or "AboveTarget" in alert.name


def test_every_optional_alert_has_its_not_yet_and_its_now() -> None:
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]]
    looks = [look for test in tests for look in test.get("alert_rule_test", [])]
    names = [rule["alert"] for rule in loaded(OPTIONAL) if "alert" in rule]
    assert names
    for name in names:
        expected = [bool(look["exp_alerts"]) for look in looks if look["alertname"] == name]
        assert expected.index(False) < expected.index(True)


def test_no_proof_is_of_an_alert_that_is_gone() -> None:
    assert {proof.of for proof in PROOFS} <= {alert.name for alert in ALERTS}


def test_every_watched_kpi_has_one_alert() -> None:
    watched = [kpi.id for kpi in KPIS if kpi.watch is not None]
    assert len(watched) >= 6
    assert [alert.kpi for alert in ALERTS if alert.name.endswith("Spike")] == watched


@pytest.mark.parametrize("rule", loaded(RULES + OPTIONAL), ids=lambda rule: str(rule.get("alert", rule.get("record"))))
def test_a_second_parser_reads_every_expression(rule: dict[str, Any]) -> None:
    promql_parser.parse(rule["expr"])


NAME = re.compile(r"Deskpulse([A-Z][a-z]+)+")
DURATION = re.compile(r"\d+[smh]")


@pytest.mark.parametrize("rule", [rule for rule in loaded(RULES + OPTIONAL) if "alert" in rule], ids=lambda rule: str(rule["alert"]))
def test_every_alert_is_of_one_form(rule: dict[str, Any]) -> None:
    assert NAME.fullmatch(rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["labels"]["tenant"] == SHIPPED.tenant
    assert rule["labels"].get("kpi", "escalation_rate") in kpis_by_id()
    assert set(rule) <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert [rule[key] for key in ("for", "keep_firing_for") if key in rule and not DURATION.fullmatch(rule[key])] == []
    told = rule["annotations"]
    assert list(told) == ["summary", "description", "runbook_url", "dashboard_url"]
    assert len(told["summary"]) < 160
    assert not told["summary"].endswith(".")
    assert told["description"].endswith(".")
    if rule["alert"] not in SHARED:
        assert told["runbook_url"] == f"{Links().runbook}#{rule['alert'].lower()}"
    assert told["dashboard_url"].removeprefix(f"{Links().api}/wall/") in BOARDS


def test_names_are_unique() -> None:
    names = [str(rule.get("alert", rule.get("record"))) for rule in loaded(RULES)]
    assert sorted(set(names)) == sorted(names)


def test_what_replicas_of_the_api_tell_alike_is_never_added_up() -> None:
    """Whatever sums, counts or averages a family of the API takes one replica's value first."""
    of_replicas = re.compile(r"deskpulse_(?!ingest_requests|aggregator_)\w+(?<!\d[mh])(?=[{\[)\s])")
    for rule in loaded(RULES + OPTIONAL):
        expr = re.sub(r"channel:deskpulse_\w+:\w+", "", rule["expr"])
        if "sum" in expr and of_replicas.search(expr):
            assert "max without (instance)" in expr, rule["expr"]


def test_a_number_in_no_alert_is_beyond_what_can_be() -> None:
    """The threshold of the lag lies below the lag at which the API stops answering scrapes."""
    from services.api.board import LAG_MAX_SECONDS

    [lag] = [alert for alert in ALERTS if alert.name == "DeskpulseLag"]
    assert float(lag.expr.rpartition(" ")[2]) < LAG_MAX_SECONDS


def test_every_proof_says_which_case_it_is() -> None:
    assert len({(proof.of, proof.case) for proof in PROOFS}) == len(PROOFS)
    assert [proof for proof in PROOFS if not isinstance(proof, Proof) or not proof.case] == []
