"""The live `events` copied into another topic, cut for its partitions, and followed there until nothing comes any more.

Laws: every event that a source sent is copied at least once, byte for byte; what the aggregator wrote itself is left out, since
every generation writes its own. Repetition and order do not matter: ids make each event count once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import TopicPartition

from cli.archiving.restoring import acknowledged, put
from schemas import keys
from schemas.codec import decode_record, encode_event
from schemas.events import Event, TicketAbsorbed
from schemas.topics import EVENTS
from services.ingest.packer import Packed, Packer
from services.ingest.publisher import KafkaPublisher
from services.kafka import plain_consumer
from services.partition import partition_of
from services.settings import Settings, topic

_CHUNK_RECORDS = 200
_UNDER_WAY = 4
_LOOK_SECONDS = 1.0


class Copy:
    """Copies from the `events` of one generation to those of another, until it is cancelled."""

    def __init__(self, source: Settings, target: Settings, say: Callable[[str], None]) -> None:
        self._source, self._target, self._say = source, target, say
        self.copied = 0
        self.left_out = 0
        self.behind: int | None = None
        """Offsets still to copy, as of the newest look; None before the first."""
        self.moved_at = time.monotonic()

    @property
    def caught_up(self) -> bool:
        """Whether the copy is as good as at the end: what comes meanwhile is copied within a moment."""
        return self.behind is not None and self.behind <= _CHUNK_RECORDS

    async def run(self) -> None:
        """Copy until cancelled. Raises Unavailable when the target stays away, KafkaError when the source does."""
        publisher = KafkaPublisher(self._target, self._say)
        running = asyncio.create_task(publisher.run())
        packer = Packer(publisher.send, linger_ms=5)
        name = topic(self._source, EVENTS)
        partitions = [TopicPartition(name, number) for number in range(self._source.kafka.partitions)]
        consumer = plain_consumer(self._source)
        try:
            await consumer.start()
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            looked_at = 0.0
            under_way: list[tuple[asyncio.Future[None], list[Packed]]] = []
            while True:
                found = await consumer.getmany(timeout_ms=500, max_records=_CHUNK_RECORDS)
                chunk = [packed for records in found.values() for record in records for packed in self._packed(record.value)]
                if chunk:
                    under_way.append((await put(packer, chunk), chunk))
                while under_way and (len(under_way) >= _UNDER_WAY or not chunk):
                    await acknowledged(packer, *under_way.pop(0))
                if chunk:
                    self.moved_at = time.monotonic()
                if not chunk or time.monotonic() - looked_at > _LOOK_SECONDS:
                    looked_at = time.monotonic()
                    ends = await consumer.end_offsets(partitions)
                    self.behind = sum([max(0, ends[where] - await consumer.position(where)) for where in partitions])
        finally:
            await consumer.stop()
            await packer.drain()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _packed(self, value: bytes) -> list[Packed]:
        events, bad = decode_record(value)
        out: list[Packed] = []
        for event in events:
            if isinstance(event, TicketAbsorbed):
                self.left_out += 1
                continue
            self.copied += 1
            out += _for(event, self._target.kafka.partitions)
        self.left_out += len(bad)  # what cannot be read stands in `rejected` since it was first met
        return out


def _for(event: Event, partitions: int) -> list[Packed]:
    key = keys.of(event)
    encoded = encode_event(event)
    wanted = range(partitions) if key == keys.EVERYWHERE else (partition_of(key, partitions),)
    return [Packed(number, key, encoded) for number in wanted]
