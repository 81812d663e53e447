"""The board on a real broker: it starts from the cells, goes on with the differences, and shows what a batch would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from deploy.kafka.embedded import EmbeddedKafka
from kpis import batch
from kpis.query import Query
from kpis.reading import Reader
from schemas import topics
from schemas.events import Event
from services.aggregator.shard import Outgoing
from services.api.board import Board
from services.kafka import client_options, end_offsets, read_partition
from services.settings import Settings, topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.services.aggregator.shards import LEVELS, NOON_MS, PAIRS, afternoon, entity_shard, fold_shard, ledger_shard, record
from tests.services.aggregator.workers import trim, until

pytestmark = pytest.mark.broker
EVENTS = afternoon(120)
BATCH = batch.run(EVENTS, levels=LEVELS, pairs=PAIRS)


class Writer:
    """What the aggregator writes, one transaction a checkpoint, driven by hand."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._entities, self._ledgers = entity_shard(), ledger_shard()
        self._offsets = [0, 0]

    async def take(self, events: list[Event]) -> None:
        """Events through the entity and the ledger shard."""
        self._entities.apply(record(events), self._offsets[0])
        self._offsets[0] += 1
        outgoing = self._entities.snapshot(NOON_MS)
        await self._write(outgoing)
        for _, value in outgoing.get((topics.FACTS, 0), []):
            self._ledgers.apply(value or b"", self._offsets[1])
            self._offsets[1] += 1
        await self._write(self._ledgers.snapshot(NOON_MS))
        merged = [value or b"" for _, value in outgoing.get((topics.EVENTS, 0), [])]
        for value in merged:
            self._entities.apply(value, self._offsets[0])
            self._offsets[0] += 1
        if merged:
            await self.take([])

    async def fold(self) -> None:
        """Everything in `differences` so far as `cells`."""
        fold = fold_shard()
        async for found in read_partition(self._settings, topic(self._settings, topics.DIFFERENCES), 0):
            fold.apply(found.value, found.offset)
        await self._write(fold.snapshot(NOON_MS))

    async def _write(self, outgoing: Outgoing) -> None:
        async with self._producer.transaction():
            for (name, partition), pairs in outgoing.items():
                for key, value in pairs:
                    if name in (topics.DIFFERENCES, topics.CELLS):
                        await self._producer.send(topic(self._settings, name), value, key=key, partition=partition)


@contextlib.asynccontextmanager
async def company(kafka: str, settings_for: SettingsFor) -> AsyncIterator[tuple[Settings, Writer]]:
    """Settings with topics of their own, and who writes to them."""
    settings = settings_for(kafka, partitions=1, now="watermark")
    await ensure_topics(settings)
    producer = AIOKafkaProducer(**client_options(settings), transactional_id=settings.kafka.topic_prefix, max_request_size=8_000_000)
    await producer.start()
    try:
        yield settings, Writer(settings, producer)
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def board_of(settings: Settings) -> AsyncIterator[Board]:
    """A board that follows."""
    board = Board(settings)
    await board.start()
    try:
        yield board
    finally:
        await board.stop()


def same_as_batch(board: Board, ran: batch.Batch) -> bool:
    """Whether every figure of the board is the batch's."""
    expected = Reader(ran.cells, now_ms=ran.newest_ms, watermark_ms=ran.newest_ms - 60_000)
    queries = (Query(kpis=()), Query(kpis=("issues_created", "first_resolution_time"), windows=("24h",), by=("channel", "team")))
    return all([_plain(f) for f in board.figures(query)] == [_plain(f) for f in expected.read(query)] for query in queries)


def _plain(figure: object) -> dict[str, object]:
    names = (
        "kpi",
        "window",
        "window_start",
        "window_end",
        "dims",
        "value",
        "n",
        "numerator",
        "denominator",
        "ci_low",
        "ci_high",
        "parts",
        "items",
    )
    return {name: getattr(figure, name) for name in names}


@pytest.mark.parametrize("folded", [0, 1, 3], ids=["no cells yet", "old cells", "all in the cells"])
async def test_a_board_starts_from_the_cells_and_goes_on_with_the_differences(kafka: str, settings_for: SettingsFor, folded: int) -> None:
    async with company(kafka, settings_for) as (settings, writer):
        for number in range(3):
            await writer.take(EVENTS[number * 100 : (number + 1) * 100])
            if number + 1 == folded:
                await writer.fold()
        async with board_of(settings) as board:
            assert not board.freshness().ready
            await until(lambda: board.caught_up, "the board has caught up")
            assert board.now_ms() == BATCH.newest_ms
            assert same_as_batch(board, BATCH)
            fresh = board.freshness()
            assert (fresh.ready, fresh.last_event_ms, fresh.watermark_ms) == (True, BATCH.newest_ms, BATCH.newest_ms - 60_000)
            assert sum(n for name, _, n in board.counted().counters if name == "issues_created") == 120


async def test_the_version_rises_with_every_record_and_listeners_wake(kafka: str, settings_for: SettingsFor) -> None:
    async with company(kafka, settings_for) as (settings, writer):
        await writer.take(EVENTS[:150])
        async with board_of(settings) as board:
            await until(lambda: board.caught_up, "the board has caught up")
            before, clock = board.version, board.now_ms()
            assert board.reader() is board.reader()
            reader = board.reader()
            waiting = asyncio.create_task(board.changed(before))
            await writer.take(EVENTS[150:])
            async with asyncio.timeout(20):
                assert await waiting > before
            await until(lambda: board.now_ms() == BATCH.newest_ms, "the clock of the events has come to the last one")
            assert board.now_ms() > clock
            assert board.reader() is not reader
            await until(lambda: same_as_batch(board, BATCH), "the figures are the batch's")


async def test_a_gap_in_the_differences_is_said_and_nothing_is_shown_as_fresh(kafka: str, settings_for: SettingsFor) -> None:
    async with company(kafka, settings_for) as (settings, writer):
        await writer.take(EVENTS[:50])
        await writer.fold()
        for number in range(1, 4):
            await writer.take(EVENTS[number * 50 : (number + 1) * 50])
        end = (await end_offsets(settings, topic(settings, topics.DIFFERENCES), 1))[0]
        await trim(settings, topics.DIFFERENCES, {0: end - 2})
        async with board_of(settings) as board:
            await until(lambda: f"differences begin at offset {end - 2}" in board.freshness().reason, "the gap is said")
            assert not board.freshness().ready


async def test_a_board_before_the_first_event_is_ready_and_empty(kafka: str, settings_for: SettingsFor) -> None:
    async with company(kafka, settings_for) as (settings, _), board_of(settings) as board:
        await until(lambda: board.caught_up, "the board has caught up")
        assert board.freshness().last_event_ms is None
        assert all(figure.n == 0 for figure in board.figures(Query(kpis=())))


async def test_while_kafka_is_away_no_board_calls_itself_current(settings_for: SettingsFor) -> None:
    first = settings_for()
    async with EmbeddedKafka(first.data_dir) as broker:
        settings = settings_for(broker.bootstrap, partitions=1)
        await ensure_topics(settings)
        async with board_of(settings) as board:
            await until(lambda: board.freshness().ready, "the board is ready")
            broker.kill()
            await until(lambda: not board.freshness().ready, "the board says that it is behind")
            assert "Kafka" in board.freshness().reason
            broker.spawn()
            await asyncio.to_thread(broker.wait_until_ready)
            await until(lambda: board.freshness().ready, "the board is ready again")
