"""What the services share of Kafka: the options of every client, waiting for a broker, reading one partition to its end.

Laws: a client is never made without `client_options`; a read ends by position, never by counting records, because commit
markers are skipped but move the position; what is not committed is never seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaTimeoutError

from services.kafka_login import NoAnswer, log_in
from services.kafka_security import client_options as client_options  # where everybody looks for it
from services.settings import Settings
from services.settings_errors import ConfigError

RECORD_MAX_BYTES = 1_048_576
"""What one record may take: a broker's default `message.max.bytes`, which our packers stay below."""

_FETCH_BYTES = 4 * 1_048_576
_NEVER_POLLED_MS = 2**31 - 1


async def wait_for_broker(
    settings: Settings, say: Callable[[str], None], deadline_seconds: float | None = None, *, patient: bool = False
) -> None:
    """Return once the broker lets us in; tell the reader at the first failed try and then every 10 s what is being waited for.

    A broker that answers and refuses what the settings show raises ConfigError at once, or with `patient` (in a service that has run
    already, whose password or certificate may be put right) is told and waited for like one that is away.
    Raises TimeoutError after `deadline_seconds` (None waits for ever).
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    told = None
    while True:
        try:
            await log_in(settings)
        except (NoAnswer, ConfigError) as error:
            if isinstance(error, ConfigError) and not patient:
                raise
            now = loop.time()
            if deadline_seconds is not None and now - began >= deadline_seconds:
                raise TimeoutError(f"no Kafka broker answered at {settings.kafka.bootstrap} within {deadline_seconds:g} s") from error
            if told is None or now - told >= 10:
                told = now
                say(f"waiting for Kafka at {settings.kafka.bootstrap} (kafka.bootstrap): {error}")
            await asyncio.sleep(0.25)
        else:
            if told is not None:
                say(f"Kafka answers at {settings.kafka.bootstrap}")
            return


async def refuse_what_is_refused(settings: Settings) -> None:
    """Try once to be let in. Raises ConfigError when Kafka answers and refuses; one that is away is no matter here."""
    with contextlib.suppress(NoAnswer):
        await log_in(settings)


def plain_consumer(settings: Settings, **more: Any) -> AIOKafkaConsumer:
    """A consumer of no group, for partitions that are assigned and places that are sought by hand; it sees only what is committed.

    Start it inside the `try` whose `finally` stops it: one that could not start holds connections too.
    """
    options: dict[str, Any] = {
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",  # with "latest" the reset races with the seek and a full partition reads as empty
        "isolation_level": "read_committed",
        "max_poll_interval_ms": _NEVER_POLLED_MS,
    }
    return AIOKafkaConsumer(**client_options(settings), **{**options, **more})


async def stopped(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, whatever state it is in.

    While its broker is away the client's own stop ends with the cancellation of its inner tasks, which must not look like one of
    the caller's.
    """
    done, _ = await asyncio.wait([asyncio.ensure_future(consumer.stop())])
    for stopping in done:
        if not stopping.cancelled():
            stopping.result()


STALLED_SECONDS = 60.0
"""How long a reading may stand still before it is given up: whoever reads begins anew, which a client that hangs never would."""


async def read_partition(
    settings: Settings,
    topic: str,
    partition: int,
    *,
    from_offset: int | None = None,
    max_records: int = 5000,
    stalled_seconds: float = STALLED_SECONDS,
) -> AsyncGenerator[ConsumerRecord, None]:
    """The committed records of one partition, from its beginning (or `from_offset`) to the end that it has at the call.

    `topic` is the full name. Ends when the position has passed that end. Raises KafkaError when the broker cannot be read or nothing
    comes for `stalled_seconds`, and IllegalStateError when records from `from_offset` on are gone: what starts there would silently
    miss them.
    """
    where = TopicPartition(topic, partition)
    consumer = plain_consumer(settings, max_partition_fetch_bytes=_FETCH_BYTES)
    try:
        await consumer.start()
        consumer.assign([where])
        end = (await consumer.end_offsets([where]))[where]
        beginning = (await consumer.beginning_offsets([where]))[where]
        if from_offset is not None and from_offset < beginning:
            raise IllegalStateError(f"{topic}/{partition} begins at offset {beginning}, the records from {from_offset} on are gone")
        consumer.seek(where, beginning if from_offset is None else from_offset)
        stood_at, since = -1, time.monotonic()
        while (position := await consumer.position(where)) < end:
            if position != stood_at:
                stood_at, since = position, time.monotonic()
            elif time.monotonic() - since > stalled_seconds:
                raise KafkaTimeoutError(f"{topic}/{partition}: nothing came for {stalled_seconds:g} s at offset {position} of {end}")
            for record in (await consumer.getmany(where, timeout_ms=1000, max_records=max_records)).get(where, ()):
                if record.offset >= end:
                    return
                yield record
    finally:
        await stopped(consumer)


async def end_offsets(settings: Settings, topic: str, partitions: int) -> dict[int, int]:
    """For each partition of a topic (full name) the offset after its last committed record."""
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False, isolation_level="read_committed")
    try:
        await consumer.start()
        return {where.partition: offset for where, offset in (await consumer.end_offsets(wanted)).items()}
    finally:
        await stopped(consumer)


async def beginning_offsets(settings: Settings, topic: str, partitions: int) -> dict[int, int]:
    """For each partition of a topic (full name) the offset of the first record that is still kept, or where the next one will be."""
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False)
    try:
        await consumer.start()
        return {where.partition: offset for where, offset in (await consumer.beginning_offsets(wanted)).items()}
    finally:
        await stopped(consumer)
