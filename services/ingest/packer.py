"""Events to records of one partition: those that wait travel together, one under light load, up to 500 under heavy load.

Laws: a receipt resolves only after every record with an event of its request was acknowledged; what fails or takes longer than
the deadline fails the receipt, never silently; the bytes not acknowledged yet are bounded, and beyond the bound nothing is
taken in. Events of one partition leave in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from schemas.codec import RECORD_MAX_BYTES, RECORD_MAX_EVENTS, join_events
from schemas.topics import EVENTS

UNACKNOWLEDGED_MAX_BYTES = 64 * 1024 * 1024
"""What may wait for Kafka in memory: some seconds of the heaviest load, small beside what a container gets."""

DEADLINE_SECONDS = 10.0
"""How long a request waits for Kafka: senders give up after 5 to 30 s, and a 503 makes them come again."""

_SWEEP_SECONDS = 0.5


class Record(NamedTuple):
    """One record for Kafka; in the topic `events` it holds so many `events` of one partition, under the first one's entity key."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    events: int


class Unavailable(Exception):
    """Kafka cannot acknowledge now. The message says why; the sender should come again."""


class Packed(NamedTuple):
    """One encoded event on its way: where it belongs and under which entity key."""

    partition: int
    key: str
    encoded: bytes


class _Receipt:
    __slots__ = ("future", "open")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.open = 0


class _Batch:
    __slots__ = ("deadline", "encoded", "key", "partition", "receipts", "size_bytes", "topic")

    def __init__(self, topic: str, partition: int, key: str, deadline: float) -> None:
        self.topic = topic
        self.partition = partition
        self.key = key
        self.deadline = deadline
        self.encoded: list[bytes] = []
        self.receipts: list[_Receipt] = []
        self.size_bytes = 0

    def record(self) -> Record:
        value = join_events(self.encoded) if self.topic == EVENTS else self.encoded[0]
        return Record(self.topic, self.partition, self.key.encode(), value, len(self.encoded))


class Packer:
    """Gathers events by partition and hands full or waited-for records to `send`, which returns when Kafka has acknowledged.

    `linger_ms` is how long the first event of a record waits for company. While a record of a partition is under way the next
    one keeps filling: a slow broker gets larger records, not more of them.
    """

    def __init__(
        self,
        send: Callable[[Record], Awaitable[None]],
        *,
        linger_ms: int,
        unacknowledged_max_bytes: int = UNACKNOWLEDGED_MAX_BYTES,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._send = send
        self._linger_seconds = linger_ms / 1000
        self._max_bytes = unacknowledged_max_bytes
        self._deadline_seconds = deadline_seconds
        self._filling: dict[int, _Batch] = {}
        self._under_way: dict[int, int] = {}
        self._tasks: dict[asyncio.Task[None], _Batch] = {}
        self._lingering = False
        self._sweeping = False
        self.unacknowledged_bytes = 0

    def put(self, events: Iterable[Packed]) -> asyncio.Future[None]:
        """Take the events of one request; the future resolves when all of them are acknowledged.

        It fails with Unavailable. Raises Unavailable at once when too much waits already: then none of them was taken.
        """
        self._refuse_when_full()
        loop = asyncio.get_running_loop()
        receipt = _Receipt(loop.create_future())
        deadline = loop.time() + self._deadline_seconds
        for partition, key, encoded in events:
            size_bytes = len(encoded) + 1
            batch = self._filling.get(partition)
            if batch is not None and batch.size_bytes + size_bytes >= RECORD_MAX_BYTES:
                self._close(batch)
                batch = None
            if batch is None:
                batch = self._filling[partition] = _Batch(EVENTS, partition, key, deadline)
            batch.encoded.append(encoded)
            batch.size_bytes += size_bytes
            self.unacknowledged_bytes += size_bytes
            if not batch.receipts or batch.receipts[-1] is not receipt:
                batch.receipts.append(receipt)
                receipt.open += 1
            if len(batch.encoded) >= RECORD_MAX_EVENTS:
                self._close(batch)
        if not receipt.open:
            receipt.future.set_result(None)
        elif not self._lingering:
            self._lingering = True
            loop.call_later(self._linger_seconds, self._linger_over)
        self._begin_sweeping(loop)
        return receipt.future

    def put_alone(self, topic: str, partition: int, key: str, value: bytes) -> asyncio.Future[None]:
        """Send one record of another topic at once, under the same bound, deadline and promise as `put`."""
        self._refuse_when_full()
        loop = asyncio.get_running_loop()
        receipt = _Receipt(loop.create_future())
        receipt.open = 1
        batch = _Batch(topic, partition, key, loop.time() + self._deadline_seconds)
        batch.encoded.append(value)
        batch.size_bytes = len(value)
        batch.receipts.append(receipt)
        self.unacknowledged_bytes += len(value)
        self._dispatch(batch)
        self._begin_sweeping(loop)
        return receipt.future

    async def drain(self) -> None:
        """Send all that waits and return when it is acknowledged, or when its deadline has passed."""
        while self._filling or self._tasks:
            for batch in list(self._filling.values()):
                self._close(batch)
            await asyncio.wait(list(self._tasks), timeout=self._deadline_seconds)
            for task, batch in list(self._tasks.items()):
                if asyncio.get_running_loop().time() >= batch.deadline:
                    task.cancel()
                    await asyncio.wait([task])

    def _refuse_when_full(self) -> None:
        if self.unacknowledged_bytes >= self._max_bytes:
            raise Unavailable("too much waits for Kafka already")

    def _begin_sweeping(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _linger_over(self) -> None:
        self._lingering = False
        for batch in list(self._filling.values()):
            if not self._under_way.get(batch.partition):
                self._close(batch)

    def _close(self, batch: _Batch) -> None:
        del self._filling[batch.partition]
        self._under_way[batch.partition] = self._under_way.get(batch.partition, 0) + 1
        self._dispatch(batch)

    def _dispatch(self, batch: _Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(batch))
        self._tasks[task] = batch
        task.add_done_callback(self._delivered)

    async def _deliver(self, batch: _Batch) -> None:
        await self._send(batch.record())

    def _delivered(self, task: asyncio.Task[None]) -> None:
        batch = self._tasks.pop(task)
        self.unacknowledged_bytes -= batch.size_bytes
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            _fail(batch, str(error) if isinstance(error, Unavailable) else "the record could not be written")
        else:
            for receipt in batch.receipts:
                receipt.open -= 1
                if not receipt.open and not receipt.future.done():
                    receipt.future.set_result(None)
        if batch.topic != EVENTS:
            return
        self._under_way[batch.partition] -= 1
        waiting = self._filling.get(batch.partition)
        if waiting is not None and not self._under_way[batch.partition]:
            self._close(waiting)

    def _sweep(self) -> None:
        """Answer those who have waited too long. What is under way stays counted: it may still be written, and that is no harm."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for batch in [*self._filling.values(), *self._tasks.values()]:
            if now >= batch.deadline:
                _fail(batch, "Kafka has not acknowledged in time")
        for batch in [batch for batch in self._filling.values() if now >= batch.deadline]:
            del self._filling[batch.partition]
            self.unacknowledged_bytes -= batch.size_bytes
        self._sweeping = bool(self._filling or self._tasks)
        if self._sweeping:
            loop.call_later(_SWEEP_SECONDS, self._sweep)


def _fail(batch: _Batch, why: str) -> None:
    for receipt in batch.receipts:
        if not receipt.future.done():
            receipt.future.set_exception(Unavailable(why))
            receipt.future.exception()  # seen: a sender who hung up must not turn it into a warning of the event loop
