"""HTTP of uvicorn with bounds on the head of a request: senders who never finish it, or make it endless, are sent away.

Laws: a head larger than `HEAD_MAX_BYTES` is answered 431 and the connection closed; one that is not complete after `HEAD_SECONDS`
is closed; memory held for a connection before its first request is bounded.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX_BYTES = 32 * 1024
HEAD_SECONDS = 15.0

LINGER_SECONDS = 0.5
"""How long a sender who was refused may read the answer; what it sends meanwhile is thrown away."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_PROBLEM = (
    b'{"type":"about:blank","title":"Request header fields too large","status":431,'
    b'"detail":"the address and the headers are larger than %d bytes: send fewer or shorter ones"}' % HEAD_MAX_BYTES
)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = False
        self._fields_bytes = 0
        self._refused = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head, but not for ever."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._on_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that is still open afterwards has a bound and a deadline."""
        if self._refused:
            return
        in_body = self.cycle is not None and self.cycle.more_body
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if not in_body:  # else the piece holds the end of a body too, and nobody knows how much of it
                self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES and not self._refused:
                self.send_400_response("")
            elif self._late is None:
                self._late = self.loop.call_later(HEAD_SECONDS, self._close)

    def on_message_begin(self) -> None:
        """A new head."""
        self._in_head, self._head_bytes, self._fields_bytes = True, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more field; too many of them end the parsing."""
        self._fields_bytes += len(name) + len(value)
        if self._fields_bytes > HEAD_MAX_BYTES:
            raise ValueError("the head is too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._on_time()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser could not go on, or was stopped."""
        if max(self._head_bytes, self._fields_bytes) <= HEAD_MAX_BYTES:
            super().send_400_response(msg)
            return
        self._refused = True
        self.transport.write(_TOO_LARGE % (len(_PROBLEM), _PROBLEM))
        self.transport.write_eof()
        self._on_time()
        self._late = self.loop.call_later(LINGER_SECONDS, self._close)  # closed at once, what was not read yet would undo the answer

    def _on_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
