"""A shard's checkpoint as one Kafka transaction, and its recovery from the state topic.

Laws: state, facts, differences, dead letters and the input offset are written together or not at all; starting the transactional
producer fences the former owner of the partition; a read of the state ends by position, since commit markers are skipped.
An empty shard that should not be empty is an error, never a fresh start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas import topics
from services.aggregator.shard import Outgoing, Pair, Shard
from services.kafka import client_options, read_partition, stopped
from services.settings import Settings, topic

BATCH_BYTES = 900_000
STATE_OF = {topics.EVENTS: topics.EVENTS_STATE, topics.FACTS: topics.FACTS_STATE, topics.DIFFERENCES: topics.CELLS}


class CheckpointLost(RuntimeError):
    """Whether a transaction was committed is not known, or another worker owns the partition: this shard must be loaded again."""


class StateMissing(RuntimeError):
    """The input no longer holds what the state lacks: going on would publish wrong figures."""


class Checkpoints:
    """The transactional writer of one shard."""

    def __init__(self, settings: Settings, shard: Shard, transactional_id: str | None = None) -> None:
        """`transactional_id` None is that of the partition, by which whoever takes it over fences whoever had it."""
        self._settings = settings
        self.shard = shard
        self._group = group_of(settings)
        self._input = TopicPartition(topic(settings, shard.input.topic), shard.input.partition)
        self._producer = AIOKafkaProducer(
            **client_options(settings),
            transactional_id=transactional_id or f"{self._group}-{shard.input.name}",
            max_batch_size=BATCH_BYTES,
            max_request_size=8 * BATCH_BYTES,
            compression_type="zstd",
            request_timeout_ms=30_000,
        )
        self._unsent: Outgoing | None = None
        self._unsent_offset = -1
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Fence the former owner; whatever it had begun is aborted."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the producer; an open transaction is aborted by the broker."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._producer.stop(), 10)

    async def write(self, now_ms: int, force: bool = False) -> bool:
        """Write a checkpoint if there is anything to write and it is due; returns whether one was written.

        A transaction that was aborted is tried again with the newer state at the next call. Raises CheckpointLost when its fate
        is unknown or the producer was fenced.
        """
        async with self._lock:
            shard = self.shard
            if shard.changed and (force or shard.due(now_ms)):
                self._unsent = _joined(self._unsent, shard.snapshot(now_ms))
                self._unsent_offset = shard.last_offset
            if self._unsent is None:
                return False
            await self._commit(self._unsent, self._unsent_offset)
            self._unsent = None
            return True

    async def _commit(self, outgoing: Outgoing, last_offset: int) -> None:
        producer = self._producer
        try:
            await producer.begin_transaction()
        except Exception as error:
            raise CheckpointLost(f"{self.shard.input.name}: no transaction could begin: {error!r}") from error
        try:
            sent: list[asyncio.Future[object]] = []
            for (name, partition), pairs in outgoing.items():
                sent += await self._send(topic(self._settings, name), partition, pairs)
            # A batch that the broker refused does not fail the commit: only its own future tells.
            await asyncio.gather(*sent)
            await producer.send_offsets_to_transaction({self._input: last_offset + 1}, self._group)
        except Exception as error:
            try:
                await producer.abort_transaction()
            except Exception as worse:
                raise CheckpointLost(f"{self.shard.input.name}: a transaction could not be aborted: {worse!r}") from error
            raise
        try:
            await producer.commit_transaction()
        except Exception as error:
            raise CheckpointLost(f"{self.shard.input.name}: a commit went unanswered: {error!r}") from error

    async def _send(self, name: str, partition: int, pairs: Iterable[Pair]) -> list[asyncio.Future[object]]:
        sent = []
        batch = self._producer.create_batch()
        filled = False
        for key, value in pairs:
            if batch.append(key=key, value=value, timestamp=None) is None:
                sent.append(await self._producer.send_batch(batch, name, partition=partition))
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
            filled = True
        if filled:
            sent.append(await self._producer.send_batch(batch, name, partition=partition))
        return sent


def group_of(settings: Settings) -> str:
    """The consumer group and the first part of every transactional id: one application in one set of topics."""
    number = settings.kafka.generation
    return f"{settings.kafka.topic_prefix}aggregator-{settings.tenant}" + (f"-g{number}" if number > 1 else "")


def _joined(before: Outgoing | None, after: Outgoing) -> Outgoing:
    """Two snapshots as one, in their order: of a compacted key the later value wins by itself."""
    if before is None:
        return after
    joined = dict(before)
    for where, pairs in after.items():
        joined[where] = [*joined.get(where, []), *pairs]
    return joined


async def recover(settings: Settings, shard: Shard) -> None:
    """Rebuild a shard from its state topic. Raises StateMissing when the input no longer holds what the state lacks."""
    name = topic(settings, STATE_OF[shard.input.topic])
    newest: dict[bytes, bytes | None] = {}
    marker: bytes | None = None
    async for record in read_partition(settings, name, shard.input.partition):
        if record.key == topics.MARKER:
            marker = record.value
        elif record.key is not None:
            if record.value is None:
                newest.pop(record.key, None)
            else:
                newest[record.key] = record.value
    if newest and marker is None:
        raise StateMissing(f"{name}/{shard.input.partition} holds state but no marker of how far it goes")
    for key, value in newest.items():
        shard.restore(key, value)
    if marker is not None:
        shard.restore(topics.MARKER, marker)
    await _check_input(settings, shard)


async def _check_input(settings: Settings, shard: Shard) -> None:
    where = TopicPartition(topic(settings, shard.input.topic), shard.input.partition)
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        beginning = (await consumer.beginning_offsets([where]))[where]
    finally:
        await stopped(consumer)
    if beginning > shard.last_offset + 1:
        raise StateMissing(
            f"{where.topic}/{where.partition} begins at offset {beginning}, but the state goes to {shard.last_offset} only: "
            "records between them are gone. Restore the state topic, or start anew with an empty one and the archive of events"
        )
