"""Reading `events` and `facts` beside the services, to exactly the offsets that an answer of the API names.

Laws: a record beyond an offset that was asked for waits and is not lost; what waits is at most one fetch a partition, or what is on
its way where that was asked for; what is not committed is never seen.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Self

from aiokafka import ConsumerRecord, TopicPartition

from services.kafka import plain_consumer
from services.settings import Settings, topic

_RECORDS_AT_ONCE = 200
STALLED_SECONDS = 60.0


class Follower:
    """The records of one topic, partition by partition, from given offsets on; an async context manager."""

    def __init__(self, settings: Settings, name: str, starts: Mapping[int, int]) -> None:
        """`name` is without the prefix."""
        self._where = {partition: TopicPartition(topic(settings, name), partition) for partition in starts}
        self._starts = dict(starts)
        self._waiting: dict[int, deque[ConsumerRecord]] = {partition: deque() for partition in starts}
        self._consumer = plain_consumer(
            settings,
            max_partition_fetch_bytes=1_048_576,
            fetch_max_wait_ms=50,  # a question for the ends waits behind the fetch that waits for records
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(list(self._where.values()))
        for partition, where in self._where.items():
            self._consumer.seek(where, self._starts[partition])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def up_to(self, last: Mapping[int, int]) -> AsyncIterator[ConsumerRecord]:
        """The records not given yet whose offset is at most the one named for their partition. Raises TimeoutError when none come."""
        moved = time.monotonic()
        while True:
            for partition, waiting in self._waiting.items():
                while waiting and waiting[0].offset <= last.get(partition, -1):
                    moved = time.monotonic()
                    yield waiting.popleft()
            behind = [
                where
                for partition, where in self._where.items()
                if not self._waiting[partition] and await self._consumer.position(where) <= last.get(partition, -1)
            ]
            if not behind:
                return
            if time.monotonic() - moved > STALLED_SECONDS:
                raise TimeoutError(f"{behind[0].topic}/{behind[0].partition} gave no record for {STALLED_SECONDS:g} s")
            await self._fetch(behind, 1000)

    async def skip(self, last: Mapping[int, int]) -> None:
        """Leave out what was not given yet up to these offsets."""
        for partition, offset in last.items():
            waiting, where = self._waiting[partition], self._where[partition]
            while waiting and waiting[0].offset <= offset:
                waiting.popleft()
            if not waiting and await self._consumer.position(where) <= offset:
                self._consumer.seek(where, offset + 1)

    async def beyond(self) -> list[ConsumerRecord]:
        """Every record that is there now and was not given yet; they go on waiting."""
        ends = await self._consumer.end_offsets(list(self._where.values()))
        while behind := [where for where, end in ends.items() if await self._consumer.position(where) < end]:
            await self._fetch(behind, 1000)
        return [record for waiting in self._waiting.values() for record in waiting]

    async def is_anything_beyond(self) -> bool:
        """Whether there is any record that was not given yet; looks at one fetch at most."""
        if not any(self._waiting.values()):
            await self._fetch(list(self._where.values()), 200)
        return any(self._waiting.values())

    async def _fetch(self, wanted: list[TopicPartition], wait_ms: int) -> None:
        found = await self._consumer.getmany(*wanted, timeout_ms=wait_ms, max_records=_RECORDS_AT_ONCE * len(wanted))
        for where, records in found.items():
            self._waiting[where.partition] += records
        await asyncio.sleep(0)
