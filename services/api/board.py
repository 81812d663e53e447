"""The board: the same cells as the fold's, loaded from `cells` and followed in `differences`, read as figures.

Laws: what a board shows is a function of the differences up to one offset; it starts from what the fold has written and goes
on from exactly there; when records between are gone it says so instead of showing wrong figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.folding import Folded
from kpis.kpi import Kpi
from kpis.query import Anchor, Query
from kpis.reading import Reader
from kpis.steps import Steps
from kpis.window import Levels, Zone
from schemas import topics
from schemas.differences import decode_differences
from schemas.figures import Figure
from schemas.rhythm import Rhythm
from schemas.spikes import Spike, Watched
from schemas.standing import Standing
from services import controls, generations
from services.api import tallied
from services.api.decisions import KeptDecisions
from services.api.declared import entry_of, targets_of
from services.api.lag import Lag
from services.api.ports import Counted, Freshness, Series
from services.controls import Control
from services.kafka import client_options, read_partition, stopped
from services.settings import Settings, topic
from services.standings import follow_standings

log = logging.getLogger("deskpulse.api")
LAG_MAX_SECONDS = 10.0
IDLE_MS = 30_000
PRUNE_SECONDS = 60.0


class Board:
    """Figures of all KPIs, as fresh as the newest differences."""

    def __init__(
        self, settings: Settings, *, kpis: tuple[Kpi, ...] = KPIS, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self.settings = settings
        self.within = settings
        """The settings as they hold within the generation that is shown."""
        self.generation = 0
        self.folded = _empty(settings)
        self.audit: dict[str, Any] | None = None
        """What the newest audit said (`deskpulse audit`), None before the first."""
        self.kpis = kpis
        self.version = 0
        self.caught_up = False
        self.failure = ""
        self.applied_at_ms: int | None = None
        self._clock = clock
        self.standings: list[Standing] = []
        self.rhythms: list[Rhythm] = []
        self.spikes: list[Spike] = []
        self.watched: list[Watched] = []
        self._targets = targets_of(settings, kpis)
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._replaced = asyncio.Event()
        self.decisions = KeptDecisions(settings)
        self._lag = Lag(lambda: self.within, lambda: {name: shard.last_offset for name, shard in self.folded.shards.items()})
        self._reader: tuple[tuple[int, int, int], Reader] | None = None

    # ---- running -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the cells and begin to follow the differences."""
        self._tasks = [
            asyncio.create_task(self._keep_following()),
            asyncio.create_task(self._lag.watch()),
            asyncio.create_task(controls.follow(self.settings, self._heed)),
            asyncio.create_task(follow_standings(self.settings, self._stand)),
        ]

    async def stop(self) -> None:
        """End following."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_following(self) -> None:
        while True:
            try:
                within, generation = await generations.entered(self.settings, self._clock())
                self._replaced.clear()
                await self._follow(within, generation.number, await self._load(within))
            except (KafkaError, OSError) as error:
                self.caught_up, self.failure = False, f"Kafka cannot be read: {error}"
                log.warning("%s", self.failure)
            except MissingDifferences as error:
                self.caught_up, self.failure = False, str(error)
                log.error("%s", self.failure)
            except Exception:
                self.caught_up, self.failure = False, "the differences cannot be read; see the log"
                log.exception("following the differences failed")
            await asyncio.sleep(1)

    def _stand(self, standings: list[Standing], rhythms: list[Rhythm]) -> None:
        self.standings, self.rhythms = standings, rhythms

    def _heed(self, standing: list[Control]) -> None:
        """Another live generation is loaded beside the one that is shown; what an audit found is exported; boards change."""
        self.decisions.heed(standing)
        self.audit = next((c.value for c in standing if (c.kind, c.id) == (controls.AUDIT, "last")), None)
        live = generations.live_of(standing)
        if live is not None and self.generation and live.number != self.generation and not self.settings.kafka.generation:
            self._replaced.set()

    async def _load(self, within: Settings) -> Folded:
        newest: dict[bytes, bytes | None] = {}
        async for record in read_partition(within, topic(within, topics.CELLS), 0):
            if record.key is not None:
                newest[record.key] = record.value
        folded = _empty(within)
        for key, value in newest.items():
            if value is not None:
                folded.take(key, value)
        return folded

    async def _show(self, within: Settings, generation: int, folded: Folded) -> None:
        self.within, self.generation, self.folded = within, generation, folded
        await self._tell()

    async def _follow(self, within: Settings, generation: int, folded: Folded) -> None:
        """Follow the differences from where the cells end, until another generation is live.

        While figures are shown already, the new ones take their place only when they have caught up.
        """
        if not self.caught_up:
            await self._show(within, generation, folded)
        where = TopicPartition(topic(within, topics.DIFFERENCES), 0)
        consumer = AIOKafkaConsumer(
            **client_options(self.settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a board that slept until what it reads next was deleted must load the cells, not jump
            isolation_level="read_committed",
            fetch_max_wait_ms=200,
            max_partition_fetch_bytes=4 * 1_048_576,
        )
        try:
            await consumer.start()
            beginning = (await consumer.beginning_offsets([where]))[where]
            following = folded.offset + 1
            if following < beginning:
                raise MissingDifferences(
                    f"differences begin at offset {beginning}, the cells go to {following - 1}: the fold was away for longer than "
                    "`differences` are kept. Run `deskpulse rebuild --all`"
                )
            end = (await consumer.end_offsets([where]))[where]
            consumer.assign([where])
            consumer.seek(where, following)
            pruned = time.monotonic()
            shown = self.folded is folded
            while not (shown and self._replaced.is_set()):
                batch = (await consumer.getmany(where, timeout_ms=500, max_records=200)).get(where, [])
                for record in batch:
                    folded.add(decode_differences(record.value), record.offset)
                    if record.offset % 20 == 0:
                        await asyncio.sleep(0)
                if not (shown and self.caught_up) and await consumer.position(where) >= end:
                    shown, self.caught_up, self.failure = True, True, ""
                    await self._show(within, generation, folded)
                if batch and shown:
                    await self._tell()
                if time.monotonic() - pruned > PRUNE_SECONDS:
                    pruned = time.monotonic()
                    folded.cells.prune(self.now_ms())
                    folded.prune(self.now_ms())
        finally:
            await stopped(consumer)

    async def _tell(self) -> None:
        self.applied_at_ms = self._clock()
        async with self._changed:
            self.version += 1
            self._changed.notify_all()

    # ---- answers -------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The instant that "now" means: the wall clock's, or that of the newest event."""
        return self._clock() if self.settings.now == "wall" else self.folded.newest_ms

    def reader(self) -> Reader:
        """A reader of this instant, kept while neither the cells nor the second change; it goes on telling of them as they are now."""
        now = self.now_ms()
        if self.settings.now == "wall":
            now += -now % 1000  # up: rounded down, what came since a bucket's edge would stay out for as long
        moment = (self.version, self.folded.offset, now)  # the offset too: some records may have been added and not yet been told
        if self._reader is None or self._reader[0] != moment:
            idle = self._clock() - IDLE_MS if self.settings.now == "wall" else None
            reader = Reader(
                self.folded.cells,
                now_ms=now,
                watermark_ms=self.folded.watermark_ms(idle),
                targets=self._targets,
                kpis=self.kpis,
                max_values=self.settings.dimensions.max_values,
                late=self.folded.late_between,
                revision=self.folded.revision_of,
            )
            self._reader = (moment, reader)
        return self._reader[1]

    def figures(self, query: Query) -> list[Figure]:
        """Every figure the query asks for. Raises Unanswerable."""
        return self.reader().read(query)

    def figures_in_steps(self, query: Query) -> Steps[list[Figure]]:
        """As `figures`, to be made little by little, of the version at this call. Raises Unanswerable."""
        return self.reader().read_in_steps(query)

    def series_in_steps(
        self,
        kpi: str,
        *,
        step_ms: int,
        start_ms: int,
        end_ms: int,
        by: tuple[str, ...],
        where: tuple[tuple[str, str], ...],
        anchor: Anchor | None,
    ) -> Steps[Series]:
        """One value per bucket of [start_ms, end_ms), likewise. Raises Unanswerable at the first step."""
        return self.reader().series_in_steps(kpi, step_ms=step_ms, start_ms=start_ms, end_ms=end_ms, by=by, where=where, anchor=anchor)

    def catalogue(self) -> list[dict[str, Any]]:
        """What is declared of every KPI."""
        return [entry_of(kpi) for kpi in self.kpis]

    def wall_ms(self) -> int:
        """The wall clock's instant."""
        return self._clock()

    def freshness(self) -> Freshness:
        """How far the board has come."""
        folded = self.folded
        idle = self._clock() - IDLE_MS if self.settings.now == "wall" else None
        lag = self._lag.seconds()
        reason = "" if self.caught_up else self.failure or "loading the cells"
        if not reason and lag > LAG_MAX_SECONDS:
            reason = f"events have waited for {lag:.0f} s to get into the figures: is the aggregator running?"
        if not reason and (unanswered := self._lag.unanswered_seconds()) > LAG_MAX_SECONDS:
            reason = f"Kafka has not answered for {unanswered:.0f} s: nothing new can reach the figures"
        return Freshness(
            ready=not reason,
            reason=reason,
            version=self.version,
            last_event_ms=folded.newest_ms or None,
            watermark_ms=folded.watermark_ms(idle),
            applied_at_ms=self.applied_at_ms,
            lag_seconds=lag,
            shards={
                name: {"last_offset": s.last_offset, "watermark_ms": s.watermark_ms, "at_ms": s.at_ms} for name, s in folded.shards.items()
            },
            sources=dict(folded.sources),
            progress={**{name: s.last_offset for name, s in folded.shards.items()}, "differences-0": folded.offset},
            generation=self.generation,
            corrections=(folded.corrections, folded.corrections_of_final),
            audit=self.audit,
            standings=self.standings,
            controls=self.decisions.standing,
            spikes=self.spikes,
            watched=self.watched,
        )

    def counted(self) -> Counted:
        """What was counted gross, and who waits now."""
        limits = (t.within_ms for t in map(self._targets.get, ("first_reply_time", "speed_of_answer")) if t is not None)
        return Counted(
            counters=[("events", {}, self.folded.events), *tallied.counters(self.folded.tallies)],
            durations=tallied.durations(self.folded.tallies),
            waiting=self.reader().waiting(),
            limits_ms=tuple(sorted({limit for limit in limits if limit is not None})),
        )

    async def note(self, spikes: list[Spike], watched: list[Watched]) -> None:
        """Take what is unusual now, and what is watched; listeners are told when it changed."""
        changed, self.spikes, self.watched = spikes != self.spikes, spikes, watched
        if changed:
            await self._tell()

    async def changed(self, since: int) -> int:
        """Waits until `version` is greater than `since`; returns the new version."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.version > since)
            return self.version


def _empty(settings: Settings) -> Folded:
    levels = Levels(Zone(settings.time_zone), settings.aggregator.day_level_days)
    return Folded(Cells(levels, settings.dimensions.pairs))


class MissingDifferences(RuntimeError):
    """Records between what the cells include and what `differences` still hold are gone."""
