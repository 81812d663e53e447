"""Boards written, changed and taken back over HTTP: by whom, how much of what, and what every open page learns of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from kpis.query import Query
from services.api.app import create_app
from services.api.boards.declarations import MOST_BOARDS, MOST_BYTES
from services.api.hub import Hub
from services.api.ports import Undecided
from services.controls import Control
from services.settings import ApiSettings, Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard

MINE = "/v1/controls/board/mine"
OPERATIONS = "/v1/controls/board/operations"
DECLARATION: dict[str, Any] = {
    "title": "Mine",
    "tiles": [
        {"kpi": "nps", "windows": ["28d"], "target": 40, "watch": 30},
        {"kpi": "ces", "windows": ["7d"], "dims": {"channel": "chat"}},
    ],
    "strip": {
        "dimension": "team",
        "count": {"kpi": "active_issues", "windows": ["now"]},
        "wait": {"kpi": "first_reply_time", "windows": ["24h"]},
    },
    "sources": True,
}
SETTINGS = Settings(api=ApiSettings(edit_token_env="EDIT"))
ENVIRON = {"EDIT": "may-edit-any-board"}


@pytest.fixture
async def editor(board: FakeBoard) -> AsyncIterator[httpx.AsyncClient]:
    """Calls with the token that may edit boards."""
    async with calling(create_app(SETTINGS, board, decisions=board, environ=ENVIRON), Authorization="Bearer may-edit-any-board") as client:
        yield client


async def test_a_board_of_ones_own_is_kept_and_served_everywhere(editor: httpx.AsyncClient) -> None:
    kept = await editor.put(MINE, json=DECLARATION)
    assert kept.status_code == 200, kept.text
    revision = kept.json()["revision"]
    assert kept.headers["etag"] == f'"{revision}"'
    assert {"id": "mine", "title": "Mine"} in (await editor.get("/v1/boards")).json()["boards"]
    laid_out = (await editor.get("/v1/boards/mine")).json()
    assert (laid_out["revision"], laid_out["editable"], laid_out["problems"]) == (revision, True, [])
    assert [(tile["kpi"], tile["window"], tile["target"], tile["dims"]) for tile in laid_out["tiles"]] == [
        ("nps", "28d", 40, {}),
        ("ces", "7d", None, {"channel": "chat"}),
    ]
    assert (await editor.get("/wall/mine")).status_code == 200
    assert (await editor.get(MINE)).json() == kept.json()
    assert (await editor.get("/v1/progress")).json()["boards"]["mine"] == revision


async def test_what_a_page_reads_it_can_send_back(editor: httpx.AsyncClient) -> None:
    for id in [board["id"] for board in (await editor.get("/v1/boards")).json()["boards"]]:
        declaration = (await editor.get(f"/v1/boards/{id}")).json()["declaration"]
        kept = await editor.put(f"/v1/controls/board/{id}", json=declaration)
        assert kept.status_code == 200, kept.text
        assert kept.json()["value"] == declaration


async def test_deleting_brings_back_the_shipped_board_and_removes_ones_own(editor: httpx.AsyncClient) -> None:
    shipped = (await editor.get("/v1/boards/operations")).json()
    for address in (MINE, OPERATIONS):
        assert (await editor.put(address, json=DECLARATION)).status_code == 200
        assert (await editor.delete(address)).status_code == 200
    assert (await editor.get("/v1/boards/operations")).json() == shipped
    assert (await editor.get("/v1/boards/mine")).status_code == 404
    assert (await editor.get("/wall/mine")).status_code == 404
    assert (await editor.get("/v1/stream?board=mine")).status_code == 422
    assert (await editor.delete(MINE)).status_code == 404
    assert (await editor.delete(OPERATIONS)).json()["revision"] == 0  # there is nothing to take back, which is no fault


async def test_who_says_which_revision_it_changed_overwrites_nobody(editor: httpx.AsyncClient) -> None:
    first = (await editor.put(MINE, json=DECLARATION, headers={"If-Match": '"0"'})).json()["revision"]
    assert (await editor.put(MINE, json=DECLARATION, headers={"If-Match": f'"{first}"'})).status_code == 200
    late = await editor.put(MINE, json={**DECLARATION, "title": "Late"}, headers={"If-Match": f'"{first}"'})
    assert late.status_code == 412
    assert "read it again" in late.json()["detail"]
    assert (await editor.delete(MINE, headers={"If-Match": f'"{first}"'})).status_code == 412
    assert (await editor.get("/v1/boards/mine")).json()["title"] == "Mine"
    assert (await editor.put(MINE, json={**DECLARATION, "title": "Last"}, headers={"If-Match": "*"})).status_code == 200


async def test_two_at_once_who_changed_the_same_revision_do_not_both_win() -> None:
    class Slow(FakeBoard):
        async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
            for _ in range(3):
                await asyncio.sleep(0)
            return await super().decide(kind, id, value)

    board = Slow()
    async with calling(create_app(SETTINGS, board, decisions=board, environ=ENVIRON), Authorization="Bearer may-edit-any-board") as client:
        answers = await asyncio.gather(*(client.put(MINE, json=DECLARATION, headers={"If-Match": '"0"'}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


async def test_everything_wrong_is_told_with_its_place(editor: httpx.AsyncClient) -> None:
    tiles = [
        {"kpi": "npz", "windows": ["28d"]},
        {"kpi": "nps", "windows": ["29d"]},
        {"kpi": "nps", "windows": ["28d"], "dims": {"tem": "x"}},
    ]
    answer = await editor.put(MINE, json={"title": "<b>\u202e</b>", "tiles": tiles})
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [(one.get("index"), one["pointer"]) for one in body["errors"]] == [
        (None, "/title"),
        (0, "/tiles/0/kpi"),
        (1, "/tiles/1/windows"),
        (1, "/tiles/1/windows/0"),
        (2, "/tiles/2/dims/tem"),
    ]
    assert "the nearest is nps" in body["errors"][1]["reason"]
    assert "(and 4 more)" in body["detail"]
    assert "\u202e" not in answer.text
    assert (await editor.get("/v1/boards/mine")).status_code == 404


@pytest.mark.parametrize(
    ("address", "body", "content_type", "status", "says"),
    [
        pytest.param(MINE, b'{"title":"x","tilse":[]}', "application/json", 422, "no field tilse", id="a field misspelt"),
        pytest.param(MINE, b"{", "application/json", 422, "not JSON", id="no JSON"),
        pytest.param(MINE, b"title=x", "application/x-www-form-urlencoded", 415, "application/json", id="a form, as other sites can send"),
        pytest.param(MINE, b"{}", "text/plain", 415, "application/json", id="text, as other sites can send"),
        pytest.param(MINE, b'"' + b"x" * 100_000 + b'"', "application/json", 413, "65536 bytes", id="100 KB"),
        pytest.param("/v1/controls/board/Mine", b"{}", "application/json", 422, "small letters", id="a name in capitals"),
        pytest.param("/v1/controls/board/" + "x" * 41, b"{}", "application/json", 422, "small letters", id="a long name"),
        pytest.param("/v1/controls/board/a%0A", b"{}", "application/json", 422, "small letters", id="a line end in the name"),
        pytest.param("/v1/controls/policy/decisions", b"{}", "application/json", 422, "deskpulse.toml", id="a policy"),
        pytest.param("/v1/controls/calendar/office", b"{}", "application/json", 422, "[calendars.NAME]", id="a calendar"),
        pytest.param("/v1/controls/generation/live", b"{}", "application/json", 422, "deskpulse rebuild", id="a generation"),
        pytest.param("/v1/controls/audit/last", b"{}", "application/json", 422, "deskpulse audit", id="an audit"),
        pytest.param("/v1/controls/bord/mine", b"{}", "application/json", 422, "the nearest is board", id="a kind misspelt"),
    ],
)
async def test_what_is_not_taken_says_what_would_be(
    editor: httpx.AsyncClient, board: FakeBoard, address: str, body: bytes, content_type: str, status: int, says: str
) -> None:
    answer = await editor.put(address, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert board.fresh.controls == []


async def test_a_body_that_never_says_how_long_it_is_ends_at_the_bound(editor: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 4096
            yield b" " * 4096

    answer = await editor.put(MINE, content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert sent < 2 * MOST_BYTES


async def test_there_are_so_many_boards_and_no_more(editor: httpx.AsyncClient) -> None:
    shipped = len((await editor.get("/v1/boards")).json()["boards"])
    for number in range(MOST_BOARDS - shipped):
        assert (await editor.put(f"/v1/controls/board/b{number}", json=DECLARATION)).status_code == 200
    more = await editor.put("/v1/controls/board/more", json=DECLARATION)
    assert (more.status_code, "delete one first" in more.json()["detail"]) == (422, True)
    assert (await editor.put("/v1/controls/board/b0", json=DECLARATION)).status_code == 200
    assert (await editor.delete("/v1/controls/board/b0")).status_code == 200
    assert (await editor.put("/v1/controls/board/more", json=DECLARATION)).status_code == 200


async def test_what_kafka_does_not_keep_is_not_pretended() -> None:
    class Away(FakeBoard):
        async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
            raise Undecided("Kafka does not keep it now (KafkaTimeoutError)")

    board = Away()
    async with calling(create_app(SETTINGS, board, decisions=board, environ=ENVIRON), Authorization="Bearer may-edit-any-board") as client:
        answer = await client.put(MINE, json=DECLARATION)
        assert (await client.get("/v1/boards/mine")).status_code == 404
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_every_decision_is_listed_and_told(editor: httpx.AsyncClient, board: FakeBoard) -> None:
    now_ms = board.now_ms()
    board.fresh.controls = [
        Control(kind="policy", id="decisions", valid_from_ms=0, value={"answer_within_ms": 20_000}, at_ms=1),
        Control(kind="policy", id="decisions", valid_from_ms=1_000, value={"answer_within_ms": 30_000}, at_ms=1),
        Control(kind="policy", id="decisions", valid_from_ms=now_ms + 60_000, value={"answer_within_ms": 40_000}, at_ms=2),
        Control(kind="calendar", id="office", valid_from_ms=0, value=None, at_ms=3),
    ]
    listed = (await editor.get("/v1/controls")).json()["controls"]
    assert [(one["kind"], one["id"], one["valid_from"], one["writable"]) for one in listed if one["kind"] != "board"] == [
        ("policy", "decisions", None, False),
        ("policy", "decisions", "1970-01-01T00:00:01.000Z", False),
        ("policy", "decisions", "2026-11-22T12:01:00.000Z", False),
    ]
    assert [one["id"] for one in listed if one["kind"] == "board"] == ["calls", "operations", "sales", "satisfaction", "sources", "support"]
    assert (await editor.get("/v1/controls/policy/decisions")).json()["value"] == {"answer_within_ms": 30_000}  # what holds now
    assert (await editor.get(OPERATIONS)).json()["value"]["title"] == "Operations"
    for address, says in (
        ("/v1/controls/policy/decision", "the nearest is decisions"),
        ("/v1/controls/bord/x", "the nearest is board"),
        ("/v1/controls/board/operation", "the nearest is operations"),
        ("/v1/controls/calendar/office", "no calendar office"),
    ):
        answer = await editor.get(address)
        assert (answer.status_code, says in answer.json()["detail"]) == (404, True), answer.text


async def test_every_open_stream_learns_of_a_change_and_a_changed_board_asks_anew(editor: httpx.AsyncClient, board: FakeBoard) -> None:
    elsewhere = Hub(board).messages((Query(kpis=("nps",), windows=("28d",)),))
    async with asyncio.timeout(5):
        before = json.loads((await anext(elsewhere)).data)["pulse"]["boards"]
        revision = (await editor.put(OPERATIONS, json=DECLARATION)).json()["revision"]
        message = await anext(elsewhere)
    assert before["operations"] == 0
    assert json.loads(message.data)["pulse"]["boards"] == {**before, "operations": revision}
    assert (message.event, json.loads(message.data)["figures"]) == ("change", [])
    await elsewhere.aclose()


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202egnp.exe", "\u0000\u001b[31m", "x" * 100_000], ids=["tags", "bidi", "control", "100 KB"]
)
async def test_hostile_text_in_a_dimension_is_data_and_nothing_else(text: str) -> None:
    class Hostile(FakeBoard):
        def _cuts(self, query: Query) -> list[tuple[tuple[str, str], ...]]:
            return [tuple((name, text) for name in query.by)]

    board = Hostile()
    async with calling(create_app(Settings(), board, environ={})) as client:
        answer = await client.get("/v1/figures?kpi=active_issues&window=now&by=team")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert [figure["dims"] for figure in answer.json()["figures"]] == [{"team": text}]
        exposed = (await client.get("/metrics")).text
    messages = Hub(board).messages((Query(kpis=("active_issues",), windows=("now",), by=("team",)),))
    message = await anext(messages)
    await messages.aclose()
    assert "\n" not in message.data  # one line of the stream, whatever the text
    assert json.loads(message.data)["figures"][0]["dims"] == {"team": text}
    assert len(exposed.splitlines()) == len(exposed.split("\n")) - 1


async def test_hostile_text_that_was_kept_by_another_way_is_data_too(editor: httpx.AsyncClient, board: FakeBoard) -> None:
    title = "<img src=x onerror=alert(1)>\u202e\u0000" + "x" * 100_000
    await board.decide("board", "mine", {**DECLARATION, "title": title})
    for address in ("/v1/boards", "/v1/boards/mine", MINE):
        answer = await editor.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert json.dumps(title) in json.dumps(answer.json())
    page = await editor.get("/wall/mine")
    assert "onerror" not in page.text  # the page is the same for every board


def test_a_declaration_is_bounded_far_above_what_a_wall_needs() -> None:
    tile = {
        "kpi": "x" * 60,
        "windows": ["28d"] * 5,
        "title": "x" * 80,
        "dims": {"channel": "x" * 512, "team": "x" * 512},
        "target": 0.123456789,
    }
    assert len(json.dumps({"title": "x" * 80, "tiles": [tile] * 40})) < MOST_BYTES
