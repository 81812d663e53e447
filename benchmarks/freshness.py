"""How long is it from a webhook to the stream, at 2,000 events a second? Target: p99 at most 1 s.

Starts the embedded Apache Kafka and the three services as a user would, with their defaults, then posts signed arrays of new tickets
on an even beat and listens to the stream of `issues_created`. An event counts as seen with the first message whose n reaches
everything posted up to and including it: an upper bound, since partitions need not follow in the order of posting. Times begin
when a post was due, so that a sender that falls behind hides nothing (`late` is the worst it did). For each process:
the cores it used, and after the slash how many more its threads stood ready for and did not get (Linux only): on a machine that
is busy otherwise, the times measure that. Each row is one round, the last line the medians.

    python -m benchmarks.freshness [--rate 2000] [--batch 20] [--seconds 20] [--rounds 5] [--short]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import statistics
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
import psutil

from cli.addresses import urls_of
from cli.company import signing
from cli.processes import Supervisor, services_of
from deploy.kafka.embedded import EmbeddedKafka
from deploy.ports import free_ports
from services.settings import AggregatorSettings, ApiSettings, IngestSettings, KafkaSettings, Settings, SourceSettings, as_environment
from services.topics import ensure_topics

SOURCE = "helpdesk"
SECRET_VARIABLE = "BENCHMARK_WEBHOOK_SECRET"
TARGET_SECONDS = 1.0
CONNECTIONS = 32
QUESTION = {"kpi": "issues_created", "window": "1h"}
_PARTITIONS = 8
_CHECKPOINT_MS = 100
"""Both as in a fresh installation."""
_SEEN_SECONDS = 60.0
_WARM_UP_SECONDS = 5.0
_TEAMS = ("billing", "returns", "technical", "sales", "onboarding", "vip")
_CHANNELS = ("email", "chat", "web", "social")


class Load(NamedTuple):
    """What one round posts: `rate` events a second in arrays of `batch`, for so many seconds."""

    rate: float
    batch: int
    seconds: float


class Cores(NamedTuple):
    """Seconds on a core, and seconds ready to run without one; per wall second they are cores."""

    used: float
    lacked: float


class Round(NamedTuple):
    """What one round saw, in seconds; of each process the cores it used and those it stood ready for without getting them."""

    seen: list[float]
    answered: list[float]
    late: float
    cores: dict[str, Cores]


class Sighting(NamedTuple):
    """One message of the stream: when it came, and the n it told."""

    at: float
    n: int


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=2_000, help="events a second")
    parser.add_argument("--batch", type=int, default=20, help="events in one post")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--partitions", type=int, default=_PARTITIONS)
    parser.add_argument("--checkpoint-ms", type=int, default=_CHECKPOINT_MS)
    parser.add_argument("--short", action="store_true", help="one round of 5 s at 200 events a second")
    given = parser.parse_args()
    load, rounds = (Load(200, 20, 5), 1) if given.short else (Load(given.rate, given.batch, given.seconds), given.rounds)
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as broker:
        settings = settings_of(Path(folder), broker.bootstrap, partitions=given.partitions, checkpoint_ms=given.checkpoint_ms)
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        asyncio.run(ensure_topics(settings))
        environment = {**as_environment(settings), SECRET_VARIABLE: secret}
        with Supervisor(environment, log_dir=Path(folder) / "logs", cwd=Path(__file__).resolve().parent.parent) as children:
            processes = {"kafka": psutil.Process(broker.pid)}
            for service in services_of(urls_of(settings)):
                processes[service.name] = psutil.Process(children.start(service))
            children.wait_until_ready(deadline_seconds=120)
            asyncio.run(_all_rounds(load, rounds, settings, secret, processes))


def settings_of(
    folder: Path,
    bootstrap: str,
    *,
    partitions: int = _PARTITIONS,
    checkpoint_ms: int = _CHECKPOINT_MS,
    prefix: str = "benchmark.",
) -> Settings:
    """A user's settings, on free ports and topics of their own, with one source whose secret is in SECRET_VARIABLE."""
    ingest, aggregator, api = free_ports(3)
    return Settings(
        data_dir=folder / "data",
        kafka=KafkaSettings(bootstrap=bootstrap, partitions=partitions, topic_prefix=prefix),
        ingest=IngestSettings(port=ingest),
        aggregator=AggregatorSettings(port=aggregator, checkpoint_ms=checkpoint_ms),
        api=ApiSettings(port=api),
        sources={SOURCE: SourceSettings(kind="standardwebhooks", secret_env=(SECRET_VARIABLE,))},
    )


async def _all_rounds(load: Load, rounds: int, settings: Settings, secret: str, processes: dict[str, psutil.Process]) -> None:
    await one_round(load._replace(seconds=min(_WARM_UP_SECONDS, load.seconds)), "warm", settings, secret, processes)
    print(f"{load.rate:,.0f} events/s in posts of {load.batch}, {load.seconds:g} s a round, target p99 {TARGET_SECONDS * 1000:,.0f} ms")
    print(f"{'':>6} {'webhook to stream, ms':^27} {'answer, ms':^13} {'':>6} {'cores used/lacked':^46} {'':>5}")
    print(f"{'round':>6} {'p50':>6} {'p90':>6} {'p99':>6} {'max':>6} {'p50':>6} {'p99':>6} {'late':>6}", end="")
    print("".join(f"  {name:<10}" for name in processes), f"{'load':>5}")
    rows = []
    for number in range(1, rounds + 1):
        row = _row(await one_round(load, str(number), settings, secret, processes))
        rows.append(row)
        _print(str(number), row, os.getloadavg()[0])
    _print("median", [statistics.median(column) for column in zip(*rows, strict=True)], None)


def _row(done: Round) -> list[float]:
    seen = [quantile(done.seen, q) * 1000 for q in (0.5, 0.9, 0.99, 1.0)]
    answered = [quantile(done.answered, q) * 1000 for q in (0.5, 0.99)]
    return [*seen, *answered, done.late * 1000, *(number for cores in done.cores.values() for number in cores)]


def _print(name: str, row: Sequence[float], load: float | None) -> None:
    times, cores = row[:7], row[7:]
    pairs = zip(cores[::2], cores[1::2], strict=True)
    text = "".join(f" {ms:>6,.0f}" for ms in times) + "".join(f"  {used:>4.2f}/{lacked:<5.2f}" for used, lacked in pairs)
    print(f"{name:>6}{text} {'' if load is None else f'{load:.1f}':>5}", flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def one_round(load: Load, name: str, settings: Settings, secret: str, processes: dict[str, psutil.Process]) -> Round:
    """Post the load and wait until the stream has told of all of it. Raises RuntimeError when it does not."""
    urls = urls_of(settings)
    sightings: list[Sighting] = []
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS + 1), timeout=timeout) as session:
        listener = asyncio.create_task(_listen(session, f"{urls['api']}/v1/stream", sightings))
        try:
            await _until(sightings, 0, listener)
            base = sightings[-1].n
            before, began = _cpu(processes), time.perf_counter()
            posts = await _post_all(session, f"{urls['ingest']}/webhooks/{SOURCE}", load, name, secret)
            after, took = _cpu(processes), time.perf_counter() - began
            await _until(sightings, base + len(posts) * load.batch, listener)
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
    posted = [base + total for total in accumulate(load.batch for _ in posts)]
    seen = [waited for waited in waits([post.due for post in posts], posted, sightings) for _ in range(load.batch)]
    answered = [post.answered - post.due for post in posts]
    cores = {
        process: Cores((after[process].used - before[process].used) / took, (after[process].lacked - before[process].lacked) / took)
        for process in processes
    }
    return Round(seen, answered, max(post.sent - post.due for post in posts), cores)


def waits(due: Sequence[float], reached: Sequence[int], sightings: Sequence[Sighting]) -> list[float]:
    """For each post the time from when it was due to the first sighting of at least the n it brought; a window may shrink again."""
    highest = list(accumulate((sighting.n for sighting in sightings), max))
    return [sightings[bisect_left(highest, n)].at - at for at, n in zip(due, reached, strict=True)]


class _Post(NamedTuple):
    due: float
    sent: float
    answered: float


async def _post_all(session: aiohttp.ClientSession, url: str, load: Load, name: str, secret: str) -> list[_Post]:
    began = time.perf_counter() + 0.05
    tasks = []
    for number in range(round(load.rate * load.seconds / load.batch)):
        due = began + number * load.batch / load.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(_post(session, url, due, f"{name}-{number}", load.batch, secret)))
    return await asyncio.gather(*tasks)


async def _post(session: aiohttp.ClientSession, url: str, due: float, identity: str, batch: int, secret: str) -> _Post:
    body = orjson.dumps([_ticket(f"{identity}-{ordinal}", ordinal) for ordinal in range(batch)])
    headers = signing.headers("standardwebhooks", secret, identity, body, time.time_ns() // 1_000_000)
    sent = time.perf_counter()
    async with session.post(url, data=body, headers=headers) as answer:
        said = await answer.read()
    if answer.status != 202 or orjson.loads(said)["accepted"] != batch:
        raise RuntimeError(f"ingest answered {answer.status}: {said[:300]!r}")
    return _Post(due, sent, time.perf_counter())


def _ticket(identity: str, ordinal: int) -> dict[str, Any]:
    return {
        "type": "ticket.created",
        "id": identity,
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "ticket_id": f"t-{identity}",
        "customer_id": f"customer-{hash(identity) % 20_000}",
        "channel": _CHANNELS[ordinal % len(_CHANNELS)],
        "team": _TEAMS[ordinal % len(_TEAMS)],
        "priority": "normal",
    }


async def _listen(session: aiohttp.ClientSession, url: str, sightings: list[Sighting]) -> None:
    async with session.get(url, params=QUESTION, headers={"accept": "text/event-stream"}) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            at = time.perf_counter()
            if line.startswith(b"data:"):
                figures = orjson.loads(line[5:]).get("figures", ())
                sightings += [Sighting(at, figure["n"]) for figure in figures]


async def _until(sightings: list[Sighting], n: int, listener: asyncio.Task[None]) -> None:
    deadline = time.perf_counter() + _SEEN_SECONDS
    while not sightings or sightings[-1].n < n:
        if listener.done():
            raise RuntimeError("the stream ended") from listener.exception()
        if time.perf_counter() > deadline:
            raise RuntimeError(f"the stream tells n = {sightings[-1].n if sightings else 'nothing'}, {n} were posted")
        await asyncio.sleep(0.05)


def _cpu(processes: dict[str, psutil.Process]) -> dict[str, Cores]:
    return {name: _spent(process) for name, process in processes.items()}


def _spent(process: psutil.Process) -> Cores:
    times = process.cpu_times()
    lacked_ns = 0
    for file in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # a thread may end while we look
            lacked_ns += int(file.read_text().split()[1])
    return Cores(times.user + times.system, lacked_ns / 1e9)


if __name__ == "__main__":
    main()
