"""What is usual: the rate of a count at each hour of the week, learnt from eight weeks, and how far it may be off.

A rate is a gamma distribution: the prior is one mean, or the parent's rate × this series' share of it, each hour of the day and each
weekday by a factor; the data are the same hours of earlier weeks, later weeks weighing more. What is counted then has the mean of
that rate and a variance of three parts: chance, clustering (dispersion), and the rate's own uncertainty.
Laws: today is no part of its own baseline; hours of past spikes and of holidays weigh less the more they stood out; the
fewer or the clumpier the counts, the more the prior weighs; with no history at all a series expects its share of its parent's.
Sources: gamma-Poisson prediction; past outbreaks are down-weighted by how far they stood out as Farrington et al. (1996) and
Noufaily et al. (2013) do for outbreaks of disease.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kpis.spikes.tails import surprise

Floats = npt.NDArray[np.float64]

WEEKS, WEEKDAYS, HOURS = 8, 7, 24
SHAPE = (WEEKS, WEEKDAYS, HOURS)
"""Of a history: [weeks ago, weekdays before today's (0 is today's own), hour of the local day]."""
LEAST_HOURS = 7 * 24
"""A week of history, so that every hour of the week was seen once; before, nothing is judged."""
WEEK_WEIGHT = 0.85
"""What a week weighs beside the one after it: the level follows a trend within some weeks."""
_OWN_HOURS, _OWN_PLACE = 2.0, 4.0
"""How alike series are: the shape of the gamma distribution of an hour's or weekday's factor, and of an hour of the week's own."""
_PRIOR_WEEKS_MAX = 1000.0
_STANDS_OUT = 3.5
"""Anscombe residual below usual from which an hour of the past weighs less: a holiday, a door that was shut."""
_UNBELIEVABLE = 4.0
"""Surprise from which an hour of the past weighs less: a spike."""
_CLUSTERED, _PRIOR_COUNTS = 1.5, 30.0
"""What a series is believed to cluster by before anything is known of it, and the counts that weigh as much as that belief."""
_TURNS = 4
_LEAST_RATE = 1e-9
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
    counted: float

    @property
    def enough(self) -> bool:
        """Whether there is enough history to judge by."""
        return self.hours >= LEAST_HOURS


def fit(counts: Floats, known: Floats, parent: Rates | None = None, share: float = 1.0) -> Rates:
    """The rates of a series from its history.

    `counts` and `known` (the share of each hour that was observed, 0–1) have the shape `SHAPE`. With a `parent` the prior is
    `share` of its rates.
    """
    trust, dispersion = np.ones(SHAPE), _CLUSTERED if parent is None else parent.dispersion
    believed = dispersion
    for turn in range(_TURNS):
        weights = _WEIGHTS * known * trust
        prior, prior_weeks = _prior(counts, weights, parent, share, dispersion)
        others, chance = _by_others(counts, weights, prior, prior_weeks)
        dispersion = _dispersion((counts - others) ** 2, chance, weights, believed, turn == 0)
        trust = _trust(counts, others, dispersion * chance)
    weights = _WEIGHTS * known * trust
    prior, prior_weeks = _prior(counts, weights, parent, share, dispersion)
    seen = prior_weeks + weights.sum(axis=0)
    rate = (prior_weeks * prior + (weights * counts).sum(axis=0)) / seen
    return Rates(rate, rate / seen, dispersion, float(known.sum()), float((counts * known).sum()))


def expected(rates: Rates, hours: Floats) -> tuple[float, float]:
    """(mean, variance) of a count over a window that lies `hours` long in each hour of the week."""
    mean = float((rates.rate * hours).sum())
    unsure = float((rates.spread * hours * hours).sum())
    return mean, rates.dispersion * (mean + unsure)


def _prior(counts: Floats, weights: Floats, parent: Rates | None, share: float, dispersion: float) -> tuple[Floats, Floats]:
    """(rates, the weeks that they weigh) before an hour's own past is looked at: what is sparse or clumpy is believed less.

    The parent's rates × the share, or one mean, each hour of the day and each weekday by a factor: 31 numbers, known well where
    168 are not. A factor is a gamma distribution around 1, and so is an hour's own part.
    """
    hits, seen = (weights * counts).sum(axis=0), weights.sum(axis=0)
    mean = (hits.sum() + 0.5) / max(seen.sum(), 1.0)  # half a count, so that a series without any yet expects few, not none
    rate = np.maximum(np.full((WEEKDAYS, HOURS), mean) if parent is None else parent.rate * share, _LEAST_RATE)
    for axis in (0, 1):
        there, usual = hits.sum(axis=axis, keepdims=True) / dispersion, (seen * rate).sum(axis=axis, keepdims=True) / dispersion
        rate = rate * (_OWN_HOURS + there) / (_OWN_HOURS + usual)
    return rate, np.minimum(_OWN_PLACE * dispersion / rate, _PRIOR_WEEKS_MAX)


def _by_others(counts: Floats, weights: Floats, prior: Floats, prior_weeks: Floats) -> tuple[Floats, Floats]:
    """What each hour of the past is expected to count by the other weeks alone, and the variance of its distance from that by chance.

    An hour that helps to expect itself would hide how far it lies off: the fewer counts, the more.
    """
    seen = prior_weeks + weights.sum(axis=0) - weights
    others = np.maximum((prior_weeks * prior + (weights * counts).sum(axis=0) - weights * counts) / seen, _LEAST_RATE)
    unsure = ((weights**2).sum(axis=0) - weights**2) / seen**2
    return others, others * (1 + unsure)


def _dispersion(squares: Floats, chance: Floats, weights: Floats, prior: float, first: bool) -> float:
    """How much wider counts scatter than by chance, and one standard error more: to believe in too little wakes people for nothing.

    A ratio of sums, so that an hour weighs by what it counts. At `first` the wildest tenth of the days is left out: it may hold
    the spikes that would make themselves look usual. Never below 1: counts that vary less than by chance are chance.
    """
    by_day = np.stack([(weights * squares).sum(axis=2).ravel(), (weights * chance).sum(axis=2).ravel()])
    if first:
        ratio = by_day[0] / np.maximum(by_day[1], _LEAST_RATE)
        by_day = by_day[:, np.argsort(ratio, kind="stable")[: -(len(ratio) // 10)]]
    whole = by_day[1].sum() + _PRIOR_COUNTS
    ratio = (by_day[0].sum() + _PRIOR_COUNTS * prior) / whole
    error = np.sqrt(((by_day[0] - ratio * by_day[1]) ** 2).sum()) / whole
    return max(1.0, float(ratio + error))


def _trust(counts: Floats, usual: Floats, variance: Floats) -> Floats:
    """How much each hour of the past is believed: less the less chance explains that it was so high, or so low."""
    trust = np.ones(SHAPE)
    apart = 2 * (np.sqrt(counts + 0.375) - np.sqrt(usual + 0.375)) / np.sqrt(variance / usual)
    low = apart < -_STANDS_OUT
    trust[low] = (_STANDS_OUT / apart[low]) ** 4
    for at in zip(*np.nonzero((counts > usual + 3 * np.sqrt(variance)) & (counts >= 2)), strict=True):
        told = surprise(round(counts[at]), float(usual[at]), float(variance[at]))
        if told > _UNBELIEVABLE:
            trust[at] = (_UNBELIEVABLE / told) ** 4
    return trust
