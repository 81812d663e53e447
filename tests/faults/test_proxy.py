"""The proxy: passes on, holds back, cuts and mends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.ports import free_ports
from tests.faults.proxy import Proxy


@asynccontextmanager
async def echo() -> AsyncIterator[Proxy]:
    """A proxy before a server that sends back what it gets."""
    own, target = free_ports(2)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await answered(reader):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", target)
    async with Proxy(own, target) as proxy:
        yield proxy
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def connection(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's connection to the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def answered(reader: asyncio.StreamReader) -> bytes:
    """What comes next, b"" when the connection ends."""
    try:
        return await reader.read(1000)
    except ConnectionError:
        return b""


async def ask(proxy: Proxy, data: bytes) -> bytes:
    """What comes back through the proxy, b"" when the connection ends."""
    async with connection(proxy) as (reader, writer):
        writer.write(data)
        return await answered(reader)


async def test_it_passes_on_what_it_gets() -> None:
    async with echo() as proxy:
        assert await ask(proxy, b"hello") == b"hello"


async def test_a_delay_holds_back_each_way() -> None:
    async with echo() as proxy:
        proxy.delay_seconds = 0.1
        began = time.monotonic()
        assert await ask(proxy, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("mended", [True, False])
async def test_a_cut_lets_nothing_in_until_it_is_mended(mended: bool) -> None:
    async with echo() as proxy:
        proxy.cut()
        if mended:
            proxy.mend()
        assert await ask(proxy, b"hello") == (b"hello" if mended else b"")


async def test_a_cut_ends_what_is_open() -> None:
    async with echo() as proxy, connection(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await answered(reader) == b"hello"
        proxy.cut()
        assert await answered(reader) == b""
