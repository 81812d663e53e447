"""The stream: what a listener is told, and what it costs when it does not listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from kpis.query import Query
from services.api.app import create_app
from services.api.hub import MOST_CHANNELS, Full, Hub
from services.api.stream import Channel, Message
from services.settings import Settings
from tests.services.api.fake_board import MADE, FakeBoard

ASKED = (Query(kpis=("resolved_issues", "ces"), windows=("24h",)), Query(kpis=("active_issues",), windows=("now",), by=("team",)))
ONE = (Query(kpis=("resolved_issues",), windows=("1h", "24h")),)
WAIT_SECONDS = 5.0


async def told(messages: AsyncGenerator[Message, None]) -> Message:
    async with asyncio.timeout(WAIT_SECONDS):
        return await anext(messages)


def values(message: Message) -> dict[tuple[str, str], Any]:
    return {(f["kpi"], f["window"]): f["value"] for f in json.loads(message.data)["figures"]}


async def test_first_everything_then_only_what_changed() -> None:
    board, messages = FakeBoard(), None
    messages = Hub(board).messages(ONE)
    first = await told(messages)
    assert (first.event, values(first)) == ("snapshot", {("resolved_issues", "1h"): 401, ("resolved_issues", "24h"): 401})
    board.tell("resolved_issues", "1h", 402)
    second = await told(messages)
    assert (second.event, values(second)) == ("change", {("resolved_issues", "1h"): 402})
    assert json.loads(second.data)["pulse"]["version"] == board.fresh.version
    await messages.aclose()


async def test_a_change_that_changes_no_figure_is_not_told() -> None:
    board = FakeBoard()
    messages = Hub(board).messages(ONE)
    await told(messages)
    board.tell("nps", "28d", 13)
    board.advance(60_000)
    board.tell("resolved_issues", "24h", 5)
    assert values(await told(messages)) == {("resolved_issues", "24h"): 5}
    await messages.aclose()


async def test_listeners_of_the_same_questions_share_the_computing() -> None:
    board = FakeBoard()
    hub = Hub(board)
    many = [hub.messages(ONE) for _ in range(50)]
    firsts = [await told(messages) for messages in many]
    assert len({message.data for message in firsts}) == 1
    assert board.computed == 1
    assert hub.listeners == 50
    for messages in many:
        await messages.aclose()
    assert hub.listeners == 0


async def test_changes_in_a_burst_are_told_together_and_paced() -> None:
    board = FakeBoard()
    messages = Hub(board).messages(ONE)
    await told(messages)
    before = board.computed
    for value in range(1_000):
        board.tell("resolved_issues", "1h", value)
        await asyncio.sleep(0)
    got = values(await told(messages))
    while got[("resolved_issues", "1h")] != 999:
        got = values(await told(messages))
    assert board.computed - before <= 6
    await messages.aclose()


async def test_who_comes_again_is_told_what_it_missed() -> None:
    board = FakeBoard()
    hub = Hub(board)
    stays, leaves = hub.messages(ONE), hub.messages(ONE)
    await told(stays)
    last = await told(leaves)
    await leaves.aclose()
    board.tell("resolved_issues", "24h", 7)
    await told(stays)
    again = await told(hub.messages(ONE, last.id))
    assert (again.event, values(again)) == ("change", {("resolved_issues", "24h"): 7})


@pytest.mark.parametrize("last_id", ["", "x", "-", "deadbeef-1", "99999999999999999999-9", "²-²"])
async def test_who_brings_an_id_of_another_stream_is_told_everything(last_id: str) -> None:
    assert (await told(Hub(FakeBoard()).messages(ONE, last_id))).event == "snapshot"


async def test_an_id_from_the_future_of_this_stream_is_told_everything() -> None:
    hub = Hub(FakeBoard())
    messages = hub.messages(ONE)
    first = await told(messages)
    name = first.id.rpartition("-")[0]
    assert (await told(hub.messages(ONE, f"{name}-99"))).event == "snapshot"
    await messages.aclose()


CHANGES = st.lists(st.tuples(st.sampled_from(["resolved_issues", "nps"]), st.none() | st.integers(0, 3), st.booleans()), max_size=30)


@given(CHANGES)
def test_a_listener_that_skips_ends_up_with_what_a_fresh_snapshot_shows(changes: list[tuple[str, int | None, bool]]) -> None:
    """Whatever changes and however seldom it looks: its figures are those of who comes now."""
    board = FakeBoard()
    asked = (Query(kpis=("resolved_issues",), windows=("24h",)), Query(kpis=("nps",), windows=("28d",)))
    channel = Channel(board, asked)

    async def play() -> None:
        channel.compute()
        seen, mine = 0, dict[tuple[str, str], Any]()
        for kpi, value, looks in [*changes, ("nps", 1, True)]:
            board.tell(kpi, "24h" if kpi == "resolved_issues" else "28d", value)
            channel.compute()
            if looks:
                message = channel.message(seen)
                mine = values(message) if message.event == "snapshot" else mine | values(message)
                seen = channel.number
        assert mine == values(channel.message(0))

    asyncio.run(play())


async def test_a_figure_that_goes_away_is_told_by_a_snapshot() -> None:
    class Shrinking(FakeBoard):
        def figures(self, query: Query) -> list[Any]:
            return super().figures(query)[: 1 if self.fresh.version > 7 else None]

    board = Shrinking()
    messages = Hub(board).messages(ASKED)
    assert len(values(await told(messages))) > 1
    board.advance()
    assert (await told(messages)).event == "snapshot"
    await messages.aclose()


async def test_a_board_that_fails_ends_the_stream_instead_of_looking_alive(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeBoard):
        def figures(self, query: Query) -> list[Any]:
            if self.fresh.version > 7:
                raise RuntimeError("a fault")
            return super().figures(query)

    board = Failing()
    hub = Hub(board)
    messages = hub.messages(ONE)
    await told(messages)
    board.advance()
    with pytest.raises(StopAsyncIteration):
        await told(messages)
    assert "a stream ended" in caplog.text
    assert hub.listeners == 0


async def test_there_is_room_for_so_many_and_no_more() -> None:
    hub = Hub(FakeBoard())
    windows = [(one.id, window) for one in MADE for window in one.windows][: MOST_CHANNELS + 1]
    open_streams = []
    for kpi, window in windows[:MOST_CHANNELS]:
        asked = (Query(kpis=(kpi,), windows=(window,)),)
        hub.check(asked)
        open_streams.append(hub.messages(asked))
        await told(open_streams[-1])
    kpi, window = windows[-1]
    with pytest.raises(Full):
        hub.check((Query(kpis=(kpi,), windows=(window,)),))
    for messages in open_streams:
        await messages.aclose()
    hub.check((Query(kpis=(kpi,), windows=(window,)),))


@contextlib.asynccontextmanager
async def served(board: FakeBoard, heartbeat_seconds: float = 10.0) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """The application on a port of its own: what streams needs a real connection."""
    config = uvicorn.Config(
        create_app(Settings(), board, environ={}, heartbeat_seconds=heartbeat_seconds),
        host="127.0.0.1",
        port=0,
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(WAIT_SECONDS):
        while not server.started:
            await asyncio.sleep(0.01)
    port = int(server.servers[0].sockets[0].getsockname()[1])
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_SECONDS) as client:
            yield client, port
    finally:
        server.should_exit = True
        await running


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Server-Sent Events as a browser reads them."""
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line and event:
            yield event
            event = {}
        name, colon, text = line.partition(":")
        if colon and name:
            event[name] = text.removeprefix(" ")


async def test_over_http_it_is_a_stream_that_no_proxy_holds_back() -> None:
    board = FakeBoard()
    async with served(board, heartbeat_seconds=0.3) as (client, _), client.stream("GET", "/v1/stream?kpi=nps&window=28d") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        incoming = events(answer)
        first = await anext(incoming)
        assert (first["event"], json.loads(first["data"])["figures"][0]["value"]) == ("snapshot", 42)
        assert first["id"]
        beat = await anext(incoming)
        assert (beat["event"], json.loads(beat["data"])["pulse"]["ready"]) == ("beat", True)
        board.tell("nps", "28d", -3)
        change = await anext(event async for event in incoming if event["event"] == "change")
        assert json.loads(change["data"])["figures"][0]["value"] == -3
        async with client.stream("GET", "/v1/stream?kpi=nps&window=28d", headers={"Last-Event-ID": change["id"]}) as again:
            resumed = await anext(events(again))
            assert (resumed["event"], json.loads(resumed["data"])["figures"]) == ("change", [])


async def test_the_wall_asks_one_stream_for_every_kpi() -> None:
    async with served(FakeBoard()) as (client, _), client.stream("GET", "/v1/stream?board=operations") as answer:
        figures = json.loads((await anext(events(answer)))["data"])["figures"]
    assert {figure["kpi"] for figure in figures} == {one.id for one in MADE}
    assert {figure["dims"].get("team") for figure in figures} > {"billing", "vip", None}


async def test_a_reader_that_stops_reading_holds_up_nobody_and_grows_nothing() -> None:
    board = FakeBoard()
    app = create_app(Settings(), board, environ={})
    sent: list[bytes] = []
    stuck = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))
        if len(sent) > 1:  # the head and the snapshot go through, then the connection is full
            await stuck.wait()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "query_string": b"kpi=nps&window=28d",
        "headers": [(b"host", b"localhost")],
        "server": ("127.0.0.1", 1),
        "client": ("127.0.0.1", 2),
    }
    slow = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    async with asyncio.timeout(WAIT_SECONDS):
        while len(sent) < 2:
            await asyncio.sleep(0.01)
    quick = Hub(board).messages((Query(kpis=("nps",), windows=("28d",)),))
    await told(quick)
    for value in range(5):
        board.tell("nps", "28d", value)
        assert values(await told(quick))[("nps", "28d")] == value
    assert len(sent) == 2
    stuck.set()
    async with asyncio.timeout(WAIT_SECONDS):
        while b'"value":4.0,' not in sent[-1] and b'"value":4,' not in sent[-1]:
            await asyncio.sleep(0.01)
    assert len(sent) == 3  # the five changes came as one: the newest
    slow.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await slow
    await quick.aclose()
