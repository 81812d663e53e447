"""Ctrl-C and SIGTERM while things are being started: heard wherever they come, and never twice.

Laws: a signal ends what runs in KeyboardInterrupt, at the latest at the next `check`; in an event loop the work is cancelled
first, so that it can close what it opened; while things are being taken down a further signal changes nothing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType, TracebackType
from typing import Any, TypeVar

from cli.processes import Supervisor

T = TypeVar("T")
_LOOK_SECONDS = 0.2


class Ending:
    """`with Ending() as ending`: both signals are ours until the block is left; only for the main thread."""

    def __init__(self) -> None:
        self.asked = False
        self._raises = True
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Ending:
        # SIGINT too: a shell starts its background jobs with SIGINT ignored, and Python then leaves it so
        self._before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt when a signal came. One that arrives inside a hook of `fork` cannot raise there and is heard here."""
        if self.asked:
            raise KeyboardInterrupt

    def hush(self) -> None:
        """From now on signals are only noted: what is being taken down is taken down to the end."""
        self._raises = False

    def run(self, work: Coroutine[Any, Any, T], children: Supervisor | None = None) -> T:
        """Run this in an event loop until it is done or a signal comes; children that end are started again (or raise ChildFailed)."""
        before, self._raises = self._raises, False
        try:
            return asyncio.run(self._watched(work, children))
        finally:
            self._raises = before

    async def _watched(self, work: Coroutine[Any, Any, T], children: Supervisor | None) -> T:
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=_LOOK_SECONDS)
                self.check()
                if children is not None:
                    children.start_again()
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if self._raises:
            raise KeyboardInterrupt
