"""Histograms of `/metrics`: how long things took, and how long whoever waits now has waited.

Laws: one label beside the bound, the channel; a family shows at most `MOST_CHANNELS` of them, the busiest, and says how many it lacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import inf

from kpis import histograms
from kpis.tallies import BASES
from services.api.exposition import Family
from services.api.ports import Counted, Durations

MOST_CHANNELS = 60
QUEUE = "deskpulse_queue_age_seconds"


def families(counted: Counted, titles: Mapping[str, str], now_ms: int) -> tuple[list[Family], dict[str, int]]:
    """Every histogram, and how many channels each lacks; `titles` are those of the KPIs by id."""
    by_kpi: dict[str, list[Durations]] = {}
    for one in counted.durations:
        by_kpi.setdefault(one.kpi, []).append(one)
    out = [_of_durations(kpi, titles.get(kpi, kpi), some) for kpi, some in by_kpi.items()]
    lacking = {f"deskpulse_{kpi}_seconds": max(0, len(some) - MOST_CHANNELS) for kpi, some in by_kpi.items()}
    lacking[QUEUE] = max(0, len(counted.waiting) - MOST_CHANNELS)
    return [*out, *_of_queue(counted, now_ms)], {name: n for name, n in lacking.items() if n}


def _of_durations(kpi: str, title: str, found: list[Durations]) -> Family:
    family = Family(
        name=f"deskpulse_{kpi}_seconds",
        kind="histogram",
        unit="seconds",
        help=f"{title}, counted as it happens; every configured limit is a bound. Corrections do not lower it.",
    )
    bounds = tuple(sorted({*BASES[kpi], *(bound for one in found for bound in one.counts)}))
    busiest = sorted(found, key=lambda one: (-sum(one.counts.values()), one.channel))[:MOST_CHANNELS]
    for one in sorted(busiest, key=lambda one: one.channel):
        _add(family, histograms.cumulated(one.counts, bounds), one.sum_ms, one.channel, ("_count", "_sum"))
    return family


def _of_queue(counted: Counted, now_ms: int) -> list[Family]:
    ages = Family(
        name=QUEUE,
        kind="gaugehistogram",
        unit="seconds",
        help="How long whoever waits now has waited: tickets with an unanswered message, and queued calls.",
    )
    oldest = Family(
        name="deskpulse_queue_oldest_timestamp_seconds", kind="gauge", unit="seconds", help="Since when whoever waits longest has waited."
    )
    bounds = histograms.bounds_ms(histograms.QUEUE_MS, *counted.limits_ms)
    busiest = sorted(counted.waiting, key=lambda each: (-sum(n for _, n in each[1]), each[0]))[:MOST_CHANNELS]
    for channel, starts in sorted(busiest):
        counts: Counter[float] = Counter()
        for since, n in starts:
            counts[histograms.bound_above(now_ms - since, bounds)] += n
        _add(ages, histograms.cumulated(counts, bounds), sum((now_ms - since) * n for since, n in starts), channel, ("_gcount", "_gsum"))
        if starts:
            oldest.add(min(since for since, _ in starts) / 1000, **_labels(channel))
    return [ages, oldest]


def _add(family: Family, cumulated: list[tuple[float, float]], sum_ms: float, channel: str, suffixes: tuple[str, str]) -> None:
    labels = _labels(channel)
    for bound_ms, n in cumulated:
        family.add(n, suffix="_bucket", **labels, le="+Inf" if bound_ms == inf else str(bound_ms / 1000))
    family.add(cumulated[-1][1], suffix=suffixes[0], **labels)
    family.add(sum_ms / 1000, suffix=suffixes[1], **labels)


def _labels(channel: str) -> dict[str, str]:
    return {"channel": channel} if channel else {}
