"""Where an audit begins: which generation is live, what held when, from which offsets the events are there, and the archive before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from cli.archiving.layout import Contents
from cli.archiving.rows import WHOLE, received_ms, records, rows_of
from cli.archiving.store import Store
from cli.auditing.api import Unreachable
from cli.auditing.coverage import Coverage
from cli.auditing.recomputation import Recomputation
from kpis.catalogue import KPIS, by_id
from kpis.controls import Timeline
from kpis.window import Levels, Zone
from schemas.codec import join_events
from schemas.topics import CONTROLS, EVENTS
from services.controls import read_controls, timeline_of
from services.generations import Generation, generation_of, live_of, refuse_other_rules, within
from services.kafka import beginning_offsets, client_options, end_offsets, read_partition
from services.settings import Settings, topic


class Live(NamedTuple):
    """The generation that is served: the settings within it, and what was decided when."""

    settings: Settings
    generation: Generation
    timeline: Timeline


class Beginning(NamedTuple):
    """For each partition of `events` the offset from which Kafka is read; what is covered; and how many records wait there."""

    starts: dict[int, int]
    coverage: Coverage
    records: int
    archived: dict[int, int]
    """For a partition whose beginning lies in the archive: the offset from which the archive is whole up to Kafka's."""


async def live(settings: Settings) -> Live:
    """What is served now. Raises Unreachable, KafkaError, ConfigError when this version has other rules."""
    controls = await read_controls(settings) if await _is_there(settings, CONTROLS) else []
    wanted = settings.kafka.generation
    generation = generation_of(controls, wanted) if wanted else live_of(controls)
    if generation is None:
        raise Unreachable(
            f"nothing was ever counted under the prefix {settings.kafka.topic_prefix!r}: start the services with `deskpulse up`"
        )
    refuse_other_rules(generation)
    return Live(within(settings, generation), generation, timeline_of(controls, generation.created_at_ms))


async def _is_there(settings: Settings, name: str) -> bool:
    """Whether a topic exists: to read one that does not is to wait for it."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        return topic(settings, name) in await admin.list_topics()
    finally:
        await admin.close()


def recomputation(now: Live) -> Recomputation:
    """An empty recomputation by what the live generation was made with."""
    settings = now.settings
    return Recomputation(
        partitions=settings.kafka.partitions,
        levels=Levels(Zone(settings.time_zone), settings.aggregator.day_level_days),
        pairs=settings.dimensions.pairs,
        controls=now.timeline,
        retention_days=settings.aggregator.entity_retention_days,
        skew_ms=settings.aggregator.event_time_skew_ms,
        generation=settings.kafka.generation,
    )


async def beginning(settings: Settings, contents: Contents, now_ms: int) -> Beginning:
    """From where the events are there. Raises KafkaError."""
    name, count = topic(settings, EVENTS), settings.kafka.partitions
    starts, ends = await beginning_offsets(settings, name, count), await end_offsets(settings, name, count)
    coverage = Coverage(by_id(KPIS))
    archived = {}
    for partition, start in starts.items():
        if start == 0:
            continue
        first = whole_from(contents, partition, start)
        if first < start:
            archived[partition] = first
        else:
            coverage.begins_with_receipt(await _first_receipt(settings, partition, start, now_ms))
    return Beginning(starts, coverage, sum(ends.values()) - sum(starts.values()), archived)


def whole_from(contents: Contents, partition: int, end: int) -> int:
    """The least offset from which an archive holds everything before `end`; `end` itself when it does not reach there."""
    reached = end
    for piece in sorted(contents.pieces(partition), key=lambda piece: piece.last, reverse=True):
        if piece.last + 1 >= reached:
            reached = min(reached, piece.first)
    return reached


async def from_archive(
    store: Store, contents: Contents, start: Beginning, again: Recomputation, clock_ms: Callable[[int], int], applied: Callable[[int], None]
) -> None:
    """Apply what the archive holds of the partitions whose beginning is gone from Kafka. Raises ArchiveUnusable."""
    for partition, first in start.archived.items():
        told = first == 0
        values = _values(store, contents, partition, first, start.starts[partition])
        while (item := await asyncio.to_thread(next, values, None)) is not None:
            value, received = item
            if not told and received is not None:
                start.coverage.begins_with_receipt(received)
                told = True
            applied(again.apply(partition, value))
            if again.due:
                again.fold(clock_ms)
    again.fold(clock_ms)


def _values(store: Store, contents: Contents, partition: int, first: int, end: int) -> Iterator[tuple[bytes, int | None]]:
    rows = (row for row in store.rows(contents, partition, from_offset=first) if row.offset < end)
    for found in records(rows):
        whole = found[0].ordinal == WHOLE
        yield found[0].event if whole else join_events(row.event for row in found), received_ms(found)


async def _first_receipt(settings: Settings, partition: int, start: int, now_ms: int) -> int:
    try:
        async for record in read_partition(settings, topic(settings, EVENTS), partition, from_offset=start, max_records=1):
            received = received_ms(rows_of(partition, record.offset, record.value))
            return int(record.timestamp) if received is None else received
    except KafkaError as error:
        raise Unreachable(f"the first event of partition {partition} was let go of just now ({error}): start the audit again") from None
    return now_ms
