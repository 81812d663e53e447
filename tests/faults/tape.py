"""What was accepted, kept beside Kafka: a reader of `events` that is always a little behind its end, so that the input can be trimmed.

Law: everything below `positions` is in the file, once for each record; what ingest acknowledged is there or lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.codec import decode_event, decode_record, encode_event
from schemas.events import Event, TicketAbsorbed
from services.kafka import client_options
from services.settings import Settings, topic


class Tape:
    """Reads `events` into a file while it is used (`async with`)."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.positions: dict[int, int] = dict.fromkeys(range(settings.kafka.partitions), 0)
        self.events = 0
        self.newest_ms = 0
        self.unreadable = 0
        self._ids: set[int] = set()
        self._settings = settings
        self._file = file
        self._out = file.open("ab")
        self._task: asyncio.Task[None] | None = None

    def holds(self, source: str, delivery_id: str) -> bool:
        """Whether an event of a delivery is on the tape; an adapter names its events `<id>:<what>`, so both forms are looked up."""
        return hash((source, delivery_id)) in self._ids

    def read(self) -> Iterator[Event]:
        """All events of sources so far, repetitions included."""
        self._out.flush()
        with self._file.open("rb") as lines:
            for line in lines:
                yield decode_event(line)

    async def __aenter__(self) -> Tape:
        self._task = asyncio.create_task(self._keep_reading())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._out.close()

    async def _keep_reading(self) -> None:
        while True:
            with contextlib.suppress(KafkaError, OSError):
                await self._read_until_it_fails()
            await asyncio.sleep(0.5)

    async def _read_until_it_fails(self) -> None:
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=200,
            max_partition_fetch_bytes=4 * 1_048_576,
        )
        await consumer.start()
        try:
            where = {number: TopicPartition(topic(self._settings, topics.EVENTS), number) for number in self.positions}
            consumer.assign(list(where.values()))
            for number, partition in where.items():
                consumer.seek(partition, self.positions[number])
            while True:
                found = await consumer.getmany(timeout_ms=200, max_records=500)
                for partition, records in found.items():
                    for record in records:
                        if record.offset >= self.positions[partition.partition]:
                            self._keep(record.value)
                            self.positions[partition.partition] = record.offset + 1
                for number, partition in where.items():  # the ends of transactions move the position too
                    if not found.get(partition):
                        self.positions[number] = max(self.positions[number], await consumer.position(partition))
        finally:
            await consumer.stop()

    def _keep(self, value: bytes | None) -> None:
        events, bad = decode_record(value or b"[]")
        self.unreadable += len(bad)
        for event in events:
            if isinstance(event, TicketAbsorbed):
                continue  # what shards tell each other is no event of a source
            self._out.write(encode_event(event) + b"\n")
            self.events += 1
            self.newest_ms = max(self.newest_ms, event.occurred_at_ms)
            self._ids.add(hash((event.source, event.id)))
            head, colon, _ = event.id.partition(":")
            if colon:
                self._ids.add(hash((event.source, head)))
