"""The way of some events from Kafka to the figures: at which offsets they stand, whether the figures include these, what changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import httpx

from kpis.catalogue import KPIS
from schemas.codec import decode_record
from schemas.events import Event
from schemas.topics import EVENTS
from services.kafka import end_offsets, read_partition
from services.settings import Settings, topic

_PAUSE_SECONDS = 0.2
_FIGURES_SECONDS = 6
"""How long a changed figure is looked for once the figures include the sample: the finest windows are cut at 5 s."""
_WINDOWS = {window: rank for rank, window in enumerate(("now", "5m", "15m", "1h", "4h", "today", "24h"))}
"""The windows in which a sample of this minute shows best, the finest first; then any other."""

Figures = dict[tuple[str, str], tuple[Any, int]]
"""Value and n by KPI and window."""


class Place(NamedTuple):
    """An event in one partition of `events`."""

    partition: int
    source: str
    id: str

    def text(self) -> str:
        """For a person."""
        return f"{EVENTS}-{self.partition}: {self.id}"


class Journey:
    """Reads `events` from where it ended at the beginning."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = topic(settings, EVENTS)
        self._next: dict[int, int] = {}
        self._seen: dict[Place, int] = {}

    async def begin(self) -> None:
        """Remember the ends of now. Raises KafkaError."""
        self._next = await end_offsets(self._settings, self._name, self._settings.kafka.partitions)

    async def found(self, wanted: set[Place], deadline: float) -> set[Place]:
        """Read on until all of these were seen; those that were not at the deadline (`time.monotonic`). Raises KafkaError."""
        while missing := wanted - self._seen.keys():
            for partition in sorted({place.partition for place in missing}):
                await self._read(partition)
            missing = wanted - self._seen.keys()
            if not missing or time.monotonic() >= deadline:
                return missing
            await asyncio.sleep(_PAUSE_SECONDS)
        return set()

    async def _read(self, partition: int) -> None:
        async with aclosing(read_partition(self._settings, self._name, partition, from_offset=self._next[partition])) as records:
            async for record in records:
                self._next[partition] = record.offset + 1
                for event in decode_record(record.value or b"")[0]:
                    self._seen.setdefault(Place(partition, event.source, event.id), record.offset)

    def offsets(self, wanted: set[Place]) -> dict[str, int]:
        """By shard the offset that its figures must include."""
        offsets: dict[str, int] = {}
        for place in wanted:
            shard = f"{EVENTS}-{place.partition}"
            offsets[shard] = max(offsets.get(shard, -1), self._seen[place])
        return offsets


class Api:
    """The running API, asked for progress and figures."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str | None) -> AsyncIterator[Api]:
        """The API at this address."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            yield cls(client)

    async def passed(self, offsets: Mapping[str, int], deadline: float) -> set[str]:
        """Wait until the figures include these offsets; the shards that did not at the deadline, all while the API is away."""
        while True:
            progress = (await self._asked("/v1/progress", {})).get("progress", {})
            behind = {shard for shard, offset in offsets.items() if progress.get(shard, -1) < offset}
            if not behind or time.monotonic() >= deadline:
                return behind
            await asyncio.sleep(_PAUSE_SECONDS)

    async def figures(self, events: Sequence[Event]) -> Figures:
        """The figures of every KPI that reads events of these types; {} while the API is away."""
        types = {event.type for event in events}
        named = [kpi.id for kpi in KPIS if types & set(kpi.events)]
        if not named:
            return {}
        answer = await self._asked("/v1/figures", {"kpi": named})
        return {
            (figure["kpi"], figure["window"]): (figure["value"], figure["n"])
            for figure in sorted(answer.get("figures", ()), key=lambda figure: _WINDOWS.get(figure["window"], len(_WINDOWS)))
        }

    async def _asked(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.get(path, params=params)
            value = answer.json() if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}


async def figures_touched(api: Api, events: Sequence[Event], before: Figures, *, wall: bool) -> list[dict[str, Any]]:
    """The figures that are other than before, once there is one, each KPI in its finest window; others' events count in them too.

    With figures as of the newest event (`wall` False) a sample need not show at once, so that nothing is waited for.
    """
    deadline = time.monotonic() + (_FIGURES_SECONDS if wall and before else 0)
    while True:
        changed: dict[str, dict[str, Any]] = {}
        for (kpi, window), (value, n) in (await api.figures(events)).items():
            was = before.get((kpi, window))
            if was is not None and was != (value, n):
                changed.setdefault(kpi, {"kpi": kpi, "window": window, "before": was[0], "after": value, "n_before": was[1], "n_after": n})
        if changed or time.monotonic() >= deadline:
            return list(changed.values())
        await asyncio.sleep(_PAUSE_SECONDS)
