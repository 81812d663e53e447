"""Who is told what, and what is left unsaid because its cause is told: Alertmanager's own tool and a second opinion."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from amlint.linter import lint
from amlint.routing import Inhibitor

from deploy.render.alerts import Alert
from deploy.render.rules import SHIPPED, every_alert, labels
from kpis.catalogue import KPIS
from tests.deploy.prometheus.tools import ALERTMANAGER, said, tool

CONFIG: dict[str, Any] = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))
ALERTS = every_alert(SHIPPED, KPIS)
RECEIVERS = {"critical": "page", "warning": "chat", "info": "default"}


def carried(alert: Alert) -> dict[str, str]:
    """The labels of an alert as Alertmanager sees them."""
    return {"alertname": alert.name, **labels(alert, SHIPPED.tenant)}


def test_amtool_accepts_it() -> None:
    assert "SUCCESS" in said(tool("amtool"), "check-config", ALERTMANAGER)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert.name))
def test_each_alert_reaches_its_receiver(alert: Alert) -> None:
    given = [f"{name}={value}" for name, value in carried(alert).items()]
    said(
        tool("amtool"), "config", "routes", "test", f"--config.file={ALERTMANAGER}",
        f"--verify.receivers={RECEIVERS[alert.severity]}", *given,
    )  # fmt: skip


def test_alerts_of_others_are_not_ours_to_send() -> None:
    said(
        tool("amtool"), "config", "routes", "test", f"--config.file={ALERTMANAGER}", "--verify.receivers=default",
        "alertname=NodeDown", "severity=critical",
    )  # fmt: skip


def test_the_linter_finds_nothing_but_the_receiver_that_is_empty_on_purpose() -> None:
    found = lint(CONFIG)
    assert [(each.code, each.where) for each in found] == [("empty-receiver", "receivers[default]")]


def test_every_inhibition_stays_within_one_installation() -> None:
    assert [rule for rule in CONFIG["inhibit_rules"] if "tenant" not in rule["equal"]] == []


def test_no_address_and_no_key_stands_in_the_file() -> None:
    text = ALERTMANAGER.read_text(encoding="utf-8")
    assert [word for word in ("http://", "https://", "routing_key:", "api_url:", "password:", "credentials:") if word in text] == []


SPIKE = {"alertname": "DeskpulseEscalationSpike", "severity": "warning", "kpi": "escalation_rate", "tenant": "main"}
FAST = {
    "alertname": "DeskpulseFirstReplyTimeBurnFast",
    "severity": "critical",
    "kpi": "first_reply_time",
    "channel": "chat",
    "tenant": "main",
}
SLOW = {**FAST, "alertname": "DeskpulseFirstReplyTimeBurnSlow", "severity": "warning"}
STALE = {"alertname": "DeskpulseFiguresStale", "severity": "critical", "job": "deskpulse-api", "tenant": "main"}
DOWN = {"alertname": "DeskpulseAggregatorDown", "severity": "critical", "job": "deskpulse-aggregator", "tenant": "main"}
REPLICA = {"alertname": "DeskpulseReplicaDown", "severity": "warning", "job": "deskpulse-api", "instance": "a", "tenant": "main"}
REJECTED = {"alertname": "DeskpulseRejected", "severity": "warning", "job": "deskpulse-api", "source": "desk", "tenant": "main"}
SILENT = {"alertname": "DeskpulseSourceSilent", "severity": "warning", "source": "desk", "tenant": "main"}
NO_SOURCE = {**SILENT, "alertname": "DeskpulseSourceDown"}


@pytest.mark.parametrize(
    ("told", "while_firing", "is_left_unsaid"),
    [
        pytest.param(SPIKE, STALE, True, id="a KPI while figures are stale"),
        pytest.param(SPIKE, DOWN, True, id="a KPI while nothing is counted"),
        pytest.param(SPIKE, {**STALE, "tenant": "other"}, False, id="another installation's figures are stale"),
        pytest.param(SLOW, FAST, True, id="slowly while it is fast"),
        pytest.param(SLOW, {**FAST, "channel": "email"}, False, id="slowly while another channel is fast"),
        pytest.param(FAST, SLOW, False, id="fast while slowly as well"),
        pytest.param(SPIKE, FAST, False, id="another KPI's promise"),
        pytest.param(REJECTED, STALE, False, id="what is no figure"),
        pytest.param(STALE, DOWN, True, id="stale because nothing is counted"),
        pytest.param(DOWN, STALE, False, id="the cause itself"),
        pytest.param(REPLICA, STALE, True, id="one of those that are all away"),
        pytest.param({**REPLICA, "job": "deskpulse-ingest"}, STALE, False, id="one of others"),
        pytest.param(SILENT, NO_SOURCE, True, id="silence of a source without secret"),
        pytest.param(SILENT, {**NO_SOURCE, "source": "calls"}, False, id="silence of another source"),
    ],
)
def test_what_is_left_unsaid(told: dict[str, str], while_firing: dict[str, str], is_left_unsaid: bool) -> None:
    assert (Inhibitor(CONFIG["inhibit_rules"]).inhibited_by(told, [while_firing]) is not None) is is_left_unsaid
