"""Reading a partition to its end: all of it, or an error that says where it stood still, never a wait for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from deploy.kafka.embedded import EmbeddedKafka
from schemas.topics import REJECTED
from services.kafka import read_partition
from services.settings import KafkaSettings, Settings, topic
from services.topics import ensure_topics

pytestmark = pytest.mark.broker
RECORDS = 24
RECORD_BYTES = 900_000
"""More than a reader fetches ahead."""


async def test_a_reading_that_stands_still_is_given_up(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as broker:
        settings = Settings(kafka=KafkaSettings(bootstrap=broker.bootstrap))
        await ensure_topics(settings, {REJECTED})
        name = topic(settings, REJECTED)
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=2 * RECORD_BYTES)
        await producer.start()
        try:
            for _ in range(RECORDS):
                await producer.send_and_wait(name, os.urandom(RECORD_BYTES), partition=0)
        finally:
            await producer.stop()
        assert len([record.offset async for record in read_partition(settings, name, 0)]) == RECORDS
        read = []

        async def read_beside_a_killed_broker() -> None:
            async for record in read_partition(settings, name, 0, max_records=1, stalled_seconds=1):
                read.append(record.offset)
                broker.kill()

        with pytest.raises(KafkaTimeoutError, match=f"nothing came for 1 s at offset .* of {RECORDS}"):
            await read_beside_a_killed_broker()
        assert 0 < len(read) < RECORDS
