"""How surprising a count is: the exact upper tail of the Poisson distribution, or of the negative binomial where counts cluster.

Laws: more is never less surprising; the surprise of 0 is 0; variance at or below the mean is the Poisson; tails far below what
a float can hold (1e-300) still come out, because they are summed from their first term on.
Source: the negative binomial by its mean and variance, P(X = k) = C(k+r-1, k) (r/(r+m))^r (m/(r+m))^k with r = m²/(v-m).
"""

from __future__ import annotations

from math import exp, inf, lgamma, log, log1p

_LN10 = log(10)
_CLUSTERED = 1e-9
"""Variance above the mean by less than this share of it is the Poisson's: the negative binomial's terms would lose their digits."""
_NOTHING = 1e-15


def surprise(count: int, mean: float, variance: float) -> float:
    """−log10 P(X ≥ count): 4 is one chance in ten thousand. `mean` 0 makes any count infinitely surprising.

    Raises:
        ValueError: mean or variance is negative.
    """
    if mean < 0 or variance < 0:
        raise ValueError(f"a mean of {mean} and a variance of {variance} are none of a count")
    if count <= 0:
        return 0.0
    if mean == 0:
        return inf
    size = _size(mean, variance)
    if count <= mean:
        below = exp(_log_term(count - 1, mean, size)) * _sum_down(count - 1, mean, size)
        return max(0.0, -log1p(-min(below, 1 - _NOTHING)) / _LN10)
    return max(0.0, -(_log_term(count, mean, size) + log(_sum_up(count, mean, size))) / _LN10)


def usual(mean: float, variance: float, share: float = 0.95) -> tuple[int, int]:
    """The counts between which `share` of all windows lie: (least, greatest), both included."""
    if mean <= 0:
        return 0, 0
    size = _size(mean, variance)
    outside = (1 - share) / 2
    k = max(0, round(mean - 12 * max(variance, mean) ** 0.5))  # what lies below weighs less than 1e-12
    total, term, low = 0.0, exp(_log_term(k, mean, size)), None
    while True:
        total += term
        if low is None and total > outside:
            low = k
        if total >= 1 - outside or (low is not None and term < _NOTHING):
            return (k if low is None else low), k
        term *= _ratio(k, mean, size)
        k += 1


def _size(mean: float, variance: float) -> float:
    """The r of the negative binomial, infinite for the Poisson."""
    return mean * mean / (variance - mean) if variance > mean * (1 + _CLUSTERED) else inf


def _log_term(k: int, mean: float, size: float) -> float:
    if size == inf:
        return k * log(mean) - mean - lgamma(k + 1)
    return lgamma(k + size) - lgamma(size) - lgamma(k + 1) - size * log1p(mean / size) - k * log1p(size / mean)


def _ratio(k: int, mean: float, size: float) -> float:
    """P(k + 1) / P(k)."""
    return mean / (k + 1) if size == inf else (k + size) / (k + 1) * mean / (size + mean)


def _sum_up(k: int, mean: float, size: float) -> float:
    """Σ P(j) / P(k) over j ≥ k; k lies above the mean, so that the terms fall."""
    total = term = 1.0
    while True:
        ratio = _ratio(k, mean, size)
        term *= ratio
        total += term
        k += 1
        if term < total * _NOTHING * (1 - min(ratio, 0.999_999)):
            return total


def _sum_down(k: int, mean: float, size: float) -> float:
    """Σ P(j) / P(k) over j ≤ k; k lies below the mean, so that the terms fall."""
    total = term = 1.0
    while k > 0 and term > total * _NOTHING:
        term /= _ratio(k - 1, mean, size)
        total += term
        k -= 1
    return total
