"""The factors of burn-rate alerts follow from the target; a target that can never wake anybody is refused with what to set instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.render import rule_files
from deploy.render.alerts_of_targets import of_targets
from deploy.render.burn import HANDBOOK_FAST, HANDBOOK_SLOW, LEAST_SHARE, MOST_SHARE, NeverFires, speeds
from deploy.render.rules import Links, every_alert
from kpis.catalogue import KPIS
from services.settings import Settings, TargetSettings
from services.settings_errors import ConfigError
from tests.deploy.prometheus.tools import said, tool


@given(st.floats(LEAST_SHARE, MOST_SHARE))
def test_every_factor_lies_between_as_promised_and_everything_late(share: float) -> None:
    fast, slow = speeds(share)
    assert 1 < slow.factor < fast.factor < 1 / (1 - share)
    assert fast.factor <= HANDBOOK_FAST
    assert slow.factor <= HANDBOOK_SLOW
    for speed in (fast, slow):
        assert 1 - share < speed.late < 1


@pytest.mark.parametrize(
    ("share", "fast", "slow"),
    [
        pytest.param(0.999, 14.4, 6.0, id="99.9 %: the handbook's"),
        pytest.param(0.99, 14.4, 6.0, id="99 %: the handbook's"),
        pytest.param(0.95, 10.5, 5.75, id="95 %: 20 is all there can be"),
        pytest.param(0.9, 5.5, 3.25, id="90 %"),
        pytest.param(0.8, 3.0, 2.0, id="80 %: 5 is all there can be"),
        pytest.param(0.5, 1.5, 1.25, id="half of all"),
    ],
)
def test_factors(share: float, fast: float, slow: float) -> None:
    assert [round(speed.factor, 9) for speed in speeds(share)] == [fast, slow]


@pytest.mark.parametrize(
    ("share", "why"),
    [
        pytest.param(1.0, "1 allows nothing to be late", id="all of it: no allowance"),
        pytest.param(0.9995, "every single case would wake somebody", id="nearly all"),
        pytest.param(0.1, "an alert could never fire", id="a tenth"),
        pytest.param(0.0, "an alert could never fire", id="none: burn 1 is all there can be"),
    ],
)
def test_a_target_that_can_never_wake_anybody_is_refused(share: float, why: str) -> None:
    with pytest.raises(NeverFires, match=why):
        speeds(share)
    settings = Settings(targets={"first_reply_time_seconds": TargetSettings(within=60, share=share)})
    with pytest.raises(ConfigError) as refused:
        every_alert(settings, KPIS)
    [problem] = refused.value.problems
    assert problem.key == "targets.first_reply_time_seconds.share"
    assert problem.found == f"{share:g}"
    assert "a share from 0.2 to 0.999, or no share at all" in problem.expected


def test_all_targets_that_are_refused_are_named_at_once() -> None:
    wrong = TargetSettings(within=60, share=1)
    with pytest.raises(ConfigError) as refused:
        every_alert(Settings(targets={"first_reply_time_seconds": wrong, "speed_of_answer_seconds": wrong}), KPIS)
    assert [problem.key.split(".")[1] for problem in refused.value.problems] == ["first_reply_time_seconds", "speed_of_answer_seconds"]


@pytest.mark.parametrize(
    ("key", "target", "names"),
    [
        pytest.param("first_reply_time_seconds", TargetSettings(p50=60), [], id="a median colours a figure"),
        pytest.param("first_reply_time_seconds", TargetSettings(share=0.9), [], id="a share of what?"),
        pytest.param("escalation_rate", TargetSettings(share=1), [], id="a ratio's target is no allowance"),
        pytest.param("full_resolution_time_seconds", TargetSettings(within=60, share=0.9), [], id="nothing counts what was due"),
        pytest.param("first_reply_time_seconds", TargetSettings(within=60), [], id="no KPI of the present"),
        pytest.param("no_such_kpi", TargetSettings(within=60, share=0.9), [], id="no KPI at all"),
        pytest.param(
            "first_reply_time", TargetSettings(within=60, share=0.9),
            ["DeskpulseFirstReplyTimeBurnFast", "DeskpulseFirstReplyTimeBurnSlow"], id="named without its unit",
        ),
        pytest.param(
            "current_longest_wait_seconds", TargetSettings(within=1800), ["DeskpulseCurrentLongestWaitAboveTarget"], id="a limit in seconds"
        ),
        pytest.param("active_issues", TargetSettings(within=300), ["DeskpulseActiveIssuesAboveTarget"], id="a limit of a count"),
    ],
)  # fmt: skip
def test_what_follows_from_a_target(key: str, target: TargetSettings, names: list[str]) -> None:
    settings = Settings().model_copy(update={"targets": {key: target}})
    assert [alert.name for one in of_targets(settings, KPIS) for alert in one.alerts] == names


@pytest.mark.parametrize("share", [0.2, 0.97, 0.999])
def test_whatever_the_target_its_alerts_fire_and_stay_quiet_as_proven(share: float, tmp_path: Path) -> None:
    targets = {
        "first_reply_time_seconds": TargetSettings(within=5400, share=share),
        "current_longest_wait_seconds": TargetSettings(within=1800),
        "active_issues": TargetSettings(within=300),
    }
    settings = Settings(tenant="acme").model_copy(update={"targets": targets})
    texts = {name: text for name, text in rule_files.named(settings, KPIS, Links()).items() if "targets" in name}
    files = rule_files.write(tmp_path, texts)
    assert {file.name for file in files} == {"targets.yml", "targets_test.yml"}
    promtool = tool("promtool")
    said(promtool, "check", "rules", tmp_path / "rules" / "targets.yml")
    assert "SUCCESS" in said(promtool, "test", "rules", tmp_path / "tests" / "targets_test.yml")
