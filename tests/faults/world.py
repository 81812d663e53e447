"""A whole installation to break: brokers behind proxies, the services as processes, a company that posts to them, a tape beside it.

Laws: what ended by itself is started again as `deskpulse up` does it; the input is trimmed below the checkpoints all the time, so
that a state that was lost cannot hide behind a replay; tools reach the brokers by an inside door that no fault touches.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from cli.addresses import urls_of
from cli.company.world import Source
from cli.demo_settings import demo_settings
from cli.processes import Service, Supervisor, answers_ok, deskpulse
from deploy.kafka.cluster import PORTS_PER_BROKER, EmbeddedCluster
from deploy.kafka.embedded import EmbeddedKafka
from deploy.ports import free_ports
from schemas import topics
from services.aggregator.checkpoint import group_of
from services.kafka import client_options, end_offsets, read_partition
from services.settings import AggregatorSettings, Settings, as_environment, topic
from services.topics import ensure_topics
from tests.conftest import REPOSITORY
from tests.faults.load import Load, company
from tests.faults.proxy import Proxy
from tests.faults.tape import Tape

DEADLINE_SECONDS = 90.0
"""After which a state that should come is given up; far beyond what is promised."""
TRIM_SECONDS = 1.0
_DIFFERENCES_KEPT_ROUNDS = 8
"""Differences are trimmed some rounds later: a board reads them too, and has a day for it in an installation."""

SMALL_SEGMENTS = {
    "cleanup.policy": "compact",
    "segment.bytes": str(1_048_576),
    "segment.ms": "2000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "3000",
    "delete.retention.ms": "1000",
}
"""What makes the cleaner of the broker pass over state topics during a short run too."""
_EXTRA = {"log.cleaner.backoff.ms": "1000", "log.retention.check.interval.ms": "5000", "message.max.bytes": "1048588"}
"""The cleaner looks every second; a record may be as large as any Kafka takes unless told otherwise."""
INPUTS = (topics.EVENTS, topics.FACTS, topics.DIFFERENCES)


class World:
    """The parts of a running installation; made by `world`."""

    def __init__(
        self, settings: Settings, cluster: EmbeddedCluster, proxies: list[Proxy], children: Supervisor, load: Load, tape: Tape,
        said: list[str], secrets: Mapping[Source, str],
    ) -> None:  # fmt: skip
        self.settings = settings
        self.inside = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": cluster.inside})})
        self.cluster = cluster
        self.proxies = proxies
        self.children = children
        self.load = load
        self.tape = tape
        self.said = said
        self.secrets = secrets
        self.workers: list[str] = []
        self.differences_begin = 0
        self.trimmed = 0
        self.trimming = asyncio.Event()
        self.trimming.set()
        self.poisoned = 0
        self.too_large = 0
        self.tasks: list[asyncio.Task[None]] = []
        self._ready_urls: dict[str, str] = {}
        self._differences_seen: deque[int] = deque(maxlen=_DIFFERENCES_KEPT_ROUNDS)

    # ---- services ------------------------------------------------------------------------------

    def start_service(self, name: str) -> None:
        """Start ingest or the API."""
        self._ready_urls[name] = f"{urls_of(self.settings)[name]}/readyz"
        self.children.start(Service(name, deskpulse(name), self._ready_urls[name]))

    def start_worker(self, name: str, **aggregator: int) -> None:
        """Start one more aggregator, on a port and with a folder of its own."""
        changes: dict[str, Any] = {"port": free_ports(1)[0], **aggregator}
        own = self.settings.model_copy(
            update={
                "aggregator": self.settings.aggregator.model_copy(update=changes),
                "data_dir": self.settings.data_dir / name,
            }
        )
        self._ready_urls[name] = f"{urls_of(own)['aggregator']}/readyz"
        self.children.start(Service(name, deskpulse("aggregator"), self._ready_urls[name]), as_environment(own))
        if name not in self.workers:
            self.workers.append(name)

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a process a signal behind its keeper's back; its id."""
        pid = self.children.pid(name)
        os.kill(pid, number)
        return pid

    async def stop_service(self, name: str) -> int:
        """Ask a process to end and leave it ended; its exit code."""
        return await asyncio.to_thread(self.children.stop, name, 30)

    async def ready(self, *names: str) -> None:
        """Return once these processes are ready, those too that are being started again."""
        for name in names:
            url = self._ready_urls[name]
            await self.until(lambda url=url: asyncio.to_thread(answers_ok, url), f"{name} is ready")  # type: ignore[misc]

    def fail_if_ended(self) -> None:
        """Raise what ended the load or the keeping of processes, if anything did."""
        for task in self.tasks:
            if task.done():
                task.result()
                raise AssertionError("the load or the keeping of processes ended by itself")

    # ---- brokers -------------------------------------------------------------------------------

    async def start_broker(self, broker: EmbeddedKafka) -> None:
        """Start a broker that is down and return once it accepts records."""
        broker.spawn()  # in this thread, to which it is tied
        await asyncio.to_thread(broker.wait_until_ready)

    # ---- figures -------------------------------------------------------------------------------

    async def ends(self, name: str) -> dict[int, int]:
        """The ends of the partitions of a topic."""
        partitions = 1 if name == topics.DIFFERENCES else self.settings.kafka.partitions
        return await end_offsets(self.inside, topic(self.settings, name), partitions)

    async def progress(self) -> Mapping[str, int]:
        """The newest offset of each shard's input that is in the figures served; nothing while nobody answers."""
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=urls_of(self.settings)["api"], timeout=2) as client:
                found: Mapping[str, int] = (await client.get("/v1/progress")).raise_for_status().json()["progress"]
                return found
        return {}

    async def figures_move(self, since: float) -> float:
        """Seconds from `since` (monotonic) until of every partition of `events` something newer than now is in the figures."""
        ends = await self.ends(topics.EVENTS)

        async def all_newer() -> bool:
            progress = await self.progress()
            return all(progress.get(f"{topics.EVENTS}-{number}", -1) >= end for number, end in ends.items())

        await self.until(all_newer, "the figures move")
        return time.monotonic() - since

    async def until(self, true: Callable[[], Any], what: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        """Return once something (a plain or an async test) is so. Raises AssertionError."""
        began = time.monotonic()
        while True:
            self.fail_if_ended()
            with contextlib.suppress(KafkaError, OSError):
                found = true()
                if await found if asyncio.iscoroutine(found) else found:
                    return
            if time.monotonic() - began > deadline_seconds:
                raise AssertionError(f"{what}: not within {deadline_seconds:g} s")
            await asyncio.sleep(0.1)

    async def settle(self) -> None:
        """Let nothing new in and return once everything is in the cells. Raises AssertionError."""
        self.load.pause()
        await self.until(lambda: self.load.idle, "everything that was posted is acknowledged", 150)
        before: dict[str, dict[int, int]] = {}

        async def at_rest() -> bool:
            nonlocal before
            ends = {name: await self.ends(name) for name in INPUTS}
            known, before = ends == before, ends
            return not await self._behind(ends) and known and self.tape.positions == ends[topics.EVENTS]

        await self.until(at_rest, "everything is in the cells", 150)

    async def _behind(self, ends: Mapping[str, Mapping[int, int]]) -> list[str]:
        committed = await self.committed()
        behind = []
        for name, of_partitions in ends.items():
            for number, end in of_partitions.items():
                at = committed.get((name, number), 0)
                if at < end and await self._holds_a_record(name, number, at):
                    behind.append(f"{name}-{number}")
        return behind

    async def _holds_a_record(self, name: str, number: int, from_offset: int) -> bool:
        full = topic(self.settings, name)
        async for _ in read_partition(self.inside, full, number, from_offset=from_offset, max_records=1):
            return True
        return False

    # ---- what checkpoints include --------------------------------------------------------------

    async def committed(self) -> dict[tuple[str, int], int]:
        """By input and partition the offset after the newest record that a checkpoint includes (its transaction says so)."""
        async with self.admin() as admin:
            found = await admin.list_consumer_group_offsets(group_of(self.settings))
        prefix = self.settings.kafka.topic_prefix
        return {(where.topic.removeprefix(prefix), where.partition): meta.offset for where, meta in found.items() if meta.offset >= 0}

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A client for tools, through the inside door."""
        client = AIOKafkaAdminClient(**client_options(self.inside), request_timeout_ms=5000)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    async def trim(self) -> None:
        """Delete the input below the checkpoints (and the tape)."""
        committed = await self.committed()
        below = {
            (name, number): min(offset, self.tape.positions[number]) if name == topics.EVENTS else offset
            for (name, number), offset in committed.items()
            if name in (topics.EVENTS, topics.FACTS)
        }
        if len(self._differences_seen) == _DIFFERENCES_KEPT_ROUNDS:
            below[topics.DIFFERENCES, 0] = self._differences_seen[0]
        self._differences_seen.append(committed.get((topics.DIFFERENCES, 0), 0))
        wanted = {
            TopicPartition(topic(self.settings, name), number): RecordsToDelete(before_offset=offset)
            for (name, number), offset in below.items()
            if offset > 0
        }
        if wanted:
            async with self.admin() as admin:
                await admin.delete_records(wanted, timeout_ms=5000)
            self.trimmed = sum(offset for (name, _), offset in below.items() if name == topics.EVENTS)
            self.differences_begin = below.get((topics.DIFFERENCES, 0), 0)

    async def keep_trimming(self) -> None:
        """Trim until cancelled, while `trimming` is set."""
        while True:
            await self.trimming.wait()
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await self.trim()
            await asyncio.sleep(TRIM_SECONDS)

    async def keep_children(self) -> None:
        """Start again what ended by itself, until cancelled. Raises ChildFailed."""
        while True:
            self.children.start_again()
            await asyncio.sleep(0.1)

    async def small_segments(self) -> None:
        """Let the broker compact the state topics now, not in half an hour."""
        names = (topics.EVENTS_STATE, topics.FACTS_STATE, topics.CELLS)
        async with self.admin() as admin:
            await admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic(self.settings, name), configs=SMALL_SEGMENTS) for name in names]
            )

    def compacted(self) -> int:
        """How many records of `events-state` the brokers' cleaners have passed over, as their own books say."""
        prefix = topic(self.settings, topics.EVENTS_STATE)
        passed = 0
        for broker in self.cluster.brokers:
            with contextlib.suppress(FileNotFoundError):
                lines = (broker.folder / "data" / "cleaner-offset-checkpoint").read_text().splitlines()
                passed += sum(int(line.split()[2]) for line in lines if line.startswith(prefix + " "))
        return passed


@contextlib.asynccontextmanager
async def world(
    folder: Path, seed: int, *, brokers: int = 1, workers: int = 2, per_second: float = 150.0, say: Callable[[str], None] = print
) -> AsyncIterator[World]:
    """A running installation under load; nothing of it is left after the block."""
    ports = free_ports(brokers * (PORTS_PER_BROKER + 1) + 1)
    api_port, doors, advertised = ports[0], ports[1 : brokers * PORTS_PER_BROKER + 1], ports[brokers * PORTS_PER_BROKER + 1 :]
    cluster = EmbeddedCluster(folder / "brokers", doors, advertised=advertised, say=say, extra=_EXTRA)
    settings, environment, secrets = _settings(folder, cluster.bootstrap, api_port, brokers)
    proxies = [Proxy(port, int(broker.bootstrap.rpartition(":")[2])) for port, broker in zip(advertised, cluster.brokers, strict=True)]
    async with contextlib.AsyncExitStack() as stack:
        for proxy in proxies:
            await stack.enter_async_context(proxy)
        stack.enter_context(cluster)
        inside = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": cluster.inside})})
        await ensure_topics(inside)
        tape = await stack.enter_async_context(Tape(inside, folder / "tape.jsonl"))
        said: list[str] = []

        def hear(text: str) -> None:
            said.append(text)
            say(f"{'':>8}  {text}")

        children = stack.enter_context(Supervisor(environment, say=hear, log_dir=folder / "logs", cwd=REPOSITORY))
        load = Load(urls_of(settings)["ingest"], secrets, company(seed), per_second)
        made = World(settings, cluster, proxies, children, load, tape, said, secrets)
        await made.small_segments()
        for name in ("ingest", "api"):
            made.start_service(name)
        for number in range(1, workers + 1):
            made.start_worker(f"aggregator-{number}")
        await made.ready("ingest", "api", *made.workers)
        made.tasks = [asyncio.create_task(task) for task in (made.keep_children(), made.keep_trimming(), load.run())]
        try:
            yield made
        finally:
            for task in made.tasks:
                task.cancel()
            await asyncio.gather(*made.tasks, return_exceptions=True)


def _settings(folder: Path, bootstrap: str, api_port: int, brokers: int) -> tuple[Settings, dict[str, str], dict[Source, str]]:
    """Those of a demonstration on the clock of its events, with short checkpoints of the fold."""
    demo = demo_settings(folder / "data", bootstrap, api_port)
    settings = demo.settings.model_copy(
        update={
            "now": "watermark",
            "kafka": demo.settings.kafka.model_copy(update={"replication_factor": brokers}),
            "aggregator": AggregatorSettings(port=demo.settings.aggregator.port, fold_ms=1000),
        }
    )
    return settings, {**demo.environment, **as_environment(settings)}, demo.secrets
