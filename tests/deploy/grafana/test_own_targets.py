"""The dashboards for a company's own targets, and the page that tells how."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.render.dashboards.__main__ import main
from deploy.render.dashboards.sdk import JSONEncoder, m
from tests.conftest import REPOSITORY
from tests.deploy.grafana.reading import dashboards, showing


def test_targets_of_a_file_are_on_the_wall(tmp_path: Path) -> None:
    config = tmp_path / "deskpulse.toml"
    config.write_text("[targets]\ncsat_score = { share = 0.9 }\n", encoding="utf-8")
    assert main([str(tmp_path / "out"), "--config", str(config)]) == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == set(dashboards())
    wall = json.loads((tmp_path / "out" / "operations.json").read_text(encoding="utf-8"))
    titles = [panel["title"] for panel in showing(wall)]
    assert "Satisfaction · last 24 h · target ≥ 90 %" in titles
    assert "First reply, median · last hour · target ≤ 30 min" in titles


def test_settings_that_cannot_be_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "deskpulse.toml"
    config.write_text("[targets]\ncsat_score = { share = 90 }\n", encoding="utf-8")
    assert main([str(tmp_path / "out"), "--config", str(config)]) == 2
    assert "share" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", list(dashboards()))
def test_the_generator_reads_back_what_it_wrote(name: str) -> None:
    """Every key is one that its types of a dashboard know."""
    board = dashboards()[name]
    again = json.loads(JSONEncoder().encode(m.Dashboard.from_json(json.loads(json.dumps(board)))))
    for shown in (*again["links"], *again["annotations"]["list"]):
        shown.pop("placement", None)
    assert {key: again[key] for key in ("uid", "title", "templating", "annotations", "links", "time", "tags")} == {
        key: board[key] for key in ("uid", "title", "templating", "annotations", "links", "time", "tags")
    }
    assert len(again["panels"]) == len(board["panels"])


def test_the_page_names_every_dashboard_by_its_address_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "grafana.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`/d/([\w-]+)`", page)) == {board["uid"] for board in dashboards().values()}
    titles = re.findall(r"^\| ([^|`]+) \| `/d/", page, re.MULTILINE)
    assert titles == [board["title"] for board in dashboards().values()]
