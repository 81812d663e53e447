"""The head of a request is bounded in size and in time, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from services import protocol
from services.protocol import HEAD_MAX_BYTES, BoundedHttp


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of the body."""
    size_bytes = 0
    while True:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"%d" % size_bytes})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """A server on a free port, with the bounded protocol."""
    config = uvicorn.Config(echo, port=0, http=BoundedHttp, ws="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def answered(port: int, *pieces: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        async with asyncio.timeout(20):
            found = b""
            with contextlib.suppress(ConnectionError):
                while more := await reader.read(65536):
                    found += more
        return found
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


START = b"POST /webhooks/x HTTP/1.1\r\nhost: a\r\n"


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        pytest.param([START + b"connection: close\r\ncontent-length: 3\r\n\r\nabc"], b"200", id="good"),
        pytest.param([START + b"connection: close\r\n", b"content-length: 3\r\n", b"\r\na", b"bc"], b"200", id="in pieces"),
        pytest.param(
            [START + b"connection: close\r\ncontent-length: 60000\r\n\r\n", b"a" * 30_000, b"a" * 30_000],
            b"200",
            id="a large body is no head",
        ),
        pytest.param([START + b"x: " + b"a" * 2 * HEAD_MAX_BYTES + b"\r\n\r\n"], b"431", id="one long field"),
        pytest.param([START, *[b"x-%d: %s\r\n" % (n, b"a" * 900) for n in range(80)], b"\r\n"], b"431", id="many fields"),
        pytest.param([START + b"x: ", *[b"a" * 1000 for _ in range(80)]], b"431", id="a field without an end"),
        pytest.param([b"POST /" + b"a" * 2 * HEAD_MAX_BYTES], b"431", id="an address without an end"),
        pytest.param([b"nonsense\r\n\r\n"], b"400", id="no HTTP"),
    ],
)
async def test_heads(pieces: list[bytes], status: bytes) -> None:
    async with served() as port:
        assert (await answered(port, *pieces)).split(b" ", 2)[1] == status


@pytest.mark.parametrize(
    "pieces", [pytest.param([], id="nothing"), pytest.param([START], id="half a head"), pytest.param([b"P"], id="a letter")]
)
async def test_a_head_that_does_not_end_is_not_waited_for(pieces: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with served() as port:
        assert await answered(port, *pieces) == b""


async def test_a_connection_that_is_kept_serves_again() -> None:
    one = START + b"content-length: 3\r\n\r\nabc"
    async with served() as port:
        found = await answered(port, one, one, START + b"connection: close\r\ncontent-length: 3\r\n\r\nabc")
    assert found.count(b"200 OK") == 3
