"""The archive back into `events`: the same events, packed anew for the partitions that there are now.

Laws: every event that a source sent is published once, byte for byte, when it was received included; they leave in the order in which
they were received, since what has ended is let go of by that clock. What the aggregator wrote to `events` itself (the log of
a merged ticket) stays behind: it is written again. Every partition gets a withdrawal, as from ingest.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cli.archiving.layout import Contents, day_of
from cli.archiving.rows import Row
from cli.archiving.store import Store
from schemas import keys
from schemas.events import TicketAbsorbed
from services.ingest.packer import Packed, Packer, Unavailable
from services.ingest.publisher import KafkaPublisher
from services.partition import partition_of
from services.settings import Settings

_CHUNK_EVENTS = 2_000
_CHUNKS_UNDER_WAY = 4
_RETRY_SECONDS = 0.5
PATIENCE_SECONDS = 120.0
"""How long nothing may be acknowledged before restoring gives up."""
_OWN_TYPE = TicketAbsorbed.__struct_config__.tag


class Restored(NamedTuple):
    """What was published, what the aggregator will write again, and what nobody could ever read."""

    events: int
    own: int
    unreadable: int


async def restore(
    settings: Settings, store: Store, contents: Contents, since_ms: int, say: Callable[[str], None], tell: Callable[[int], None]
) -> Restored:
    """Publish what was received at or after `since_ms`. Raises ArchiveUnusable, and Unavailable when Kafka stays away."""
    publisher = KafkaPublisher(settings, say)
    running = asyncio.create_task(publisher.run())
    packer = Packer(publisher.send, linger_ms=5)
    counts = {"events": 0, "own": 0, "unreadable": 0}
    under_way: list[tuple[asyncio.Future[None], list[Packed]]] = []
    try:
        rows = usable(in_order_of_receipt(store, contents, since_ms), counts)
        while chunk := await asyncio.to_thread(_packed, rows, settings.kafka.partitions):
            under_way.append((await put(packer, chunk), chunk))
            if len(under_way) >= _CHUNKS_UNDER_WAY:
                await acknowledged(packer, *under_way.pop(0))
            tell(counts["events"])
        for future, chunk in under_way:
            await acknowledged(packer, future, chunk)
        tell(counts["events"])
    finally:
        await packer.drain()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return Restored(counts["events"], counts["own"], counts["unreadable"])


def in_order_of_receipt(store: Store, contents: Contents, since_ms: int = 0) -> Iterator[Row]:
    """The rows of all partitions that were received at or after an instant, merged by when they were received.

    Rows of one partition stay in the order of their offsets; one that says nothing or is older than what came before it (a merged
    ticket's log) goes with what came before it.
    """
    from_day = day_of(since_ms) if since_ms else ""

    def clocked(partition: int) -> Iterator[tuple[int, int, Row]]:
        clock = 0
        for row in store.rows(contents, partition, from_day=from_day):
            clock = max(clock, row.received_at_ms or 0)
            if not since_ms or (row.received_at_ms or clock) >= since_ms:
                yield clock, partition, row

    merged = heapq.merge(*(clocked(partition) for partition in contents.partitions), key=lambda item: item[:2])
    return (row for _, _, row in merged)


def usable(rows: Iterator[Row], counts: dict[str, int]) -> Iterator[Row]:
    """The rows to publish, each withdrawal once; `counts` is told of every row under `events`, `own` or `unreadable`."""
    withdrawals: set[tuple[str | None, str | None, int | None]] = set()
    for row in rows:
        if row.type is None:
            counts["unreadable"] += 1
        elif row.type == _OWN_TYPE:
            counts["own"] += 1
        elif row.key != keys.EVERYWHERE:
            counts["events"] += 1
            yield row
        elif (name := (row.source, row.id, row.version)) not in withdrawals:  # every partition had a copy
            withdrawals.add(name)
            counts["events"] += 1
            yield row


def _packed(rows: Iterator[Row], partitions: int) -> list[Packed]:
    found: list[Packed] = []
    for row in rows:
        key = row.key or ""
        everywhere = key == keys.EVERYWHERE
        found += [Packed(p, key, row.event) for p in (range(partitions) if everywhere else (partition_of(key, partitions),))]
        if len(found) >= _CHUNK_EVENTS:
            break
    return found


async def put(packer: Packer, chunk: list[Packed]) -> asyncio.Future[None]:
    """Hand a chunk to the packer once it has room; the future is done when Kafka has it all."""
    while True:
        try:
            return packer.put(chunk)
        except Unavailable:  # the bound of what waits in memory
            await asyncio.sleep(_RETRY_SECONDS)


async def acknowledged(packer: Packer, future: asyncio.Future[None], chunk: list[Packed]) -> None:
    """Return once Kafka has the chunk. A part of it may be published again after a failure: ids make that harmless."""
    began = time.monotonic()
    while True:
        try:
            await future
            return
        except Unavailable as error:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise Unavailable(f"nothing was acknowledged for {PATIENCE_SECONDS:g} s: {error}") from None
        await asyncio.sleep(_RETRY_SECONDS)
        future = await put(packer, chunk)
