"""How surprising the silence of a source is, beside how often it delivers at these hours of the week.

In a silence in which m deliveries were expected the chance of none is d^(−m / (d − 1)), where d is by how much more deliveries vary
than by chance (the negative binomial's chance of 0; for d = 1 the Poisson's e^−m).
Laws: a longer silence is never less surprising; at hours in which a source is always silent its silence says nothing; before every
hour of the silence was seen at least once nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, log10

from kpis.spikes.baseline import WEEK_WEIGHT
from kpis.window import HOUR
from schemas.rhythm import HOURS_A_WEEK, Rhythm

CLUSTERED = 4.0
"""How much deliveries vary while too little is known of it: they come in bunches, for senders retry and batch."""
_LEAST_SEEN = 0.9
_LEAST_FREEDOM = 24.0


def add_hour(rhythm: Rhythm, hour: int, deliveries: int) -> None:
    """Add an hour (counted from the epoch) in which ingest was up throughout; hours that were added before are left alone."""
    if hour <= rhythm.hour:
        return
    slot = hour % HOURS_A_WEEK
    for column, value in ((rhythm.seen, 1.0), (rhythm.sums, float(deliveries)), (rhythm.squares, float(deliveries) ** 2)):
        column[slot] = round(column[slot] * WEEK_WEIGHT + value, 3)
    rhythm.hour = hour


def expected(rhythms: Sequence[Rhythm], start_ms: int, end_ms: int) -> float | None:
    """How many deliveries of a source, by all its doors, are usual in [start, end); None where an hour of it was never seen."""
    if end_ms - start_ms > HOURS_A_WEEK * HOUR:  # a week of silence says all there is to say
        start_ms = end_ms - HOURS_A_WEEK * HOUR
    total = 0.0
    for hour in range(start_ms // HOUR, -(-end_ms // HOUR)):
        slot = hour % HOURS_A_WEEK
        known = [rhythm for rhythm in rhythms if rhythm.seen[slot] >= _LEAST_SEEN]
        if not known:
            return None
        lying = (min(end_ms, (hour + 1) * HOUR) - max(start_ms, hour * HOUR)) / HOUR
        total += lying * sum(rhythm.sums[slot] / rhythm.seen[slot] for rhythm in known)
    return total


def dispersion(rhythms: Sequence[Rhythm]) -> float:
    """By how much more than by chance the deliveries of an hour vary from week to week."""
    apart = freedom = 0.0
    for rhythm in rhythms:
        for seen, total, squares in zip(rhythm.seen, rhythm.sums, rhythm.squares, strict=True):
            if seen > 1.5 and total > 0:
                mean = total / seen
                apart += max(0.0, squares - total * mean) / mean
                freedom += seen - 1
    return max(CLUSTERED, apart / freedom) if freedom >= _LEAST_FREEDOM else CLUSTERED


def surprise(mean: float, clustered: float) -> float:
    """−log10 of the chance that nothing comes where `mean` is expected."""
    return mean / log(10) if clustered <= 1 else mean / (clustered - 1) * log10(clustered)
