"""Requests over HTTP to one ingest process with a broker, from client processes of their own: the rounds that several questions share."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from multiprocessing.context import SpawnContext
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import psutil

from deploy.kafka.embedded import EmbeddedKafka
from deploy.ports import free_ports
from services.ingest.app import run
from services.settings import IngestSettings, KafkaSettings, Settings, SourceSettings
from services.topics import ensure_topics

Writer = Callable[[int], bytes]
"""The bytes of a connection's request by its number."""
Writing = Callable[[Settings, str], Writer]
"""Gives the writer of a connection by its name, which no other connection has; found again by a new process."""

_START_SECONDS = 60.0


class Share(NamedTuple):
    """What one client saw."""

    requests: int
    refused: int
    answer_seconds: list[float]


def arguments(parser: argparse.ArgumentParser, connections: int) -> None:
    """The options of the rounds."""
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round over HTTP")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--connections", type=int, default=connections, help="of each client")


def measure(sources: dict[str, SourceSettings], writing: Writing, given: argparse.Namespace) -> None:
    """Run the rounds and print the table; the last line holds the medians. Secrets are in the environment."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        settings = Settings(
            kafka=KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix="bench."),
            ingest=IngestSettings(port=free_ports(1)[0]),
            sources=sources,
        )
        asyncio.run(ensure_topics(settings))
        ingest = context.Process(target=run, args=(settings,))
        ingest.start()
        try:
            _wait_until_ready(settings.ingest.port, ingest.is_alive)
            print(f"{'round':>6} {'requests':>9} {'a second':>9} {'a CPU-second':>13} {'p50 ms':>7} {'p99 ms':>7} {'refused':>8}")
            rounds = [_round(context, given, settings, writing, psutil.Process(ingest.pid), n + 1) for n in range(given.rounds)]
            wall, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{'median':>6} {'':>9} {wall:>9,.0f} {cpu:>13,.0f}")
        finally:
            ingest.terminate()
            ingest.join()


def _round(
    context: SpawnContext, given: argparse.Namespace, settings: Settings, writing: Writing, ingest: psutil.Process, number: int
) -> tuple[float, float]:
    shares: Queue[Share] = context.Queue()
    clients = [
        context.Process(target=_client, args=(settings, writing, given.connections, given.seconds, f"{number}-{n}", shares))
        for n in range(given.clients)
    ]
    before = ingest.cpu_times()
    for client in clients:
        client.start()
    found = [shares.get() for _ in clients]
    for client in clients:
        client.join()
    after = ingest.cpu_times()
    requests, refused = sum(share.requests for share in found), sum(share.refused for share in found)
    waited = sorted(seconds for share in found for seconds in share.answer_seconds)
    cpu = requests / (after.user + after.system - before.user - before.system)
    wall = requests / given.seconds
    p50, p99 = (waited[int(len(waited) * q)] * 1000 for q in (0.5, 0.99))
    print(f"{number:>6} {requests:>9,} {wall:>9,.0f} {cpu:>13,.0f} {p50:>7.1f} {p99:>7.1f} {refused:>8}", flush=True)
    return wall, cpu


def _client(settings: Settings, writing: Writing, connections: int, seconds: float, name: str, shares: Queue[Share]) -> None:
    shares.put(asyncio.run(_drive(settings, writing, connections, seconds, name)))


async def _drive(settings: Settings, writing: Writing, connections: int, seconds: float, name: str) -> Share:
    writers = [writing(settings, f"{name}-{n}") for n in range(connections)]
    end = time.perf_counter() + seconds
    found = await asyncio.gather(*(_connection(settings.ingest.port, end, writer) for writer in writers))
    return Share(sum(s.requests for s in found), sum(s.refused for s in found), [s for share in found for s in share.answer_seconds])


async def _connection(port: int, end: float, write: Writer) -> Share:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waited: list[float] = []
    refused = number = 0
    while (began := time.perf_counter()) < end:
        number += 1
        writer.write(write(number))
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]
        await reader.readexactly(int(length or 0))
        refused += not head.startswith(b"HTTP/1.1 2")
        waited.append(time.perf_counter() - began)
    writer.close()
    return Share(number - refused, refused, waited)


def _wait_until_ready(port: int, is_alive: Callable[[], bool]) -> None:
    end = time.monotonic() + _START_SECONDS
    while is_alive() and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("ingest did not become ready")
