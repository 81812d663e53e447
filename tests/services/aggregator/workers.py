"""Worker processes on a broker, what they are given, and what they leave in `cells`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import httpx
import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.ports import free_ports
from kpis.cells import BASE, Cells
from kpis.folding import Folded
from schemas import keys, topics
from schemas.codec import encode_event, join_events
from schemas.events import Event
from services.kafka import client_options, read_partition
from services.partition import partition_of
from services.settings import Settings, as_environment, topic
from services.topics import ensure_topics
from tests.conftest import REPOSITORY
from tests.kpis.simulated import at_rest
from tests.services.aggregator.shards import LEVELS, PAIRS

DEADLINE_SECONDS = 60.0
_PROGRAM = "from cli.app import main; main(['aggregator'])"


class WorkerProcess:
    """One `deskpulse aggregator`, and its log."""

    def __init__(self, settings: Settings, folder: Path, name: str) -> None:
        port = free_ports(1)[0]
        own = settings.model_copy(update={"aggregator": settings.aggregator.model_copy(update={"port": port}), "data_dir": folder / name})
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as out:
            environ = {**os.environ, **as_environment(own)}
            self.process = subprocess.Popen([sys.executable, "-c", _PROGRAM], cwd=REPOSITORY, env=environ, stdout=out, stderr=out)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        return await asyncio.to_thread(self.process.wait, DEADLINE_SECONDS)

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(errors="replace")

    async def metric(self, name: str) -> float:
        """The value of one sample of its own metrics; 0 while there is none."""
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient(base_url=self.url, timeout=5) as client:
                for line in (await client.get("/metrics")).text.splitlines():
                    if line.startswith(name + " "):
                        return float(line.rsplit(" ", 1)[1])
        return 0.0


@contextlib.asynccontextmanager
async def workers(settings: Settings, folder: Path) -> AsyncIterator[Callable[[str], WorkerProcess]]:
    """Starts workers by name; all are gone after the block."""
    started: list[WorkerProcess] = []

    def start(name: str) -> WorkerProcess:
        started.append(WorkerProcess(settings, folder, name))
        return started[-1]

    try:
        yield start
    except BaseException:
        for worker in started:
            print(f"---- {worker.url}\n{worker.log()[-3000:]}")
        raise
    finally:
        for worker in started:
            worker.process.kill()
        for worker in started:
            worker.process.wait()


async def until(true: Callable[[], object], what: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return once something (a plain or an async test) is so."""
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:
                found = true()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {deadline_seconds:g} s") from None


async def publish(settings: Settings, events: Sequence[Event], per_record: int = 40, raw: Sequence[bytes] = ()) -> None:
    """Packed records of events by partition, as ingest writes them, and raw ones to partition 0."""
    waiting: dict[int, list[bytes]] = {}
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        name = topic(settings, topics.EVENTS)
        for value in raw:
            await producer.send_and_wait(name, value, partition=0)
        for event in events:
            key = keys.of(event)
            everywhere = range(settings.kafka.partitions)
            for partition in everywhere if key == keys.EVERYWHERE else [partition_of(key, settings.kafka.partitions)]:
                batch = waiting.setdefault(partition, [])
                batch.append(encode_event(event))
                if len(batch) >= per_record:
                    await producer.send_and_wait(name, join_events(batch), partition=partition)
                    batch.clear()
        for partition, batch in waiting.items():
            if batch:
                await producer.send_and_wait(name, join_events(batch), partition=partition)
    finally:
        await producer.stop()


async def included(settings: Settings, state: str) -> dict[int, int]:
    """By partition the newest input offset that a state topic includes; -1 where it says nothing yet."""
    out: dict[int, int] = {}
    for partition in range(settings.kafka.partitions):
        out[partition] = -1
        async for record in read_partition(settings, topic(settings, state), partition):
            if record.key == topics.MARKER:
                out[partition] = msgspec.json.decode(record.value)["offset"]
    return out


async def trim(settings: Settings, name: str, below: dict[int, int]) -> None:
    """Delete the records of a topic below an offset in each partition."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        wanted = {
            TopicPartition(topic(settings, name), p): RecordsToDelete(before_offset=offset) for p, offset in below.items() if offset > 0
        }
        await admin.delete_records(wanted, timeout_ms=10_000)
    finally:
        await admin.close()


async def emptied(settings: Settings, name: str) -> None:
    """Lose a topic, and create it anew."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        await admin.delete_topics([topic(settings, name)])

        async def gone() -> bool:
            return topic(settings, name) not in await admin.list_topics()

        await until(gone, "the topic is gone")
    finally:
        await admin.close()
    await ensure_topics(settings)


async def cells_now(settings: Settings) -> Cells:
    """What stands in `cells`."""
    newest: dict[bytes, bytes | None] = {}
    async for record in read_partition(settings, topic(settings, topics.CELLS), 0):
        newest[record.key] = record.value
    folded = Folded(Cells(LEVELS, PAIRS))
    for key, value in newest.items():
        if value is not None:
            folded.take(key, value)
    return folded.cells


def comparable(cells: Cells, now_ms: int) -> dict[bytes, bytes]:
    """The buckets that everybody has written whole at an instant (a bucket on the verge of being let go of may be half there)."""
    cells.prune(now_ms)
    out = {}
    for key, value in at_rest(cells).items():
        level, start = (int(part) for part in key.split(b"|")[:2])
        if level in (4, BASE) or now_ms - start < LEVELS.all[level].kept_ms:
            out[key] = value
    return out


async def settled(settings: Settings, expected: Cells, now_ms: int) -> None:
    """Return once `cells` are those of the batch; fails with what differs."""
    wanted = comparable(expected, now_ms)
    found: dict[bytes, bytes] = {}

    async def equal() -> bool:
        nonlocal found
        found = comparable(await cells_now(settings), now_ms)
        return found == wanted

    try:
        await until(equal, "the cells are those of the batch")
    except AssertionError:
        differing = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
        lines = [f"{key!r}\n  batch {wanted.get(key)!r:.300}\n  found {found.get(key)!r:.300}" for key in differing[:6]]
        raise AssertionError(f"{len(differing)} of {len(wanted)} records of cells differ:\n" + "\n".join(lines)) from None
