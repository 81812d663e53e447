"""The logs behind a figure, read from the state topics of the aggregator's shards (and what was kept out) while the board goes on.

Laws: one lineage is read at a time, away from the loop that serves figures, and it ends by a deadline; the figure that is told
is one that was served while its logs were read, namely the one they add up to, and where there is none the answer says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import msgspec
from aiokafka.errors import KafkaError

from kpis.lifecycles.ledger import Rules
from kpis.lineage import Trail
from kpis.lineage_answer import Lineage
from kpis.lineage_logs import kind_in
from kpis.query import Query
from kpis.reading import Reader
from kpis.window import DAY
from schemas import topics
from services.api.lineage_refused import refused_since
from services.controls import read_controls, timeline_of
from services.generations import generation_of
from services.kafka import end_offsets, read_partition
from services.settings import Settings, topic

log = logging.getLogger("deskpulse.api")
DEADLINE_SECONDS = 25.0
PARTITIONS_AT_ONCE = 4
"""Partitions whose newest values are held in memory together."""
_LOOK_AT_EVERY = 500
"""Records between two looks at whether the reading was given up."""


class Unreadable(RuntimeError):
    """No lineage can be read now; the message says why, and `retry_seconds` when to try again."""

    def __init__(self, message: str, retry_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class Lineages(Protocol):
    """Who can say where a figure comes from."""

    async def lineage(self, query: Query, limit: int) -> Lineage:
        """The lineage of one figure, at most `limit` entities listed. Raises Unanswerable and Unreadable."""


class Shown(Protocol):
    """What of a board its lineages need."""

    within: Settings
    """The settings as they hold within the generation that is shown."""

    def reader(self) -> Reader:
        """A reader of this instant."""

    async def changed(self, since: int) -> int:
        """Waits until the version is greater than `since`; returns the new version."""


class _Given(NamedTuple):
    """What a thread that reads is given, and what it hands back beside the trail."""

    settings: Settings
    trail: Trail
    given_up: threading.Event
    read_at: dict[str, int]


class StateLineages:
    """Lineages from `events-state` and `facts-state`, for the board that is shown."""

    def __init__(self, board: Shown, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._board = board
        self._deadline_seconds = deadline_seconds
        self._reading = asyncio.Lock()

    async def lineage(self, query: Query, limit: int) -> Lineage:
        """As `Lineages.lineage`."""
        if self._reading.locked():
            raise Unreadable("another lineage is being read: they are read one at a time", 2)
        async with self._reading:
            try:
                return await self._lineage(query, limit)
            except (KafkaError, OSError) as error:
                raise Unreadable(f"the logs cannot be read from Kafka: {type(error).__name__}") from error

    async def _lineage(self, query: Query, limit: int) -> Lineage:
        settings, reader = self._board.within, self._board.reader()
        rules = Rules(reader.cells.levels.zone, reader.cells.dimension_pairs)
        decided = await read_controls(settings)
        generation = generation_of(decided, settings.kafka.generation)
        controls = timeline_of(decided, None if generation is None else generation.created_at_ms)
        trail = Trail(reader, query, controls=controls, rules=rules, limit=limit)
        given = _Given(settings, trail, threading.Event(), {})
        looking = asyncio.create_task(self._look(trail))
        reading = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(_read(given))))
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody waits for it when the request has gone
        try:
            done, _ = await asyncio.wait({reading}, timeout=self._deadline_seconds)
            if not done:
                given.given_up.set()
            await reading  # the thread notices within some hundred records; its errors are ours
        finally:
            given.given_up.set()
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
        trail.look_again()
        return await asyncio.to_thread(trail.answer, read_at=dict(sorted(given.read_at.items())), missing=_missing(settings, trail))

    async def _look(self, trail: Trail) -> None:
        """Remember every reading of the figure while its logs are read: they may add up to any of them."""
        version = 0
        while True:
            version = await self._board.changed(version)
            trail.look_again()
            await asyncio.sleep(0.02)


def _missing(settings: Settings, trail: Trail) -> str | None:
    """Why logs of this span may be gone, None when none can be."""
    days = settings.aggregator.entity_retention_days
    if trail.reads.start_ms < trail.reads.end_ms and trail.reads.start_ms < trail.reads.now_ms - days * DAY:
        return f"what ended more than {days} days ago may have left the state: `deskpulse explain … --from-events` reads everything"
    return None


async def _read(given: _Given) -> None:
    """In a thread with a loop of its own: ledgers first, since the logs they point to are then kept."""
    for name, wanted in ((topics.FACTS_STATE, given.trail.ledgers), (topics.EVENTS_STATE, given.trail.kinds)):
        if not wanted:
            continue
        ends = await end_offsets(given.settings, topic(given.settings, name), given.settings.kafka.partitions)
        some = asyncio.Semaphore(PARTITIONS_AT_ONCE)
        await asyncio.gather(*(_read_partition(given, name, partition, end, wanted, some) for partition, end in ends.items()))
    async for event, reason, detail in refused_since(given.settings, given.trail.reads.start_ms):
        given.trail.refused(event, reason, detail)
        _go_on(given)


async def _read_partition(given: _Given, name: str, partition: int, end: int, wanted: frozenset[str], some: asyncio.Semaphore) -> None:
    async with some:
        newest: dict[bytes, bytes] = {}
        async for key, value in _records(given, name, partition, end):
            if key == topics.MARKER:
                given.read_at[f"{name.removesuffix('-state')}-{partition}"] = _marker.decode(value or b"{}").offset
            elif value is None:
                newest.pop(key, None)
            elif kind_in(key) in wanted:
                newest[key] = value
        take = given.trail.ledger if name == topics.FACTS_STATE else given.trail.entity
        for number, (key, value) in enumerate(newest.items()):
            if number % _LOOK_AT_EVERY == 0:
                _go_on(given)
                await asyncio.sleep(0)
            take(key, value)


async def _records(given: _Given, name: str, partition: int, end: int) -> AsyncIterator[tuple[bytes, bytes | None]]:
    if end == 0:
        return
    records = read_partition(given.settings, topic(given.settings, name), partition)
    async with contextlib.aclosing(records):
        number = 0
        async for record in records:
            if record.offset >= end:
                return
            if record.key is not None:
                yield record.key, record.value
            number += 1
            if number % _LOOK_AT_EVERY == 0:
                _go_on(given)


def _go_on(given: _Given) -> None:
    if given.given_up.is_set():
        raise Unreadable("reading the logs took too long: ask for a shorter window, or use `deskpulse explain … --from-events`", 30)


class _Marker(msgspec.Struct):
    offset: int = -1


_marker = msgspec.json.Decoder(_Marker)
