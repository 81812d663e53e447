"""How each source stands, as records of `sources`: what ingest took of it and when, so that whoever serves figures can show it.

One record for each source and each door (an ingest that listens somewhere); the newest of a key holds, the counts only grow.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Standing(Struct, kw_only=True, omit_defaults=True):
    """One source at one door.

    `at_ms` is when this was written, `last_delivery_ms` when the last delivery of a verified sender came (None: never).
    `deliveries` counts by outcome (`OUTCOMES`), each delivery once; `accepted` and `ignored` count events and messages, `rejected`
    items by reason, `refused` deliveries by the status of their answer, `repeated` deliveries that were taken before.
    `quiet_after_ms` is how long this source may be silent before that is told; None is for ever.
    """

    source: str
    kind: str
    door: str
    at_ms: int
    last_delivery_ms: int | None = None
    deliveries: dict[str, int] = {}
    accepted: int = 0
    ignored: int = 0
    rejected: dict[str, int] = {}
    refused: dict[str, int] = {}
    repeated: int = 0
    quiet_after_ms: int | None = None
    ready: bool = True

    @property
    def key(self) -> bytes:
        """The key of its record."""
        return f"{self.source}|{self.door}".encode()


OUTCOMES = ("accepted", "ignored", "rejected", "refused")
"""What becomes of a delivery: at least one event counts, nothing in it means anything, it is kept in `rejected`, it is not taken."""

_json = msgspec.json.Encoder()
_standing = msgspec.json.Decoder(Standing)


def encode_standing(standing: Standing) -> bytes:
    """The value of its record."""
    return _json.encode(standing)


def decode_standing(value: bytes) -> Standing:
    """The inverse. Raises msgspec.DecodeError."""
    return _standing.decode(value)


def added(one: Standing, other: Standing) -> Standing:
    """Both together: counts are summed, of the instants the later holds."""
    newest = [at for at in (one.last_delivery_ms, other.last_delivery_ms) if at is not None]
    return msgspec.structs.replace(
        one,
        at_ms=max(one.at_ms, other.at_ms),
        last_delivery_ms=max(newest, default=None),
        deliveries=_sums(one.deliveries, other.deliveries),
        accepted=one.accepted + other.accepted,
        ignored=one.ignored + other.ignored,
        rejected=_sums(one.rejected, other.rejected),
        refused=_sums(one.refused, other.refused),
        repeated=one.repeated + other.repeated,
    )


def _sums(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(name for name in other if name not in one))}
