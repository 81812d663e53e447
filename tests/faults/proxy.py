"""A TCP proxy before a broker: passes bytes on, slowly or not at all, as it is told.

Laws: bytes of one connection keep their order; a cut ends every connection and lets in no new one until it is mended; a delay
holds every byte back for the same time, so it costs latency and no throughput.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType

_CHUNK_BYTES = 65_536


class Proxy:
    """Stands on `port` before 127.0.0.1:`target_port`; use it as `async with`."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self.delay_seconds = 0.0
        self.passed_bytes = 0
        self._target_port = target_port
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End every connection, and every new one at once."""
        self._is_cut = True
        for connection in self._connections:
            connection.cancel()

    def mend(self) -> None:
        """Let connections in again, and without delay."""
        self._is_cut = False
        self.delay_seconds = 0.0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.get_running_loop().create_task(self._connect(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if self._is_cut:
                return
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target_port)
            writers.append(to_broker)
            ways = [asyncio.ensure_future(self._pass_on(reader, to_broker)), asyncio.ensure_future(self._pass_on(from_broker, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the broker is not there, or the connection was cut: the client sees the same
        finally:
            for end in writers:
                end.transport.abort()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await end.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1000)

        async def write() -> None:
            while True:
                due, data = await waiting.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                writer.write(data)
                self.passed_bytes += len(data)
                await writer.drain()

        writing = asyncio.ensure_future(write())
        try:
            while (data := await reader.read(_CHUNK_BYTES)) and not writing.done():
                await waiting.put((loop.time() + self.delay_seconds, data))
        finally:
            writing.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writing
