"""Histograms of durations: the bounds of their buckets, and how a tally of one names what it counts.

Every configured limit is a bound, so that the share within it is exact. A count is told by the bound it lies below, so a bound that
was added later takes nothing away from the others: read cumulatively the buckets never fall, in time or from bound to bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import inf

SUM = "sum"
_BUCKET = "le"
_BEYOND = f"{_BUCKET}inf"
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
CALLS_MS = tuple(s * _SECOND for s in (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800))
"""Bounds of what is measured in seconds: waits of calls, work on a contact."""
TICKETS_MS = (
    _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY,
)  # fmt: skip
"""Bounds of what takes minutes to days: replies, solutions, leads."""
QUEUE_MS = (
    20 * _SECOND,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    30 * _MINUTE,
    _HOUR,
    2 * _HOUR,
    4 * _HOUR,
    8 * _HOUR,
    _DAY,
    3 * _DAY,
    7 * _DAY,
)
"""Bounds of the ages of what waits now, calls and tickets alike."""


def bounds_ms(base: tuple[int, ...], *limits_ms: int) -> tuple[int, ...]:
    """The base bounds and the limits, ascending."""
    return tuple(sorted({*base, *(limit for limit in limits_ms if limit > 0)}))


def bound_above(value_ms: float, bounds: tuple[int, ...]) -> float:
    """The least bound that is not below a value, infinity when all are."""
    at = bisect_left(bounds, value_ms)
    return inf if at == len(bounds) else bounds[at]


def class_of(bound: float) -> str:
    """How a tally names what lies below a bound."""
    return _BEYOND if bound == inf else f"{_BUCKET}{bound:.0f}"


def bound_of(cls: str) -> float | None:
    """The bound in ms that a class names, None for a class that is no bucket."""
    if cls == _BEYOND:
        return inf
    return float(cls[len(_BUCKET) :]) if cls.startswith(_BUCKET) and cls[len(_BUCKET) :].isdigit() else None


def cumulated(counts: Mapping[float, float], bounds: Iterable[float]) -> list[tuple[float, float]]:
    """(bound, how many lie at or below it), ascending, with `bounds` and infinity in any case."""
    out, below = [], 0.0
    for bound in sorted({*counts, *bounds, inf}):
        below += counts.get(bound, 0)
        out.append((bound, below))
    return out
