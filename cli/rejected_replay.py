"""Sends dead letters again through ingest's own translation and publisher, and says what became of each.

Laws: what is still rejected is told and never written to `rejected` again; an answer "accepted" is given after Kafka has
acknowledged; what sending again cannot change is left alone unless it is asked for by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from cli.rejected_advice import POISON
from cli.rejected_letters import Kept, Wanted
from schemas.rejections import Reason
from services.ingest.packer import Packed, Packer, Unavailable
from services.ingest.publisher import Publisher
from services.ingest.replay import FINAL, Replay

LISTED_MAX = 1_000
"""So many that are still rejected are told one by one; all of them are counted."""
INCOMPLETE = "incomplete"
_PENDING_BYTES = 8 * 1024 * 1024
_LEFT = {**{reason.value: why for reason, why in FINAL.items()}, Reason.POISON.value: POISON}

Put = Callable[[Sequence[Packed]], Awaitable[asyncio.Future[None]]]


class Outcome:
    """What became of the letters so far: `events` were accepted from `accepted` letters, `left` were not tried, by reason."""

    def __init__(self) -> None:
        self.letters = self.accepted = self.events = self.ignored = 0
        self.still: Counter[str] = Counter()
        self.listed: list[dict[str, Any]] = []
        self.left: Counter[str] = Counter()

    def as_dict(self) -> dict[str, Any]:
        """The whole outcome, for `--json`."""
        return {
            "letters": self.letters,
            "accepted_letters": self.accepted,
            "accepted_events": self.events,
            "ignored": self.ignored,
            "still_rejected": sum(self.still.values()),
            "reasons": dict(self.still.most_common()),
            "still": self.listed,
            "left": {reason: {"letters": count, "why": _LEFT[reason]} for reason, count in self.left.most_common()},
        }

    def refuse(self, kept: Kept, reason: str, detail: str, pointer: str = "") -> None:
        """One thing of a letter is still rejected."""
        self.still[reason] += 1
        if len(self.listed) < LISTED_MAX:
            told = {"id": kept.id, "source": kept.letter.source, "before": kept.letter.reason}
            self.listed.append({**told, "reason": reason, "where": pointer or None, "detail": detail})


def is_left(kept: Kept, wanted: Wanted) -> bool:
    """Whether a letter is not tried: sending it again cannot help, and nobody asked for this very one."""
    reason = kept.letter.reason
    if reason not in _LEFT or wanted.ids:
        return False
    return not (reason == Reason.POISON.value and reason in wanted.reasons)


async def send_again(
    found: AsyncIterator[Kept], wanted: Wanted, replay: Replay, put: Put | None, clock: Callable[[], int], outcome: Outcome
) -> None:
    """Judge each letter and publish what is usable by `put` (None: a dry run); `outcome` grows meanwhile. Raises Unavailable."""
    waiting: list[asyncio.Future[None]] = []
    waiting_bytes = 0
    async for kept in found:
        outcome.letters += 1
        if is_left(kept, wanted):
            outcome.left[kept.letter.reason] += 1
            continue
        if not kept.whole:
            outcome.refuse(kept, INCOMPLETE, "parts of its body are no longer kept: the sender must send it again")
            continue
        again = replay.judged(kept.letter, kept.body, clock())
        for still in again.still:
            outcome.refuse(kept, still.reason, still.detail, still.pointer)
        if again.into and put is not None:
            waiting.append(await put(again.into))
            waiting_bytes += sum(len(packed.encoded) for packed in again.into)
            if waiting_bytes >= _PENDING_BYTES:
                await asyncio.gather(*waiting)
                waiting, waiting_bytes = [], 0
        outcome.accepted += not again.still
        outcome.events += again.events
        outcome.ignored += again.ignored
    await asyncio.gather(*waiting)


class Publishing:
    """A packer over a publisher that is connected when there is something to publish; nothing is left open after the block."""

    def __init__(self, publisher: Publisher, linger_ms: int, wait_seconds: float) -> None:
        self._publisher = publisher
        self._packer = Packer(publisher.send, linger_ms=linger_ms)
        self._wait_seconds = wait_seconds
        self._connection: asyncio.Task[None] | None = None

    async def put(self, into: Sequence[Packed]) -> asyncio.Future[None]:
        """Take encoded events; the future resolves when Kafka has acknowledged all of them. Raises Unavailable."""
        if self._connection is None:
            self._connection = asyncio.create_task(self._publisher.run())
            await self._ready()
        return self._packer.put(into)

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                while self._publisher.why_not_ready() is not None:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise Unavailable(self._publisher.why_not_ready() or "no connection to Kafka") from None

    async def __aenter__(self) -> Publishing:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connection
