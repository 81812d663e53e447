"""Compacted topics of one partition: the newest record of every key, once or again at every change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kafka import plain_consumer, read_partition, stopped
from services.settings import Settings, topic

Newest = Mapping[bytes, bytes]


async def newest_of(settings: Settings, name: str) -> Newest:
    """What holds now, by key. Raises KafkaError."""
    newest: dict[bytes, bytes] = {}
    async for record in read_partition(settings, topic(settings, name), 0):
        _take(newest, record.key, record.value)
    return newest


async def follow(settings: Settings, name: str, changed: Callable[[Newest], None]) -> None:
    """Tell what holds now, and all of it again at every change, until cancelled; while Kafka is away, nothing."""
    while True:
        with contextlib.suppress(KafkaError, OSError):
            async for newest in _following(settings, name):
                changed(newest)
        await asyncio.sleep(1)


async def _following(settings: Settings, name: str) -> AsyncIterator[Newest]:
    where = TopicPartition(topic(settings, name), 0)
    consumer = plain_consumer(settings)
    newest: dict[bytes, bytes] = {}
    try:
        await consumer.start()
        consumer.assign([where])
        consumer.seek(where, (await consumer.beginning_offsets([where]))[where])
        end = (await consumer.end_offsets([where]))[where]
        told = False
        while True:
            records = (await consumer.getmany(where, timeout_ms=1000)).get(where, [])
            for record in records:
                _take(newest, record.key, record.value)
            if await consumer.position(where) >= end and (records or not told):
                told = True
                yield newest
    finally:
        await stopped(consumer)


def _take(newest: dict[bytes, bytes], key: bytes | None, value: bytes | None) -> None:
    if key is None:
        return
    if value is None:
        newest.pop(key, None)
    else:
        newest[key] = value
