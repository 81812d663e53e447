"""What SQL has no function for: the bins of sketches, the Poisson interval and the ranks around a quantile, by plain sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, lgamma, log, sqrt

TAIL = 0.025
_DAY = 86_400_000
_STOPS = (
    5_000, 20_000, *(n * 60_000 for n in (2, 5, 10, 15, 30)), *(n * 3_600_000 for n in (1, 2, 4, 8)),
    *(n * _DAY for n in (*range(1, 31), 60, 90, 180, 365, 3650)),
)  # fmt: skip


@lru_cache(maxsize=1)
def bins_ms() -> tuple[int, ...]:
    """The upper bounds of the bins of a sketch: 2 % wide (1 ms at least), closed above, with a bound at every horizon; 0 is one."""
    found = [0, 1]
    for stop in _STOPS:
        while found[-1] != stop:
            found.append(min(stop, max(found[-1] + 1, found[-1] + found[-1] * 2 // 100)))
    return tuple(found)


@lru_cache(maxsize=50_000)
def poisson_low(k: int) -> float:
    """The mean at which k or more come in 2.5 % of cases."""
    return 0.0 if k == 0 else _bisected(lambda mean: 1 - _at_most(k - 1, mean) < TAIL, k)


@lru_cache(maxsize=50_000)
def poisson_high(k: int) -> float:
    """The mean at which k or fewer come in 2.5 % of cases."""
    return _bisected(lambda mean: _at_most(k, mean) > TAIL, k)


@lru_cache(maxsize=50_000)
def rank_below(n: int, q: float) -> int:
    """The greatest rank r (from 1; 0: none) whose order statistic lies above the q-quantile in at most 2.5 % of samples of n.

    That is the case when fewer than r of n fall below the quantile.
    """
    total, rank = 0.0, 0
    for below in range(n + 1):
        total += exp(lgamma(n + 1) - lgamma(below + 1) - lgamma(n - below + 1) + below * log(q) + (n - below) * log(1 - q))
        if total > TAIL:
            break
        rank = below + 1
    return rank


def _bisected(too_low: Callable[[float], bool], k: int) -> float:
    """The mean where a test that holds for small means ceases to hold."""
    low, high = 0.0, k + 10 * sqrt(k + 1) + 20
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return (low + high) / 2


def _at_most(k: int, mean: float) -> float:
    """P(X ≤ k) of a Poisson count: summed downwards from k, where the terms fall, until they no longer count."""
    if mean <= 0:
        return 1.0
    if mean < k:
        return 1 - _more_than(k, mean)
    term = exp(k * log(mean) - mean - lgamma(k + 1))
    total = 0.0
    for i in range(k, -1, -1):
        total += term
        term *= i / mean
        if term < total * 1e-18:
            break
    return total


def _more_than(k: int, mean: float) -> float:
    i = k + 1
    term = exp(i * log(mean) - mean - lgamma(i + 1))
    total = 0.0
    while term > total * 1e-18:
        total += term
        i += 1
        term *= mean / i
    return total
