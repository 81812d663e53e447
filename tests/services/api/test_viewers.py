"""A thousand viewers of one board, the one after, and those that do not read: computed once, bounded, let go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from kpis.query import Query
from services.api.app import create_app, server_config
from services.api.boards.kept import Boards
from services.api.hub import MOST_CHANNELS, MOST_LISTENERS, Full, Hub
from services.settings import Settings
from tests.services.api.fake_board import MADE, FakeBoard

WAIT_SECONDS = 20.0
OVER_HTTP = 150
ONE = (Query(kpis=("nps",), windows=("28d",)),)


class Viewer:
    """One connection to a stream of the application, in process; it takes so many messages and then no more, None: all."""

    def __init__(self, app: FastAPI, query: bytes = b"board=operations", takes: int | None = None) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.bodies: list[bytes] = []
        self._takes = takes
        self._gone = asyncio.Event()
        self._heard = asyncio.Event()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/stream",
            "raw_path": b"/v1/stream",
            "query_string": query,
            "headers": [(b"host", b"localhost")],
            "server": ("127.0.0.1", 1),
            "client": ("127.0.0.1", 2),
        }
        self.running = asyncio.create_task(app(scope, self._receive, self._send))  # type: ignore[arg-type]  # ASGI's own types are wider

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        elif self._takes is not None and len(self.bodies) >= self._takes:
            await asyncio.Event().wait()  # as a connection whose buffers are full
        else:
            self.bodies.append(message.get("body", b""))
        self._heard.set()

    async def heard(self, messages: int = 1) -> None:
        """Returns once so many messages have come, or the answer is a refusal."""
        while len(self.bodies) < messages and not (self.status >= 400 and self.running.done()):
            self._heard.clear()
            await self._heard.wait()

    async def leave(self) -> None:
        """Goes away, as a browser that is closed."""
        self._gone.set()
        await asyncio.wait([self.running])


@contextlib.asynccontextmanager
async def viewers(app: FastAPI, number: int) -> AsyncIterator[list[Viewer]]:
    """So many viewers of one board who have all heard its snapshot."""
    found = [Viewer(app) for _ in range(number)]
    try:
        for viewer in found:
            await viewer.heard()
        yield found
    finally:
        for viewer in found:
            viewer.running.cancel()
        await asyncio.wait([viewer.running for viewer in found])


def told(text: bytes) -> dict[str, Any]:
    """What one message of a stream says."""
    lines = dict(line.split(b": ", 1) for line in text.strip().split(b"\n"))
    out: dict[str, Any] = json.loads(lines[b"data"])
    return out


async def test_a_thousand_viewers_are_told_and_the_next_is_asked_to_come_later() -> None:
    board = FakeBoard()
    app = create_app(Settings(), board, environ={}, heartbeat_seconds=3600)
    asked = len(Boards(board, Settings()).questions("operations"))
    async with asyncio.timeout(WAIT_SECONDS), viewers(app, MOST_LISTENERS) as thousand:
        assert {viewer.status for viewer in thousand} == {200}
        assert len({viewer.bodies[0] for viewer in thousand}) <= 2  # one text for all, or two where the board was read again meanwhile
        # refused before it began: who comes in the same moment does not slip in
        late = [Viewer(app) for _ in range(5)]
        for viewer in late:
            await viewer.heard()
        assert {(viewer.status, viewer.headers[b"retry-after"]) for viewer in late} == {(503, b"10")}
        assert b"too many listen already" in late[0].bodies[0]
        before = board.computed
        board.tell("nps", "28d", -7)
        for viewer in thousand:
            await viewer.heard(2)
        assert {figure["value"] for figure in told(thousand[-1].bodies[1])["figures"]} == {-7}
        assert board.computed - before <= 2 * asked  # for all of them, not for each
        await thousand[0].leave()
        again = Viewer(app)
        await again.heard()
        assert again.status == 200  # who has gone makes room
        again.running.cancel()


async def test_viewers_who_come_in_one_moment_are_counted_before_any_is_answered() -> None:
    app = create_app(Settings(), FakeBoard(), environ={}, heartbeat_seconds=3600)
    async with asyncio.timeout(WAIT_SECONDS), viewers(app, MOST_LISTENERS + 20) as crowd:
        statuses = [viewer.status for viewer in crowd]
    assert (statuses.count(200), statuses.count(503)) == (MOST_LISTENERS, 20)


def test_seats_and_channels_are_bounded_together() -> None:
    hub = Hub(FakeBoard())
    kinds = [(Query(kpis=(one.id,), windows=(window,)),) for one in MADE for window in one.windows][: MOST_CHANNELS + 1]
    seats = [hub.seat(kind) for kind in kinds[:MOST_CHANNELS]]
    with pytest.raises(Full):
        hub.seat(kinds[-1])
    more = [hub.seat(kinds[0]) for _ in range(MOST_LISTENERS - MOST_CHANNELS)]  # of questions that are asked already
    with pytest.raises(Full):
        hub.seat(kinds[0])
    for seat in (*more, seats[1], seats[1]):  # given back twice counts once
        seat.leave()
    assert hub.seat(kinds[-1])


async def test_a_thousand_viewers_cost_a_bounded_memory() -> None:
    """Each is a place in the stream, not a copy of the board: what a thousand hold is far below a thousand snapshots."""
    board = FakeBoard()
    hub, questions = Hub(board), Boards(board, Settings()).questions("operations")
    first = hub.messages(questions)
    snapshot = len((await anext(first)).data)
    tracemalloc.start()
    try:
        thousand = [hub.messages(questions) for _ in range(MOST_LISTENERS - 1)]
        for messages in thousand:
            await anext(messages)
        held, _ = tracemalloc.get_traced_memory()
        for value in range(8):  # none of them reads on, and the board goes on
            board.tell("nps", "28d", value)
            await anext(first)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50 * snapshot
    assert grown - held < 20 * snapshot
    for messages in (first, *thousand):
        await messages.aclose()
    assert hub.listeners == 0


async def test_a_viewer_that_does_not_read_is_let_go_and_makes_room() -> None:
    board = FakeBoard()
    app = create_app(Settings(), board, environ={}, heartbeat_seconds=3600, send_seconds=0.05)
    async with asyncio.timeout(WAIT_SECONDS):
        stuck, reads = Viewer(app, takes=1), Viewer(app)
        await stuck.heard()
        await reads.heard()
        board.tell("nps", "28d", 1)
        await asyncio.wait([stuck.running])  # nobody had to end it
        assert stuck.running.exception() is None
        assert len(stuck.bodies) == 1
        board.tell("nps", "28d", 2)
        await reads.heard(3)
        assert told(reads.bodies[-1])["figures"][0]["value"] == 2
        exposed = await _get(app, "/metrics")
        await reads.leave()
    assert "\ndeskpulse_stream_clients 1\n" in exposed


async def test_a_changed_board_is_another_stream_and_who_listens_to_the_old_one_goes_on() -> None:
    board = FakeBoard()
    app = create_app(Settings(), board, environ={}, heartbeat_seconds=3600)
    sliced = {"title": "Chat", "tiles": [{"kpi": "ces", "windows": ["7d"], "dims": {"channel": "chat"}}]}
    async with asyncio.timeout(WAIT_SECONDS):
        old = Viewer(app)
        await old.heard()
        decided = await board.decide("board", "operations", sliced)
        await old.heard(2)  # told at once that its board is another, so that its page comes again
        assert told(old.bodies[1])["pulse"]["boards"]["operations"] == decided.at_ms
        new = Viewer(app)
        await new.heard()
        slices = [[f["kpi"] for f in told(one.bodies[0])["figures"] if f["dims"] == {"channel": "chat"}] for one in (old, new)]
        assert slices == [[], ["ces"]]
        board.tell("active_issues", "now", 1)
        await old.heard(3)
        assert [figure["value"] for figure in told(old.bodies[2])["figures"]] == [1]
        await old.leave()
        await new.leave()


async def test_over_http_many_viewers_share_one_board() -> None:
    board = FakeBoard()
    config = server_config(Settings(), create_app(Settings(), board, environ={}, heartbeat_seconds=3600))
    config.port, config.host, config.timeout_graceful_shutdown = 0, "127.0.0.1", 1
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            for _ in range(OVER_HTTP):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /v1/stream?board=support HTTP/1.1\r\nHost: localhost\r\n\r\n")
                connections.append((reader, writer))
            for reader, _ in connections:
                assert (await reader.readline()).split()[1] == b"200"
                assert b"event: snapshot" in await reader.readuntil(b"event: snapshot")
            before = board.computed
            board.tell("nps", "28d", 9)
            for reader, _ in connections:
                await reader.readuntil(b"event: change")
            assert board.computed - before <= 2 * len(Boards(board, Settings()).questions("support"))
    finally:
        for _, writer in connections:
            writer.close()
        server.should_exit = True
        await running


async def _get(app: FastAPI, path: str) -> str:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        return (await client.get(path)).text
