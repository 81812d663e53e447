"""The alerts as Grafana's own rules: the keys that its file provisioning knows, and the same alerts as Prometheus's to the letter."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from deploy.render import grafana_alerts, rules
from deploy.render.alerts import Alert
from deploy.render.dashboards.files import SOURCE_UID
from deploy.render.grafana_alerts import main, rule, uid_of
from deploy.render.rules import SHIPPED, Links, every_alert
from kpis.catalogue import KPIS
from services.settings import TargetSettings
from tests.conftest import REPOSITORY

KEYS = {
    "uid",
    "title",
    "condition",
    "data",
    "noDataState",
    "execErrState",
    "for",
    "missing_series_evals_to_resolve",
    "labels",
    "annotations",
}
STATES = {"OK", "Alerting", "KeepLast"}
EVERY_TARGET = SHIPPED.model_copy(
    update={
        "targets": {
            **SHIPPED.targets,
            **{kpi.id: TargetSettings(within=600) for kpi in KPIS if "now" in kpi.windows and kpi.better == "down"},
        }
    }
)
"""Settings with a limit on every KPI that can have one: every alert that an installation may have."""


def _file() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load((REPOSITORY / grafana_alerts.FILE).read_text(encoding="utf-8"))
    return held


def _rules() -> list[dict[str, Any]]:
    return [one for group in _file()["groups"] for one in group["rules"]]


def _of_prometheus() -> dict[str, dict[str, Any]]:
    files = sorted((REPOSITORY / "deploy" / "prometheus" / "rules").glob("*.yml"))
    groups = chain.from_iterable(yaml.safe_load(file.read_text(encoding="utf-8"))["groups"] for file in files)
    return {one["alert"]: one for group in groups for one in group["rules"] if "alert" in one}


def test_the_file_and_its_groups_have_the_keys_that_provisioning_knows() -> None:
    held = _file()
    assert list(held) == ["apiVersion", "groups"]
    assert held["apiVersion"] == 1
    for group in held["groups"]:
        assert set(group) == {"orgId", "name", "folder", "interval", "rules"}
        assert (group["orgId"], group["folder"], group["interval"]) == (1, "deskpulse", "60s")
        assert group["rules"]
    names = [group["name"] for group in held["groups"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("held", _rules(), ids=lambda held: str(held["title"]))
def test_a_rule_has_the_keys_that_provisioning_knows_and_is_prometheus_s(held: dict[str, Any]) -> None:
    given = _of_prometheus()[held["title"]]
    assert set(held) - {"keepFiringFor"} == KEYS
    asked, firing = held["data"]
    assert held["condition"] == firing["refId"]
    for query in (asked, firing):
        assert set(query) == {"refId", "relativeTimeRange", "datasourceUid", "model"}
        assert query["relativeTimeRange"]["from"] > query["relativeTimeRange"]["to"] == 0
        assert query["model"]["refId"] == query["refId"]
        assert query["model"]["datasource"]["uid"] == query["datasourceUid"]
    assert (asked["datasourceUid"], firing["datasourceUid"]) == (SOURCE_UID, "__expr__")
    assert (asked["model"]["instant"], asked["model"]["range"]) == (True, False)
    promql.parse(asked["model"]["expr"])
    assert asked["model"]["expr"] == given["expr"]
    assert (firing["model"]["type"], firing["model"]["expression"]) == ("math", f"is_number(${asked['refId']})")
    assert held["for"] == given.get("for", "0s")
    assert held.get("keepFiringFor") == given.get("keep_firing_for")
    assert held["labels"] == given["labels"]
    assert {name: held["annotations"][name] for name in ("runbook_url", "dashboard_url")} == {
        name: given["annotations"][name] for name in ("runbook_url", "dashboard_url")
    }


def test_every_alert_of_prometheus_is_there_once() -> None:
    titles = [held["title"] for held in _rules()]
    assert sorted(titles) == sorted(_of_prometheus())
    assert len(titles) > 20


def test_addresses_are_unique_and_fit_and_follow_from_the_name_alone() -> None:
    names = [alert.name for alert in every_alert(EVERY_TARGET, KPIS)]
    uids = [uid_of(name) for name in names]
    assert len(set(uids)) == len(names) > len(_rules())
    assert [uid for uid in uids if not re.fullmatch(r"[a-z0-9-]{5,40}", uid)] == []
    assert {held["title"]: held["uid"] for held in _rules()}.items() <= dict(zip(names, uids, strict=True)).items()
    assert uid_of("DeskpulseFiguresStale") == "deskpulse-figuresstale"
    long = "Deskpulse" + "Abcdefghij" * 5
    assert len(uid_of(long)) == 40
    assert uid_of(long) != uid_of(long + "s")


def test_nothing_is_well_and_a_blind_grafana_wakes_once() -> None:
    """NoData of its own would lose the labels and wake for every quiet rule; each state is one that Grafana knows."""
    held = _rules()
    assert {one["noDataState"] for one in held} == {"OK"}
    assert {one["execErrState"] for one in held} <= STATES
    assert [one["title"] for one in held if one["execErrState"] == "Alerting"] == ["DeskpulseFiguresStale"]


@pytest.mark.parametrize(("keep", "evaluations"), [("", 1), ("30s", 1), ("2m", 2), ("10m", 10), ("1h", 60)])
def test_a_series_that_is_gone_is_held_for_as_long_as_the_alert_is(keep: str, evaluations: int) -> None:
    made = rule(Alert(name="DeskpulseX", severity="info", summary="", description="", expr="up", keep_firing_for=keep), "main", Links())
    assert made["missing_series_evals_to_resolve"] == evaluations
    assert made.get("keepFiringFor", "") == keep


def test_what_grafana_would_put_a_variable_in_for_is_escaped_in_labels_and_left_in_annotations() -> None:
    alert = Alert(name="DeskpulseX", severity="info", summary="{{ $labels.job }} $value", description="$value", expr="up", kpi="$kpi")
    made = rule(alert, "a$HOME", Links())
    assert made["labels"] == {"severity": "info", "tenant": "a$$HOME", "kpi": "$$kpi"}
    assert made["annotations"]["summary"] == "{{ $labels.job }} $values.A.Value"
    assert made["annotations"]["description"] == "$values.A.Value"


def test_no_text_asks_prometheus_nor_has_a_variable_of_the_environment() -> None:
    """A template of Grafana's asks nobody; in annotations it puts in what stands in `${}`."""
    for held in _rules():
        for name, words in held["annotations"].items():
            assert " query" not in words, (held["title"], name)
            assert "${" not in words, (held["title"], name)
            assert set(re.findall(r"\$\w+", words)) <= {"$labels", "$values"}, (held["title"], name)


def test_an_alert_that_asks_prometheus_says_it_in_other_words_too() -> None:
    alerts = every_alert(EVERY_TARGET, KPIS)
    assert [alert.name for alert in alerts if (" query" in alert.description) != bool(alert.unasked)] == []


def test_compose_provisions_no_alerts() -> None:
    """Prometheus and Alertmanager wake already."""
    provisioned = REPOSITORY / "deploy" / "grafana" / "provisioning"
    assert [file.name for file in provisioned.rglob("*") if "alert" in file.as_posix().removeprefix(REPOSITORY.as_posix())] == []
    assert "grafana/optional" not in (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")


def test_one_s_own_targets_are_other_thresholds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = tmp_path / "deskpulse.toml", tmp_path / "alerting.yml"
    config.write_text("[targets]\nactive_issues = { within = 123 }\n", encoding="utf-8")
    assert main([str(out), "--config", str(config), "--url", "https://pulse.example.com"]) == 0
    held = [one for group in yaml.safe_load(out.read_text(encoding="utf-8"))["groups"] for one in group["rules"]]
    [limit] = [one for one in held if one["title"] == "DeskpulseActiveIssuesAboveTarget"]
    assert limit["data"][0]["model"]["expr"].endswith("> 123")
    assert limit["annotations"]["dashboard_url"].startswith("https://pulse.example.com/wall/")
    config.write_text("[targets]\nfirst_reply_time_seconds = { within = 60, share = 1 }\n", encoding="utf-8")
    assert main([str(out), "--config", str(config)]) == 2
    assert "allows nothing to be late" in capsys.readouterr().err


def test_groups_are_prometheus_s() -> None:
    files = rules.groups(SHIPPED, KPIS).values()
    assert [group["name"] for group in _file()["groups"]] == [group.name for of_file in files for group in of_file if group.alerts]
