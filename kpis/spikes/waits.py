"""How surprising the longest wait is, beside the waits of the last weeks.

Of N contacts that came since the longest waiter did, the chance that at least one waits so long is 1 − (1 − S(x))^N, where S is
the share of past waits longer than x. Beyond the longest twentieth of past waits S falls off with their mean excess
(exponentially): the history alone cannot tell how rare something is that was never seen.
Laws: a longer wait is never less surprising; more contacts make a long wait less surprising.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, expm1, inf, log, log1p, log10
from typing import NamedTuple

from kpis.sketch import representative_ms

_TAIL = 0.05
LEAST_WAITS = 200
"""Waits of the past without which nothing is judged: ten in the tail."""


class Waits(NamedTuple):
    """Past waits: how many, the bins ascending as (ms, count), where the longest twentieth begins and its mean excess, in ms."""

    n: int
    bins: list[tuple[float, int]]
    tail_ms: float
    excess_ms: float

    def longer(self, wait_ms: float) -> float:
        """The share of waits that are longer."""
        if wait_ms < self.tail_ms:
            return sum(count for at, count in self.bins if at > wait_ms) / self.n
        return _TAIL * exp(-(wait_ms - self.tail_ms) / self.excess_ms)

    def surprise(self, wait_ms: float, came: int) -> float:
        """−log10 of the chance that any of `came` contacts waits so long."""
        share = self.longer(wait_ms)
        if share >= 1:
            return 0.0
        if share <= 0:
            return inf
        at_least_one = -expm1(max(came, 1) * log1p(-share))
        return max(0.0, -log10(at_least_one)) if at_least_one > 0 else inf

    def usual_ms(self, came: int, chance: float) -> float:
        """The longest wait of `came` contacts that is passed with a chance: 0.5 is the usual longest."""
        share = -expm1(log1p(-chance) / max(came, 1))
        if share < _TAIL:
            return self.tail_ms - self.excess_ms * log(share / _TAIL)
        longer = self.n
        for at, count in self.bins:
            longer -= count
            if longer / self.n <= share:
                return at
        return self.tail_ms


def waits_of(bins: Mapping[int, int]) -> Waits | None:
    """The past waits of a sketch's bins; None while there are too few."""
    held = [(representative_ms(index), count) for index, count in sorted(bins.items()) if count > 0]
    n = sum(count for _, count in held)
    if n < LEAST_WAITS:
        return None
    longer, tail = n, held[-1][0]
    for at, count in held:
        longer -= count
        if longer <= _TAIL * n:
            tail = at
            break
    above = [(at, count) for at, count in held if at > tail]
    k = sum(count for _, count in above)
    excess = sum((at - tail) * count for at, count in above) / k if k else 0.0
    return Waits(n, held, tail, max(excess, 0.1 * tail, 1000.0))
