"""What a way of proving oneself is: a check and its inverse, over the raw bytes of one delivery.

Laws of every scheme: a missing, wrong, malformed or too old proof is False, never an exception; any of several secrets is enough,
so that they can be rotated; values are compared in constant time; a scheme knows nothing of what the body means; what `signed`
makes, `accepts` takes.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from services.ingest.delivery import Delivery

TOLERANCE_MS = 300_000
"""How old or early a signed timestamp may be: what Standard Webhooks' own libraries allow; others name nothing wider."""

_MILLIS_FROM = 10**12
"""Epoch numbers from here on are milliseconds: as seconds they would lie 30,000 years ahead."""


class Scheme(Protocol):
    """One way of proving oneself.

    `about` is a sentence for the documentation. `is_timed` says that a signed time bounds how long a copy of a delivery can be
    sent again; `takes_tokens` that the path tokens of a source are secrets of this scheme as well.
    """

    about: str
    is_timed: bool
    takes_tokens: bool

    def key(self, secret: str) -> bytes:
        """What `accepts` compares with or hashes by, made once a source."""
        ...

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether the sender has one of the keys. `url` is the source's public address, without a query."""
        ...

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery as its sender would send it: with the proof added."""
        ...


def equals_any(given: bytes, allowed: Sequence[bytes]) -> bool:
    """Whether `given` is one of the allowed values, in a time that does not tell which or how far it agreed."""
    accepted = False
    for value in allowed:
        accepted |= hmac.compare_digest(given, value)
    return accepted


def attempt_ms(timestamp: bytes) -> int | None:
    """Milliseconds since 1970 of a signed timestamp: RFC 3339 with a zone, epoch seconds or epoch milliseconds; None for no such."""
    if timestamp.isdigit():
        number = int(timestamp) if len(timestamp) <= 15 else None
        return number if number is None or number >= _MILLIS_FROM else number * 1000
    try:
        at = datetime.fromisoformat(timestamp.decode("ascii")) if len(timestamp) <= 64 else None
    except ValueError:
        return None
    if at is None or at.tzinfo is None:
        return None
    try:
        return int(at.astimezone(UTC).timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def is_fresh(timestamp: bytes, now_ms: int, tolerance_ms: int, *, early: bool = True) -> bool:
    """Whether a signed timestamp is recent. With `early` False only old ones are refused, as some providers' own libraries do."""
    at_ms = attempt_ms(timestamp)
    if at_ms is None:
        return False
    return now_ms - at_ms <= tolerance_ms and (not early or at_ms - now_ms <= tolerance_ms)


def full_url(url: str, query: bytes) -> bytes:
    """The public address with the query as it was received: what schemes that sign the address have signed."""
    return url.encode() + (b"?" + query if query else b"")
