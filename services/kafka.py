"""What the services share of Kafka: the options of every client, waiting for a broker, reading one partition to its end.

Laws: a client is never made without `client_options`; a read ends by position, never by counting records, because commit
markers are skipped but move the position; what is not committed is never seen.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalStateError, KafkaConnectionError, KafkaError, KafkaTimeoutError

from services.settings import Settings
from services.settings_errors import ConfigError, Problem

RECORD_MAX_BYTES = 1_048_576
"""What one record may take: a broker's default `message.max.bytes`, which our packers stay below."""

_FETCH_BYTES = 4 * 1_048_576
_NEVER_POLLED_MS = 2**31 - 1


def client_options(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client of ours starts from: where the broker is and how to speak to it.

    Raises ConfigError when a certificate or a password that the settings name cannot be read.
    """
    security = settings.kafka.security
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka.bootstrap.split(","), "security_protocol": security.protocol}
    if "SSL" in security.protocol.split("_"):
        options["ssl_context"] = _ssl_context(settings, environ)
    if security.protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": security.sasl_mechanism,
            "sasl_plain_username": security.sasl_username,
            "sasl_plain_password": _password(settings, environ),
        }
    return options


async def wait_for_broker(settings: Settings, say: Callable[[str], None], deadline_seconds: float | None = None) -> None:
    """Return once the broker answers; tell the reader at the first failed try and then every 10 s what is being waited for.

    Raises TimeoutError after `deadline_seconds` (None waits for ever).
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    told = None
    while True:
        try:
            await _ask(settings)
        except (KafkaConnectionError, KafkaError, OSError, TimeoutError) as error:
            now = loop.time()
            if deadline_seconds is not None and now - began >= deadline_seconds:
                raise TimeoutError(f"no Kafka broker answered at {settings.kafka.bootstrap} within {deadline_seconds:g} s") from error
            if told is None or now - told >= 10:
                told = now
                say(f"waiting for Kafka at {settings.kafka.bootstrap} (kafka.bootstrap): no answer yet")
            await asyncio.sleep(0.25)
        else:
            if told is not None:
                say(f"Kafka answers at {settings.kafka.bootstrap}")
            return


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
    await consumer.start()
    try:
        return {where.partition: offset for where, offset in (await consumer.end_offsets(wanted)).items()}
    finally:
        await stopped(consumer)


async def beginning_offsets(settings: Settings, topic: str, partitions: int) -> dict[int, int]:
    """For each partition of a topic (full name) the offset of the first record that is still kept, or where the next one will be."""
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        return {where.partition: offset for where, offset in (await consumer.beginning_offsets(wanted)).items()}
    finally:
        await stopped(consumer)


async def _ask(settings: Settings) -> None:
    await _knock(settings)  # first, because the client itself would log each failed try
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=3000)
    try:
        await asyncio.wait_for(admin.start(), 5)
        await asyncio.wait_for(admin.describe_cluster(), 5)
    finally:
        await admin.close()


async def _knock(settings: Settings) -> None:
    for number, address in enumerate(addresses := settings.kafka.bootstrap.split(",")):
        host, _, port = address.rpartition(":")
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 3)
        except OSError:  # TimeoutError is one
            if number == len(addresses) - 1:
                raise
        else:
            writer.close()
            return


def _ssl_context(settings: Settings, environ: Mapping[str, str]) -> ssl.SSLContext:
    security = settings.kafka.security
    try:
        context = ssl.create_default_context(cafile=None if security.ssl_cafile is None else str(security.ssl_cafile))
        if security.ssl_certfile is not None:
            password = environ.get(security.ssl_password_env) if security.ssl_password_env else None
            context.load_cert_chain(security.ssl_certfile, security.ssl_keyfile, password)
    except OSError as error:  # ssl.SSLError is one
        expected = "PEM files that this user may read"
        raise ConfigError(
            [Problem("the configuration", "kafka.security", f"certificates that cannot be used: {error}", expected)]
        ) from None
    return context


def _password(settings: Settings, environ: Mapping[str, str]) -> str:
    security = settings.kafka.security
    if security.sasl_password_env and (value := environ.get(security.sasl_password_env)):
        return value
    if security.sasl_password_file is not None:
        try:
            if value := security.sasl_password_file.read_text(encoding="utf-8").strip():
                return value
        except OSError:
            pass  # the answer is the same as for a file that is empty
    expected = "kafka.security.sasl_password_env (a variable that is set) or sasl_password_file (a file with the password)"
    raise ConfigError([Problem("the configuration", "kafka.security", "no password for SASL", expected)])
