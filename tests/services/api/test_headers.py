"""What every answer tells a browser, whoever made it."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import uvicorn

from services.api.app import create_app, server_config
from services.api.headers import STRICT
from services.settings import ApiSettings, Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGES = ("/", "/wall", "/wall/operations", "/docs", "/static/wall.js", "/static/icon.svg", "/static/vendor/uPlot.min.css", "/favicon.ico")


class Broken(FakeBoard):
    """A board with a fault of ours."""

    def catalogue(self) -> list[dict[str, object]]:
        if self.fresh.version > 7:
            raise RuntimeError("a fault")
        return super().catalogue()


def assert_strict(answer: httpx.Response) -> None:
    for name, value in STRICT.items():
        assert len(answer.headers.get_list(name.decode())) == 1, (answer.url, name)
        if name != b"content-security-policy":
            assert answer.headers[name.decode()] == value.decode()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "frame-ancestors" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/v1/kpis", 200, id="JSON"),
        pytest.param("GET", "/v1/boards/operations", 200, id="a board"),
        pytest.param("GET", "/v1/figures?kpi=npz", 422, id="a refusal"),
        pytest.param("GET", "/v1/nothing", 404, id="no such address"),
        pytest.param("POST", "/v1/kpis", 405, id="no such method"),
        pytest.param("PUT", "/v1/controls/board/mine", 403, id="nobody may write"),
        pytest.param("GET", "/metrics", 200, id="metrics"),
        pytest.param("GET", "/openapi.json", 200, id="the description"),
        pytest.param("GET", "/healthz", 200, id="health"),
    ],
)
async def test_an_answer_that_is_no_page_may_do_nothing(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert_strict(answer)
    assert answer.headers["content-security-policy"] == NOTHING


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_may_run_its_own_scripts_and_nothing_else(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert_strict(answer)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert_strict(again)


async def test_a_fault_of_ours_and_a_missing_token_are_answered_strictly_too() -> None:
    board = Broken()
    api = ApiSettings(token_env="READ")
    async with calling(create_app(Settings(api=api), board, environ={"READ": "one-that-reads-it-all"})) as client:
        assert_strict(refused := await client.get("/v1/kpis"))
        assert_strict(traded := await client.get("/wall?token=one-that-reads-it-all"))
        board.advance()
        assert_strict(broken := await client.get("/v1/kpis"))
    assert (refused.status_code, traded.status_code, broken.status_code) == (401, 303, 500)


async def test_over_http_the_server_does_not_say_what_it_is() -> None:
    settings = Settings(api=ApiSettings(port=1))
    config = server_config(settings, create_app(settings, FakeBoard(), environ={}))
    config.port, config.host = 0, "127.0.0.1"
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        plain = await client.get("/healthz")
        async with client.stream("GET", "/v1/stream?kpi=nps&window=28d") as streamed:
            answers = [plain, streamed]
    server.should_exit = True
    await running
    for answer in answers:
        assert "server" not in answer.headers
        assert_strict(answer)
