"""The rules that `benchmarks.spikes` compares ours with, each over quarters of an hour that end at every minute.

All of them look at the total and at each channel of a count; they open at the second minute in a row and are over after three
calm ones, as ours are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.spike_worlds import Floats, Longs

Flags = npt.NDArray[np.bool_]
WINDOW = 15
CALM_MINUTES = 3
LEAST = 5


class Minutes(NamedTuple):
    """Counts by [series, minute], the first `lead` minutes of which are only looked back at, and the history of the day.

    `hours` is the hour of the day of each minute after the lead; `history` has the form of the detector's.
    """

    counts: Longs
    lead: int
    hours: Longs
    history: Floats


def _last(counts: Longs, lead: int, width: int, ago: int = 0) -> Longs:
    """Σ of the `width` minutes that end `ago` minutes before the end of each minute after the lead."""
    sums = np.concatenate([np.zeros((len(counts), 1), dtype=np.int64), np.cumsum(counts, axis=1)], axis=1)
    ends = np.arange(lead + 1, counts.shape[1] + 1) - ago
    out: Longs = sums[:, ends] - sums[:, ends - width]
    return out


def fixed(given: Minutes) -> Flags:
    """Twice what the busiest hour of the week usually brings, and at least five: a threshold set by somebody who looked."""
    busiest = given.history.mean(axis=1).max(axis=(1, 2)) / 4
    out: Flags = _last(given.counts, given.lead, WINDOW) >= np.maximum(2 * busiest, LEAST)[:, None]
    return out


def z_score(given: Minutes) -> Flags:
    """More than 3.5 standard deviations above the same hour of the last eight weeks, and at least five."""
    same = given.history[:, :, 0, :] / 4
    mean, deviation = same.mean(axis=1)[:, given.hours], (same.std(axis=1, ddof=1) * 2)[:, given.hours]
    now = _last(given.counts, given.lead, WINDOW)
    out: Flags = (deviation > 0) & (now > mean + 3.5 * deviation) & (now >= LEAST)
    return out


def anscombe(given: Minutes) -> Flags:
    """2 (√(x + 3/8) − √(µ + 3/8)) > 3.5 and at least five, where µ is the mean of the 23 hours that ended an hour ago."""
    now = _last(given.counts, given.lead, WINDOW)
    usual = _last(given.counts, given.lead, 23 * 60, 60) / (23 * 60 / WINDOW)
    out: Flags = (2 * (np.sqrt(now + 0.375) - np.sqrt(usual + 0.375)) > 3.5) & (now >= LEAST)
    return out


def band(given: Minutes) -> Flags:
    """Above mean + 2σ of the last 26 hours, and half as much again as the mean: the band of the common anomaly rules."""
    now = _last(given.counts, given.lead, WINDOW)
    quarters = np.stack([_last(given.counts, given.lead, WINDOW, WINDOW * i) for i in range(104)])
    mean, deviation = quarters.mean(axis=0), quarters.std(axis=0)
    out: Flags = now > np.maximum(mean + 2 * deviation, 1.5 * mean)
    return out


RULES: dict[str, Callable[[Minutes], Flags]] = {"fixed": fixed, "z-score": z_score, "Anscombe": anscombe, "±2σ band": band}


def openings(flags: Flags) -> list[int]:
    """The minutes at which an incident opens: one for all series, until three minutes of calm."""
    some: Flags = np.logical_or.reduce(flags, axis=0)
    found, open_, run, calm = [], False, 0, 0
    for minute in np.flatnonzero(some | np.roll(some, 1) | np.roll(some, 2) | np.roll(some, 3)).tolist():
        if some[minute]:
            run, calm = run + 1, 0
            if run >= 2 and not open_:
                open_ = True
                found.append(minute)
        else:
            run, calm = 0, calm + 1
            if calm >= CALM_MINUTES:
                open_ = False
    return found
