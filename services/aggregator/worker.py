"""The worker: holds the shards of the partitions it was given, checkpoints them, and ends when one of them is lost.

Laws: a shard is loaded from its state topic after every rebalance; the exception of an agent never leaves it (Faust would
acknowledge the record); when a state may be half changed or not ours any more, the process ends without a checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiokafka.errors import KafkaError
from faust.types import TP

from schemas import topics
from services.aggregator.checkpoint import CheckpointLost, Checkpoints, recover
from services.aggregator.shard import Shard
from services.aggregator.stepping import step_over
from services.settings import Settings

log = logging.getLogger("deskpulse.aggregator")
FAILED_TRIES_MAX = 20
PAUSE_MAX_SECONDS = 0.5
POISON_MAX = 1_000
"""Poisoned events after which a worker stops: after a bad deploy that is better than draining everything into `rejected`."""

STEP_SECONDS = 600.0
FINISH_SECONDS = 8.0

MakeShard = Callable[[TP], Shard]
MakeCheckpoints = Callable[[Settings, Shard], Checkpoints]
NowMs = Callable[[], int]


class Held(NamedTuple):
    """A shard and its writer."""

    shard: Shard
    checkpoints: Checkpoints


class Worker:
    """The shards of this process, by topic and partition."""

    def __init__(self, settings: Settings, make_shard: MakeShard, now_ms: NowMs, make_checkpoints: MakeCheckpoints = Checkpoints) -> None:
        self.settings = settings
        self.held: dict[TP, Held] = {}
        self.written_at: dict[TP, float] = {}
        self.lost = asyncio.Event()
        self.why_lost = ""
        self.loading = False
        self.checkpoints_total = 0
        self.checkpoint_seconds = 0.0
        self._make_shard = make_shard
        self._make_checkpoints = make_checkpoints
        self._now_ms = now_ms
        self._failed: dict[TP, int] = {}
        self._dropped: list[Held] = []

    # ---- records -------------------------------------------------------------------------------

    def apply(self, tp: TP, value: bytes | None, offset: int) -> None:
        """Hand a record to its shard; a shard that cannot take it ends the process without a checkpoint."""
        held = self.held.get(tp)
        if held is None or offset <= held.shard.last_offset or self.lost.is_set():
            return
        try:
            held.shard.apply(value or b"[]", offset)
        except Exception as error:
            log.exception("%s: record %d could not be applied", held.shard.input.name, offset)
            self.give_up(f"{held.shard.input.name}: record {offset} could not be applied: {error!r}")
            return
        if getattr(held.shard, "poisoned", 0) > POISON_MAX:
            self.give_up(f"{held.shard.input.name}: more than {POISON_MAX} events could not be applied: is this version broken?")

    def next_offsets(self) -> dict[TP, int]:
        """Where reading goes on, for every partition held."""
        return {tp: held.shard.last_offset + 1 for tp, held in self.held.items()}

    # ---- assignment ----------------------------------------------------------------------------

    async def load(self, assigned: Iterable[TP]) -> None:
        """Take over partitions: fence their former owners, then rebuild each shard from its state topic."""
        self.loading = True
        try:
            await self.release()
            loaded = await asyncio.gather(*(self._load(tp) for tp in assigned), return_exceptions=True)
        finally:
            self.loading = False
        for tp, held in zip(assigned, loaded, strict=True):
            if isinstance(held, BaseException):
                self.give_up(f"{tp.topic}/{tp.partition} could not be loaded: {held}")
            else:
                self.held[tp] = held
                self.written_at[tp] = time.monotonic()

    def hold(self, held: Held) -> None:
        """Take a shard that is loaded already."""
        source = held.shard.input
        self.held[TP(source.topic, source.partition)] = held

    async def _load(self, tp: TP) -> Held:
        shard = self._make_shard(tp)
        checkpoints = self._make_checkpoints(self.settings, shard)
        await checkpoints.start()
        try:
            await recover(self.settings, shard)
        except BaseException:
            await checkpoints.stop()
            raise
        return Held(shard, checkpoints)

    async def release(self) -> None:
        """Let go of every shard without writing."""
        held = [*self.held.values(), *self._dropped]
        self.held, self._dropped = {}, []
        self._failed.clear()
        await asyncio.gather(*(h.checkpoints.stop() for h in held))

    # ---- checkpoints ---------------------------------------------------------------------------

    async def run(self, every_ms: int) -> None:
        """Write checkpoints until the worker is lost; under load at least half of the time is left for records."""
        while not self.lost.is_set():
            began = time.perf_counter()
            await self.checkpoint_all()
            pause = max(every_ms / 1000, time.perf_counter() - began)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.lost.wait(), min(pause, PAUSE_MAX_SECONDS))

    async def step_over_quietly(self, every_seconds: float = STEP_SECONDS) -> None:
        """Now and then let shards that have become quiet step over the ends of transactions."""
        while True:
            await asyncio.sleep(every_seconds)
            for held in list(self.held.values()):
                if not held.shard.changed:
                    with contextlib.suppress(KafkaError, OSError):  # tried again the next time
                        await step_over(self.settings, held.shard)

    async def finish(self) -> None:
        """The last checkpoints before a stop: whatever the fold can still take of them is taken, and nothing is left behind."""
        await self.checkpoint_all(force=True)
        folds = [held for held in self.held.values() if held.shard.input.topic == topics.DIFFERENCES]
        others = [held for held in self.held.values() if held not in folds]
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await asyncio.gather(*(step_over(self.settings, held.shard) for held in others))
                await self.checkpoint_all(force=True)
                await asyncio.gather(*(step_over(self.settings, held.shard, take=True) for held in folds))
        await self.checkpoint_all(force=True)

    async def checkpoint_all(self, force: bool = False) -> None:
        """One checkpoint of every shard that changed, all at once."""
        began = time.perf_counter()
        written = await asyncio.gather(*(self._checkpoint(tp, held, force) for tp, held in list(self.held.items())))
        if any(written):
            self.checkpoints_total += sum(written)
            self.checkpoint_seconds = time.perf_counter() - began

    async def _checkpoint(self, tp: TP, held: Held, force: bool) -> bool:
        try:
            written = await held.checkpoints.write(self._now_ms(), force)
        except CheckpointLost as error:
            if self.held.get(tp) is held:
                self.give_up(str(error))
            return False
        except Exception as error:  # aborted: tried again with the newer state
            self._failed[tp] = self._failed.get(tp, 0) + 1
            log.warning("%s: checkpoint %d in a row was aborted: %r", held.shard.input.name, self._failed[tp], error)
            if self._failed[tp] >= FAILED_TRIES_MAX:
                self.give_up(f"{held.shard.input.name}: {FAILED_TRIES_MAX} checkpoints in a row were aborted: {error!r}")
            return False
        self._failed.pop(tp, None)
        self.written_at[tp] = time.monotonic()
        return written

    def give_up(self, why: str) -> None:
        """End the process without a further checkpoint: a new one loads the state again."""
        if not self.lost.is_set():
            log.error("giving up: %s", why)
            self.why_lost = why
            self._dropped, self.held = [*self.held.values()], {}
            self.lost.set()
