"""The shape of a week: when people write and call, and the instants at which something new begins.

Laws: the weights of a whole week have mean 1, so a rate stays what it says; arrivals rise strictly in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random

Rate = float | Callable[[int], float]
"""Something per second: a number, or a function of the instant in ms."""

_HOURS = (4, 3, 2, 2, 3, 7, 18, 42, 78, 100, 108, 102, 84, 90, 104, 100, 88, 70, 52, 42, 34, 24, 14, 8)
_DAYS = (116, 108, 104, 100, 98, 44, 32)
_MEAN = sum(_HOURS) / 24 * sum(_DAYS) / 7
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday, the fourth day of a week that begins on Monday."""

_STEP_MS = 60_000
"""A rate holds for this long: short against the hours over which it changes, long against the gaps between arrivals."""


def weight(at_ms: float) -> float:
    """How busy this instant is against the mean of the week: about 0.02 on a Sunday night, 2.5 on a Monday morning (UTC)."""
    day = int(at_ms // _DAY_MS)
    hour, past = divmod(at_ms % _DAY_MS / _HOUR_MS, 1)
    first, second = _HOURS[int(hour)], _HOURS[(int(hour) + 1) % 24]
    return (first + (second - first) * past) * _DAYS[(day + _EPOCH_WEEKDAY) % 7] / _MEAN


def slowness(at_ms: float) -> float:
    """What every wait is multiplied by: few people at work make the night slow, the crowd makes the peak slow."""
    busy = weight(at_ms)
    return min(1.6, 1 / math.sqrt(busy)) if busy < 1 else 1 + (busy - 1) * 0.3


def arrivals(rng: Random, start_ms: int, end_ms: float, per_second: Callable[[int], float]) -> Iterator[int]:
    """Instants in [start_ms, end_ms) of a Poisson process whose rate at an instant is `per_second`; `end_ms` may be infinite."""
    at = float(start_ms)
    wait = rng.expovariate(1.0)
    while at < end_ms:
        edge = min((at // _STEP_MS + 1) * _STEP_MS, end_ms)
        rate = per_second(int(at)) / 1000
        if rate * (edge - at) > wait:
            at += wait / rate
            wait = rng.expovariate(1.0)
            yield int(at)
        else:
            wait -= rate * (edge - at)
            at = edge
