"""Decisions as the API keeps them: written to `controls`, and known here once they have come back from there.

Laws: one record of each id stands, however often it is changed; what `decide` returns is what every later question is answered
by; whoever asks waits a bounded time, whatever Kafka does.
"""

from __future__ import annotations

import asyncio
from typing import Any

from services import controls
from services.api.ports import Undecided
from services.controls import Control
from services.settings import Settings

DECIDE_SECONDS = 10.0


class KeptDecisions:
    """Every decision that stands, as `controls` was followed so far; `standing` is another list after each change."""

    def __init__(self, settings: Settings) -> None:
        self.standing: list[Control] = []
        self._settings = settings
        self._heeded = asyncio.Event()
        self._writing: set[asyncio.Task[Control]] = set()

    def heed(self, standing: list[Control]) -> None:
        """Takes over what stands now."""
        self.standing = standing
        heeded, self._heeded = self._heeded, asyncio.Event()
        heeded.set()

    async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
        """As `Decisions.decide`. It holds from the beginning, because what a board shows has no past. Raises Undecided."""
        writing = asyncio.create_task(controls.publish(self._settings, kind, id, value), name="decide")
        self._writing.add(writing)  # a client takes longer to give up than whoever asked wants to wait
        writing.add_done_callback(self._written)
        await asyncio.wait([writing], timeout=DECIDE_SECONDS)
        if not writing.done():
            raise Undecided(f"Kafka has not acknowledged it within {DECIDE_SECONDS:g} s")
        if (error := writing.exception()) is not None:
            raise Undecided(f"Kafka does not take it now ({type(error).__name__})") from error
        decided = writing.result()
        try:
            async with asyncio.timeout(DECIDE_SECONDS):
                while not any(c.key == decided.key and c.at_ms >= decided.at_ms for c in self.standing):
                    await self._heeded.wait()
        except TimeoutError:
            raise Undecided("Kafka has it, and does not give it back yet") from None
        return decided

    def _written(self, writing: asyncio.Task[Control]) -> None:
        self._writing.discard(writing)
        if not writing.cancelled():
            writing.exception()  # looked at: who asked may have gone
