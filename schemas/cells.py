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

    `tallies` are gross counters by (measure, class, channel, team, priority); `late` counts late events by the hour (UTC, ms)
    they belong to.
    """

    offset: int
    shards: dict[str, ShardState] = {}
    sources: dict[str, int] = {}
    tallies: list[tuple[str, str, str, str, str, int]] = []
    events: int = 0
    late: dict[int, int] = {}


_json = msgspec.json.Encoder()
_marker = msgspec.json.Decoder(CellsMarker)


def encode_marker(marker: CellsMarker) -> bytes:
    """The marker's value."""
    return _json.encode(marker)


def decode_marker(value: bytes) -> CellsMarker:
    """The inverse of `encode_marker`. Raises msgspec.DecodeError."""
    return _marker.decode(value)
