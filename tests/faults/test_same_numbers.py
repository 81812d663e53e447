"""The same numbers through the real broker: 1, 2 or 4 workers, any checkpoint interval, any packing, order and repetition."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from schemas.events import Event
from services.settings import AggregatorSettings
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.faults.events import events_of_company
from tests.faults.scenarios import Stage, stage
from tests.faults.verdict import Numbers, compared, kept, undisturbed
from tests.services.aggregator.workers import publish

pytestmark = [pytest.mark.faults, pytest.mark.broker]

DELIVERIES = 1500


class Way(NamedTuple):
    """One way of the same events: how many workers, how often they write, how many events a record holds, and in which order."""

    workers: int
    checkpoint_ms: int
    per_record: int
    shuffled: bool
    repeated: bool

    def order(self, events: list[Event]) -> list[Event]:
        """The events as they are sent on this way."""
        sent = [*events, *events[:: 5 if self.repeated else len(events)]]
        return Random(self.per_record).sample(sent, len(sent)) if self.shuffled else sent


WAYS = (
    Way(workers=1, checkpoint_ms=100, per_record=40, shuffled=False, repeated=False),
    Way(workers=2, checkpoint_ms=20, per_record=3, shuffled=True, repeated=False),
    Way(workers=4, checkpoint_ms=1000, per_record=500, shuffled=True, repeated=True),
)


async def test_the_way_of_the_events_cannot_matter(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    events = events_of_company(5, DELIVERIES, tmp_path)
    now_ms = max(event.occurred_at_ms for event in events)
    folders = (tmp_path / str(number) for number in range(len(WAYS)))
    found = await asyncio.gather(*(_sent(way, events, now_ms, kafka, settings_for, folders) for way in WAYS))
    expected = undisturbed(events, settings_for(kafka, now="watermark"), now_ms)
    for way, numbers in zip(WAYS, found, strict=True):
        verdict = compared(expected, numbers)
        assert verdict.holds, f"{way}: {verdict.text()}"


async def _sent(way: Way, events: list[Event], now_ms: int, kafka: str, settings_for: SettingsFor, folders: Iterator[Path]) -> Numbers:
    """What stands in `cells` after the events went this way, with nothing to disturb them but workers that join while they are read."""
    aggregator = AggregatorSettings(checkpoint_ms=way.checkpoint_ms, fold_ms=200)
    settings = settings_for(kafka, partitions=4, now="watermark", aggregator=aggregator)
    await ensure_topics(settings)
    async with stage(settings, next(folders)) as on:
        await asyncio.gather(_workers(on, way.workers), publish(settings, way.order(events), way.per_record))
        await on.settled(120)
    return await kept(settings, now_ms)


async def _workers(on: Stage, count: int) -> None:
    for number in range(count):
        await on.start(f"worker-{number}")
