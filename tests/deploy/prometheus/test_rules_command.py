"""`deskpulse rules`: the alerts of the user's own targets, listed or written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.app import run
from deploy.render.rules import SHIPPED, every_alert
from kpis.catalogue import KPIS
from tests.deploy.prometheus.tools import said, tool


def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A configuration for the next command."""
    file = tmp_path / "deskpulse.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("DESKPULSE_CONFIG", str(file))


def test_without_a_folder_it_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    configured(tmp_path, monkeypatch, "")
    assert run(["rules", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["alert"] for row in listed] == [alert.name for alert in every_alert(SHIPPED, KPIS)]


def test_it_writes_rules_of_the_own_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    configured(tmp_path, monkeypatch, 'tenant = "acme"\n[targets]\nactive_issues = { within = 40 }\n')
    assert (
        run(["rules", "--out", str(tmp_path / "made"), "--url", "https://pulse.example/", "--runbook", "https://wiki.example/runbook"]) == 0
    )
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {file.relative_to(tmp_path / "made").as_posix() for file in written} >= {"rules/targets.yml", "tests/targets_test.yml"}
    groups = yaml.safe_load((tmp_path / "made/rules/targets.yml").read_text(encoding="utf-8"))["groups"]
    [limit] = [rule for group in groups for rule in group["rules"] if rule.get("alert", "").endswith("AboveTarget")]
    assert limit["expr"] == "max without (instance) (deskpulse_all_active_issues) > 40"
    assert limit["labels"] == {"severity": "warning", "tenant": "acme", "kpi": "active_issues"}
    assert limit["annotations"]["runbook_url"] == "https://wiki.example/runbook#deskpulseactiveissuesabovetarget"
    assert limit["annotations"]["dashboard_url"] == "https://pulse.example/wall/operations"
    said(tool("promtool"), "check", "rules", *sorted((tmp_path / "made/rules").glob("*.yml")))


def test_a_target_that_can_never_wake_anybody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, monkeypatch, "[targets]\nspeed_of_answer_seconds = { within = 20, share = 1.0 }\n")
    assert run(["rules", "--out", str(tmp_path / "made")]) == 2
    assert (
        "targets.speed_of_answer_seconds.share: found 1; expected a share from 0.2 to 0.999, or no share at all" in capsys.readouterr().err
    )
    assert not (tmp_path / "made").exists()


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, monkeypatch, "")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run(["rules", "--out", str(tmp_path / "file" / "in")]) == 1
    assert "cannot be written" in capsys.readouterr().err
