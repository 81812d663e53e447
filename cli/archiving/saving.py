"""`events` into the archive: each partition from where its files end to where it ends now.

Laws: a file names the offsets it covers, and is there whole or not at all, so a run that is killed at any instant is continued by
the next one: nothing twice, nothing lost. Records that Kafka let go of before they were archived are named. An archive is only
continued with the topic it was begun with: the last archived record must be the one that Kafka holds at its offset. Memory
holds the rows of one file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from cli.archiving.layout import Contents, Hole, Piece, day_of
from cli.archiving.rows import Row, received_ms, records, rows_of
from cli.archiving.store import ArchiveUnusable, Store
from schemas.topics import EVENTS
from services.kafka import beginning_offsets, end_offsets, read_partition
from services.settings import Settings, topic


class Limits(NamedTuple):
    """A file ends with the record that reaches one of these, or before one that was received on a later day."""

    rows: int = 100_000
    bytes: int = 32 * 1024 * 1024


class Saved(NamedTuple):
    """What one round added, and the records that were gone before they could be."""

    files: int
    records: int
    events: int
    bytes: int
    gone: list[Hole]


class Progress(NamedTuple):
    """How far a round is: offsets passed of those to pass, and events archived."""

    passed: int
    total: int
    events: int


async def save(settings: Settings, store: Store, limits: Limits, now_ms: Callable[[], int], tell: Callable[[Progress], None]) -> Saved:
    """One round over all partitions. Raises ArchiveUnusable, KafkaError."""
    name, count = topic(settings, EVENTS), settings.kafka.partitions
    contents = await asyncio.to_thread(store.contents)
    beginnings, ends = await beginning_offsets(settings, name, count), await end_offsets(settings, name, count)
    await _same_topic(settings, store, contents, beginnings, ends)
    starts = {p: max(beginnings[p], contents.next_offset(p) or 0) for p in range(count)}
    gone = [Hole(p, reached, beginnings[p] - 1) for p in range(count) if (reached := contents.next_offset(p) or 0) < beginnings[p]]
    total = sum(ends[p] - starts[p] for p in range(count))
    round_ = _Round(settings, store, limits, now_ms, lambda passed, events: tell(Progress(passed, total, events)))
    for partition in range(count):
        await round_.partition(partition, starts[partition], ends[partition])
    return Saved(round_.files, round_.records, round_.events, round_.bytes, gone)


class _Round:
    def __init__(
        self, settings: Settings, store: Store, limits: Limits, now_ms: Callable[[], int], tell: Callable[[int, int], None]
    ) -> None:
        self.files = self.records = self.events = self.bytes = 0
        self._settings, self._store, self._limits, self._now_ms, self._tell = settings, store, limits, now_ms, tell
        self._passed = 0

    async def partition(self, partition: int, start: int, end: int) -> None:
        """Archive the offsets [start, end) of one partition."""
        if start >= end:
            return
        rows: list[Row] = []
        first, reached, day, size = start, start, "", 0
        async for record in read_partition(self._settings, topic(self._settings, EVENTS), partition, from_offset=start, max_records=500):
            if record.offset >= end:
                break
            found = rows_of(partition, record.offset, record.value)
            received = received_ms(found)
            record_day = day_of(record.timestamp if received is None else received)
            if rows and record_day > day:
                await self._write(Piece(day, partition, first, reached - 1), rows)
                first, rows, size = reached, [], 0
            day = day if rows else record_day
            rows += found
            size += len(record.value or b"")
            reached = record.offset + 1
            self.records += 1
            if len(rows) >= self._limits.rows or size >= self._limits.bytes:
                await self._write(Piece(day, partition, first, reached - 1), rows)
                first, rows, size = reached, [], 0
        if first < end:  # the ends of transactions behind the last record are covered too: Kafka lets go of them as of records
            await self._write(Piece(day if rows else day_of(self._now_ms()), partition, first, end - 1), rows)

    async def _write(self, piece: Piece, rows: list[Row]) -> None:
        self.bytes += await asyncio.to_thread(self._store.write, piece, rows)
        self.files += 1
        self.events += len(rows)
        self._passed += piece.last - piece.first + 1
        self._tell(self._passed, self.events)


async def _same_topic(settings: Settings, store: Store, contents: Contents, beginnings: dict[int, int], ends: dict[int, int]) -> None:
    """Raises ArchiveUnusable when the archive was begun with other records than those in the topic."""
    name = topic(settings, EVENTS)
    other = f"{store.shown} is the archive of another {name}: give a new one its own address with --to"
    if contents.partitions and contents.partitions[-1] >= settings.kafka.partitions:
        raise ArchiveUnusable(f"{other} (it has a partition {contents.partitions[-1]})")
    for partition in contents.partitions:
        if (contents.next_offset(partition) or 0) > ends[partition]:
            raise ArchiveUnusable(f"{other} (partition {partition} ends at offset {ends[partition]}, the archive goes further)")
        last = await asyncio.to_thread(_last_record, store, contents, partition)
        if last is None or last[0].offset < beginnings[partition]:
            continue
        async for record in read_partition(settings, name, partition, from_offset=last[0].offset, max_records=1):
            if rows_of(partition, record.offset, record.value) != last:
                raise ArchiveUnusable(f"{other} (partition {partition} holds another record at offset {last[0].offset})")
            break


def _last_record(store: Store, contents: Contents, partition: int) -> list[Row] | None:
    for piece in reversed(contents.pieces(partition)):
        last = None
        for last in records(store.read(piece)):  # noqa: B007 - the last one is meant
            pass
        if last:
            return last
    return None
