"""The tails of the gamma and the binomial distribution at 2.5 %, which the intervals of `kpis.statistics` are cut from."""

from __future__ import annotations

from functools import lru_cache
from math import exp, floor, inf, lgamma, log, sqrt

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

TAIL = 0.025
"""What an interval of 95 % leaves out at each end."""

# Beyond, the normal approximation with its term of skewness is off by at most one rank.
_EXACT_RANKS = 200


def gamma_quantile(shape: int, *, upper: bool) -> float:
    """The 2.5 % or, `upper`, 97.5 % quantile of the gamma distribution of scale 1 and a positive integer shape."""
    z, probability = (Z, 1 - TAIL) if upper else (-Z, TAIL)
    # Cornish-Fisher expansion (Abramowitz & Stegun 26.2.51 for chi square): from a shape of 1000 on, the terms left out are < 1e-10 of it.
    root = sqrt(shape)
    expansion = (
        shape
        + root * z
        + (z**2 - 1) / 3
        + (z**3 - 7 * z) / (36 * root)
        - (3 * z**4 + 7 * z**2 - 16) / (810 * shape)
        + (9 * z**5 + 256 * z**3 - 433 * z) / (38880 * shape * root)
    )
    if shape >= 1000:
        return expansion
    low, high = 0.0, 2 * shape + 10.0
    x = expansion if low < expansion < high else float(shape)
    for _ in range(100):  # Newton's steps, kept inside a bracket that only shrinks; about five are needed
        density = exp((shape - 1) * log(x) - x - lgamma(shape))
        wrong = _gamma_below(shape, x) - probability
        low, high = (low, x) if wrong > 0 else (x, high)
        following = x - wrong / density if density > 0 else inf
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - x) <= 1e-13 * x:
            break
        x = following
    return following


def _gamma_below(shape: int, x: float) -> float:
    """The regularised lower incomplete gamma function, by its series of positive terms."""
    term = total = exp(shape * log(x) - x - lgamma(shape + 1))
    divisor = shape
    while term > total * 1e-17:
        divisor += 1
        term *= x / divisor
        total += term
    return total


@lru_cache(maxsize=8192)
def rank_below(n: int, q: float) -> int:
    """The greatest rank whose order statistic lies above the q-quantile with at most 2.5 %; 0 where there is none."""
    if n > _EXACT_RANKS:
        return floor(n * q + 0.5 - Z * sqrt(n * q * (1 - q)) + (1 - 2 * q) * (Z * Z - 1) / 6)
    below, rank = 0.0, 0
    while True:
        below += exp(lgamma(n + 1) - lgamma(rank + 1) - lgamma(n - rank + 1) + rank * log(q) + (n - rank) * log(1 - q))
        if below > TAIL or rank == n:
            return rank
        rank += 1
