"""How fast the company of the demonstration goes: a thin month, eight hours of business, and then the pace of the moment; or days alike.

Law: the pace has no jump where the past meets the present, so that what began before goes on at the rate at which new things begin.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from cli.company import week

HISTORY_MS = 8 * 3_600_000
SAMPLE_MS = 30 * 86_400_000
"""How far back the first stories begin: cohorts need some that are old enough to be decided."""

SAMPLE_MESSAGES = 1_300
HISTORY_MESSAGES = 8_000
LIVE_PER_SECOND = 10.0
DAYS_MS = 9 * 86_400_000
"""Days alike: enough that every hour of the week is known, whatever part of the first and of the last of them is not."""

DAYS_MESSAGES = 50_000
_RISE_MS = 30 * 60_000
"""In the last of the eight hours the pace rises to the live one within about this time."""


def start_ms(now_ms: int) -> int:
    """When the first of the stories begins."""
    return now_ms - SAMPLE_MS


def rate(now_ms: int, *, speed: float = 1.0, size: float = 1.0) -> Callable[[int], float]:
    """Messages per second at an instant, for `deliveries`; `now_ms` is where live begins, whatever the hour.

    `speed` multiplies the live pace and the rise to it, `size` all that lies before now.
    """
    sample = SAMPLE_MESSAGES / (SAMPLE_MS / 1000)
    history = HISTORY_MESSAGES / (HISTORY_MS / 1000) / _mean_weight(now_ms - HISTORY_MS, now_ms)
    live = LIVE_PER_SECOND * speed / week.weight(now_ms)

    def at(at_ms: int) -> float:
        if at_ms >= now_ms:
            return live
        if at_ms < now_ms - HISTORY_MS:
            return size * sample
        return size * (history + max(0.0, live - history) * math.exp((at_ms - now_ms) / _RISE_MS))

    return at


def days_rate(now_ms: int, *, size: float = 1.0, ahead_ms: int = 0) -> float:
    """Messages per second in the mean of a week, past and present alike, with `DAYS_MESSAGES` × `size` in the `DAYS_MS` before now."""
    own_ms = now_ms + ahead_ms
    return size * DAYS_MESSAGES / (DAYS_MS / 1000) / _mean_weight(own_ms - DAYS_MS, own_ms, DAYS_MS // 3_600_000)


def _mean_weight(first_ms: int, last_ms: int, steps: int = 96) -> float:
    return sum(week.weight(first_ms + (last_ms - first_ms) * i / steps) for i in range(steps)) / steps
