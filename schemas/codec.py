"""Records of `events`, `facts` and their kin: a JSON array of one partition's items, decoded in one pass.

A record that is refused as a whole is decoded item by item, so that one bad item costs one dead letter and not five hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Union

import msgspec

from schemas.events import EVENT_CLASSES, Event

RECORD_MAX_EVENTS = 500
RECORD_MAX_BYTES = 900_000
"""Below the broker's default message.max.bytes of 1 MiB, with room for headers and the batch around the record."""

_AnyEvent: Any = Union[EVENT_CLASSES]  # noqa: UP007 - a union of a tuple has no other spelling
_one = msgspec.json.Decoder(_AnyEvent)
_many = msgspec.json.Decoder(list[_AnyEvent])
_raw = msgspec.json.Decoder(list[msgspec.Raw])
_packed = msgspec.msgpack.Decoder(_AnyEvent)
_pack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """One event as JSON, in the form of the `events` topic."""
    return _json.encode(event)


def decode_event(data: bytes) -> Event:
    """One event from JSON in the form of the `events` topic. Raises msgspec.DecodeError or UnicodeDecodeError."""
    event: Event = _one.decode(data)
    return event


def join_events(encoded: Iterable[bytes]) -> bytes:
    """The value of one record from events that are encoded already."""
    return b"[" + b",".join(encoded) + b"]"


def decode_record(value: bytes) -> tuple[Sequence[Event], Sequence[tuple[bytes, str]]]:
    """The events of one record, and what could not be decoded as (original bytes, why). Never raises for bad data."""
    try:
        events: list[Event] = _many.decode(value)
    except (ValueError, RecursionError):
        return _one_by_one(value)
    return events, ()


def _one_by_one(value: bytes) -> tuple[Sequence[Event], Sequence[tuple[bytes, str]]]:
    try:
        items = _raw.decode(value)
    except (ValueError, RecursionError) as error:
        return (), ((value, f"the record is no JSON array: {error}"),)
    good: list[Event] = []
    bad: list[tuple[bytes, str]] = []
    for item in items:
        try:
            good.append(_one.decode(item))
        except (ValueError, RecursionError) as error:
            bad.append((bytes(item), str(error)))
    return good, bad


def pack_event(event: Event) -> bytes:
    """One event in the compact form of an entity's log; when it was received is not kept."""
    return _pack.encode(msgspec.structs.replace(event, received_at_ms=0))


def unpack_event(data: bytes) -> Event:
    """The inverse of `pack_event`, with `received_at_ms` 0."""
    event: Event = _packed.decode(data)
    return event
