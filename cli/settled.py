"""Whether everything that ingest answered 2xx is in the figures: the one place that knows how to tell.

Law: true only when each shard has counted the newest record of its input, and reading the ends again finds nothing newer (a
shard may have written to another's input meanwhile: facts, or the log of a merged ticket).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx

from schemas.topics import EVENTS, FACTS
from services.kafka import end_offsets, read_partition
from services.settings import Settings, topic

STALLED_SECONDS = 60
"""How long nothing may move before waiting is given up; a long way that gets shorter is no reason to."""
_TAIL = 64
"""How far before its end a partition is read for its newest record: the end itself may be markers of transactions."""


class NotSettled(RuntimeError):
    """The figures no longer catch up; the message says which shards are behind."""


async def settled(settings: Settings, api_url: str, say: Callable[[str], None] = lambda text: None) -> None:
    """Return once all events are in the figures; `say` is told how many records are still on their way. Raises NotSettled."""
    async with httpx.AsyncClient(base_url=api_url, timeout=10) as client:
        ends: dict[str, int] = {}
        while (found := await _newest(settings)) != ends:
            ends = found
            await _reached(client, ends, say)


async def _reached(client: httpx.AsyncClient, ends: Mapping[str, int], say: Callable[[str], None]) -> None:
    before: dict[str, int] = {}
    moved = time.monotonic()
    while behind := _behind(ends, await _progress(client)):
        if behind != before:
            before, moved = behind, time.monotonic()
        elif time.monotonic() - moved > STALLED_SECONDS:
            raise NotSettled(
                f"nothing moved for {STALLED_SECONDS} s: " + ", ".join(f"{n} records of {shard}" for shard, n in behind.items())
            )
        say(f"{sum(behind.values()):,} records on their way")
        await asyncio.sleep(0.1)


def _behind(ends: Mapping[str, int], progress: Mapping[str, int]) -> dict[str, int]:
    return {shard: end - progress.get(shard, -1) for shard, end in ends.items() if progress.get(shard, -1) < end}


async def _progress(client: httpx.AsyncClient) -> dict[str, int]:
    """The newest offset that each shard's counted input includes, by shard (`events-3`)."""
    response = await client.get("/v1/progress")
    response.raise_for_status()
    found: dict[str, int] = response.json()["progress"]
    return found


async def _newest(settings: Settings) -> dict[str, int]:
    """The offset of the newest record of each input that has any, by shard."""
    found: dict[str, int] = {}
    for name in (EVENTS, FACTS):
        full = topic(settings, name)
        for partition, end in (await end_offsets(settings, full, settings.kafka.partitions)).items():
            newest = await _newest_record(settings, full, partition, end)
            if newest is not None:
                found[f"{name}-{partition}"] = newest
    return found


async def _newest_record(settings: Settings, full: str, partition: int, end: int) -> int | None:
    start, back = end, _TAIL
    while start > 0:
        start, back = max(0, end - back), back * 8
        offsets = [record.offset async for record in read_partition(settings, full, partition, from_offset=start)]
        if offsets:
            return int(offsets[-1])
    return None
