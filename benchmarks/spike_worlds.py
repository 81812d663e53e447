"""Simulated weeks for `benchmarks.spikes`: counts that follow the week, cluster, grow, and had spikes and a holiday before.

Counts are negative binomial with one dispersion φ at every width of time and in every slice (clumps at an instant, within one
channel and team): the hardest kind of clustering, since a clump stands whole in the shortest window. φ = 1 is the Poisson.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

DAYS_BEFORE, DAYS_OF_MINUTES, TEST_DAYS = 56, 2, 7
DAY_MINUTES = 1440
CHANNELS = np.array([0.34, 0.22, 0.15, 0.1, 0.08, 0.05, 0.04, 0.02])
TEAMS = np.array([0.35, 0.25, 0.15, 0.12, 0.08, 0.05])
GROWTH_A_WEEK = 1.02
_OFFICE = [1.0, 1.15, 1.2, 1.1, 0.9, 1.0, 1.05, 1.0, 0.9, 0.7]


class World(NamedTuple):
    """What quiet looks like: `dispersion` φ, and by how much whole days differ (σ of the logarithm of a day's level)."""

    name: str
    dispersion: float
    days_differ: float = 0.0


WORLDS = (
    World("Poisson", 1.0),
    World("φ = 2", 2.0),
    World("φ = 4", 4.0),
    World("φ = 2, busy days", 2.0, 0.15),
)


class Weeks(NamedTuple):
    """One watched count by [channel, team]: by hour for nine weeks, and by minute from two days before the tested week to its end.

    `level` is what each minute truly expects, all channels and teams together.
    """

    by_hour: Longs
    by_minute: Longs
    level: Floats

    def history(self, day: int) -> Floats:
        """Counts by [series, week, weekday before, hour] as of a day of the tested week; series 0 is the total."""
        series = watched(self.by_hour)
        days = series.reshape(len(series), -1, 24)
        out = np.zeros((len(series), 8, 7, 24))
        for n in range(1, DAYS_BEFORE + 1):
            out[:, (n - 1) // 7, n % 7] = days[:, DAYS_BEFORE + day - n]
        return out


def watched(counts: Longs) -> Longs:
    """Counts by [channel, team, time] as the series that are watched, by [series, time]: the total, each channel, each team."""
    out: Longs = np.concatenate([counts.sum(axis=(0, 1))[None], counts.sum(axis=1), counts.sum(axis=0)])
    return out


def profile() -> Floats:
    """The week by hour, Monday first; office hours have a mean of 1."""
    day = np.full(24, 0.06)
    day[8:18] = _OFFICE
    day[[6, 7]] = 0.15, 0.5
    day[18:22] = 0.45, 0.3, 0.2, 0.1
    week = np.concatenate([np.tile(day, 5), day * 0.4, day * 0.25])
    office = np.concatenate([np.arange(d * 24 + 8, d * 24 + 18) for d in range(5)])
    return week / float(week[office].mean())


def draw(rng: np.random.Generator, mean: Floats, dispersion: float) -> Longs:
    """Counts of these means whose variance is φ times as large."""
    if dispersion > 1:
        mean = rng.gamma(mean / (dispersion - 1)) * (dispersion - 1)
    return rng.poisson(mean).astype(np.int64)


def simulate(rng: np.random.Generator, mean_15m: float, world: World) -> Weeks:
    """Nine weeks of one count with so many a quarter of an hour in office hours."""
    days = DAYS_BEFORE + TEST_DAYS
    level = np.tile(profile(), days // 7) * mean_15m * 4
    level *= GROWTH_A_WEEK ** ((np.arange(days * 24) - DAYS_BEFORE * 24) / 168)
    if world.days_differ:
        level *= np.repeat(rng.lognormal(-(world.days_differ**2) / 2, world.days_differ, days), 24)
    holiday = 7 * int(rng.integers(1, 8)) + int(rng.integers(0, 5))
    level[holiday * 24 : holiday * 24 + 24] *= 0.2
    cut = (DAYS_BEFORE - DAYS_OF_MINUTES) * 24
    places = (CHANNELS[:, None] * TEAMS)[:, :, None]
    old = draw(rng, places * level[:cut], world.dispersion)
    for hours, times in ((1, 20.0), (24, 5.0)):  # spikes of the past, in one channel each
        at = int(rng.integers(0, cut // 168)) * 168 + int(rng.integers(0, 5)) * 24 + (int(rng.integers(8, 17)) if hours == 1 else 0)
        channel = int(rng.integers(0, len(CHANNELS)))
        old[channel, :, at : at + hours] += draw(rng, (times - 1) * places[channel] * level[at : at + hours], world.dispersion)
    by_minute = np.repeat(level[cut:] / 60, 60)
    new = draw(rng, places * by_minute, world.dispersion)
    return Weeks(np.concatenate([old, new.reshape(*new.shape[:2], -1, 60).sum(axis=3)], axis=2), new, by_minute)


class Planted(NamedTuple):
    """An incident: its minutes of added counts by [channel, team, minute], and the slice that carries it, as (dimension, place)."""

    added: Longs
    slice: tuple[tuple[str, int], ...]


def plant(rng: np.random.Generator, level: Floats, times: float, dispersion: float) -> Planted:
    """Added counts that make the total `times` as many, in a channel, a team or a pair of both, by chance one of the three."""
    kind = int(rng.integers(0, 3))
    channel, team = int(rng.integers(0, len(CHANNELS))), int(rng.integers(0, len(TEAMS)))
    shares = np.zeros((len(CHANNELS), len(TEAMS)))
    if kind == 0:
        shares[channel] = TEAMS
        where: tuple[tuple[str, int], ...] = (("channel", channel),)
    elif kind == 1:
        shares[:, team] = CHANNELS
        where = (("team", team),)
    else:
        shares[channel, team] = 1.0
        where = (("channel", channel), ("team", team))
    return Planted(draw(rng, shares[:, :, None] * level * (times - 1), dispersion), where)
