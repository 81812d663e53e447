"""The wire form of `cells`: what the fold has added up, and how far in `differences` it goes.

A record's key is level|start|measure|part and its value {cut: {component: amount}}; the marker says which offset of `differences`
is included, so that a reader can follow on from there.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class ShardState(Struct, kw_only=True, omit_defaults=True):
    """What the newest differences of one shard said of it."""

    last_offset: int = -1
    watermark_ms: int = 0
    newest_ms: int = 0
    at_ms: int = 0


class CellsMarker(Struct, kw_only=True, omit_defaults=True):
    """How far the cells go: the offset of `differences` they include, and all that adds up beside them.

    `tallies` are gross counters by (measure, class, channel, team, priority); `corrections` counts late corrections since the
    beginning and, of these, those of days that were final.
    """

    offset: int
    shards: dict[str, ShardState] = {}
    sources: dict[str, int] = {}
    tallies: list[tuple[str, str, str, str, str, int]] = []
    events: int = 0
    corrections: tuple[int, int] = (0, 0)


class Late(Struct, kw_only=True, omit_defaults=True):
    """What came late for one UTC day: events over an hour old by hour, and corrections by measure and hour. Its key is `late|day`."""

    events: dict[int, int] = {}
    corrections: dict[str, dict[int, int]] = {}


LATE_KEY = b"late|"
"""How the keys of `Late` records begin: they say how figures came about, not what they are."""

_json = msgspec.json.Encoder()
_marker = msgspec.json.Decoder(CellsMarker)
_late = msgspec.json.Decoder(Late)


def encode_marker(marker: CellsMarker) -> bytes:
    """The marker's value."""
    return _json.encode(marker)


def decode_marker(value: bytes) -> CellsMarker:
    """The inverse of `encode_marker`. Raises msgspec.DecodeError."""
    return _marker.decode(value)


def encode_late(late: Late) -> bytes:
    """The value of a `late|day` record."""
    return _json.encode(late)


def decode_late(value: bytes) -> Late:
    """The inverse of `encode_late`. Raises msgspec.DecodeError."""
    return _late.decode(value)
