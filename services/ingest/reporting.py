"""Tells how each source stands, once a second where something changed, and once an hour how often it delivers, in the topic `sources`.

Laws: counts go on where the same door stopped; nothing is told before it is known where that was; while Kafka is away nothing is
told and nothing is lost, because every record holds the whole count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.rhythm import Rhythm, encode_rhythm
from schemas.standing import Standing, added, encode_standing
from services.ingest.metrics import Metrics
from services.ingest.packer import Record, Unavailable
from services.ingest.rhythms import Rhythms
from services.settings import Settings
from services.standings import read_rhythms, read_standings

EVERY_SECONDS = 1.0
Before = Callable[[], Awaitable[Mapping[str, Standing]]]
"""What this door told last, by source; it is asked until it answers."""
BeforeRhythms = Callable[[], Awaitable[Mapping[str, Rhythm]]]
T = TypeVar("T")


def door_of(settings: Settings) -> str:
    """The name of this ingest among others: where it listens."""
    return f"{settings.ingest.host}:{settings.ingest.port}"


async def told_before(settings: Settings) -> Mapping[str, Standing]:
    """The newest record of each source at this door. Raises KafkaError."""
    return {standing.source: standing for standing in await read_standings(settings) if standing.door == door_of(settings)}


async def rhythms_before(settings: Settings) -> Mapping[str, Rhythm]:
    """The newest rhythm of each source at this door. Raises KafkaError."""
    return {rhythm.source: rhythm for rhythm in await read_rhythms(settings) if rhythm.door == door_of(settings)}


async def report_rhythms(
    rhythms: Rhythms, before: BeforeRhythms, send: Callable[[Record], Awaitable[None]], clock: Callable[[], int]
) -> None:
    """Tell the rhythms until cancelled; those of an hour in which Kafka is away are told with the next."""
    rhythms.go_on(await _known(before))
    waiting: dict[str, Rhythm] = {}
    while True:
        waiting |= {rhythm.source: rhythm for rhythm in rhythms.told(clock())}
        for source, rhythm in list(waiting.items()):
            try:
                await send(Record(topics.SOURCES, 0, rhythm.key, encode_rhythm(rhythm), 1))
            except Unavailable:
                break
            del waiting[source]
        await asyncio.sleep(EVERY_SECONDS)


async def report(metrics: Metrics, before: Before, send: Callable[[Record], Awaitable[None]], clock: Callable[[], int]) -> None:
    """Tell the standings until cancelled."""
    earlier = await _known(before)
    told: dict[str, Standing] = {}
    while True:
        for standing in metrics.told(0):
            if standing == told.get(standing.source):
                continue
            whole = msgspec.structs.replace(standing, at_ms=clock())
            if standing.source in earlier:
                whole = added(whole, earlier[standing.source])
            try:
                await send(Record(topics.SOURCES, 0, whole.key, encode_standing(whole), 1))
            except Unavailable:
                break  # the next round tells it
            told[standing.source] = standing
        await asyncio.sleep(EVERY_SECONDS)


async def _known(before: Callable[[], Awaitable[Mapping[str, T]]]) -> Mapping[str, T]:
    while True:
        try:
            return await before()
        except (KafkaError, OSError):
            await asyncio.sleep(EVERY_SECONDS)
