"""The form of the dashboards: classic JSON that a Grafana provisions from files, laid out without gaps in meaning or overlaps."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.render import grafana_alerts
from deploy.render.dashboards import files as rendering
from deploy.render.dashboards.palette import BLUE, GREY, INK, ORANGE, PLAIN, QUIET, VERMILION
from deploy.render.dashboards.wall import MOST_TILES, spoken
from kpis.catalogue import KPIS
from kpis.tallies import BASES
from services.api.boards.shipped import SHIPPED
from services.settings import TargetSettings
from tests.conftest import REPOSITORY
from tests.deploy.grafana.reading import dashboards, expressions, panels, showing, variables

BOARDS = list(dashboards())
UIDS = {f"deskpulse-{name}" for name in ("operations", "kpis", "distributions", "pipeline", "spikes", "agents")}
boards = pytest.mark.parametrize("name", BOARDS)


@boards
def test_it_is_classic_json_that_file_provisioning_takes(name: str) -> None:
    board = dashboards()[name]
    assert board["panels"]
    assert "elements" not in board
    assert "spec" not in board
    assert "apiVersion" not in board
    assert board["schemaVersion"] <= 42
    assert "id" not in board
    assert "__inputs" not in board
    assert "deskpulse" in board["tags"]


def test_each_has_a_stable_address() -> None:
    assert {board["uid"] for board in dashboards().values()} == UIDS
    assert len({board["title"] for board in dashboards().values()}) == len(UIDS)
    assert all(len(uid) <= 40 for uid in UIDS)


@boards
def test_ids_are_set_and_none_is_used_twice(name: str) -> None:
    ids = [panel["id"] for panel in panels(dashboards()[name])]
    assert all(isinstance(number, int) and number > 0 for number in ids)
    assert len(ids) == len(set(ids))


@boards
def test_no_panel_lies_on_another_nor_beyond_the_edge(name: str) -> None:
    taken: dict[tuple[int, int], int] = {}
    for panel in panels(dashboards()[name]):
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        assert min(at["w"], at["h"]) >= 1
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies on panel {taken[cell]}"
            taken[cell] = panel["id"]


@boards
def test_collapsed_rows_hold_their_panels_and_open_ones_none(name: str) -> None:
    for panel in dashboards()[name]["panels"]:
        if panel["type"] == "row":
            assert bool(panel["panels"]) == panel["collapsed"]


@boards
def test_refs_of_one_panel_differ(name: str) -> None:
    for panel in showing(dashboards()[name]):
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)), panel["title"]


@boards
def test_they_lead_to_each_other_and_spikes_are_marked(name: str) -> None:
    board = dashboards()[name]
    [link] = board["links"]
    assert (link["type"], link["tags"]) == ("dashboards", ["deskpulse"])
    [spikes] = board["annotations"]["list"]
    assert "deskpulse_spike_alert" in spikes["expr"]
    assert "inControlsMenu" not in json.dumps(board)


def test_links_of_panels_lead_to_dashboards_that_exist() -> None:
    urls = {link["url"] for board in dashboards().values() for panel in showing(board) for link in panel.get("links", ())}
    assert urls
    assert {url.removeprefix("/d/") for url in urls} <= UIDS


@boards
def test_a_number_of_now_is_asked_as_an_instant_and_says_no_data(name: str) -> None:
    """Else a number that no longer comes would stand there as the last good one."""
    for panel in showing(dashboards()[name]):
        assert panel["fieldConfig"]["defaults"]["noValue"] == "NO DATA", panel["title"]
        if panel["type"] not in ("stat", "bargauge", "table"):
            continue
        assert all(target["instant"] and not target["range"] for target in panel["targets"]), panel["title"]
        [nothing] = panel["fieldConfig"]["defaults"]["mappings"]
        assert nothing["options"] == {"match": "null+nan", "result": {"text": "NO DATA", "color": GREY, "index": 0}}
        if panel["type"] != "table":
            assert panel["options"]["reduceOptions"]["calcs"] == ["last"]


def test_every_colour_is_of_the_palette_and_a_state_has_a_word_and_a_sign() -> None:
    allowed = {BLUE, ORANGE, VERMILION, GREY, PLAIN, QUIET}
    for board in dashboards().values():
        for found in _of(board, "color"):
            if isinstance(found, str):
                assert found in allowed
        assert set(_of(board, "fixedColor")) <= {BLUE, INK}
        for options in _of(board, "options"):
            for value in options.values() if isinstance(options, dict) else ():
                if isinstance(value, dict) and value.get("color") in (ORANGE, VERMILION):
                    assert value["text"]


@boards
def test_one_series_has_no_legend(name: str) -> None:
    for panel in showing(dashboards()[name]):
        if panel["type"] == "timeseries":
            several = len(panel["targets"]) > 1 or "{{" in panel["targets"][0]["legendFormat"]
            assert panel["options"]["legend"]["showLegend"] == several, panel["title"]


def test_every_exposed_kpi_has_its_panels() -> None:
    titles = " ".join(panel["title"] + "\n" for panel in showing(dashboards()["kpis.json"]))
    assert [kpi.id for kpi in KPIS if (f"{kpi.title} · by window\n" in titles) != kpi.exposed] == []


def test_a_kpi_that_is_not_exposed_has_none_and_a_new_one_arrives_by_itself() -> None:
    kept = rendering.files(KPIS[1:])["deploy/grafana/dashboards/kpis.json"]
    assert f"{KPIS[0].title} · by window" not in kept
    assert f"{KPIS[0].title} · by window" in rendering.files()["deploy/grafana/dashboards/kpis.json"]


def test_every_duration_that_is_tallied_has_its_panels_and_a_share_where_it_has_a_limit() -> None:
    def titles(board: str) -> list[str]:
        return [panel["title"] for panel in showing(json.loads(board))]

    path = "deploy/grafana/dashboards/distributions.json"
    tallied = [kpi for kpi in KPIS if kpi.id in BASES]
    shipped = titles(rendering.files()[path])
    assert [title for title in shipped if "half and 90 %" in title] == [f"{kpi.title} · half and 90 % within" for kpi in tallied]
    assert [title for title in shipped if "share" in title] == [
        "First reply time · share within 1 h",
        "Speed of answer · share within 20 s",
    ]
    own = titles(rendering.files(targets={f"{tallied[3].id}_seconds": TargetSettings(within=5_400)})[path])
    assert [title for title in own if "share" in title] == [f"{tallied[3].title} · share within 1.5 h"]
    without = titles(rendering.files(tuple(kpi for kpi in KPIS if kpi is not tallied[0]))[path])
    assert f"{tallied[0].title} · half and 90 % within" not in without


def test_a_heatmap_is_of_buckets_as_they_stand_and_of_one_hue() -> None:
    """What waits now is a gauge: a rate of it would be the change of who waits."""
    [heat] = [panel for board in dashboards().values() for panel in showing(board) if panel["type"] == "heatmap"]
    [target] = heat["targets"]
    assert target["format"] == "heatmap"
    assert "rate(" not in target["expr"]
    assert "deskpulse_queue_age_seconds_bucket" in target["expr"]
    assert (heat["options"]["color"]["mode"], heat["options"]["color"]["fill"]) == ("opacity", BLUE)
    assert heat["options"]["calculate"] is False


def test_the_wall_shows_its_tiles_in_order_and_the_age_of_the_data() -> None:
    wall = showing(dashboards()["operations.json"])
    titles = {kpi.id: kpi.title for kpi in KPIS}
    tiles = SHIPPED["operations"].tiles[:MOST_TILES]
    assert [panel["title"].partition(" · ")[0] for panel in wall[: len(tiles)]] == [tile.title or titles[tile.kpi] for tile in tiles]
    assert "Data age · newest event" in [panel["title"] for panel in wall]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in wall)
    assert height * 38 <= 1080, "a wall is seen without scrolling"


@pytest.mark.parametrize(
    ("target", "title", "steps", "limits"),
    [
        pytest.param(
            {"first_reply_time_seconds": TargetSettings(p50=600)},
            "First reply, median · last hour · target ≤ 10 min",
            [(None, PLAIN), (600, ORANGE), (2700, VERMILION)],
            ("> bool 600)", "> bool 2700)"),
            id="less is better",
        ),
        pytest.param(
            {"csat_score": TargetSettings(share=0.9)},
            "Satisfaction · last 24 h · target ≥ 90 %",
            [(None, VERMILION), (0.81, ORANGE), (0.9, PLAIN)],
            ("< bool 0.9)", "< bool 0.81)"),
            id="more is better",
        ),
        pytest.param({}, "Satisfaction · last 24 h", [(None, PLAIN)], (), id="no target, no colour"),
    ],
)
def test_thresholds_follow_from_targets(
    target: dict[str, TargetSettings], title: str, steps: list[tuple[float | None, str]], limits: tuple[str, ...]
) -> None:
    board = json.loads(rendering.files(targets=target)["deploy/grafana/dashboards/operations.json"])
    [tile] = [panel for panel in showing(board) if panel["title"] == title]
    found = [(step["value"], step["color"]) for step in tile["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert [colour for _, colour in found] == [colour for _, colour in steps]
    assert [value for value, _ in found][1:] == pytest.approx([value for value, _ in steps][1:])
    assert [limit for limit in limits if limit not in tile["targets"][-1]["expr"]] == []
    words = [p["value"] for o in tile["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "mappings"]
    assert bool(words) == bool(limits)


@pytest.mark.parametrize(
    ("target", "watch", "words"),
    [
        pytest.param(1_800, 2_700, ("◆ just over", "> bool 1800", "> bool 2700"), id="watched beyond the target"),
        pytest.param(3_600, 2_700, ("◆ near the target", "> bool 2700", "> bool 3600"), id="watched before the target"),
    ],
)
def test_a_board_may_watch_on_either_side_of_a_target(target: float, watch: float, words: tuple[str, ...]) -> None:
    [shipped] = [tile for tile in SHIPPED["operations"].tiles if tile.kpi == "first_reply_time"]
    assert shipped.watch == watch
    board = rendering.files(targets={"first_reply_time_seconds": TargetSettings(p50=target)})["deploy/grafana/dashboards/operations.json"]
    [tile] = [panel for panel in showing(json.loads(board)) if panel["title"].startswith("First reply")]
    first, _, second = tile["targets"][1]["expr"].partition(" + ")
    assert words[0] in json.dumps(tile, ensure_ascii=False)
    assert (words[1] in first, words[2] in second) == (True, True)


def test_a_number_that_just_meets_its_target_is_not_coloured() -> None:
    board = json.loads(rendering.files(targets={"active_issues": TargetSettings(within=300)})["deploy/grafana/dashboards/operations.json"])
    steps = showing(board)[0]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert 300 < steps[1]["value"] < 300.000001


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1800, "seconds", "30 min"), (20, "seconds", "20 s"), (9000, "seconds", "2.5 h"), (0.8, "ratio", "80 %"), (300, "tickets", "300")],
)
def test_targets_are_spoken_as_people_say_them(value: float, unit: str, text: str) -> None:
    assert spoken(value, unit) == text


def test_every_variable_is_used_and_every_used_one_is_declared() -> None:
    for name, board in dashboards().items():
        text = json.dumps([board["panels"], [v for v in board["templating"]["list"]]])
        for variable in variables(board):
            assert f"${variable}" in text or f"${{{variable}}}" in text, f"{name}: ${variable} is not used"


def test_without_the_dev_extra_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for module in [name for name in sys.modules if name.startswith("grafana_foundation_sdk")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(rendering.NotInstalled, match=r"deskpulse\[dev\]"):
        rendering.files()


def test_the_committed_folder_holds_nothing_else() -> None:
    """A dashboard that is no longer rendered would be provisioned for ever."""
    kept = {str(file.relative_to(REPOSITORY)) for file in Path(REPOSITORY / rendering.FOLDER).rglob("*") if file.is_file()}
    assert kept == {*rendering.files(), grafana_alerts.FILE}


def test_there_are_expressions_at_all() -> None:
    assert len(expressions()) > 300


def _of(value: Any, key: str) -> list[Any]:
    if isinstance(value, dict):
        own: list[Any] = [value[key]] if key in value else []
        return own + [found for inner in value.values() for found in _of(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in _of(inner, key)]
    return []
