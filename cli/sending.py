"""Posts batches of events to ingest until each has its final answer.

Laws: a batch is posted again only when its answer says "later" (429, 503, any other 5xx) or there was none, with the same
`webhook-id` and a new timestamp; waiting grows politely and obeys Retry-After; when nothing at all has been answered for
the patience, it gives up and says so; what has its final answer is noted at once, so that a sending that was broken off goes on there.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import orjson

from cli.batches import Batch, signed_headers

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_REQUEST_SECONDS = 60
_WORST_PAUSE_SECONDS = 60.0


class GaveUp(RuntimeError):
    """The sending ended before all was answered; the message says why and what to do."""


class Tally:
    """What ingest has said so far; counts are events, answer times are seconds a request."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sent = self.accepted = self.ignored = self.refused = self.retries = 0
        self.reasons: Counter[str] = Counter()
        self.answer_seconds = array("d")
        self.waiting: str | None = None

    def quantile(self, share: float) -> float | None:
        """The answer time in seconds that this share of requests did not exceed; None before the first answer."""
        times = sorted(self.answer_seconds)
        return times[min(len(times) - 1, int(share * len(times)))] if times else None

    def as_dict(self, elapsed_seconds: float) -> dict[str, Any]:
        """The whole tally, for `--json`."""
        p50, p99 = self.quantile(0.5), self.quantile(0.99)
        return {
            "sent": self.sent,
            "accepted": self.accepted,
            "ignored": self.ignored,
            "refused": self.refused,
            "reasons": dict(self.reasons.most_common()),
            "retries": self.retries,
            "seconds": round(elapsed_seconds, 3),
            "events_per_second": round(self.sent / elapsed_seconds, 1) if elapsed_seconds else None,
            "answer_p50_seconds": None if p50 is None else round(p50, 4),
            "answer_p99_seconds": None if p99 is None else round(p99, 4),
        }


class Sender:
    """Posts batches to one address (`/webhooks/{source}`), signed with `key`, or unsigned when the path holds a token."""

    def __init__(
        self,
        url: str,
        key: bytes | None,
        *,
        connections: int = 8,
        patience_seconds: float = 120,
        clock: Callable[[], float] = time.time,
        answered: Callable[[Batch, int], None] = lambda batch, refused: None,
    ) -> None:
        """`clock` gives the seconds since 1970 that are signed; `answered` is told of each batch, and how many of it were refused."""
        self.tally = Tally()
        self._url = url
        self._key = key
        self._connections = connections
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._answered = answered
        self._heard = 0.0

    async def send(self, batches: Iterator[Batch], rate_per_second: float | None = None) -> Tally:
        """Post them all. `rate_per_second` counts events; None is as fast as ingest answers.

        Raises GaveUp, and what reading the batches raises.
        """
        self._heard = time.monotonic()
        began, planned = time.monotonic(), 0
        queue: asyncio.Queue[Batch | None] = asyncio.Queue(maxsize=self._connections)

        async def read() -> None:
            nonlocal planned
            for batch in batches:
                if rate_per_second is not None:
                    await asyncio.sleep(began + planned / rate_per_second - time.monotonic())
                planned += len(batch.lines)
                await queue.put(batch)
            for _ in range(self._connections):
                await queue.put(None)

        async def work(session: aiohttp.ClientSession) -> None:
            while (batch := await queue.get()) is not None:
                await self._post(session, batch)

        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._connections), timeout=timeout) as session:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(read())
                    for _ in range(self._connections):
                        tasks.create_task(work(session))
            except* (GaveUp, OSError, EOFError) as several:  # of the lines, too: a broken .gz, a file that vanished
                raise several.exceptions[0] from None
        return self.tally

    async def _post(self, session: aiohttp.ClientSession, batch: Batch) -> None:
        content_type, body = batch.body()
        message_id, pause_seconds = f"send_{uuid.uuid4().hex}", _FIRST_PAUSE_SECONDS
        while True:
            headers = {"content-type": content_type}
            if self._key is not None:
                headers |= signed_headers(self._key, message_id, int(self._clock()), body)
            began = time.monotonic()
            try:
                async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                    status, said, retry_after = answer.status, await answer.read(), answer.headers.get("Retry-After", "")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                status, why, wait_seconds = 0, f"no answer ({type(error).__name__})", pause_seconds
            else:
                self.tally.answer_seconds.append(time.monotonic() - began)
                why = f"answer {status}"
                wait_seconds = min(float(retry_after), _WORST_PAUSE_SECONDS) if retry_after.isdigit() else pause_seconds
                if status != 429 and status < 500:
                    self._heard, self.tally.waiting = time.monotonic(), None
                    await self._settle(session, batch, status, said)
                    return
            self._keep_patience(why)
            self.tally.retries += 1
            self.tally.waiting = why
            await asyncio.sleep(wait_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _settle(self, session: aiohttp.ClientSession, batch: Batch, status: int, said: bytes) -> None:
        if status == 413 and len(batch.lines) > 1:
            for half in batch.halves():
                await self._post(session, half)
            return
        answer = _json(said)
        if status in (401, 403, 404, 405, 415):
            detail = answer.get("detail", said[:200].decode("utf-8", "replace"))
            raise GaveUp(f"ingest at {self._url} answers {status}: {detail}")
        count = len(batch.lines)
        self.tally.sent += count
        if status == 202:
            refused = int(answer.get("rejected", 0))
            self.tally.accepted += int(answer.get("accepted", 0))
            self.tally.ignored += int(answer.get("ignored", 0))
        else:
            refused = count
        self.tally.refused += refused
        self._answered(batch, refused)
        self._note_reasons(answer, refused, status)

    def _note_reasons(self, answer: dict[str, Any], refused: int, status: int) -> None:
        listed = [str(item.get("reason", "?")).partition(":")[0] for item in answer.get("errors", ()) if isinstance(item, dict)][:refused]
        self.tally.reasons.update(listed)
        if unlisted := refused - len(listed):
            self.tally.reasons["not listed" if listed or status == 202 else str(answer.get("detail", f"answer {status}"))] += unlisted

    def _keep_patience(self, why: str) -> None:
        waited = time.monotonic() - self._heard
        if waited > self._patience_seconds:
            raise GaveUp(f"ingest at {self._url}: {why} for {waited:.0f} s; what was accepted is safe, send the file again to go on")


def _json(said: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(said)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
