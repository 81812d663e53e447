"""Lines of canonical events from a file or standard input, in the file's order or disturbed on purpose.

Laws: every line leaves at least once; the same seed disturbs in the same way; a line that is no JSON is passed on as it is, so
that the receiver says what is wrong with it; the same lines leave with the same ids, however often and in whatever batches.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO, cast

import msgspec
import orjson

REPEAT_WITHIN = 1000
"""A repeat follows its original after at most so many events, as a sender's retry would."""


class _Timed(msgspec.Struct):
    occurred_at: str | None = None


_NULL, _ABSENT = msgspec.Raw(b"null"), msgspec.Raw(b"")


class _Named(msgspec.Struct):
    id: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _NULL


_timed = msgspec.json.Decoder(_Timed)
_named = msgspec.json.Decoder(_Named)


def read_lines(file: str) -> Iterator[bytes]:
    """The lines of a file that are not blank, without their ends; "-" is standard input; what ends in .gz is unpacked."""
    if file == "-":
        yield from _stripped(sys.stdin.buffer)
        return
    opened = cast("IO[bytes]", gzip.open(file, "rb")) if file.endswith(".gz") else Path(file).open("rb")  # noqa: SIM115 - closed below
    with opened as lines:
        yield from _stripped(lines)


def is_json(line: bytes) -> bool:
    """Whether a line holds one JSON object, which may go into an array."""
    return _occurred_at_seconds(line) is not None


def identified(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, with an id put into each event that has none: of what the line says and how many equal ones came before it.

    So a file that is sent again, or on after a break, counts once; two equal lines of one file are two facts.
    """
    seen: dict[bytes, int] = {}
    for line in lines:
        if _has_id(line):
            yield line
            continue
        digest = hashlib.blake2b(line, digest_size=16).digest()
        seen[digest] = ordinal = seen.get(digest, 0) + 1
        yield _with_id(line, f"send:{digest.hex()}:{ordinal}")


def _has_id(line: bytes) -> bool:
    """Whether an event names its id, flat or in the `data` of an envelope; what is no object needs none."""
    try:
        named = _named.decode(line)
        said = bytes(named.id)
        if bytes(named.data)[:1] == b"{":  # what the data says goes before what stands around it
            said = bytes(_named.decode(named.data).id) or said
    except (ValueError, RecursionError):
        return True
    return said not in (b"", b"null")


def _with_id(line: bytes, event_id: str) -> bytes:
    if b'"id"' not in line:  # nearly always: what the sender wrote stays as it is, byte for byte
        rest = line[1:].lstrip()
        return b'{"id":"' + event_id.encode() + (b'"' if rest.startswith(b"}") else b'",') + rest
    event = orjson.loads(line)
    if isinstance(event.get("data"), dict):
        event["data"].pop("id", None)
    return orjson.dumps({**event, "id": event_id})


def delayed(lines: Iterable[bytes], up_to_seconds: float, rng: Random) -> Iterator[bytes]:
    """Each event as if delivered up to so many seconds (event time) after it occurred, at random: late and out of order.

    An event leaves once the newest `occurred_at` read so far has passed its delivery; the rest leave at the end.
    """
    waiting: list[tuple[float, int, bytes]] = []
    newest = float("-inf")
    for ordinal, line in enumerate(lines):
        at = _occurred_at_seconds(line)
        newest = max(newest, at or newest)
        heapq.heappush(waiting, ((at or max(newest, 0.0)) + rng.random() * up_to_seconds, ordinal, line))
        while waiting and waiting[0][0] <= newest:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def repeated(lines: Iterable[bytes], share: float, rng: Random) -> Iterator[bytes]:
    """The lines, and this share (0-1) of them a second time, a little later."""
    again: list[tuple[int, bytes]] = []
    for ordinal, line in enumerate(lines):
        yield line
        if rng.random() < share:
            heapq.heappush(again, (ordinal + rng.randint(1, REPEAT_WITHIN), line))
        while again and again[0][0] <= ordinal:
            yield heapq.heappop(again)[1]
    while again:
        yield heapq.heappop(again)[1]


def _stripped(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if stripped := line.strip():
            yield stripped


def _occurred_at_seconds(line: bytes) -> float | None:
    """Seconds since 1970, 0 for an event that names no readable time, None for what is no JSON object."""
    try:
        at = _timed.decode(line).occurred_at
    except msgspec.ValidationError:  # JSON, but no object or no text: only an object may be in the array
        return 0.0 if line.startswith(b"{") else None
    except (ValueError, RecursionError):
        return None
    if at is None:
        return 0.0
    try:
        parsed = datetime.fromisoformat(at)
    except ValueError:
        return 0.0
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
