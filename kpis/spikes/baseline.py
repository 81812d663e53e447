"""What is usual: the rate of a count at each hour of the week, learnt from eight weeks, and how far it may be off.

A rate is a gamma distribution: the prior is the product of an hour's and a weekday's share of the whole (or the parent's rate ×
this series' share of it), the data are the same hours of earlier weeks, later weeks weighing more. What is counted then has the
mean of that rate and a variance of three parts: chance, clustering (dispersion), and the rate's own uncertainty.
Laws: today is no part of its own baseline; hours of past spikes weigh less the more they stood out; with no history at all a
series expects its share of its parent's.
Sources: gamma-Poisson prediction; past outbreaks are down-weighted by their Anscombe residual as Farrington et al. (1996) and
Noufaily et al. (2013) do for outbreaks of disease.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WEEKS, WEEKDAYS, HOURS = 8, 7, 24
SHAPE = (WEEKS, WEEKDAYS, HOURS)
"""Of a history: [weeks ago, weekdays before today's (0 is today's own), hour of the local day]."""
LEAST_HOURS = 7 * 24
"""A week of history, so that every hour of the week was seen once; before, nothing is judged."""
WEEK_WEIGHT = 0.85
"""What a week weighs beside the one after it: the level follows a trend within some weeks."""
PRIOR_WEEKS = 2.0
"""How many weeks of an hour's own past weigh as much as the prior."""
_STANDS_OUT = 3.0
"""Anscombe residual from which an hour of the past weighs less."""
_ROUNDS = 5
_WEIGHTS = WEEK_WEIGHT ** np.arange(WEEKS, dtype=np.float64)[:, None, None]


class Rates(NamedTuple):
    """What is usual for one series, by [weekdays before today's, hour].

    `rate` counts an hour; `spread` is the variance of the rate; `dispersion` is how much more counts vary than by chance (1: not);
    `hours` is how many hours of history there are, and `counted` how much was counted in them.
    """

    rate: Floats
    spread: Floats
    dispersion: float
    hours: float
    counted: float = 0.0

    @property
    def enough(self) -> bool:
        """Whether there is enough history to judge by."""
        return self.hours >= LEAST_HOURS


def fit(counts: Floats, known: Floats, parent: Rates | None = None, share: float = 1.0) -> Rates:
    """The rates of a series from its history.

    `counts` and `known` (the share of each hour that was observed, 0–1) have the shape `SHAPE`. With a `parent` the prior is
    `share` of its rates.
    """
    trust = np.ones(SHAPE)
    for _ in range(_ROUNDS):
        weights = _WEIGHTS * known * trust
        prior = _profile(counts, weights) if parent is None else parent.rate * share
        seen = weights.sum(axis=0)
        rate = (PRIOR_WEEKS * prior + (weights * counts).sum(axis=0)) / (PRIOR_WEEKS + seen)
        rate = np.maximum(rate, 1e-9)
        dispersion = _dispersion(counts, rate, weights, seen)
        apart = 2 * (np.sqrt(counts + 0.375) - np.sqrt(rate + 0.375)) / np.sqrt(dispersion)
        trust = np.where(apart > _STANDS_OUT, (_STANDS_OUT / np.maximum(apart, _STANDS_OUT)) ** 2, 1.0)
    return Rates(rate, rate / (PRIOR_WEEKS + seen), dispersion, float(known.sum()), float((counts * known).sum()))


def expected(rates: Rates, hours: Floats) -> tuple[float, float]:
    """(mean, variance) of a count over a window that lies `hours` long in each hour of the week."""
    mean = float((rates.rate * hours).sum())
    unsure = float((rates.spread * hours * hours).sum())
    return mean, rates.dispersion * (mean + unsure)


def _profile(counts: Floats, weights: Floats) -> Floats:
    """Hour of the day × weekday: 31 numbers, known well where 168 are not."""
    hits, seen = (weights * counts).sum(axis=0), weights.sum(axis=0)
    mean = (hits.sum() + 0.5) / max(seen.sum(), 1.0)  # half a count, so that a series without any yet expects few, not none
    by_hour = (hits.sum(axis=0) + mean) / (seen.sum(axis=0) + 1)
    by_day = (hits.sum(axis=1) + mean * 2) / (seen.sum(axis=1) + 2)
    profile: Floats = by_hour[None, :] * by_day[:, None] / mean
    return profile


def _dispersion(counts: Floats, rate: Floats, weights: Floats, seen: Floats) -> float:
    """Pearson's χ² beside its degrees of freedom, never below 1: counts that vary less than by chance are chance."""
    freedom = (weights * (1 - np.minimum(_WEIGHTS / (PRIOR_WEEKS + seen), 0.9))).sum()
    if freedom < 24:
        return 1.0
    return max(1.0, float((weights * (counts - rate) ** 2 / rate).sum() / freedom))
