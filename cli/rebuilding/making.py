"""Making a generation: its topics, its own aggregators and board, its events where they are cut otherwise; then the switch.

Law: until the switch nothing that is live is written to; after it, the processes of the rebuild end only once others have taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

import httpx
import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.archiving.controls import OF_FIGURES, OF_TOPICS, archived_controls, restore_controls
from cli.archiving.restoring import restore
from cli.archiving.store import Store
from cli.processes import Service, Supervisor, deskpulse
from cli.rebuilding.copying import Copy
from cli.rebuilding.planning import Plan
from cli.terminal import say
from deploy.ports import free_ports
from schemas.topics import DIFFERENCES, EVENTS, FACTS
from services.aggregator.checkpoint import group_of
from services.controls import decisions_of, publish
from services.generations import announce, make_live, within
from services.kafka import beginning_offsets, client_options, end_offsets, read_partition
from services.settings import Settings, as_environment, topic
from services.topics import ensure_topics

READY_SECONDS = 600.0
TAKEN_OVER_SECONDS = 120.0
QUIET_SECONDS = 20.0
"""After the switch the copy of the events ends when nothing came for so long: longer than an ingest takes to be started again."""
_LOOK_SECONDS = 0.5
Included = Mapping[str, int]


class Made(NamedTuple):
    """How it went: whether the switch was made, whether another aggregator holds the partitions now, how long, how many records."""

    switched: bool
    taken_over: bool
    seconds: float
    events: int


def make(settings: Settings, decided: Plan, *, from_archive: str | None, restate: bool, workers: int, asked: threading.Event) -> Made:
    """Make the generation and switch to it. Raises ChildFailed, KafkaError, Unavailable, ArchiveUnusable."""
    target = within(settings, decided.next)
    ports = free_ports(workers + 1)
    began = time.monotonic()
    decided = asyncio.run(_prepared(settings, target, decided, restate=restate))
    with Supervisor(as_environment(target), say=_errors_only) as children:
        for number, port in enumerate(ports[1:]):
            url = f"http://127.0.0.1:{port}/readyz"
            children.start(Service(f"aggregator-{number}", deskpulse("aggregator"), url), {"DESKPULSE_AGGREGATOR": _section(target, port)})
        api = f"http://127.0.0.1:{ports[0]}"
        open_api = target.api.model_copy(update={"port": ports[0], "token_env": "", "host": "127.0.0.1"})
        children.start(Service("api", deskpulse("api"), f"{api}/healthz"), {"DESKPULSE_API": open_api.model_dump_json()})
        making = _Making(settings, target, decided, children, api, asked, workers)
        switched, taken_over, events = asyncio.run(making.run(from_archive))
    return Made(switched, taken_over, time.monotonic() - began, events)


class _Making:
    def __init__(
        self, settings: Settings, target: Settings, decided: Plan, children: Supervisor, api: str, asked: threading.Event, workers: int
    ) -> None:
        self._settings, self._target, self._plan = settings, target, decided
        self._children, self._api, self._asked, self._workers = children, api, asked, workers
        self._copy: Copy | None = None

    async def run(self, from_archive: str | None) -> tuple[bool, bool, int]:
        copying: asyncio.Task[None] | None = None
        try:
            if from_archive is not None:
                await self._restore(from_archive)
            if self._plan.copies_events:
                self._copy = Copy(within(self._settings, self._plan.live), self._target, say)
                copying = asyncio.create_task(self._copy.run())
            events = await self._caught_up(copying)
            if events is None:
                return False, False, 0
            await make_live(self._settings, self._plan.next)
            say(f"switched to generation {self._plan.next.number}")
            await self._drained(copying)
            taken_over = await self._taken_over()
            if from_archive is not None:
                await self._restore_boards(from_archive)
            return True, taken_over, events
        finally:
            if copying is not None:
                copying.cancel()
                await asyncio.gather(copying, return_exceptions=True)

    async def _restore(self, address: str) -> None:
        store = Store(address)
        contents = await asyncio.to_thread(store.contents)
        await asyncio.to_thread(archived_controls, store)  # read when all is done; a broken file is told now
        say(f"publishing the archive at {store.shown}")
        done = await restore(self._target, store, contents, 0, say, lambda events: None)
        say(f"{done.events:,} events of the archive are published")
        for hole in contents.holes():
            say(f"MISSING: {hole} are not in the archive")

    async def _restore_boards(self, address: str) -> None:
        """What of the archive figures do not depend on: their decisions are the settings', which have been published since."""
        back = await restore_controls(self._settings, Store(address), but=OF_TOPICS | OF_FIGURES)
        if back:
            say(f"boards brought back from the archive: {back:,}")

    async def _caught_up(self, copying: asyncio.Task[None] | None) -> int | None:
        """Wait until the new figures include what the events held a moment ago; their records then, None when asked to end."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("making", total=None)
            while not self._asked.is_set():
                self._children.start_again()
                if copying is not None and copying.done():
                    copying.result()
                ends = await self._ends(EVENTS)
                included = await self._included()
                done = sum(min(included.get(f"{EVENTS}-{p}", -1) + 1, end) for p, end in ends.items())
                total = sum(ends.values())
                bar.update(task, completed=done, total=max(total, 1), description=f"making, {total - done:,} records to go")
                copied = self._copy is None or self._copy.caught_up
                if copied and included and await self._has_reached(ends):
                    return total
                await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _has_reached(self, ends: Mapping[int, int]) -> bool:
        """Whether shards, ledgers and board include everything up to these ends of the events; ends of transactions are no records."""
        for name, wanted in ((EVENTS, ends), (FACTS, None), (DIFFERENCES, None)):
            wanted = await self._ends(name) if wanted is None else wanted
            deadline = time.monotonic() + 5
            while behind := self._behind(name, wanted, await self._included()):
                if behind > _SLACK_RECORDS:
                    return False
                if time.monotonic() > deadline:
                    if await self._is_any_record_left(name, wanted):
                        return False
                    break  # many shards write to one partition: their ends of transactions may stand in a row
                await asyncio.sleep(0.1)
        return True

    async def _is_any_record_left(self, name: str, ends: Mapping[int, int]) -> bool:
        included, full = await self._included(), topic(self._target, name)
        for partition, start in (await beginning_offsets(self._target, full, len(ends))).items():
            start = max(start, included.get(f"{name}-{partition}", -1) + 1)
            if start < ends[partition]:
                offsets = [record.offset async for record in read_partition(self._target, full, partition, from_offset=start)]
                if offsets and offsets[0] < ends[partition]:
                    return True
        return False

    def _behind(self, name: str, ends: Mapping[int, int], included: Included) -> int:
        short = [end - 1 - included.get(f"{name}-{p}", -1) for p, end in ends.items() if end]
        return sum(n for n in short if n > _MARKERS)

    async def _drained(self, copying: asyncio.Task[None] | None) -> None:
        """Go on copying until no ingest writes to the old events any more."""
        if copying is None or self._copy is None:
            return
        await asyncio.sleep(QUIET_SECONDS)
        while time.monotonic() - self._copy.moved_at < QUIET_SECONDS and not self._asked.is_set():
            if copying.done():
                copying.result()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _taken_over(self) -> bool:
        """Wait until a worker that is not ours is in the group of the new generation."""
        deadline = time.monotonic() + TAKEN_OVER_SECONDS
        while time.monotonic() < deadline and not self._asked.is_set():
            self._children.start_again()
            if await _members(self._target) > self._workers:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def _ends(self, name: str) -> dict[int, int]:
        kafka = self._target.kafka
        count = kafka.difference_partitions if name == DIFFERENCES else kafka.partitions
        return await end_offsets(self._target, topic(self._target, name), count)

    async def _included(self) -> dict[str, int]:
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self._api, timeout=10) as client:
                response = await client.get("/v1/progress")
                response.raise_for_status()
                found: dict[str, int] = response.json()["progress"]
                return found
        return {}


_MARKERS = 3
"""Ends of transactions that may stand behind the newest record of a partition."""
_SLACK_RECORDS = 2_000


async def _prepared(settings: Settings, target: Settings, decided: Plan, *, restate: bool) -> Plan:
    """The plan as it is announced, with its topics made: what is restated was written before its generation began to be made."""
    if restate:
        written = [await publish(settings, kind, id, value, restates=True) for (kind, id), value in decisions_of(settings).items()]
        began_ms = max(control.at_ms for control in written)
        decided = decided._replace(next=msgspec.structs.replace(decided.next, created_at_ms=began_ms))
    await announce(settings, decided.next)
    for state in await ensure_topics(target):
        if state.wrong:
            raise TimeoutError(state.wrong)
    return decided


async def _members(settings: Settings) -> int:
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=10_000)
    await admin.start()
    try:
        described = await admin.describe_consumer_groups([group_of(settings)])
        return sum(len(group[5]) for response in described for group in response.groups)
    finally:
        await admin.close()


def _section(target: Settings, port: int) -> str:
    return target.aggregator.model_copy(update={"port": port, "host": "127.0.0.1"}).model_dump_json()


def _errors_only(line: str) -> None:
    if "ERROR" in line or "Traceback" in line:
        say(line)
