"""The mappings and the configuration of the onboarding page are accepted, and each tells a ticket of such an export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.app import run
from cli.exports.mapping import read_mapping
from cli.exports.tickets import DONE
from services.ingest.sources import configured
from services.settings import load_settings
from tests.cli.exported import looked_through
from tests.docs.pages import blocks

PAGE = "docs/onboarding.md"
SOURCE, *MAPPINGS = blocks(PAGE, "toml")
DESK = '[sources.zendesk]\nkind = "zendesk"\nsecret_env = ["DESK_SECRET"]\n'


def test_the_source_of_the_page_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "deskpulse.toml").write_text(DESK + SOURCE, encoding="utf-8")
    settings = load_settings(tmp_path / "deskpulse.toml", {})
    assert configured(settings, {}, lambda text: None)["backlog"].speaks_for == "zendesk"


@pytest.mark.parametrize("mapping", MAPPINGS, ids=range(len(MAPPINGS)))
def test_a_mapping_of_the_page_tells_a_ticket(tmp_path: Path, mapping: str) -> None:
    (tmp_path / "map.toml").write_text(mapping, encoding="utf-8")
    read = read_mapping(str(tmp_path / "map.toml"))
    said = dict.fromkeys(read.columns.values(), "")
    said |= {read.columns["ticket_id"]: "17", read.columns["opened_at"]: "2026-03-01 08:15", read.columns["status"]: "Open"}
    if words := [word for word, ours in read.words.get("status", {}).items() if ours not in DONE]:
        said[read.columns["status"]] = words[0]
    survey, events = looked_through(tmp_path, json.dumps(said), mapping, "t.jsonl")
    assert (survey.rows, survey.refused) == (1, {})
    assert {event["ticket_id"] for event in events} == {"17"}


def test_the_commands_of_the_page_are_as_they_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", "--help"]) == 0
    known = capsys.readouterr().out
    written = [word for block in blocks(PAGE, "sh") for line in block.splitlines() if "send" in line for word in line.split()]
    assert [option for option in written if option.startswith("--") and option not in known] == []
