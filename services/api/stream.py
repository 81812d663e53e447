"""Figures as they change, for any number of listeners, in memory that does not grow with them.

One *channel* for each distinct set of questions computes the figures once for all its listeners and numbers every change. A
listener is one integer, the last number it was told: what it still lacks is read from the channel when it can take more, so
that a slow one skips to the newest values and nothing is queued for it.

Laws: the first message is a snapshot of everything, or what changed since `Last-Event-ID`; a listener that reads ends up with
exactly the figures a fresh snapshot would show; computing takes at most a fifth of one core per channel and happens at
most five times a second. How many there are is bounded in `services.api.hub`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from kpis.query import Query
from schemas.canonical import rfc3339
from schemas.figures import Figure
from schemas.spikes import Spike
from services.api.boards.kept import revisions
from services.api.ports import Figures, Freshness
from services.controls import Control

LEAST_PAUSE_SECONDS = 0.2
SHARE_OF_A_CORE = 0.2
MOST_PAUSE_SECONDS = 2.0
"""Rolling windows lose what grows too old without any event, so that figures are computed again at least this often."""
MOST_SPIKES = 5
Questions = tuple[Query, ...]
_Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
_log = logging.getLogger(__name__)
_json = msgspec.json.Encoder()


class Message(Struct, frozen=True):
    """One message of a stream; `id` is what `Last-Event-ID` brings back."""

    event: str
    id: str
    data: str


class _Told(Struct):
    figure: Figure
    number: int


def beat(board: Figures) -> str:
    """The text of a heartbeat."""
    return _json.encode({"pulse": pulse(board.freshness(), board.now_ms())}).decode()


def pulse(fresh: Freshness, now_ms: int) -> dict[str, Any]:
    """The part of every message that says how current the board is."""
    return {
        "as_of": rfc3339(now_ms),
        "version": fresh.version,
        "ready": fresh.ready,
        "reason": fresh.reason,
        "last_event": _when(fresh.last_event_ms),
        "watermark": _when(fresh.watermark_ms),
        "applied_at": _when(fresh.applied_at_ms),
        "lag_seconds": fresh.lag_seconds,
        "sources": {name: rfc3339(at_ms) for name, at_ms in sorted(fresh.sources.items())},
        "boards": revisions(fresh.controls),
        "spikes": fresh.spikes[:MOST_SPIKES],
    }


class Channel:
    """The newest figures of one set of questions, and when each last changed."""

    def __init__(self, board: Figures, questions: Questions) -> None:
        self._board = board
        self._questions = questions
        self._name = secrets.token_hex(4)
        self._told: dict[_Key, _Told] = {}
        self._number = 0
        self._shape = 1  # the number of the last change that took figures away; who was told less needs a snapshot
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._texts: dict[int, Message] = {}
        self._controls: list[Control] = []
        self._spikes: list[Spike] = []
        self._over = False
        self.listeners = 0

    async def messages(self, last_id: str = "") -> AsyncGenerator[Message, None]:
        """What a listener is told, until the channel ends. `last_id` is the id of the last message it has."""
        self.listeners += 1
        try:
            if self._task is None:
                self._task = asyncio.create_task(self._follow(), name="stream")
            seen, first = self._since(last_id), True
            while True:
                changed = self._changed
                if self._number > seen or (first and self._number):
                    message = self.message(seen)
                    seen, first = self._number, False
                    yield message
                elif self._over:
                    return
                else:
                    await changed.wait()
        finally:
            self.listeners -= 1
            if not self.listeners:
                self.close()

    def close(self) -> None:
        """Ends the computing; listeners come to their end."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._end()

    @property
    def number(self) -> int:
        """The number of the newest change, 0 before the first reading."""
        return self._number

    @property
    def over(self) -> bool:
        """Whether this channel has ended and will tell nothing more."""
        return self._over

    def compute(self) -> bool:
        """Reads the board once; returns whether any figure, what is unusual, or any board's declaration changed. Raises Unanswerable."""
        figures = [figure for query in self._questions for figure in self._board.figures(query)]
        number = self._number + 1
        keys = set()
        fresh = self._board.freshness()
        controls = fresh.controls
        declared = controls is not self._controls and revisions(controls) != revisions(self._controls)
        changed = not self._number or declared or fresh.spikes != self._spikes
        self._controls, self._spikes = controls, fresh.spikes
        for figure in figures:
            key = _key(figure)
            keys.add(key)
            told = self._told.get(key)
            if told is None or not _same(told.figure, figure):
                self._told[key] = _Told(figure, number)
                changed = True
            else:
                told.figure = figure  # newer as_of and watermark, for the next snapshot
        if gone := self._told.keys() - keys:
            for key in gone:
                del self._told[key]
            self._shape, changed = number, True
        self._texts.clear()  # also when nothing changed: they say how current they are
        if changed:
            self._number = number
            self._wake()
        return changed

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                version = self._board.freshness().version
                started = loop.time()
                self.compute()
                cost = loop.time() - started
                await asyncio.sleep(max(LEAST_PAUSE_SECONDS, cost / SHARE_OF_A_CORE))
                with suppress(TimeoutError):
                    async with asyncio.timeout(MOST_PAUSE_SECONDS):
                        await self._board.changed(version)
        except Exception:  # the listeners come again and are told why; a channel that is silently dead would look alive
            _log.exception("a stream ended")
            self._end()

    def message(self, seen: int) -> Message:
        """What a listener that was last told number `seen` lacks: the changes since, or everything (0, or figures have gone)."""
        if (message := self._texts.get(seen)) is None:
            whole = seen < self._shape
            figures = [told.figure for told in self._told.values() if whole or told.number > seen]
            now_ms = self._board.now_ms()
            body = {"pulse": pulse(self._board.freshness(), now_ms), "figures": figures}
            text = _json.encode(body).decode()
            message = self._texts[seen] = Message("snapshot" if whole else "change", f"{self._name}-{self._number}", text)
        return message

    def _since(self, last_id: str) -> int:
        name, _, number = last_id.rpartition("-")
        known = name == self._name and number.isascii() and number.isdigit() and len(number) < 19 and int(number) <= self._number
        return int(number) if known else 0

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _end(self) -> None:
        self._over = True
        self._wake()


def _key(figure: Figure) -> _Key:
    return figure.kpi, figure.window, figure.anchor, figure.clock, tuple(sorted(figure.dims.items()))


def _same(a: Figure, b: Figure) -> bool:
    """Whether two figures say the same; the instants they were read at may differ."""
    return (
        a.value == b.value
        and a.n == b.n
        and a.numerator == b.numerator
        and a.denominator == b.denominator
        and a.ci_low == b.ci_low
        and a.ci_high == b.ci_high
        and a.quality == b.quality
        and a.reason == b.reason
        and a.revision == b.revision
        and a.parts == b.parts
        and a.items == b.items
    )


def _when(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
