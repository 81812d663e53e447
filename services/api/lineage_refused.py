"""What the aggregator kept out, from `rejected`: events of a span that no log holds, each with its reason."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from schemas.canonical import CLOCK_AHEAD_MS
from schemas.codec import decode_event
from schemas.deadletters import AGGREGATOR, DeadLetter
from schemas.events import Event
from services.kafka import client_options, read_partition, stopped
from services.settings import Settings, topic


class RefusedEvent(NamedTuple):
    """An event that was kept out, and why."""

    event: Event
    reason: str
    detail: str


async def refused_since(settings: Settings, at_ms: int) -> AsyncIterator[RefusedEvent]:
    """The events kept out that may have happened at an instant or after it. Raises KafkaError."""
    name = topic(settings, topics.REJECTED)
    first = await _first_offset(settings, name, at_ms - CLOCK_AHEAD_MS)  # an event is taken up to so much before its time
    if first is None:
        return
    async for record in read_partition(settings, name, 0, from_offset=first):
        found = _refused(record.value or b"")
        if found is not None:
            yield found


def _refused(value: bytes) -> RefusedEvent | None:
    """The event of a record, None for what is no event of ours: a body that the door refused, or a part of one."""
    try:
        letter = _letter.decode(value)
        if letter.kind != AGGREGATOR or letter.parts != 1:
            return None
        return RefusedEvent(decode_event(base64.b64decode(letter.body_base64)), letter.reason, letter.detail)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error):
        return None


async def _first_offset(settings: Settings, name: str, at_ms: int) -> int | None:
    """The offset of the first record written at an instant or after it, None when there is none."""
    where = TopicPartition(name, 0)
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False)
    try:
        await consumer.start()
        found = (await consumer.offsets_for_times({where: max(at_ms, 0)}))[where]
    finally:
        await stopped(consumer)
    return None if found is None else int(found.offset)


_letter = msgspec.json.Decoder(DeadLetter)
