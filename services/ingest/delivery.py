"""One delivery as it came in, and what an adapter makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request: the raw bytes and their circumstances.

    Names of `headers` are lower-case bytes as ASGI gives them. `signed_body` is the body as it was on the wire, `body` the same
    without its Content-Encoding. `method` is upper-case. `received_at_ms` is the receiver's clock. `first_ordinal` is the place of
    the first item in the delivery as it once came; it is above 0 only where an item of it is sent again alone.
    """

    headers: Mapping[bytes, bytes]
    body: bytes
    received_at_ms: int
    method: str = "POST"
    signed_body: bytes | None = None
    query: bytes = b""
    first_ordinal: int = 0

    def header(self, name: bytes) -> str:
        """A header as text, "" when it is missing."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower-case; "" when none was sent."""
        return self.header(b"content-type").partition(";")[0].strip().lower()


class Translation(Struct, kw_only=True):
    """What one delivery says, in the outside form of canonical events.

    `items` are outside forms, or whatever the sender put in the place of one: the door decides. `ignored` are the names of
    messages that mean nothing here. `original(i)` gives the bytes that item i came from, an element of the array or a line of the
    JSON Lines that the body is, so that it can be sent again alone; None means the whole body.
    """

    items: Sequence[Any]
    ignored: Sequence[str] = ()
    original: Callable[[int], bytes] | None = None
    many: bool = False


class WrongContentType(ValueError):
    """The body is of a kind that this source does not take: 415. The message says what it takes."""
