"""Whether and when a service that ended by itself is started again.

Laws: a configuration that cannot be used (exit 2) and an end before the first readiness are final, for they would only happen
again; what was killed, gave up for the moment (exit 75) or was asked to end by somebody else is started again. The pause doubles
from `FIRST_SECONDS` to `LAST_SECONDS` while a service keeps ending, so that there are at most ten starts in a minute, and begins anew
once it has run for `STEADY_SECONDS`.
"""

from __future__ import annotations

import signal
from collections import Counter

FIRST_SECONDS = 0.5
LAST_SECONDS = 10.0
STEADY_SECONDS = 60.0
CONFIGURATION = 2
"""Exit code of our commands when the configuration cannot be used."""
FOR_NOW = 75
"""Exit code of a service that gives up for the moment (EX_TEMPFAIL): a lost shard of the aggregator, say."""


class Restarts:
    """Remembers how often each service ended in a row."""

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    def pause(self, name: str, code: int, ran_seconds: float, *, was_ready: bool) -> float | None:
        """Seconds until the service of that name is started again, None when it is not. A negative `code` is a signal's number."""
        if code == CONFIGURATION or (code > 0 and code != FOR_NOW and not was_ready):
            return None
        if ran_seconds >= STEADY_SECONDS:
            self._in_a_row[name] = 0
        before = self._in_a_row[name]
        self._in_a_row[name] += 1
        return min(LAST_SECONDS, FIRST_SECONDS * 2.0 ** min(before, 10))


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended by itself with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
