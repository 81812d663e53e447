"""Faults at a chosen moment, one for each guard of the aggregator: with the guard nothing is wrong, without it the verdict must say so."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition

from cli.addresses import urls_of
from cli.processes import Service, Supervisor, deskpulse
from deploy.ports import free_ports
from schemas import topics
from schemas.events import Event
from services.aggregator.checkpoint import group_of
from services.kafka import client_options, end_offsets, read_partition
from services.settings import AggregatorSettings, Settings, as_environment, topic
from tests.conftest import REPOSITORY
from tests.faults.verdict import Verdict, compared, counted, counted_once, kept, undisturbed
from tests.services.aggregator.shards import afternoon
from tests.services.aggregator.workers import included, publish, trim, until

READ = ((topics.EVENTS, topics.EVENTS_STATE), (topics.FACTS, topics.FACTS_STATE), (topics.DIFFERENCES, topics.CELLS))
_LONG_MS = 60_000
_QUIET_SECONDS = 10.0


class Stage:
    """Aggregators by name on topics of their own, sabotaged or not."""

    def __init__(self, settings: Settings, children: Supervisor) -> None:
        self.settings = settings
        self.children = children

    async def start(self, name: str, without: str | None = None, **aggregator: int) -> None:
        """Start an aggregator, without one of its guards if told so, and return once it holds its partitions."""
        own = self.settings.model_copy(
            update={
                "aggregator": self.settings.aggregator.model_copy(update={"port": free_ports(1)[0], **aggregator}),
                "data_dir": self.settings.data_dir / name,
            }
        )
        sabotaged = (sys.executable, "-m", "tests.faults.sabotaged", "--without", str(without))
        command = deskpulse("aggregator") if without is None else sabotaged
        self.children.start(Service(name, command, f"{urls_of(own)['aggregator']}/readyz"), as_environment(own))
        if without != "transaction":  # that one is killed as soon as it has written anything
            await asyncio.to_thread(self.children.wait_until_ready, name)

    async def settled(self, deadline_seconds: float = 60.0) -> None:
        """Return once every shard's state includes all of its input. Raises AssertionError."""
        await until(lambda: self._nothing_waits(), "everything is in the cells", deadline_seconds)

    async def _nothing_waits(self) -> bool:
        for name, state in READ:
            of_one = self.settings.model_copy(update={"kafka": self.settings.kafka.model_copy(update={"partitions": 1})})
            for partition, offset in (await included(of_one if state == topics.CELLS else self.settings, state)).items():
                async for _ in read_partition(self.settings, topic(self.settings, name), partition, from_offset=offset + 1):
                    return False
        return True

    async def trim_below_checkpoints(self) -> None:
        """Delete the input that the states include."""
        for name, state in READ[:2]:
            await trim(self.settings, name, {p: offset + 1 for p, offset in (await included(self.settings, state)).items()})


@asynccontextmanager
async def stage(settings: Settings, folder: Path) -> AsyncIterator[Stage]:
    """A stage whose processes are gone after the block."""
    with Supervisor(as_environment(settings), log_dir=folder / "logs", cwd=REPOSITORY) as children:
        try:
            yield Stage(settings, children)
        except BaseException:
            for log in sorted((folder / "logs").glob("*.log")):
                print(f"---- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
            raise


async def killed_in_a_checkpoint(on: Stage, events: list[Event], without: str | None) -> None:
    """SIGKILL the moment a state becomes visible; the input below it is deleted, another worker goes on."""
    half = len(events) // 2
    await publish(on.settings, events[:half], per_record=5)
    await on.start("first", without)

    async def state_moved() -> bool:
        return max((await included(on.settings, topics.EVENTS_STATE)).values()) >= 0

    await until(state_moved, "a state is written")
    await asyncio.to_thread(on.children.kill, "first")
    await on.trim_below_checkpoints()
    await on.start("second")
    await publish(on.settings, events[half:], per_record=5)
    await on.settled()


async def frozen_past_its_session(on: Stage, events: list[Event], without: str | None) -> None:
    """SIGSTOP with much that is not written yet; another worker does it all again; SIGCONT."""
    half = len(events) // 2
    await on.start("sleeper", without, checkpoint_ms=_LONG_MS)
    await publish(on.settings, events[:half])

    async def first_checkpoint() -> bool:
        return max((await included(on.settings, topics.EVENTS_STATE)).values()) >= 0

    await until(first_checkpoint, "the first checkpoint")
    await publish(on.settings, events[half:])
    await asyncio.sleep(1.0)  # what is taken shows nowhere outside: the next checkpoint is a minute away
    os.kill(on.children.pid("sleeper"), signal.SIGSTOP)
    await on.start("other")
    await on.settled()
    name = topic(on.settings, topics.DIFFERENCES)
    before = await end_offsets(on.settings, name, 1)
    os.kill(on.children.pid("sleeper"), signal.SIGCONT)

    async def awake() -> bool:
        return "sleeper" in on.children.ended() or await end_offsets(on.settings, name, 1) != before

    await until(awake, "the sleeper is fenced, or writes")
    await on.settled()


async def offsets_moved_to_the_end(on: Stage, events: list[Event], without: str | None) -> None:
    """Between a stop and a start the group's offsets are set to the end of the input."""
    half = len(events) // 2
    await on.start("first")
    await publish(on.settings, events[:half])
    await on.settled()
    await asyncio.to_thread(on.children.stop, "first")
    await on.trim_below_checkpoints()
    await publish(on.settings, events[half:])
    name = topic(on.settings, topics.EVENTS)
    ends = await end_offsets(on.settings, name, on.settings.kafka.partitions)
    somebody = AIOKafkaProducer(**client_options(on.settings), transactional_id=f"{on.settings.kafka.topic_prefix}somebody")
    await somebody.start()
    try:
        async with somebody.transaction():
            moved = {TopicPartition(name, number): end for number, end in ends.items()}
            await somebody.send_offsets_to_transaction(moved, group_of(on.settings))
    finally:
        await somebody.stop()
    await on.start("second", without)
    try:
        await on.settled(_QUIET_SECONDS)
    except AssertionError:
        if without is None:
            raise


SCENARIOS: dict[str, Callable[[Stage, list[Event], str | None], Awaitable[None]]] = {
    "transaction": killed_in_a_checkpoint,
    "fencing": frozen_past_its_session,
    "seek": offsets_moved_to_the_end,
}
"""The fault that each guard is there for."""


async def play(settings: Settings, folder: Path, guard: str, without: str | None, tickets: int = 200) -> Verdict:
    """The verdict after the fault that a guard is there for, `without` it or (None) with all guards in place."""
    events = afternoon(tickets)
    now_ms = max(event.occurred_at_ms for event in events)
    async with stage(settings, folder) as on:
        await SCENARIOS[guard](on, events, without)
    expected = {**undisturbed(events, settings, now_ms), **counted_once(events, settings)}
    return compared(expected, {**await kept(settings, now_ms), **await counted(settings)})


QUICK = AggregatorSettings(checkpoint_ms=50, fold_ms=100)
"""Short checkpoints, so that a state is soon written; the port is replaced for each process."""
