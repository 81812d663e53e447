"""Records of `events` as rows, one an event, and back.

Laws: `event` is what was published, byte for byte; whatever cannot be read is kept too, with `type` None, and as `ordinal`
`WHOLE` when not even the record's array could be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from schemas import keys
from schemas.codec import decode_event

WHOLE = -1
"""The ordinal of a record that is no JSON array: its value stands in `event` as it is."""


class Row(NamedTuple):
    """One archived event; the names are the columns of the files. Everything but the place and `event` is None for what is unreadable.

    `key` is the entity key; `ordinal` is the event's place in its record, from 0.
    """

    partition: int
    offset: int
    ordinal: int
    type: str | None
    id: str | None
    source: str | None
    key: str | None
    occurred_at_ms: int | None
    received_at_ms: int | None
    version: int | None
    event: bytes


def rows_of(partition: int, offset: int, value: bytes | None) -> list[Row]:
    """The rows of one record. Never raises for what a record holds."""
    value = value or b""
    try:
        items = _RAW.decode(value)
    except (ValueError, RecursionError):
        return [_unreadable(partition, offset, WHOLE, value)]
    return [_row(partition, offset, ordinal, bytes(item)) for ordinal, item in enumerate(items)]


def received_ms(rows: list[Row]) -> int | None:
    """When the newest event of some rows was received; None when none of them says."""
    return max((row.received_at_ms for row in rows if row.received_at_ms is not None), default=None)


def records(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in their order, record by record."""
    held: list[Row] = []
    for row in rows:
        if held and row.offset != held[0].offset:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _row(partition: int, offset: int, ordinal: int, item: bytes) -> Row:
    try:
        event = decode_event(item)
    except (ValueError, RecursionError):
        return _unreadable(partition, offset, ordinal, item)
    return Row(
        partition,
        offset,
        ordinal,
        type(event).__struct_config__.tag,  # type: ignore[arg-type]
        event.id,
        event.source,
        keys.of(event),
        event.occurred_at_ms,
        event.received_at_ms,
        event.version,
        item,
    )


def _unreadable(partition: int, offset: int, ordinal: int, item: bytes) -> Row:
    return Row(partition, offset, ordinal, None, None, None, None, None, None, None, item)


_RAW = msgspec.json.Decoder(list[msgspec.Raw])
