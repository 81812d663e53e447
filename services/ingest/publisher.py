"""The way into Kafka: one idempotent producer, acks=all, zstd, explicit partitions.

Laws: `send` returns only after all in-sync replicas have the record; a producer that failed once is thrown away, because after a
gap in its sequence numbers the broker refuses all that follows; a topic with another partition count than the settings' is not
written to, because keys would lie where nobody looks for them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import EVENTS, REJECTED, SOURCES
from services.ingest.packer import Record, Unavailable
from services.kafka import client_options, wait_for_broker
from services.settings import Settings, topic

_BATCH_BYTES = 1_000_000
"""Below the broker's 1 MiB; one of our records at its largest fits."""

_STOP_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 2.0
"""How often Kafka is asked whether it is there, so that `/readyz` tells the truth without traffic too."""


class Publisher(Protocol):
    """Where records go. One implementation writes to Kafka, the tests' one keeps them."""

    async def run(self) -> None:
        """Connect and stay connected until cancelled; leaves nothing open."""

    async def send(self, record: Record) -> None:
        """Return when the record is acknowledged by all in-sync replicas. Raises Unavailable."""

    def why_not_ready(self) -> str | None:
        """None while records can be published, else the reason in words."""


class KafkaPublisher:
    """Publisher over aiokafka. `say` gets plain words for the terminal."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._names = {name: topic(settings, name) for name in (EVENTS, REJECTED, SOURCES)}
        self._producer: AIOKafkaProducer | None = None
        self._waiting: set[asyncio.Future[object]] = set()
        self._failed = asyncio.Event()
        self._reason: str | None = "not connected to Kafka yet"

    async def run(self) -> None:
        """See Publisher.run."""
        while True:
            producer = await self._connected()
            self._failed.clear()
            self._producer, self._reason = producer, None
            try:
                while not self._failed.is_set():
                    await self._look_after(producer)
                self._say("the producer failed: connecting to Kafka anew")
            finally:
                self._producer, self._reason = None, "the connection to Kafka is being made anew"
                for future in list(self._waiting):
                    future.cancel()
                await _stopped(producer)

    async def send(self, record: Record) -> None:
        """See Publisher.send."""
        producer = self._producer
        if producer is None:
            raise Unavailable(self._reason or "not connected to Kafka")
        try:
            sent = await producer.send(
                self._names[record.topic],
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=[("count", b"%d" % record.events)],
            )
        except (KafkaError, OSError, AssertionError) as error:  # the assertion is aiokafka's answer to an unknown partition
            self._failed.set()
            raise Unavailable(f"Kafka refused the record: {type(error).__name__}") from error
        self._waiting.add(sent)
        try:
            await sent
        except asyncio.CancelledError:
            if sent.cancelled() and self._producer is not producer:
                raise Unavailable("the connection to Kafka broke before the record was acknowledged") from None
            raise
        except KafkaError as error:
            self._failed.set()
            raise Unavailable(f"Kafka did not acknowledge: {type(error).__name__}") from error
        finally:
            self._waiting.discard(sent)

    def why_not_ready(self) -> str | None:
        """See Publisher.why_not_ready."""
        return self._reason

    async def _look_after(self, producer: AIOKafkaProducer) -> None:
        """Wait a moment, or until the producer has failed; then ask Kafka whether it is still there."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._failed.wait(), _LOOK_SECONDS)
            return
        try:
            reason = await asyncio.wait_for(self._topics_differ(producer), _LOOK_SECONDS)
        except (KafkaError, OSError, TimeoutError):
            reason = "Kafka does not answer"
        if reason != self._reason:
            self._say(reason or "Kafka answers again")
        self._reason = reason

    async def _connected(self) -> AIOKafkaProducer:
        told = ""
        while True:
            await wait_for_broker(self._settings, self._say, patient=True)
            producer = AIOKafkaProducer(
                **client_options(self._settings),
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                linger_ms=0,  # the packer has waited already
                max_batch_size=_BATCH_BYTES,
                max_request_size=_BATCH_BYTES,
                request_timeout_ms=30_000,
            )
            try:
                await producer.start()
                why = await self._topics_differ(producer)
                if why is None:
                    return producer
            except asyncio.CancelledError:
                await _stopped(producer)
                raise
            except (KafkaError, OSError) as error:
                why = f"no connection to Kafka: {type(error).__name__}"
            await _stopped(producer)
            self._reason = why
            if why != told:
                told = why
                self._say(why)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _topics_differ(self, producer: AIOKafkaProducer) -> str | None:
        """What is wrong with our topics. Asked without naming them, because naming a topic may create it."""
        cluster = await producer.client.fetch_all_metadata()
        for name, wanted in ((EVENTS, self._settings.kafka.partitions), (REJECTED, 1), (SOURCES, 1)):
            full = self._names[name]
            found = len(cluster.partitions_for_topic(full) or ())
            if not found:
                return f"waiting for the topic {full}: create it with `deskpulse topics`"
            if found != wanted:
                return f"the topic {full} has {found} partitions, the settings want {wanted}: run `deskpulse topics` to see what to do"
        return None


async def _stopped(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(producer.stop(), _STOP_SECONDS)
