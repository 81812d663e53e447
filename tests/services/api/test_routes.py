"""The API over HTTP, question by question, on the fake board."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from kpis.query import Query
from services.api.app import create_app
from services.api.board import Board
from services.api.boards.layout import questions
from services.api.boards.shipped import OPERATIONS
from services.settings import ApiSettings, Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import CHANNELS, MADE, TEAMS, FakeBoard
from tests.services.api.filled_board import filled

FIGURE = "/v1/figures?kpi=first_reply_time&window=1h"


async def figures(client: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["figures"]
    return found


async def test_the_catalogue_lists_every_kpi(client: httpx.AsyncClient) -> None:
    kpis = (await client.get("/v1/kpis")).json()["kpis"]
    assert [entry["id"] for entry in kpis] == [one.id for one in MADE]
    assert (await client.get("/v1/kpis/nps")).json()["title"] == "Net Promoter Score"


async def test_a_figure_has_all_that_is_needed_to_trust_it(client: httpx.AsyncClient) -> None:
    [figure] = await figures(client, FIGURE)
    assert figure == {
        "kpi": "first_reply_time",
        "version": 1,
        "window": "1h",
        "window_start": "2026-11-22T11:00:00.000Z",
        "window_end": "2026-11-22T12:00:00.000Z",
        "anchor": "completed",
        "clock": "calendar",
        "dims": {},
        "as_of": "2026-11-22T12:00:00.000Z",
        "watermark": "2026-11-22T11:58:59.600Z",
        "value": 1440,
        "unit": "seconds",
        "n": 142,
        "numerator": 204480,
        "denominator": 142,
        "ci_low": pytest.approx(1324.8),
        "ci_high": pytest.approx(1555.2),
        "quality": "provisional",
        "reason": None,
        "revision": 0,
        "late_applied": 0,
        "parts": {"p50": 1440, "p90": 4320, "mean": 2160},
        "items": [],
    }


@pytest.mark.parametrize(
    ("query", "cuts"),
    [
        pytest.param("", [{}], id="the total"),
        pytest.param("&by=channel", [{"channel": c} for c in CHANNELS], id="by a dimension"),
        pytest.param("&by=channel,team", [{"channel": c, "team": t} for c in CHANNELS for t in TEAMS], id="by a pair"),
        pytest.param("&team=billing", [{"team": "billing"}], id="filtered"),
        pytest.param("&by=channel&team=billing", [{"channel": c, "team": "billing"} for c in CHANNELS], id="by one, filtered by another"),
        pytest.param("&by=channel&channel=chat", [{"channel": "chat"}], id="by the dimension that is filtered"),
    ],
)
async def test_cuts_are_those_asked_for(client: httpx.AsyncClient, query: str, cuts: list[dict[str, str]]) -> None:
    assert [figure["dims"] for figure in await figures(client, FIGURE + query)] == cuts


async def test_kpis_and_windows_may_repeat_and_are_all_without_one(client: httpx.AsyncClient) -> None:
    both = await figures(client, "/v1/figures?kpi=csat_score&kpi=ces&window=24h&window=7d&kpi=ces")
    assert [(f["kpi"], f["window"]) for f in both] == [("csat_score", "24h"), ("csat_score", "7d"), ("ces", "24h"), ("ces", "7d")]
    assert len(await figures(client, "/v1/figures")) == sum(len(one.windows) for one in MADE)


async def test_no_data_is_null_with_a_reason() -> None:
    async with calling(create_app(Settings(), FakeBoard(empty=["nps"]), environ={})) as client:
        [figure] = await figures(client, "/v1/figures?kpi=nps&window=28d")
    assert (figure["value"], figure["n"], figure["quality"], figure["reason"]) == (None, 0, "no_data", "no_data")


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        pytest.param(
            "&as_of=2026-11-20T10:00:00Z&window=1h", "2026-11-20T09:00:00.000Z", "2026-11-20T10:00:00.000Z", id="as of an instant"
        ),
        pytest.param(
            "&as_of=2026-11-20T12:00:00%2B02:00&window=1h", "2026-11-20T09:00:00.000Z", "2026-11-20T10:00:00.000Z", id="with an offset"
        ),
        pytest.param(
            "&as_of=2026-11-20T12:00:00+02:00&window=1h", "2026-11-20T09:00:00.000Z", "2026-11-20T10:00:00.000Z", id="a plus not escaped"
        ),
        pytest.param("&from=2026-11-20&to=2026-11-21", "2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z", id="a span"),
    ],
)
async def test_the_past_can_be_asked_for(client: httpx.AsyncClient, query: str, start: str, end: str) -> None:
    [figure] = await figures(client, "/v1/figures?kpi=first_reply_time" + query)
    assert (figure["window_start"], figure["window_end"]) == (start, end)


@pytest.mark.parametrize(
    ("address", "parameter", "says"),
    [
        pytest.param("/v1/figures?kpi=first_replay_time", "kpi", "the nearest is first_reply_time", id="kpi misspelt"),
        pytest.param("/v1/figures?windw=1h", "windw", "the nearest is window", id="parameter misspelt"),
        pytest.param("/v1/figures?chanel=chat", "chanel", "the nearest is channel", id="dimension misspelt"),
        pytest.param("/v1/figures?kpi=nps&window=29d", "window", "there are now, 5m, 15m, 1h", id="window misspelt"),
        pytest.param("/v1/figures?kpi=nps&window=15m", "window", "nps is not kept over 15m", id="window not kept"),
        pytest.param("/v1/figures?kpi=nps&by=team", "by", "not kept by team", id="dimension not kept"),
        pytest.param("/v1/figures?by=tea", "by", "the nearest is team", id="by misspelt"),
        pytest.param("/v1/figures?by=channel,team,agent", "by", "a configured pair", id="by three"),
        pytest.param("/v1/figures?by=team,team", "by", "a configured pair", id="by the same twice"),
        pytest.param("/v1/figures?kpi=active_issues&by=team,priority", "by", "not counted together", id="pair not configured"),
        pytest.param("/v1/figures?by=team&by=channel", "by", "once is enough", id="by twice"),
        pytest.param("/v1/figures?team=a&team=b", "team", "given twice", id="two values of a filter"),
        pytest.param("/v1/figures?as_of=yesterday", "as_of", "2026-11-22T08:15:30.123Z", id="no time"),
        pytest.param("/v1/figures?as_of=2026-11-22T08:15:30", "as_of", "names no zone", id="time without zone"),
        pytest.param("/v1/figures?from=2026-11-22", "to", "both from and to", id="half a span"),
        pytest.param("/v1/figures?from=2026-11-22&to=2026-11-21", "from", "begins before it ends", id="span backwards"),
        pytest.param("/v1/figures?from=2026-11-21&to=2026-11-22&window=1h", "window", "instead of window", id="span and window"),
        pytest.param("/v1/figures?anchor=begun", "anchor", "completed, created", id="anchor"),
        pytest.param("/v1/figures?kpi=nps&clock=business", "clock", "ask for clock=calendar", id="clock"),
        pytest.param("/v1/figures?team=" + "x" * 600, "team", "at most 512", id="a long value"),
        pytest.param("/v1/series", "kpi", "/v1/kpis lists them", id="series of nothing"),
        pytest.param("/v1/series?kpi=ces&step=0m", "step", "such as 1m", id="step"),
        pytest.param("/v1/series?kpi=ces&step=1s&from=2026-11-01&to=2026-11-22", "step", "more than 2000 points", id="too many points"),
        pytest.param("/v1/series?kpi=ces&from=2026-11-22T12:00:00Z", "from", "begins before it ends", id="series of no time"),
        pytest.param("/v1/series?kpi=current_longest_wait", "kpi", "has no past", id="series of what has no past"),
        pytest.param("/v1/stream?kpi=npz", "kpi", "the nearest is nps", id="stream of nothing"),
        pytest.param("/v1/stream?as_of=2026-11-22T08:00:00Z", "as_of", "no parameter as_of", id="stream of the past"),
        pytest.param("/v1/stream?board=operation", "board", "the nearest is operations", id="no such board"),
        pytest.param("/v1/stream?board=operations&kpi=nps", "board", "stands alone", id="board and kpi"),
    ],
)
async def test_what_cannot_be_answered_says_what_can(client: httpx.AsyncClient, address: str, parameter: str, says: str) -> None:
    answer = await client.get(address)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in body["detail"]
    assert body["errors"] == [{"pointer": f"?{parameter}", "reason": body["detail"]}]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        pytest.param("GET", "/v1/nothing", 404, id="no such address"),
        pytest.param("GET", "/v1/kpis/npz", 404, id="no such kpi"),
        pytest.param("GET", "/wall/operation", 404, id="no such board"),
        pytest.param("GET", "/static/../app.py", 404, id="outside the static files"),
        pytest.param("GET", "/static/%2e%2e/app.py", 404, id="outside, escaped"),
        pytest.param("POST", "/v1/figures", 405, id="no such method"),
    ],
)
async def test_every_refusal_is_a_problem(client: httpx.AsyncClient, method: str, address: str, status: int) -> None:
    answer = await client.request(method, address)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert set(answer.json()) >= {"type", "title", "status", "detail"}


async def test_a_fault_of_ours_is_a_problem_that_tells_nothing_inside(board: FakeBoard) -> None:
    class Broken(FakeBoard):
        def now_ms(self) -> int:
            raise RuntimeError("a secret of the inside")

    async with calling(create_app(Settings(), Broken(), environ={})) as client:
        answer = await client.get("/v1/progress")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "secret" not in answer.text


async def test_series_are_points_of_equal_width(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/series?kpi=ces&kpi=nps&step=15m&from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z")).json()
    assert (body["step_seconds"], body["from"], body["to"]) == (900, "2026-11-22T10:00:00.000Z", "2026-11-22T11:00:00.000Z")
    assert [(line["kpi"], line["unit"], len(line["points"])) for line in body["series"]] == [("ces", "ratio", 4), ("nps", "score", 4)]
    assert body["series"][0]["points"][0].keys() == {"start", "end", "value", "n"}


async def test_progress_says_how_far_each_shard_is(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/progress")).json()
    assert (body["version"], body["ready"], body["progress"]) == (7, True, {"events-0": 4711, "facts-0": 815})


async def test_until_caught_up_only_health_figures_and_pages_answer() -> None:
    async with calling(create_app(Settings(), FakeBoard(ready=False), environ={})) as client:
        refused = {path: await client.get(path) for path in ("/readyz", "/metrics", "/metrics/agents")}
        alive = {path: (await client.get(path)).status_code for path in ("/healthz", "/", FIGURE)}
    assert {path: answer.status_code for path, answer in refused.items()} == dict.fromkeys(refused, 503)
    assert all("120000 records behind" in answer.json()["detail"] for answer in refused.values())
    assert alive == dict.fromkeys(alive, 200)


@pytest.mark.parametrize("path", ["/", "/wall", "/wall/operations", "/docs"])
async def test_pages_need_nothing_from_elsewhere(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert " style=" not in page.text
    for address in [part.split('"')[0] for part in page.text.replace('src="', 'href="').split('href="')[1:]]:
        assert (await client.get(address)).status_code == 200, address


async def test_files_are_asked_for_again_and_sent_once(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/wall.js")
    again = await client.get("/static/wall.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.status_code, again.content) == ("no-cache", 304, b"")


@pytest.fixture
def closed_app(board: FakeBoard) -> FastAPI:
    """The application with a token."""
    return create_app(Settings(api=ApiSettings(token_env="WALL_TOKEN")), board, environ={"WALL_TOKEN": "pâte à choux au chocolat"})


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        pytest.param("/healthz", "", 200, id="health needs none"),
        pytest.param("/readyz", "", 200, id="readiness needs none"),
        pytest.param(FIGURE, "", 401, id="figures without"),
        pytest.param(FIGURE, "Bearer wrong", 401, id="figures with a wrong one"),
        pytest.param(FIGURE, "Basic pâte à choux au chocolat", 401, id="another scheme"),
        pytest.param("/metrics", "", 401, id="metrics without"),
        pytest.param("/static/wall.js", "", 401, id="files without"),
        pytest.param("/openapi.json", "", 401, id="description without"),
        pytest.param("/wall?token=wrong", "", 401, id="wall with a wrong one"),
        pytest.param("/v1/kpis?token=p%C3%A2te+%C3%A0+choux+au+chocolat", "", 401, id="token in the address of anything but the wall"),
    ],
)
async def test_a_token_is_asked_for(closed_app: FastAPI, path: str, header: str, status: int) -> None:
    async with calling(closed_app) as client:
        answer = await client.get(path, headers=[(b"authorization", header.encode())] if header else [])
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_token_opens_the_api() -> None:
    app = create_app(Settings(api=ApiSettings(token_env="WALL_TOKEN")), FakeBoard(), environ={"WALL_TOKEN": "s3cret-of-the-wall"})
    async with calling(app, Authorization="bearer s3cret-of-the-wall") as client:
        assert (await client.get(FIGURE)).status_code == 200


async def test_a_wall_trades_its_token_for_a_cookie(closed_app: FastAPI) -> None:
    async with calling(closed_app) as client:
        first = await client.get("/wall/operations", params={"token": "pâte à choux au chocolat", "theme": "light"})
        assert (first.status_code, first.headers["location"]) == (303, "/wall/operations?theme=light")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "choux" not in cookie
        assert (await client.get("/wall/operations")).status_code == 200
        assert (await client.get(FIGURE)).status_code == 200


async def test_a_token_that_is_named_but_not_set_stops_the_start(board: FakeBoard) -> None:
    with pytest.raises(Exception, match="WALL_TOKEN is not set"):
        create_app(Settings(api=ApiSettings(token_env="WALL_TOKEN")), board, environ={})


async def test_the_real_board_answers_every_question_of_the_wall() -> None:
    board = filled()
    async with calling(create_app(Settings(), board, environ={})) as client:
        laid_out = (await client.get("/v1/boards/operations")).json()
        assert {tile["kpi"] for tile in laid_out["tiles"] + laid_out["rest"]} == {entry["id"] for entry in board.catalogue()}
        assert [tile["kpi"] for tile in laid_out["tiles"]] == [tile.kpi for tile in OPERATIONS.tiles]
        for tile in laid_out["tiles"] + laid_out["rest"]:
            [figure] = await figures(client, f"/v1/figures?kpi={tile['kpi']}&window={tile['window']}")
            assert figure["unit"] == tile["unit"]
            line = await client.get(f"/v1/series?kpi={tile['kpi']}&step={tile['trend']['step']}")
            assert line.status_code == 200 or "has no past" in line.json()["detail"]
    assert board_figures(board, questions(laid_out)) > len(laid_out["tiles"]) + len(laid_out["rest"])


def board_figures(board: Board, asked: tuple[Query, ...]) -> int:
    return sum(len(board.figures(query)) for query in asked)
