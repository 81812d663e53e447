"""One record of `differences`: the contributions of a shard since its last checkpoint, as columns, unexpanded.

Row i says: `slots[slot[i]]` of the entities with `attributes[attribute[i]]` changed by `count[i]` at `time[i]`, with `value[i]`.
Readers expand rows to cuts and levels; the writer knows neither. Columns are little-endian bytes, so that a reader takes
them over without decoding.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Differences(Struct, kw_only=True, omit_defaults=True):
    """Contributions and what the shard knows of itself.

    `shard` names the writer (`events-3`), `last_offset` the newest record of its input that is included, `watermark_ms` how far
    its event time has come (0: nothing seen yet), `at_ms` when it was written.
    `slots` are `(measure, class)` names; `attributes` are `(dimension set, value, …)`, or `("=", dimension, value, …)` for a
    cut named outright. `level` is the finest level the row still belongs to. `value` is the row's amount (ms, minor units) or,
    for a gauge, Σδ·ms into the day. `tallies` are gross counts `(slot, attribute, n)` that are never taken back; `events`
    counts what was applied, `late` what of it was over an hour old, by the hour it belongs to; `corrections` tells `(measure, hour,
    n)`: n events that came behind the watermark changed what a measure holds of an hour (UTC, ms) that it had passed; `sources`
    holds the newest event time of each source.
    """

    shard: str
    last_offset: int
    watermark_ms: int = 0
    newest_ms: int = 0
    at_ms: int = 0
    slots: list[tuple[str, str]] = []
    attributes: list[tuple[str | None, ...]] = []
    slot: bytes = b""  # int32
    attribute: bytes = b""  # int32
    level: bytes = b""  # int8
    time: bytes = b""  # int64, ms: start of the row's bucket at its level
    value: bytes = b""  # int64
    count: bytes = b""  # int64
    tallies: list[tuple[int, int, int]] = []
    events: int = 0
    late: dict[int, int] = {}
    corrections: list[tuple[str, int, int]] = []
    sources: dict[str, int] = {}


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Differences)


def encode_differences(differences: Differences) -> bytes:
    """The value of one record of `differences`."""
    return _pack.encode(differences)


def decode_differences(value: bytes) -> Differences:
    """The inverse of `encode_differences`. Raises msgspec.DecodeError."""
    return _unpack.decode(value)
