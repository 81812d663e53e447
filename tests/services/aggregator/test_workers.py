"""Workers as processes on a real broker: whatever ends them, the cells are those of a batch over the same events."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec
import pytest

from kpis import batch
from schemas import topics
from schemas.events import Event, FactWithdrawn
from services.kafka import end_offsets, read_partition
from services.settings import AggregatorSettings, Settings, topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.services.aggregator.shards import LEVELS, PAIRS, afternoon
from tests.services.aggregator.workers import emptied, included, publish, settled, trim, until, workers

pytestmark = pytest.mark.broker


async def ready(kafka: str, settings_for: SettingsFor, checkpoint_ms: int = 50) -> Settings:
    """Settings with topics of their own, on the clock of the events."""
    settings = settings_for(kafka, now="watermark", aggregator=AggregatorSettings(checkpoint_ms=checkpoint_ms, fold_ms=100))
    await ensure_topics(settings)
    return settings


def tape(tickets: int) -> list[Event]:
    """Tickets, some withdrawals, and some of it again."""
    events = afternoon(tickets)
    at = events[-1].occurred_at_ms
    events += [FactWithdrawn(id=f"w{i}", source="desk", occurred_at_ms=at, received_at_ms=at, of=f"{i}-b") for i in range(0, tickets, 25)]
    return events + events[::7]


async def all_included(settings: Settings) -> bool:
    """Whether every record of `events` is in a checkpoint."""
    for partition, offset in (await included(settings, topics.EVENTS_STATE)).items():
        async for _ in read_partition(settings, topic(settings, topics.EVENTS), partition, from_offset=offset + 1):
            return False
    return True


async def test_one_worker_from_events_to_cells(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = await ready(kafka, settings_for)
    events = tape(400)
    expected = batch.run(events, levels=LEVELS, pairs=PAIRS)
    await publish(settings, events, raw=[b"this is no record"])
    async with workers(settings, tmp_path) as start:
        worker = start("one")
        await settled(settings, expected.cells, expected.newest_ms)
        assert await worker.metric("deskpulse_aggregator_events_total") >= len(events)
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0
    letters = [msgspec.json.decode(r.value) async for r in read_partition(settings, topic(settings, topics.REJECTED), 0)]
    assert [letter["reason"] for letter in letters] == ["bad_field"]


async def test_a_killed_worker_is_taken_over_from_its_checkpoints(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = await ready(kafka, settings_for)
    events = tape(600)
    expected = batch.run(events, levels=LEVELS, pairs=PAIRS)
    third = len(events) // 3
    async with workers(settings, tmp_path) as start:
        first = start("first")
        await publish(settings, events[:third], per_record=5)

        async def some() -> bool:
            return min((await included(settings, topics.EVENTS_STATE)).values()) >= 3

        await until(some, "the first worker makes checkpoints")
        await publish(settings, events[third : 2 * third], per_record=5)
        first.signal(signal.SIGKILL)
        marks = await included(settings, topics.EVENTS_STATE)
        await trim(settings, topics.EVENTS, {p: offset + 1 for p, offset in marks.items()})
        await trim(settings, topics.FACTS, {p: offset + 1 for p, offset in (await included(settings, topics.FACTS_STATE)).items()})
        second = start("second")
        await publish(settings, events[2 * third :], per_record=5)
        await settled(settings, expected.cells, expected.newest_ms)
        assert second.process.poll() is None


async def test_a_worker_that_slept_through_its_session_is_fenced(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = await ready(kafka, settings_for, checkpoint_ms=60_000)
    events = tape(200)
    half = len(events) // 2
    expected = batch.run(events, levels=LEVELS, pairs=PAIRS)
    async with workers(settings, tmp_path) as start:
        sleeper = start("sleeper")
        await publish(settings, events[:half])

        async def first_checkpoint() -> bool:
            return max((await included(settings, topics.EVENTS_STATE)).values()) >= 0

        await until(first_checkpoint, "the first checkpoint")
        await publish(settings, events[half:])

        async def all_taken() -> bool:
            return await sleeper.metric("deskpulse_aggregator_events_total") >= len(events)

        await until(all_taken, "the sleeper has taken all events")
        assert not await all_included(settings)
        sleeper.signal(signal.SIGSTOP)
        hasty = settings.model_copy(update={"aggregator": settings.aggregator.model_copy(update={"checkpoint_ms": 50})})
        async with workers(hasty, tmp_path) as start_hasty:
            start_hasty("other")
            await settled(settings, expected.cells, expected.newest_ms)
            sleeper.signal(signal.SIGCONT)
            assert await sleeper.ended() == 75, sleeper.log()[-3000:]
            await settled(settings, expected.cells, expected.newest_ms)


async def test_a_lost_state_is_refused(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = await ready(kafka, settings_for)
    await publish(settings, tape(40))
    async with workers(settings, tmp_path) as start:
        first = start("first")
        await until(lambda: all_included(settings), "everything is in a checkpoint")
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0
        await trim(settings, topics.EVENTS, await end_offsets(settings, topic(settings, topics.EVENTS), settings.kafka.partitions))
        await emptied(settings, topics.EVENTS_STATE)
        second = start("second")
        assert await second.ended() == 75
        assert "records between them are gone" in second.log()


async def test_quiet_days_lose_nothing(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = await ready(kafka, settings_for)
    events = tape(120)
    half = len(events) // 2
    expected = batch.run(events, levels=LEVELS, pairs=PAIRS)
    begun = batch.run(events[:half], levels=LEVELS, pairs=PAIRS)
    async with workers(settings, tmp_path) as start:
        await publish(settings, events[:half])
        first = start("first")
        await settled(settings, begun.cells, begun.newest_ms)
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0
        for name in (topics.EVENTS, topics.FACTS, topics.DIFFERENCES):  # as retention does when nothing comes: also what ends a transaction
            partitions = 1 if name == topics.DIFFERENCES else settings.kafka.partitions
            await trim(settings, name, await end_offsets(settings, topic(settings, name), partitions))
        second = start("second")
        await publish(settings, events[half:])
        await settled(settings, expected.cells, expected.newest_ms)
        assert second.process.poll() is None
