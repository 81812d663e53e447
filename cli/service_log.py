"""How a service writes to the terminal: warnings and errors, one line each, the same one not more than once in 30 s.

The limit is for clients that lost their broker: they would say so several times a second for as long as it is away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

REPEAT_SECONDS = 30
_REMEMBERED = 500


class Seldom(logging.Filter):
    """Lets a message (by its logger and its template) through once in so many seconds; errors with a traceback always."""

    def __init__(self, seconds: float = REPEAT_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.exc_info:
            return True
        now, key = self._clock(), (record.name, str(record.msg))
        last = self._last.get(key)
        if last is not None and now - last < self._seconds:
            return False
        if len(self._last) >= _REMEMBERED:  # templates are few; a caller that formats its own messages must not grow this for ever
            self._last.clear()
        self._last[key] = now
        return True


def log_to_terminal() -> None:
    """Send warnings and errors of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(Seldom())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
