"""Boards as declarations: those that come with deskpulse, what is wrong with one, and how what is kept is served."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.catalogue import KPIS
from kpis.query import Query
from services.api.boards.checks import MOST_FINDINGS, findings
from services.api.boards.declarations import MOST_TILES, Declaration, Finding, Strip, TargetOf, Tile, Unreadable, bare, kept, read
from services.api.boards.kept import Boards, revisions
from services.api.boards.shipped import OPERATIONS, SHIPPED
from services.controls import BOARD, Control
from services.settings import Settings, TargetSettings
from tests.services.api.fake_board import FakeBoard
from tests.services.api.filled_board import filled

REAL = filled(60)
SETTINGS = Settings()
KNOWN = Boards(REAL, SETTINGS).known
WAIT = Tile(kpi="first_reply_time", windows=("1h",))


def board_of(*tiles: Tile, **more: Any) -> Declaration:
    return Declaration(title="Ours", tiles=tiles, **more)


def wrong(declaration: Declaration, settings: Settings = SETTINGS) -> list[Finding]:
    return findings(declaration, KNOWN, REAL, settings.targets)


def keeping(value: dict[str, Any] | None, id: str = "ours", at_ms: int = 5) -> FakeBoard:
    """A fake board whose `controls` keep one board."""
    board = FakeBoard()
    board.fresh.controls = [Control(kind=BOARD, id=id, valid_from_ms=0, value=value, at_ms=at_ms)]
    return board


@pytest.mark.parametrize("id", SHIPPED)
def test_every_shipped_board_is_right_on_the_real_catalogue(id: str) -> None:
    declaration = SHIPPED[id]
    assert wrong(declaration) == []
    assert 4 <= len(declaration.tiles) <= 9
    laid_out = Boards(REAL, SETTINGS).definition(id)
    assert laid_out["problems"] == []
    assert [tile["kpi"] for tile in laid_out["tiles"]] == [tile.kpi for tile in declaration.tiles]
    assert kept(bare(declaration)) == declaration == read(msgspec.json.encode(declaration))


@pytest.mark.parametrize("id", SHIPPED)
def test_every_kpi_is_on_every_board(id: str) -> None:
    laid_out = Boards(REAL, SETTINGS).definition(id)
    shown = [tile["kpi"] for tile in (*laid_out["tiles"], *laid_out["rest"])]
    assert set(shown) == {kpi.id for kpi in KPIS}
    asked = {(kpi, query.windows[0]) for query in Boards(REAL, SETTINGS).questions(id) for kpi in query.kpis if not query.by}
    assert {(tile["kpi"], tile["window"]) for tile in (*laid_out["tiles"], *laid_out["rest"])} == asked


def test_a_tile_says_all_that_the_page_asks_of_it() -> None:
    tile = Boards(REAL, SETTINGS).definition("operations")["tiles"][2]
    assert (tile["target"], tile["watch"], tile["dims"], tile["window"]) == (1800, 2700, {}, "1h")
    assert "agent" not in tile["breakdowns"]
    assert {"channel", "team"} <= set(tile["breakdowns"])
    assert tile["definition"].keys() == {"formula", "meaning", "source", "events", "windows", "version", "n_min"}
    assert all(tile["definition"][name] for name in ("formula", "meaning", "source", "events", "windows", "version"))


@pytest.mark.parametrize(
    ("kpi", "window", "step", "days"),
    [
        ("active_issues", "now", "5m", 1 / 8),
        ("first_reply_time", "1h", "5m", 1 / 8),
        ("resolved_issues", "24h", "1h", 1),
        ("resolved_within_24h", "7d", "6h", 7),
        ("nps", "28d", "1d", 28),
        ("nps", "90d", "1d", 28),
    ],
)
def test_a_trend_goes_by_steps_that_its_window_changes_in(kpi: str, window: str, step: str, days: float) -> None:
    [tile] = Boards(keeping(bare(board_of(Tile(kpi=kpi, windows=(window,))))), SETTINGS).definition("ours")["tiles"]
    assert (tile["window"], tile["trend"]) == (window, {"step": step, "span_seconds": days * 86_400})


def test_a_board_tells_the_targets_that_the_settings_name() -> None:
    settings = Settings(targets={"csat_score": TargetSettings(share=0.95), "wait": TargetSettings(p50=60, within=90)})
    targets = Boards(FakeBoard(), settings).definition("operations")["targets"]
    named = [(one["name"], one["part"], one["value"]) for one in targets if one["name"] in ("csat_score", "wait")]
    assert named == [("csat_score", "share", 0.95), ("wait", "p50", 60), ("wait", "within", 90)]


def test_the_target_follows_the_settings_and_falls_back_to_the_number_of_the_tile() -> None:
    tiles = (
        Tile(kpi="first_reply_time", windows=("1h",), target_of=TargetOf(name="first_reply_time_seconds", part="p50"), target=60),
        Tile(kpi="csat_score", windows=("24h",), target_of=TargetOf(name="csat_score", part="share"), target=0.8),
    )
    board = keeping(bare(board_of(*tiles)))
    assert [tile["target"] for tile in Boards(board, SETTINGS).definition("ours")["tiles"]] == [1800, 0.8]
    settings = Settings(targets={"csat_score": TargetSettings(share=0.95)})
    assert [tile["target"] for tile in Boards(board, settings).definition("ours")["tiles"]] == [1800, 0.95]


def test_a_slice_is_asked_for_as_a_slice_and_the_total_stays_below() -> None:
    sliced = Tile(kpi="first_reply_time", windows=("1h",), dims={"channel": "chat"})
    boards = Boards(keeping(bare(board_of(sliced, WAIT, Tile(kpi="nps", windows=("28d",), dims={"channel": "chat"})))), SETTINGS)
    laid_out = boards.definition("ours")
    assert Query(kpis=("first_reply_time",), windows=("1h",), where=(("channel", "chat"),)) in boards.questions("ours")
    assert laid_out["tiles"][0]["breakdowns"] == ["team"]  # the configured pair, and nothing else
    rest = [tile["kpi"] for tile in laid_out["rest"]]
    assert "nps" in rest
    assert "first_reply_time" not in rest


def test_a_slice_that_is_gone_has_no_data_and_costs_no_other_tile() -> None:
    gone = Tile(kpi="issues_created", windows=("24h",), dims={"team": "a team of last year", "channel": "chat"})
    declaration = board_of(WAIT, gone)
    assert wrong(declaration) == []
    board = filled(60)
    board.decisions.heed(keeping(bare(declaration)).fresh.controls)
    boards = Boards(board, SETTINGS)
    figures = [figure for query in boards.questions("ours") for figure in board.figures(query)]
    [thin] = [figure for figure in figures if figure.dims]
    assert (thin.n, thin.dims["team"]) == (0, "a team of last year")
    assert any(figure.value for figure in figures)


@pytest.mark.parametrize(
    ("declaration", "pointer", "says"),
    [
        pytest.param(board_of(Tile(kpi="npz", windows=("28d",))), "/tiles/0/kpi", "the nearest is nps", id="kpi"),
        pytest.param(
            board_of(WAIT, Tile(kpi="nps", windows=("15m",))), "/tiles/1/windows", "nps is not kept over 15m", id="window not kept"
        ),
        pytest.param(
            board_of(Tile(kpi="nps", windows=("28d", "29d"))), "/tiles/0/windows/1", "there is no window 29d", id="window unknown"
        ),
        pytest.param(board_of(Tile(kpi="nps", windows=())), "/tiles/0/windows", "no window", id="no window at all"),
        pytest.param(
            board_of(Tile(kpi="nps", windows=("28d",), dims={"chanel": "x"})),
            "/tiles/0/dims/chanel",
            "the nearest is channel",
            id="dimension",
        ),
        pytest.param(
            board_of(Tile(kpi="issues_created", windows=("24h",), dims={"team": "a", "priority": "b"})),
            "/tiles/0/dims",
            "configured pairs",
            id="a pair that is not kept",
        ),
        pytest.param(
            board_of(Tile(kpi="resolved_issues", windows=("24h",), dims={"agent": "a-1"})), "/tiles/0/dims/agent", "teams", id="one agent"
        ),
        pytest.param(board_of(Tile(kpi="nps", windows=("28d",), dims={"channel": ""})), "/tiles/0/dims/channel", "1 to 512", id="no value"),
        pytest.param(
            board_of(Tile(kpi="nps", windows=("28d",), dims={"channel": "x" * 513})), "/tiles/0/dims/channel", "1 to 512", id="a long value"
        ),
        pytest.param(
            board_of(Tile(kpi="csat_score", windows=("24h",), target=80)), "/tiles/0/target", "never reached", id="a share over 1"
        ),
        pytest.param(board_of(Tile(kpi="nps", windows=("28d",), target=-101)), "/tiles/0/target", "-100 to 100", id="a score below all"),
        pytest.param(board_of(Tile(kpi="backlog_age", windows=("now",), target=-1)), "/tiles/0/target", "never reached", id="time below 0"),
        pytest.param(
            board_of(Tile(kpi="nps", windows=("28d",), watch=10)), "/tiles/0/watch", "give it a target", id="watch without target"
        ),
        pytest.param(
            board_of(Tile(kpi="nps", windows=("28d",), target_of=TargetOf(name="first_replay_time_seconds", part="p50"))),
            "/tiles/0/target_of/name",
            "the nearest is first_reply_time_seconds",
            id="target misspelt",
        ),
        pytest.param(
            board_of(strip=Strip(dimension="tem", count=WAIT, wait=WAIT)), "/strip/dimension", "the nearest is team", id="strip by"
        ),
        pytest.param(board_of(strip=Strip(dimension="agent", count=WAIT, wait=WAIT)), "/strip/dimension", "agents", id="strip by agent"),
        pytest.param(
            board_of(strip=Strip(dimension="team", count=Tile(kpi="nps", windows=("28d",)), wait=WAIT)),
            "/strip/count/kpi",
            "nps is not kept by team",
            id="strip of what is not kept by it",
        ),
        pytest.param(
            board_of(strip=Strip(dimension="team", count=WAIT, wait=Tile(kpi="npz", windows=("1h",)))),
            "/strip/wait/kpi",
            "the nearest is nps",
            id="strip of nothing",
        ),
        pytest.param(board_of(*[WAIT] * (MOST_TILES + 1)), "/tiles", "at most 40", id="too many tiles"),
        pytest.param(board_of(), "/tiles", "shows something", id="nothing on it"),
        pytest.param(Declaration(title="  ", tiles=(WAIT,)), "/title", "has a title", id="no title"),
        pytest.param(Declaration(title="x" * 81, tiles=(WAIT,)), "/title", "at most 80", id="a long title"),
        pytest.param(Declaration(title="a\u202eb", tiles=(WAIT,)), "/title", "character 2 (U+202E)", id="right to left"),
        pytest.param(Declaration(title="a\nb", tiles=(WAIT,)), "/title", "U+000A", id="a line end"),
        pytest.param(Declaration(title="a\u0000", tiles=(WAIT,)), "/title", "U+0000", id="a zero"),
        pytest.param(Declaration(title="o" + "\u0300" * 9, tiles=(WAIT,)), "/title", "marks", id="a tower of marks"),
        pytest.param(board_of(Tile(kpi="nps", windows=("28d",), title="\u2066x")), "/tiles/0/title", "U+2066", id="direction in a tile"),
    ],
)
def test_what_cannot_be_kept_says_where_and_what_is_nearest(declaration: Declaration, pointer: str, says: str) -> None:
    found = wrong(declaration)
    assert [one.pointer for one in found] == [pointer]
    assert says in found[0].reason
    assert found[0].index == (int(pointer.split("/")[2]) if pointer.startswith("/tiles/") else None)


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("<b onload=x>&amp;</b>", id="tags are text"),
        pytest.param("Überlauf 東京 مرحبا", id="scripts, right to left ones too"),
        pytest.param("می\u200cخواهم 👩\u200d💻", id="joiners that scripts and signs need"),
        pytest.param("x" * 80, id="as long as may be"),
    ],
)
def test_titles_that_people_write_are_kept(title: str) -> None:
    assert wrong(Declaration(title=title, tiles=(WAIT,))) == []


def test_everything_wrong_is_told_at_once_and_not_without_end() -> None:
    bad = Tile(kpi="nps", windows=("29d",), target=1e9, title="x" * 99)
    found = wrong(board_of(bad, bad))
    assert len({one.pointer for one in found}) == len(found) == 8
    assert len(wrong(board_of(*[bad] * MOST_TILES))) == MOST_FINDINGS


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        pytest.param(b"", "", "not JSON", id="nothing"),
        pytest.param(b"\xff\xfe{}", "", "not JSON", id="no UTF-8"),
        pytest.param(b"[]", "", "Expected `object`", id="no object"),
        pytest.param(b"{}", "", "missing required field `title`", id="no title"),
        pytest.param(b'{"title":"x","tils":[]}', "", "the nearest is tiles", id="a field misspelt"),
        pytest.param(b'{"title":"x","tiles":[{"kpi":"nps"}]}', "/tiles/0", "missing required field `windows`", id="no windows"),
        pytest.param(b'{"title":"x","tiles":[{"kpi":"nps","windows":[],"targt":1}]}', "/tiles/0", "the nearest is target", id="in a tile"),
        pytest.param(b'{"title":"x","tiles":[{"kpi":"nps","windows":["1h"],"target":"1"}]}', "/tiles/0/target", "Expected", id="no number"),
        pytest.param(b'{"title":"x","tiles":[{"kpi":"nps","windows":["1h"],"target":1e999}]}', "", "out of range", id="no finite number"),
        pytest.param(b'{"title":"x","tiles":[{"kpi":"nps","windows":["1h"],"target":NaN}]}', "", "not JSON", id="not a number"),
        pytest.param(b'{"title":"\\ud800"}', "", "not JSON", id="half a character"),
        pytest.param(b'{"title":' + b"[" * 60_000, "/title", "Expected `str`", id="very deep"),
    ],
)
def test_what_is_no_declaration_says_where(body: bytes, pointer: str, says: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(body)
    assert says in refused.value.finding.reason
    if pointer:
        assert refused.value.finding.pointer == pointer


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)).map(
        lambda v: json.dumps(v).encode()
    )
)
def test_whatever_is_sent_it_is_read_or_refused(body: bytes) -> None:
    try:
        declaration = read(body)
    except Unreadable as error:
        refused = error.finding
        assert refused.reason  # most of what is tried is refused, and that is right
    else:
        assert read(msgspec.json.encode(declaration)) == declaration


@given(st.text(max_size=90), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3), st.floats(allow_nan=False))
def test_whatever_it_says_it_is_judged_and_laid_out(text: str, dims: dict[str, str], number: float) -> None:
    declaration = Declaration(
        title=text,
        tiles=(Tile(kpi=text, windows=(text,), title=text, target=number), Tile(kpi="nps", windows=("28d",), dims=dims, watch=number)),
        strip=Strip(dimension=text, count=WAIT, wait=WAIT),
    )
    for one in wrong(declaration):
        assert one.reason.isprintable()
    laid_out = Boards(keeping(bare(declaration)), SETTINGS).definition("ours")
    assert {problem.pointer.split("/")[1] for problem in laid_out["problems"]} >= {"tiles", "strip"}


def test_what_is_kept_and_no_longer_exists_is_left_out_and_said() -> None:
    declaration = board_of(
        Tile(kpi="gone_kpi", windows=("1h",)),
        WAIT,
        Tile(kpi="nps", windows=("3h",)),
        Tile(kpi="nps", windows=("28d",), dims={"weather": "rain"}),
        strip=Strip(dimension="team", count=WAIT, wait=Tile(kpi="gone_kpi", windows=("1h",))),
    )
    laid_out = Boards(keeping(bare(declaration)), SETTINGS).definition("ours")
    assert [tile["kpi"] for tile in laid_out["tiles"]] == ["first_reply_time"]
    assert laid_out["strip"] is None
    told = [(one.index, one.pointer) for one in laid_out["problems"]]
    assert told == [(0, "/tiles/0/kpi"), (2, "/tiles/2/windows"), (3, "/tiles/3/dims/weather"), (None, "/strip/wait/kpi")]
    assert laid_out["declaration"] == bare(declaration)  # as it was kept: who edits it loses nothing by accident


@pytest.mark.parametrize("watch", [0.7, 0.9], ids=["not yet bad", "not quite good"])
def test_a_target_that_the_settings_have_moved_takes_no_tile_off_the_wall(watch: float) -> None:
    tile = Tile(kpi="service_level", windows=("24h",), target_of=TargetOf(name="speed_of_answer_seconds", part="share"), watch=watch)
    declaration = board_of(tile)
    assert wrong(declaration) == []
    for share in (0.6, 0.95):
        settings = Settings(targets={"speed_of_answer_seconds": TargetSettings(within=20, share=share)})
        [shown] = Boards(keeping(bare(declaration)), settings).definition("ours")["tiles"]
        assert (shown["target"], shown["watch"]) == (share, watch)
    untold = Settings(targets={"speed_of_answer_seconds": TargetSettings(within=20)})
    [shown] = Boards(keeping(bare(declaration)), untold).definition("ours")["tiles"]
    assert (shown["target"], shown["watch"]) == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="empty"),
        pytest.param({"title": 5}, id="another form"),
        pytest.param({"title": "x", "of_a_later_version": True}, id="a field of a later version"),
        pytest.param({"title": "x", "tiles": {"a": 1}}, id="tiles that are none"),
    ],
)
def test_what_is_kept_and_cannot_be_read_is_served_as_shipped_and_said(value: dict[str, Any]) -> None:
    shipped = Boards(keeping(value, "operations"), SETTINGS).definition("operations")
    assert [tile["kpi"] for tile in shipped["tiles"]] == [tile.kpi for tile in OPERATIONS.tiles]
    own = Boards(keeping(value), SETTINGS).definition("ours")
    assert (own["title"], own["tiles"]) == ("ours", [])
    assert own["rest"]
    for laid_out in (shipped, own):
        assert laid_out["problems"][0].reason.startswith("what was kept at 1970-01-01T00:00:00.005Z cannot be read")
        assert laid_out["revision"] == 5


def test_boards_are_the_shipped_ones_in_order_then_a_companys_own() -> None:
    board = FakeBoard()
    value = bare(board_of(WAIT))
    board.fresh.controls = [
        Control(kind=BOARD, id=id, valid_from_ms=0, value=kept_value, at_ms=at_ms)
        for id, kept_value, at_ms in [("zulu", value, 3), ("calls", value, 4), ("alpha", value, 5), ("gone", None, 6), ("sales", None, 7)]
    ] + [
        Control(kind=BOARD, id="../x\n", valid_from_ms=0, value=value, at_ms=8),
        Control(kind="policy", id="p", valid_from_ms=0, value={}, at_ms=9),
    ]
    boards = Boards(board, SETTINGS)
    assert list(boards.declared()) == [*SHIPPED, "alpha", "zulu"]
    told = {"operations": 0, "support": 0, "calls": 4, "satisfaction": 0, "sales": 0, "sources": 0, "zulu": 3, "alpha": 5}
    assert revisions(board.fresh.controls) == told == {id: one.revision for id, one in boards.declared().items()}
    assert boards.definition("calls")["title"] == "Ours"
    assert boards.definition("sales")["revision"] == 0


def test_a_board_is_laid_out_anew_only_when_it_changed() -> None:
    board = keeping(bare(board_of(WAIT)))
    boards = Boards(board, SETTINGS)
    before = boards.definition("ours"), boards.definition("calls")
    board.fresh.controls = [*board.fresh.controls, Control(kind=BOARD, id="calls", valid_from_ms=0, value=bare(board_of(WAIT)), at_ms=9)]
    assert boards.definition("ours") is before[0]
    assert boards.definition("calls") is not before[1]
    board.fresh.generation += 1  # other pairs may be kept
    assert boards.definition("ours") is not before[0]
