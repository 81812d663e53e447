"""How many events a second does one CPU-second of the aggregator take in, with everything on?

Starts the embedded Apache Kafka and one aggregator process (entities, ledgers and fold, with all its transactions); once it is
ready, writes packed records of believable events to `events`, waits until everything is in the figures, and divides by the user
and system time that the process spent meanwhile. Each row is one round with topics of its own; the last line the medians.

    python -m benchmarks.aggregator [--events 100000] [--packed 100] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from aiokafka import AIOKafkaProducer

from benchmarks.workload import events as workload
from deploy.kafka.embedded import EmbeddedKafka
from deploy.ports import free_ports
from schemas import keys, topics
from schemas.codec import encode_event, join_events
from schemas.events import Event
from services.api.board import Board
from services.kafka import client_options
from services.partition import partition_of
from services.settings import AggregatorSettings, KafkaSettings, Settings, as_environment, topic
from services.topics import ensure_topics

_DEADLINE_SECONDS = 600.0


class Round(NamedTuple):
    """What one round took: the worker's CPU seconds, wall seconds from the first record written to the last figure, its memory."""

    events: int
    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--packed", type=int, default=100, help="events in one record")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="one round of 20,000 events")
    given = parser.parse_args()
    count, rounds = (20_000, 1) if given.short else (given.events, given.rounds)
    listed = workload(count)
    print(f"{count:,} events, {given.packed} a record, load average {os.getloadavg()[0]:.1f}")
    print(f"{'round':>6} {'events/CPU-s':>13} {'events/s':>10} {'CPU s':>7} {'wall s':>7} {'MiB':>6}")
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as broker:
        done = []
        for number in range(1, rounds + 1):
            one = asyncio.run(_round(listed, given.packed, broker.bootstrap, Path(folder), number))
            done.append(one)
            _print(str(number), one.events / one.cpu_seconds, one.events / one.wall_seconds, one)
    middle = Round(
        count,
        statistics.median(r.cpu_seconds for r in done),
        statistics.median(r.wall_seconds for r in done),
        max(r.memory_bytes for r in done),
    )
    per_cpu = statistics.median(r.events / r.cpu_seconds for r in done)
    _print("median", per_cpu, statistics.median(r.events / r.wall_seconds for r in done), middle)


def _print(name: str, per_cpu: float, per_wall: float, one: Round) -> None:
    print(
        f"{name:>6} {per_cpu:>13,.0f} {per_wall:>10,.0f} {one.cpu_seconds:>7.1f} {one.wall_seconds:>7.1f} {one.memory_bytes / 2**20:>6.0f}"
    )


async def _round(listed: Sequence[Event], packed: int, bootstrap: str, folder: Path, number: int) -> Round:
    settings = Settings(
        now="watermark",
        data_dir=folder / f"round-{number}",
        kafka=KafkaSettings(bootstrap=bootstrap, topic_prefix=f"benchmark-{number}."),
        aggregator=AggregatorSettings(port=free_ports(1)[0]),
    )
    await ensure_topics(settings)
    board = Board(settings)
    await board.start()
    worker = subprocess.Popen([sys.executable, "-m", "cli.app", "aggregator"], env={**os.environ, **as_environment(settings)})
    try:
        process = psutil.Process(worker.pid)
        await asyncio.to_thread(_wait_until_ready, f"http://127.0.0.1:{settings.aggregator.port}/readyz")
        began, before = time.monotonic(), process.cpu_times()
        await _write(listed, packed, settings)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while board.folded.events < len(listed) or not _settled(board):
            if worker.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the aggregator ended or stalled at {board.folded.events} of {len(listed)} events")
            await asyncio.sleep(0.2)
        spent = process.cpu_times()
        cpu_seconds = spent.user + spent.system - before.user - before.system
        return Round(len(listed), cpu_seconds, time.monotonic() - began, process.memory_info().rss)
    finally:
        worker.terminate()
        worker.wait(30)
        await board.stop()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        if time.monotonic() > deadline:
            raise RuntimeError("the aggregator did not get ready within a minute")
        time.sleep(0.2)


def _settled(board: Board) -> bool:
    """Whether nothing has changed for a second: ledgers follow entities."""
    return board.applied_at_ms is not None and time.time_ns() // 1_000_000 - board.applied_at_ms > 1_000


async def _write(listed: Sequence[Event], packed: int, settings: Settings) -> None:
    by_partition: dict[int, list[bytes]] = {}
    for event in listed:
        by_partition.setdefault(partition_of(keys.of(event), settings.kafka.partitions), []).append(encode_event(event))
    producer = AIOKafkaProducer(**client_options(settings), enable_idempotence=True, compression_type="lz4", max_batch_size=500_000)
    await producer.start()
    try:
        sent = []
        for partition, encoded in by_partition.items():
            for first in range(0, len(encoded), packed):
                value = join_events(encoded[first : first + packed])
                sent.append(await producer.send(topic(settings, topics.EVENTS), value, partition=partition))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


if __name__ == "__main__":
    main()
