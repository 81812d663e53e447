"""How long events have waited to get into the figures: the end of `events` against what the shards say they include.

Law: quiet nights are no lag; an aggregator that is away is, as soon as an event waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas import topics
from services.kafka import client_options, read_partition, stopped
from services.settings import Settings, topic

log = logging.getLogger("deskpulse.api")
LOOK_SECONDS = 2.0
DOUBT_SECONDS = 4.0
"""After this long behind, it is looked whether there is a record at all: the end of a partition may be markers of transactions."""

Included = Callable[[], Mapping[str, int]]
"""The newest offset of its input that each shard includes."""


class Lag:
    """Watches the input of the entity shards."""

    def __init__(self, settings: Callable[[], Settings], included: Included, clock: Callable[[], float] = time.monotonic) -> None:
        """`settings` gives those of the generation that is shown now."""
        self._settings = settings
        self._watched: Settings | None = None
        self._included = included
        self._clock = clock
        self._behind: dict[int, tuple[int, float]] = {}
        self._markers_until: dict[int, int] = {}
        self._looked_at: float | None = None

    def unanswered_seconds(self) -> float:
        """How long Kafka has not said where its partitions end, so that nothing is known of what waits; 0.0 before the first answer."""
        return 0.0 if self._looked_at is None else max(0.0, self._clock() - self._looked_at - LOOK_SECONDS)

    def seconds(self) -> float:
        """How long the event that has waited longest has waited, as far as it is known; 0.0 when nothing waits."""
        now = self._clock()
        return max((now - since for _, since in self._behind.values()), default=0.0)

    async def watch(self) -> None:
        """Look every two seconds, until cancelled; while Kafka cannot be read nothing new is known."""
        while True:
            with contextlib.suppress(KafkaError, OSError):
                await self._watch_one_generation()
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch_one_generation(self) -> None:
        settings = self._settings()
        if settings is not self._watched:
            self._watched = settings
            self._behind.clear()
            self._markers_until.clear()
        name = topic(settings, topics.EVENTS)
        partitions = [TopicPartition(name, number) for number in range(settings.kafka.partitions)]
        consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False, isolation_level="read_committed")
        try:
            await consumer.start()
            while settings is self._settings():
                ends = await consumer.end_offsets(partitions)
                await self.compare({where.partition: end for where, end in ends.items()})
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await stopped(consumer)

    async def compare(self, ends: Mapping[int, int]) -> None:
        """Take the ends of the partitions as they are now."""
        included = self._included()
        now = self._looked_at = self._clock()
        for number, end in ends.items():
            following = included.get(f"{topics.EVENTS}-{number}", -1) + 1
            waiting_from = max(following, self._markers_until.get(number, 0))
            if waiting_from >= end:
                self._behind.pop(number, None)
                continue
            awaited, since = self._behind.get(number, (end, now))
            if following > awaited or awaited > end:
                awaited, since = end, now
            self._behind[number] = (awaited, since)
            if now - since > DOUBT_SECONDS and not await self.holds_a_record(number, waiting_from):
                self._markers_until[number] = end
                del self._behind[number]

    async def holds_a_record(self, number: int, from_offset: int) -> bool:
        """Whether a partition holds any committed record from an offset on."""
        settings = self._settings()
        name = topic(settings, topics.EVENTS)
        async with aclosing(read_partition(settings, name, number, from_offset=from_offset, max_records=1)) as records:
            async for _ in records:
                return True
        return False
