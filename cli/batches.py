"""Lines of events into request bodies, and the signature of a body."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from cli.event_lines import is_json

BATCH_EVENTS = 500
_JSON = "application/json"
_JSON_LINES = "application/x-ndjson"


class Batch(NamedTuple):
    """Events that travel in one request; `first` is the place of the first line in all that is sent, counted from 0."""

    lines: tuple[bytes, ...]
    first: int = 0

    def body(self) -> tuple[str, bytes]:
        """Content type and body: an array, which is decoded fastest, or JSON Lines when a line is broken, which costs only that line."""
        if all(is_json(line) for line in self.lines):
            return _JSON, b"[" + b",".join(self.lines) + b"]"
        return _JSON_LINES, b"\n".join(self.lines)

    def halves(self) -> tuple[Batch, Batch]:
        """The same events in two smaller batches."""
        middle = len(self.lines) // 2
        return Batch(self.lines[:middle], self.first), Batch(self.lines[middle:], self.first + middle)


def batches(lines: Iterable[bytes], max_events: int, max_bytes: int, done: Container[int] = ()) -> Iterator[Batch]:
    """The lines in order, in batches of at most so many events and bytes (a single line may be larger).

    The lines at the places in `done` are left out; the lines of a batch always follow each other.
    """
    held: list[bytes] = []
    first, held_bytes = 0, 2
    for place, line in enumerate(lines):
        skipped = place in done
        if held and (skipped or len(held) >= max_events or held_bytes + len(line) + 1 > max_bytes):
            yield Batch(tuple(held), first)
            held, held_bytes = [], 2
        if skipped:
            continue
        if not held:
            first = place
        held.append(line)
        held_bytes += len(line) + 1
    if held:
        yield Batch(tuple(held), first)


def signing_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret: base64 behind `whsec_`; a secret of another form is taken as it stands."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()


def signed_headers(key: bytes, message_id: str, timestamp_seconds: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks for one attempt."""
    digest = hmac.digest(key, f"{message_id}.{timestamp_seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
