"""Lines of canonical events from a file or standard input, in the file's order or disturbed on purpose.

Laws: every line leaves at least once; the same seed disturbs in the same way; a line that is no JSON is passed on as it is, so
that the receiver says what is wrong with it.
"""

from __future__ import annotations

import gzip
import heapq
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO, cast

import msgspec

REPEAT_WITHIN = 1000
"""A repeat follows its original after at most so many events, as a sender's retry would."""


class _Timed(msgspec.Struct):
    occurred_at: str | None = None


_timed = msgspec.json.Decoder(_Timed)


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
