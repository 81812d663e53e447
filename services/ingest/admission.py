"""The door's judgement of one item, without the door: from an outside form to the encoded events of their partitions.

Law: a webhook and a replay are judged by these same rules, so that what is sent again counts as if it had been right at once.
"""

from __future__ import annotations

from typing import Any

from schemas import keys
from schemas.canonical import event_from
from schemas.codec import RECORD_MAX_BYTES, encode_event
from schemas.events import Event
from schemas.rejections import Reason, Rejected
from services.ingest.packer import Packed
from services.ingest.sources import Source
from services.partition import partition_of

EVENT_MAX_BYTES = RECORD_MAX_BYTES - 1000


def admitted(item: Any, source: Source, received_at_ms: int) -> tuple[Event, tuple[str, ...]]:
    """The event that one item of a translation is, and the names of the fields that were left out. Raises Rejected."""
    if isinstance(item, Rejected):
        raise item
    return event_from(
        item,
        source=source.speaks_for,
        received_at_ms=received_at_ms,
        ticket_source=source.ticket_source,
        customer_prefix=source.customer_prefix,
    )


def packed(event: Event, partitions: int) -> list[Packed]:
    """An event encoded for its partition, or for every one where each needs a copy. Raises Rejected when it is too large."""
    encoded = encode_event(event)
    if len(encoded) > EVENT_MAX_BYTES:
        raise Rejected(Reason.BAD_FIELD, f"the event takes {len(encoded)} bytes, at most {EVENT_MAX_BYTES} are let in")
    key = keys.of(event)
    if key == keys.EVERYWHERE:
        return [Packed(partition, key, encoded) for partition in range(partitions)]
    return [Packed(partition_of(key, partitions), key, encoded)]
