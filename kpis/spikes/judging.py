"""Judging: what each watched series counts in each window beside what is usual, and which of them chance alone does not explain.

Laws: a series is unusual only with a count of at least 5 and twice the expected; of all that are looked at in one round the
share of false ones is held by Benjamini and Hochberg's rule, so that watching more series does not wake anybody more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log10
from typing import NamedTuple

from kpis.dimensions import Cut
from kpis.spikes.baseline import Rates, expected
from kpis.spikes.history import Grid, Recent, hours_of
from kpis.spikes.tails import surprise
from kpis.spikes.watch import Watch

ALARM = 4.0
"""−log10 of the chance from which a count is unusual, after the correction for how many were looked at."""
LEAST_COUNT = 5
LEAST_RATIO = 2.0
LEAST_KNOWN = 30
"""A series of which less was counted in its history is new: a channel that is said for the first time, or under another name, is no
spike unless the whole has grown by it."""


class Judged(NamedTuple):
    """One series in one window [start_ms, end_ms). `surprise` is −log10 of the chance of so much; `variance` is of the expected.

    A longest wait has no window (0); it is told in milliseconds.
    """

    watch: str
    series: int
    cut: Cut
    window_ms: int
    start_ms: int
    end_ms: int
    observed: float
    expected: float
    variance: float
    surprise: float

    @property
    def much(self) -> bool:
        """Whether it is much at all, whatever the chance."""
        return self.observed >= max(LEAST_COUNT, LEAST_RATIO * self.expected)


def judge(
    watch: Watch, recent: Recent, cuts: Sequence[Cut], rates: Sequence[Rates], hours: Grid, now_ms: int, since_ms: int = 0
) -> list[Judged]:
    """Every series in every window that ends now. Nothing before `since_ms` counts; a series with too little history is left out."""
    step = recent.step_ms
    end = now_ms + -now_ms % step
    out = []
    for window in watch.windows_ms:
        start = max(end - window, since_ms + -since_ms % step, recent.first_ms)
        if start >= end or not rates[0].enough:
            continue
        excess = 0.0
        lying = hours_of(hours, start, min(now_ms, end))
        for i, (cut, rate) in enumerate(zip(cuts, rates, strict=True)):
            mean, variance = expected(rate, lying)
            count = recent.between(i, start, end)
            told = surprise(count, mean, variance) if count > mean else 0.0
            if i == 0:
                excess = count - mean
            elif rate.counted < LEAST_KNOWN and excess < (count - mean) / 2:
                told = 0.0
            out.append(Judged(watch.id, i, cut, window, start, end, count, mean, variance, told))
    return out


def unusual(judged: Sequence[Judged]) -> list[tuple[Judged, float]]:
    """Those that chance does not explain, each with its surprise corrected for how many were looked at; the most surprising first.

    A series is looked at once: its windows lie in one another, and the strongest speaks for it.
    """
    best: dict[tuple[str, int], float] = {}
    for one in judged:
        best[one.watch, one.series] = max(best.get((one.watch, one.series), 0.0), one.surprise)
    ranked = sorted(best, key=lambda series: -best[series])
    m = len(ranked)
    less, strongest = {}, 0.0
    for i in range(m - 1, -1, -1):  # the adjusted chance of rank i is the least of p_j · m / j over all j ≥ i
        strongest = max(strongest, best[ranked[i]] - log10(m / (i + 1)))
        less[ranked[i]] = 0.0 if strongest == inf else best[ranked[i]] - strongest
    corrected = [(one, one.surprise - less[one.watch, one.series]) for one in judged if one.surprise > ALARM and one.much]
    return sorted(((one, value) for one, value in corrected if value > ALARM), key=lambda each: -each[1])
