"""How often a source delivers at each hour of the week, as a record of `sources` beside its standing, written once an hour."""

from __future__ import annotations

import msgspec
from msgspec import Struct

HOURS_A_WEEK = 168
SUFFIX = b"|rhythm"
"""Ends the keys of these records, so that they are told from standings."""


class Rhythm(Struct, kw_only=True):
    """One source at one door. Lists hold one number for each hour of the week, UTC, from Thursday 0:00 on (the epoch's weekday).

    `seen` is how many weeks of an hour are known, `sums` the deliveries in them, `squares` the sum of their squares; each week weighs
    less than the one after it. `hour` is the newest hour included, counted from the epoch.
    """

    source: str
    door: str
    hour: int
    seen: list[float]
    sums: list[float]
    squares: list[float]

    @property
    def key(self) -> bytes:
        """The key of its record."""
        return f"{self.source}|{self.door}".encode() + SUFFIX


def unknown(source: str, door: str) -> Rhythm:
    """A rhythm of which nothing is known yet."""
    return Rhythm(
        source=source, door=door, hour=0, seen=[0.0] * HOURS_A_WEEK, sums=[0.0] * HOURS_A_WEEK, squares=[0.0] * HOURS_A_WEEK
    )  # fmt: skip


_json = msgspec.json.Encoder()
_rhythm = msgspec.json.Decoder(Rhythm)


def encode_rhythm(rhythm: Rhythm) -> bytes:
    """The value of its record."""
    return _json.encode(rhythm)


def decode_rhythm(value: bytes) -> Rhythm:
    """The inverse. Raises msgspec.DecodeError, also when a list has another length."""
    rhythm = _rhythm.decode(value)
    if {len(rhythm.seen), len(rhythm.sums), len(rhythm.squares)} != {HOURS_A_WEEK}:
        raise msgspec.DecodeError("a rhythm has one number for each hour of the week")
    return rhythm
