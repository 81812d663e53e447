"""How many signed single-event requests a second does one core of ingest acknowledge?

Starts the embedded Apache Kafka and one ingest process, then posts one signed canonical event a request over keep-alive
connections from client processes of its own. Prints requests per wall second and per CPU-second of the ingest process (its own
user and system time), and the time to the answer; each row is one round, the last line the medians.

    python -m benchmarks.ingest [--seconds 5] [--rounds 5] [--clients 2] [--connections 64]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import multiprocessing
import os
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import psutil

from cli.demo_settings import free_ports
from deploy.kafka.embedded import EmbeddedKafka
from services.ingest.app import run
from services.settings import IngestSettings, KafkaSettings, Settings, SourceSettings
from services.topics import ensure_topics

KEY = b"a key that is only for this test"
SECRET_VARIABLE = "BENCHMARK_WEBHOOK_SECRET"
_START_SECONDS = 60.0


class Share(NamedTuple):
    """What one client process saw."""

    requests: int
    refused: int
    answer_seconds: list[float]


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64, help="of each client")
    given = parser.parse_args()
    os.environ[SECRET_VARIABLE] = "whsec_" + base64.b64encode(KEY).decode()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        settings = Settings(
            kafka=KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix="bench."),
            ingest=IngestSettings(port=free_ports(1)[0]),
            sources={"shop": SourceSettings(kind="standardwebhooks", secret_env=(SECRET_VARIABLE,))},
        )
        asyncio.run(ensure_topics(settings))
        ingest = context.Process(target=run, args=(settings,))
        ingest.start()
        try:
            wait_until_ready(settings.ingest.port, ingest.is_alive)
            print(f"{'round':>6} {'requests':>9} {'a second':>9} {'a CPU-second':>13} {'p50 ms':>7} {'p99 ms':>7} {'refused':>8}")
            rounds = [_round(context, given, settings.ingest.port, psutil.Process(ingest.pid), str(n + 1)) for n in range(given.rounds)]
            wall, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{'median':>6} {'':>9} {wall:>9,.0f} {cpu:>13,.0f}")
        finally:
            ingest.terminate()
            ingest.join()


def _round(
    context: multiprocessing.context.SpawnContext, given: argparse.Namespace, port: int, ingest: psutil.Process, name: str
) -> tuple[float, float]:
    shares: Queue[Share] = context.Queue()
    names = [f"{name}-{n}" for n in range(given.clients)]
    clients = [context.Process(target=_client, args=(port, given.connections, given.seconds, each, shares)) for each in names]
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
    print(f"{name:>6} {requests:>9,} {wall:>9,.0f} {cpu:>13,.0f} {p50:>7.1f} {p99:>7.1f} {refused:>8}", flush=True)
    return wall, cpu


def _client(port: int, connections: int, seconds: float, name: str, shares: Queue[Share]) -> None:
    shares.put(asyncio.run(_drive(port, connections, seconds, name)))


async def _drive(port: int, connections: int, seconds: float, name: str) -> Share:
    end = time.perf_counter() + seconds
    found = await asyncio.gather(*(_connection(port, end, f"{name}-{n}") for n in range(connections)))
    return Share(sum(s.requests for s in found), sum(s.refused for s in found), [s for share in found for s in share.answer_seconds])


async def _connection(port: int, end: float, name: str) -> Share:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waited: list[float] = []
    refused = number = 0
    while (began := time.perf_counter()) < end:
        number += 1
        writer.write(signed_request(f"{name}-{number}", number))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]))
        refused += not head.startswith(b"HTTP/1.1 202")
        waited.append(time.perf_counter() - began)
    writer.close()
    return Share(number - refused, refused, waited)


def signed_request(identity: str, number: int) -> bytes:
    """The bytes of one POST of one event, as a sender over the network would write them."""
    event = {
        "type": "ticket.public_reply",
        "id": identity,
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "ticket_id": f"{identity.rpartition('-')[0]}-{number // 8}",
        "message_id": f"m-{number}",
        "agent_id": "agent-7",
        "team": "billing",
        "channel": "email",
        "priority": "high",
        "customer_id": f"c-{number % 1000}",
    }
    body = json.dumps(event).encode()
    timestamp = str(int(time.time()))
    digest = hmac.digest(KEY, f"{identity}.{timestamp}.".encode() + body, "sha256")
    head = (
        "POST /webhooks/shop HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: benchmark\r\naccept: */*\r\ncontent-type: application/json\r\n"
        f"webhook-id: {identity}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,{base64.b64encode(digest).decode()}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def wait_until_ready(port: int, is_alive: Callable[[], bool]) -> None:
    """Return once ingest can publish. Raises RuntimeError when it does not within a minute."""
    end = time.monotonic() + _START_SECONDS
    while is_alive() and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("ingest did not become ready")


if __name__ == "__main__":
    main()
