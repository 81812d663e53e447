"""The command line: its exit codes, its help, its answers to wrong use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.app import COMMANDS, run
from cli.figures import rows_of
from kpis.catalogue import KPIS


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"Usage: deskpulse {command}" in capsys.readouterr().out


def test_the_list_of_commands_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    assert [command.name for command in COMMANDS if command.name not in listed] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["nonsense"], "No such command", id="unknown command"),
        pytest.param(["topics", "--wait", "soon"], "--wait", id="wrong type of an option"),
        pytest.param(["kpis", "csat_scor"], "the nearest is csat_score", id="unknown KPI"),
        pytest.param(["send", "nowhere.jsonl"], "configured: none", id="no source"),
    ],
)
def test_wrong_use_is_exit_2_with_a_word(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", ["check", "topics", "ingest", "aggregator", "api", "up", "figures"])
def test_a_wrong_configuration_stops_every_command(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deskpulse.toml").write_text("[kafka]\nbootstrp = 'x:1'\n")
    assert run([command]) == 2
    assert "kafka.bootstrp: found an unknown key" in capsys.readouterr().err


def test_check_names_the_secret_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.toml"
    file.write_text('[sources.zen]\nkind = "zendesk"\nsecret_env = ["ZEN_SECRET"]\n')
    assert run(["check", str(file)]) == 1
    assert "set the variable ZEN_SECRET" in capsys.readouterr().out
    monkeypatch.setenv("ZEN_SECRET", "hush-hush")
    assert run(["check", str(file), "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["sources"][0]["needs"] == []
    assert "hush-hush" not in out


def test_check_says_who_may_do_what(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.toml"
    file.write_text('[api]\ntoken_env = "WALL_TOKEN"\nedit_token_env = "EDIT_TOKEN"\n')
    monkeypatch.setenv("WALL_TOKEN", "hush-hush-and-hush")
    assert run(["check", str(file)]) == 1
    assert "set the variable EDIT_TOKEN" in capsys.readouterr().out
    monkeypatch.setenv("EDIT_TOKEN", "hush-hush-and-hush")
    assert run(["check", str(file), "--json"]) == 1
    out = capsys.readouterr().out
    assert [(row["may"], row["by"], bool(row["needs"])) for row in json.loads(out)["access"]] == [
        ("read figures", "the token in WALL_TOKEN", True),
        ("edit boards", "the token in EDIT_TOKEN", True),
        ("write controls", "nobody (api.controls_token_env)", False),
    ]
    assert "hush-hush" not in out
    monkeypatch.setenv("EDIT_TOKEN", "hush")
    assert run(["check", str(file)]) == 0
    said = capsys.readouterr()
    assert "EDIT_TOKEN has fewer than 16 characters" in " ".join((said.out + said.err).split())
    monkeypatch.setenv("EDIT_TOKEN", "another-of-its-own")
    assert run(["check", str(file)]) == 0


def test_check_lists_the_calendars_as_they_were_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.toml"
    hours = '{ mon = ["08:00-12:00", "13:00-16:00"], sat = ["10:00-24:00"] }'
    file.write_text(f'time_zone = "Europe/Helsinki"\n[calendars.evening]\nhours = {hours}\nholidays = "FI"\nclosed = [2026-12-24]\n')
    assert run(["check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calendars"] == [
        {
            "calendar": "evening",
            "time_zone": "Europe/Helsinki",
            "hours": "mon 08:00-12:00 13:00-16:00; sat 10:00-24:00",
            "holidays": "FI",
            "closed": "2026-12-24",
            "special": "none",
        }
    ]
    assert run(["check", str(file)]) == 0
    said = capsys.readouterr()
    assert "evening" in said.out
    assert "no [calendars.default]" in said.err
    file.write_text(file.read_text().replace("evening", "default"))
    assert run(["check", str(file)]) == 0
    assert "no [calendars.default]" not in capsys.readouterr().err


def test_the_catalogue_is_listed_whole_and_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kpis", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [kpi["id"] for kpi in listed] == [kpi.id for kpi in KPIS]
    assert run(["kpis", KPIS[0].id]) == 0
    assert KPIS[0].meaning[:30] in capsys.readouterr().out


def test_figures_of_an_api_that_is_away_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["figures", "--url", "http://127.0.0.1:1"]) == 1
    assert "no API answers" in capsys.readouterr().err


def test_topics_of_a_broker_that_is_away_is_exit_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKPULSE_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    assert run(["topics", "--wait", "0.3"]) == 1
    assert "no Kafka broker answered at 127.0.0.1:1" in capsys.readouterr().err


def test_without_a_window_each_kpi_is_shown_for_one() -> None:
    def figure(kpi: str, window: str) -> dict[str, object]:
        return {"kpi": kpi, "window": window, "dims": {}, "quality": "no_data", "reason": "no_data", "ci_low": None, "ci_high": None}

    found = [figure("a", "1h"), figure("a", "24h"), figure("b", "now"), figure("c", "5m")]
    assert [(row["kpi"], row["window"]) for row in rows_of(found, every_window=False)] == [("a", "24h"), ("b", "now"), ("c", "5m")]
    assert len(rows_of(found, every_window=True)) == 4
