"""One suite for both publishers: the one that remembers, which the other tests rely on, and the one that writes to Kafka."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from deploy.kafka.embedded import EmbeddedKafka
from schemas.topics import EVENTS, REJECTED
from services.ingest.packer import Record, Unavailable
from services.ingest.publisher import KafkaPublisher, Publisher
from services.kafka import read_partition
from services.settings import Settings, topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.services.ingest.senders import Remembering

Written = Callable[[str, int], Awaitable[list[tuple[bytes, bytes, int]]]]
Started = tuple[Publisher, Written]
_DEADLINE_SECONDS = 40.0


async def ready(publisher: Publisher) -> None:
    """Return once it can publish."""
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while publisher.why_not_ready() is not None:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(publisher: Publisher) -> AsyncIterator[None]:
    """The publisher connected inside the block, and nothing left open after it."""
    task = asyncio.create_task(publisher.run())
    try:
        await ready(publisher)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def reader(settings: Settings) -> Written:
    """Reads what was written to a topic's partition: key, value and the header `count`."""

    async def written(name: str, partition: int) -> list[tuple[bytes, bytes, int]]:
        records = read_partition(settings, topic(settings, name), partition)
        return [(record.key, record.value, int(dict(record.headers)["count"])) async for record in records]

    return written


@pytest.fixture(params=["remembering", pytest.param("kafka", marks=pytest.mark.broker)])
async def started(request: pytest.FixtureRequest, settings_for: SettingsFor) -> AsyncIterator[Started]:
    """Each publisher, connected, with a way to read what it wrote."""
    if request.param == "remembering":
        remembering = Remembering()

        async def remembered(name: str, partition: int) -> list[tuple[bytes, bytes, int]]:
            return [(r.key, r.value, r.events) for r in remembering.records if (r.topic, r.partition) == (name, partition)]

        async with running(remembering):
            yield remembering, remembered
    else:
        settings = settings_for(request.getfixturevalue("kafka"))
        await ensure_topics(settings)
        publisher = KafkaPublisher(settings, print)
        async with running(publisher):
            yield publisher, reader(settings)


async def test_what_was_sent_is_there(started: Started) -> None:
    publisher, written = started
    await publisher.send(Record(EVENTS, 1, b"ticket:a:1", b'["x"]', 1))
    assert await written(EVENTS, 1) == [(b"ticket:a:1", b'["x"]', 1)]
    assert await written(EVENTS, 0) == []


async def test_records_of_one_partition_keep_their_order(started: Started) -> None:
    publisher, written = started
    sent = [Record(EVENTS, 0, b"k", b"[%d]" % n, 1) for n in range(50)]
    await asyncio.gather(*(publisher.send(record) for record in sent))
    assert [value for _, value, _ in await written(EVENTS, 0)] == [record.value for record in sent]


async def test_a_record_of_900_kb_passes(started: Started) -> None:
    publisher, written = started
    value = b"[" + b"7" * 900_000 + b"]"
    await publisher.send(Record(REJECTED, 0, b"k", value, 1))
    assert [len(found) for _, found, _ in await written(REJECTED, 0)] == [len(value)]


async def test_before_it_is_connected_kafka_is_unavailable(settings_for: SettingsFor) -> None:
    publisher = KafkaPublisher(settings_for(), print)
    assert publisher.why_not_ready()
    with pytest.raises(Unavailable):
        await publisher.send(Record(EVENTS, 0, b"k", b"[]", 0))


@pytest.mark.broker
async def test_missing_topics_are_waited_for_and_said(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka)
    said: list[str] = []
    publisher = KafkaPublisher(settings, said.append)
    task = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while not said:
                await asyncio.sleep(0.01)
        assert "deskpulse topics" in said[0]
        await ensure_topics(settings)
        await ready(publisher)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.broker
async def test_another_partition_count_is_refused(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=2)
    await ensure_topics(settings)
    wider = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 3})})
    said: list[str] = []
    task = asyncio.create_task(KafkaPublisher(wider, said.append).run())
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while not said:
                await asyncio.sleep(0.01)
        assert "has 2 partitions, the settings want 3" in said[0]
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.broker
async def test_a_broker_that_is_killed_costs_nothing_that_was_acknowledged(settings_for: SettingsFor) -> None:
    first = settings_for()
    async with EmbeddedKafka(first.data_dir) as broker:
        settings = first.model_copy(update={"kafka": first.kafka.model_copy(update={"bootstrap": broker.bootstrap})})
        await ensure_topics(settings)
        publisher = KafkaPublisher(settings, print)
        acknowledged: list[bytes] = []

        async def send(n: int) -> None:
            value = b"[%d]" % n
            with contextlib.suppress(Unavailable):
                await publisher.send(Record(EVENTS, n % 2, b"k", value, 1))
                acknowledged.append(value)

        async with running(publisher):
            await asyncio.gather(*(send(n) for n in range(20)))
            sending = [asyncio.create_task(send(n)) for n in range(20, 60)]
            broker.kill()
            async with asyncio.timeout(_DEADLINE_SECONDS):
                while publisher.why_not_ready() is None:
                    await asyncio.sleep(0.01)
            late = [asyncio.create_task(send(n)) for n in range(60, 80)]
            await asyncio.sleep(0)
            broker.spawn()
            await asyncio.to_thread(broker.wait_until_ready)
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await asyncio.gather(*sending, *late)
                await ready(publisher)
                await send(100)
        written = reader(settings)
        found = {value for partition in (0, 1) for _, value, _ in await written(EVENTS, partition)}
    assert set(acknowledged) <= found
    assert b"[100]" in acknowledged
