"""The load: the simulated company's systems post to ingest over HTTP until each delivery is answered 2xx.

Laws: what was not acknowledged is posted again with the same id, so a delivery whose answer was lost is repeated; a delivery that
ingest will never take fails the run, since every body is our own. `acknowledged` holds what a sender may rely on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import islice

import aiohttp

from cli.company import pace, signing
from cli.company.deliveries import Delivery, Kind, deliveries
from cli.company.world import Source

NOW_MS = 1_767_609_000_000
"""2026-01-05T10:30Z, a Monday morning: the instant around which the company's stories are told, the same in every run."""
IMPATIENT_SECONDS = 5.0
"""A sender that hears nothing for so long posts again, as most do."""
GIVE_UP_SECONDS = 120.0
_CONNECTIONS = 16
_LEAST_TOGETHER, _MOST_TOGETHER = 25, 500
"""So many deliveries are read at once, more at a higher rate; those of one source that knows arrays travel in one request."""


class Refused(RuntimeError):
    """Ingest answered that it will never take a delivery, or took nothing for too long."""


def company(seed: int, begin_days: int = 2) -> Iterator[Delivery]:
    """An endless tape of deliveries: some days of history, densely, and on from there."""
    return deliveries(seed, NOW_MS - begin_days * 86_400_000, float("inf"), pace.rate(NOW_MS, speed=2.0))


class Load:
    """Posts a tape at a rate (deliveries a second), until it is told to end."""

    def __init__(self, base_url: str, secrets: Mapping[Source, str], tape: Iterator[Delivery], per_second: float) -> None:
        self.acknowledged: list[tuple[Source, str]] = []
        self.posted_again = 0
        self.per_second = per_second
        self._together = max(_LEAST_TOGETHER, min(_MOST_TOGETHER, int(per_second / 10)))
        self._base_url = base_url
        self._secrets = secrets
        self._tape = tape
        self._ending = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._unanswered = 0
        self._reading = 0

    def end(self) -> None:
        """Post nothing new; `run` returns when all is acknowledged."""
        self._ending = True
        self._flowing.set()

    def pause(self) -> None:
        """Post nothing new for now."""
        self._flowing.clear()

    def resume(self) -> None:
        """Go on posting."""
        self._flowing.set()

    async def reached(self, deliveries_acknowledged: int) -> None:
        """Return once so many deliveries are acknowledged."""
        while len(self.acknowledged) < deliveries_acknowledged:
            await asyncio.sleep(0.02)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way (after `pause`)."""
        return self._unanswered == 0 and self._reading == 0

    async def run(self) -> None:
        """Post until told to end. Raises Refused."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=IMPATIENT_SECONDS)
        waiting: asyncio.Queue[list[Delivery] | None] = asyncio.Queue(maxsize=4)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(waiting))
                    for _ in range(_CONNECTIONS):
                        tasks.create_task(self._work(session, waiting))
            except* Refused as several:
                raise several.exceptions[0] from None

    async def _read(self, waiting: asyncio.Queue[list[Delivery] | None]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._ending:
            if not self._flowing.is_set():
                await self._flowing.wait()
                due = loop.time()
                continue
            self._reading = 1
            together: dict[tuple[Source, bool], list[Delivery]] = {}
            for delivery in islice(self._tape, self._together):
                if delivery.kind == "zendesk":
                    await self._hand_over(waiting, [delivery])
                else:  # a repetition never shares an array with its first
                    together.setdefault((delivery.source, delivery.repeated), []).append(delivery)
            for array in together.values():
                await self._hand_over(waiting, array)
            self._reading = 0
            due = max(due + self._together / self.per_second, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))
        for _ in range(_CONNECTIONS):
            await waiting.put(None)

    async def _hand_over(self, waiting: asyncio.Queue[list[Delivery] | None], posted: list[Delivery]) -> None:
        self._unanswered += 1
        await waiting.put(posted)

    async def _work(self, session: aiohttp.ClientSession, waiting: asyncio.Queue[list[Delivery] | None]) -> None:
        while (posted := await waiting.get()) is not None:
            await self._post(session, posted)
            self.acknowledged += [(delivery.source, delivery.id) for delivery in posted]
            self._unanswered -= 1

    async def _post(self, session: aiohttp.ClientSession, posted: list[Delivery]) -> None:
        first, many = posted[0], len(posted) > 1
        body = b"[" + b",".join(delivery.body for delivery in posted) + b"]" if many else first.body
        url = f"{self._base_url}/webhooks/{first.source}"
        tries = await post(session, url, first.kind, self._secrets[first.source], first.id, body, many=many)
        self.posted_again += tries - 1


async def post(session: aiohttp.ClientSession, url: str, kind: Kind, secret: str, message_id: str, body: bytes, *, many: bool) -> int:
    """Post one body until it is answered 2xx; how many times it was posted. Raises Refused."""
    began, wait_seconds, tries = time.monotonic(), 0.1, 0
    while True:
        tries += 1
        headers = signing.headers(kind, secret, message_id, body, time.time_ns() // 1_000_000, many=many)
        try:
            async with session.post(url, data=body, headers=headers) as response:
                said = await response.read()
                if 200 <= response.status < 300:
                    return tries
                if response.status not in (429, 503):
                    raise Refused(f"{url}: ingest answered {response.status}: {said[:300].decode('utf-8', 'replace')}")
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # nobody there, or no answer in time: it may have been taken or not
        if time.monotonic() - began > GIVE_UP_SECONDS:
            raise Refused(f"{url}: not taken within {GIVE_UP_SECONDS:g} s")
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(1.0, wait_seconds * 2)
