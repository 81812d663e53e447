"""`deskpulse send --map` as a command: what is bad usage, what was refused, what is told; no service is needed for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from services.settings import Settings, SourceSettings, as_environment
from tests.cli.exported import MAPPING

EXPORT = "ID,Status,Created\n1,open,2026-03-01T08:00:00Z\n2,Parked,2026-03-01T08:00:00Z\n3,solved,2026-03-01T08:00:00Z\n"
NOBODY = ("--url", "http://127.0.0.1:1", "--patience", "0")


class Command:
    """`deskpulse send tickets.csv …`, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.write(EXPORT, MAPPING)

    def write(self, export: str, mapping: str) -> None:
        """Another export, another mapping."""
        (self.folder / "tickets.csv").write_text(export)
        (self.folder / "map.toml").write_text(mapping)

    def __call__(self, *more: str, source: str = "backlog") -> tuple[int, str, str]:
        """Its exit code, what it prints, what it says."""
        self._capsys.readouterr()
        code = run(["send", str(self.folder / "tickets.csv"), "--map", str(self.folder / "map.toml"), "--source", source, *more])
        said = self._capsys.readouterr()
        return code, said.out, " ".join(said.err.split())


@pytest.fixture
def send(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a source that speaks for a helpdesk and one that does not."""
    desk = SourceSettings(kind="zendesk", secret_env=("DESK",))
    own = SourceSettings(kind="standardwebhooks", secret_env=("OWN",))
    sources = {"zendesk": desk, "own": own, "backlog": own.model_copy(update={"speaks_for": "zendesk"})}
    for name, value in {**as_environment(Settings(data_dir=tmp_path / "data", sources=sources)), "OWN": "secret"}.items():
        monkeypatch.setenv(name, value)
    return Command(tmp_path, capsys)


def test_a_dry_run_tells_what_would_be_sent_and_sends_nothing(send: Command) -> None:
    code, out, _ = send("--dry-run", *NOBODY)
    assert code == 1, "a row was refused"
    assert "export: 3 rows, 1 tickets to tell (1 open), as of 2026-03-01 08:00:00 UTC" in out
    assert '"Parked" = "…"    # 1 rows' in out
    code, out, _ = send("--dry-run", "--json")
    found: dict[str, Any] = json.loads(out)["backlog"]
    assert (found["tickets"], found["events"], found["refused"], found["skipped_closed"]) == (1, 2, 1, 1)
    assert found["unknown_statuses"] == {"Parked": 1}
    send.write(EXPORT, MAPPING + '[words.status]\nParked = "on_hold"\n')
    assert send("--dry-run")[0] == 0
    assert not (send.folder / "data").exists()


@pytest.mark.parametrize(
    ("more", "source", "said"),
    [
        pytest.param((), "own", "the source own tells of those of own", id="a source that speaks for nobody"),
        pytest.param((), "zendesk", "canonical events are sent as a source of kind standardwebhooks", id="the helpdesk's own source"),
        pytest.param(("--map", "nowhere.toml"), "backlog", "the mapping nowhere.toml cannot be read", id="no mapping"),
    ],
)
def test_bad_usage_is_exit_2(send: Command, more: tuple[str, ...], source: str, said: str) -> None:
    code, _, err = send(*more, source=source)
    assert (code, said in err) == (2, True), err


def test_a_column_that_is_not_there_is_exit_2(send: Command) -> None:
    send.write(EXPORT.replace("Status", "State"), MAPPING)
    code, _, err = send()
    assert (code, "the nearest is State" in err) == (2, True)


def test_options_of_an_export_need_one(send: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", str(send.folder / "tickets.csv"), "--source", "own", "--dry-run"]) == 2
    assert run(["send", "-", "--source", "backlog", "--map", str(send.folder / "map.toml")]) == 2


def test_another_mapping_of_the_same_export_must_say_that_it_is_newer(send: Command) -> None:
    assert send(*NOBODY)[0] == 1
    assert send(*NOBODY)[0] == 1, "the same again is not held up"
    corrected = MAPPING + '[words.status]\nParked = "on_hold"\n'
    send.write(EXPORT, corrected)
    code, _, err = send(*NOBODY)
    assert (code, "add revision = 1 to this one" in err) == (2, True)
    send.write(EXPORT, "revision = 1" + corrected)
    code, _, err = send(*NOBODY)
    assert (code, "no answer" in err) == (1, True)
    send.write(EXPORT, corrected)
    assert send(*NOBODY)[0] == 2, "back to a lower one"
    send.write(EXPORT, "taken_back = 1" + corrected)
    assert send(*NOBODY)[0] == 1


def test_an_export_of_nothing_is_good(send: Command) -> None:
    send.write("ID,Status,Created\n", MAPPING)
    code, out, _ = send(*NOBODY)
    assert (code, "export: 0 rows, 0 tickets to tell" in out) == (0, True)
