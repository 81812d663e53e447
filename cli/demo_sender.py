"""Posts the company's deliveries to ingest, each signed at the time of its attempt.

Laws: nothing is lost (what Kafka or the network refuses for the moment is posted again, with the same id); an answer that says
"never" ends the demonstration with the reason, since here every body is our own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice

import aiohttp
import orjson

from cli.company import signing
from cli.company.deliveries import Delivery
from cli.company.world import Source

CONNECTIONS = 32
ARRAY_EVENTS = 200
_STRETCH = 4_000
"""So many deliveries are sorted into arrays at once: the past is posted roughly in its order."""

_PATIENCE_SECONDS = 60
Progress = Callable[[int], None]
"""Told how many more deliveries are done."""


class DeliveryRefused(RuntimeError):
    """Ingest will never take a delivery; the message holds its answer."""


class Sender:
    """Posts deliveries; `answers` counts what ingest said: accepted, ignored, rejected (canonical events)."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, secrets: Mapping[Source, str]) -> None:
        """Post to ingest at `base_url`, each source with its secret."""
        self.answers: Counter[str] = Counter()
        self._session = session
        self._base_url = base_url
        self._secrets = secrets

    async def post_past(self, deliveries: Sequence[Delivery], progress: Progress = lambda done: None) -> None:
        """Post what has happened, as fast as ingest takes it: arrays where the kind knows them, else one by one."""
        posts = _posts(deliveries)

        async def work() -> None:
            for post in posts:  # one iterator for all workers
                await self._post(post)
                progress(len(post))

        async with together() as workers:
            for _ in range(CONNECTIONS):
                workers.create_task(work())

    async def post_live(self, deliveries: Iterator[Delivery], progress: Progress = lambda done: None) -> None:
        """Post each delivery when its time has come; returns only when there are no more."""
        slots = asyncio.Semaphore(CONNECTIONS)

        async def post(delivery: Delivery) -> None:
            try:
                await self._post([delivery])
                progress(1)
            finally:
                slots.release()

        async with together() as posts:
            for delivery in deliveries:
                await asyncio.sleep(max(0.0, delivery.at_ms / 1000 - time.time()))
                await slots.acquire()
                posts.create_task(post(delivery))

    async def _post(self, deliveries: Sequence[Delivery]) -> None:
        first, many = deliveries[0], len(deliveries) > 1
        body = b"[" + b",".join(delivery.body for delivery in deliveries) + b"]" if many else first.body
        url = f"{self._base_url}/webhooks/{first.source}"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        wait_seconds = 0.1
        while True:
            headers = signing.headers(first.kind, self._secrets[first.source], first.id, body, time.time_ns() // 1_000_000, many=many)
            try:
                async with self._session.post(url, data=body, headers=headers) as response:
                    answer = await response.read()
                    if 200 <= response.status < 300:
                        self._count(answer)
                        return
                    if response.status not in (429, 503):
                        raise DeliveryRefused(f"{first.source}: ingest answered {response.status}: {_start(answer)}")
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                answer = str(error).encode()
            if time.monotonic() > deadline:
                raise DeliveryRefused(f"{first.source}: not taken within {_PATIENCE_SECONDS} s: {_start(answer)}")
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(2.0, wait_seconds * 2)

    def _count(self, answer: bytes) -> None:
        try:
            said = orjson.loads(answer)
        except orjson.JSONDecodeError:
            said = None
        if isinstance(said, dict):
            self.answers.update({name: said[name] for name in ("accepted", "ignored", "rejected") if isinstance(said.get(name), int)})


@asynccontextmanager
async def sender(base_url: str, secrets: Mapping[Source, str]) -> AsyncIterator[Sender]:
    """A sender with its connections, closed at the end."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Sender(session, base_url, secrets)


def _start(answer: bytes) -> str:
    return answer[:500].decode("utf-8", "replace")


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises what went wrong first, as itself: the others were only cancelled."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def _posts(deliveries: Iterable[Delivery]) -> Iterator[Sequence[Delivery]]:
    """Deliveries cut into what is posted at once, stretch by stretch. A repetition never shares an array with its first."""
    stream = iter(deliveries)
    while stretch := list(islice(stream, _STRETCH)):
        arrays: dict[tuple[Source, bool], list[Delivery]] = {}
        for delivery in stretch:
            if delivery.kind == "zendesk":
                yield [delivery]
                continue
            array = arrays.setdefault((delivery.source, delivery.repeated), [])
            array.append(delivery)
            if len(array) == ARRAY_EVENTS:
                yield arrays.pop((delivery.source, delivery.repeated))
        yield from arrays.values()
