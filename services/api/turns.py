"""Long answers take turns with all else that the loop of the service does, so that a question holds up no wall.

An answer that is made in steps is made in stretches of a few milliseconds, one stretch of all such answers together between two
rounds of the loop. What it tells is nevertheless of one moment: it is read from cells that stand still (`kpis.cells.Cells.still`).
Law: a question that takes no longer than one stretch, while no other is being answered, is answered at once.
"""

from __future__ import annotations

import asyncio
import time

from kpis.steps import Steps, T

STRETCH_SECONDS = 0.005
"""So long at a stretch; its last step may take a millisecond or two more, and what waits may have to wait for two of them."""


class Turns:
    """Who makes an answer in steps waits here for its turn."""

    def __init__(self, stretch_seconds: float = STRETCH_SECONDS) -> None:
        self._stretch_seconds = stretch_seconds
        self._turn = asyncio.Lock()

    async def finished(self, steps: Steps[T]) -> T:
        """What comes of all the steps. Raises what they raise."""
        while True:
            async with self._turn:  # first come, first served: several long answers progress side by side
                until = time.perf_counter() + self._stretch_seconds
                try:
                    next(steps)
                    while time.perf_counter() < until:
                        next(steps)
                except StopIteration as last:
                    result: T = last.value
                    return result
            await asyncio.sleep(0)
