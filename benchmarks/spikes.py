"""How often are the alarms on unusual numbers wrong, how soon are they there, and do they name the right cause?

Three tables from simulated weeks (see `benchmarks.spike_worlds`), ours beside the rules that are in use (see `benchmarks.spike_rules`):

* false alarms a week of a whole installation in which nothing happens: five watched counts, of 0.2, 1, 5, 20 and 200 a quarter of an
  hour in office hours, each in all, in eight channels and in six teams;
* how many minutes after a planted incident the alarm is there (median; the share that is found within an hour);
* how often the first named cause is exactly the planted slice (a channel, a team or a pair), beside the slice that counts most
  and the slice that is most above its usual.

Ours is driven as the API does it, with a round at every full minute instead of every five seconds; two rounds fall into a minute.

    python -m benchmarks.spikes [--weeks 60] [--incidents 40] [--seed 1] [--short]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.spike_rules import RULES, Flags, Minutes, openings
from benchmarks.spike_worlds import (
    CHANNELS,
    DAY_MINUTES,
    DAYS_OF_MINUTES,
    TEAMS,
    TEST_DAYS,
    WORLDS,
    Floats,
    Longs,
    Planted,
    Weeks,
    World,
    plant,
    simulate,
    watched,
)
from kpis import measures as m
from kpis.cells import Cells
from kpis.dimensions import TOTAL, Cut
from kpis.spikes import causes as scan
from kpis.spikes.baseline import SHAPE, Rates, expected, fit
from kpis.spikes.history import Grid, Recent, grid, hours_of
from kpis.spikes.incidents import Incident, Watcher, began
from kpis.spikes.judging import ALARM, LEAST_COUNT, LEAST_RATIO, Judged, judge, unusual
from kpis.spikes.tails import surprise
from kpis.spikes.watch import Watch
from kpis.window import DAY, MINUTE, Levels, Zone

MEANS = (0.2, 1.0, 5.0, 20.0, 200.0)
SIZES = (1.5, 2.0, 3.0, 5.0)
OURS = "ours"
FIRST_MS = 1_789_344_000_000
"""A Monday's midnight: when the tested week begins."""
WATCHES = [Watch(id=f"w{i}", noun="Counts", unit="counts", measure=m.TICKET_ESCALATED) for i in range(len(MEANS))]
CUTS: list[Cut] = [
    TOTAL,
    *((("channel", str(i)),) for i in range(len(CHANNELS))),
    *((("team", str(i)),) for i in range(len(TEAMS))),
]
WINDOWS = [window // MINUTE for window in WATCHES[0].windows_ms]
RECENT_MINUTES = 240
LEAD = 27 * 60
SPLITS = {"priority": (0.6, 0.3, 0.1), "language": (0.5, 0.3, 0.15, 0.05)}
"""Dimensions that have nothing to do with any incident."""
_CELLS = Cells(Levels(Zone("UTC")))
_NONE = Judged("", 0, TOTAL, 0, 0, 0, 0, 0.0, 0.0, 0.0)


class Learnt(NamedTuple):
    """What was usual for one count as of a day of the tested week."""

    hours: Grid
    rates: list[Rates]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=60, help="quiet weeks of each world")
    parser.add_argument("--incidents", type=int, default=40, help="planted incidents of each mean, size and world")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="1 week, 4 incidents")
    given = parser.parse_args()
    weeks, incidents = (1, 4) if given.short else (given.weeks, given.incidents)
    began_at = time.process_time()
    rng = np.random.default_rng(given.seed)
    print(f"{weeks} quiet weeks a world, {incidents} incidents a mean and size, seed {given.seed}, load average {os.getloadavg()[0]:.1f}\n")
    print_quiet(rng, weeks)
    for world in WORLDS[:3]:
        print_incidents(rng, world, incidents)
    print(f"{time.process_time() - began_at:.0f} CPU-seconds")


# ---- quiet weeks -------------------------------------------------------------------------------


def print_quiet(rng: np.random.Generator, weeks: int) -> None:
    """False alarms a week, by world and rule; ours also by the count's mean."""
    print(
        f"{'false alarms a week':<20} "
        + " ".join(f"{name:>9}" for name in (OURS, *RULES))
        + "   ours at "
        + " ".join(f"{mean:>6g}" for mean in MEANS)
    )
    for world in WORLDS:
        ours, theirs = np.zeros(len(MEANS)), dict.fromkeys(RULES, 0)
        for _ in range(weeks):
            week = [simulate(rng, mean, world) for mean in MEANS]
            ours += quiet_week(week)
            for one in week:
                for name, count in others_in_week(one).items():
                    theirs[name] += count
        cells = [float(ours.sum()), *theirs.values()]
        by_mean = " ".join(f"{n / weeks:>6.3f}" for n in ours)
        print(f"{world.name:<20} " + " ".join(f"{n / weeks:>9.2f}" for n in cells) + f"           {by_mean}", flush=True)
    print()


def quiet_week(week: Sequence[Weeks]) -> Longs:
    """How many incidents ours opens in a quiet week, for each count."""
    found = np.zeros(len(week), dtype=np.int64)
    watchers = [Watcher() for _ in week]
    series = [_series(one) for one in week]
    for day in range(TEST_DAYS):
        learnt = [learn(one, day) for one in week]
        interesting = set().union(*(screened(s, one, day) for s, one in zip(series, learnt, strict=True)))
        before = False
        for minute in range(1, DAY_MINUTES + 1):
            now_ms = FIRST_MS + day * DAY + minute * MINUTE
            after = any(w.incident is not None or now_ms - w.clear_from_ms < 3_600_000 for w in watchers)
            if minute in interesting or before or after:
                opened = [w.incident is None for w in watchers]
                a_minute(watchers, series, learnt, now_ms)
                found += [was and w.incident is not None for was, w in zip(opened, watchers, strict=True)]
            before = minute in interesting
    return found


def a_minute(watchers: Sequence[Watcher], series: Sequence[Longs], learnt: Sequence[Learnt], now_ms: int) -> None:
    """Two rounds of all watches."""
    recents = [recent_of(each, now_ms) for each in series]
    judged = [
        judge(WATCHES[i], recents[i], CUTS, learnt[i].rates, learnt[i].hours, now_ms, watchers[i].clear_from_ms)
        for i in range(len(watchers))
    ]
    quiet = [_NONE._replace(watch=other.id, series=i) for other in WATCHES[len(watchers) :] for i in range(len(CUTS))]
    found = unusual([*(one for some in judged for one in some), *quiet])
    for i, watcher in enumerate(watchers):
        mine = [each for each in found if each[0].watch == WATCHES[i].id]

        def began_ms(one: Judged, i: int = i) -> int:
            return began(recents[i], learnt[i].rates[one.series], learnt[i].hours, one, watchers[i].clear_from_ms)

        for _ in range(2):
            watcher.step(judged[i], mine, began_ms, now_ms)


def screened(series: Longs, learnt: Learnt, day: int) -> set[int]:
    """The minutes of a day in which a series may be unusual; all others cannot open anything, and need no round."""
    at = (DAYS_OF_MINUTES + day) * DAY_MINUTES
    ends = np.arange(1, DAY_MINUTES + 1)
    sums = np.concatenate(
        [np.zeros((len(CUTS), 1), dtype=np.int64), np.cumsum(series[:, at - DAY_MINUTES : at + DAY_MINUTES], axis=1)], axis=1
    )
    found: set[int] = set()
    for i, rates in enumerate(learnt.rates):
        both = np.concatenate([rates.rate[1], rates.rate[0]])
        spread = np.concatenate([rates.spread[1], rates.spread[0]])
        levels = np.concatenate([[0.0], np.cumsum(np.repeat(both / 60, 60))])
        hour = (ends - 1 + DAY_MINUTES) // 60
        for width in WINDOWS:
            high = ends + DAY_MINUTES
            count = sums[i, high] - sums[i, high - width]
            mean = levels[high] - levels[high - width]
            own = np.minimum(width, (ends - 1) % 60 + 1) / 60
            unsure = spread[hour] * own**2 + spread[hour - 1] * (width / 60 - own) ** 2
            variance = rates.dispersion * (mean + unsure)
            much = (count >= np.maximum(LEAST_COUNT, LEAST_RATIO * mean)) & (count > mean + 2.5 * np.sqrt(variance))
            for k in np.flatnonzero(much).tolist():
                if int(ends[k]) not in found and surprise(int(count[k]), float(mean[k]), float(variance[k])) > ALARM:
                    found.add(int(ends[k]))
    return found


def others_in_week(one: Weeks) -> dict[str, int]:
    """How many incidents each of the other rules opens in a week."""
    series = _series(one)
    flags: dict[str, list[Flags]] = {name: [] for name in RULES}
    for day in range(TEST_DAYS):
        at = (DAYS_OF_MINUTES + day) * DAY_MINUTES
        given = Minutes(series[:, at - LEAD : at + DAY_MINUTES], LEAD, np.arange(DAY_MINUTES) // 60, one.history(day))
        for name, rule in RULES.items():
            flags[name].append(rule(given))
    return {name: len(openings(np.concatenate(found, axis=1))) for name, found in flags.items()}


# ---- incidents ---------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """Minutes until each rule opened (None: not within the hour), and of ours and both naive ones whether the cause was right."""

    minutes: dict[str, int | None]
    right: tuple[bool, bool, bool] | None


def print_incidents(rng: np.random.Generator, world: World, incidents: int) -> None:
    """Minutes to detection and right causes, by mean and size."""
    heads = " ".join(f"{name:>11}" for name in (OURS, *RULES))
    print(f"{world.name + ': minutes (found)':<26} {heads}   right cause: ours  most  excess")
    for mean in MEANS:
        done: dict[float, list[Outcome]] = {size: [] for size in SIZES}
        for _ in range((incidents + 4) // 5):
            week = simulate(rng, mean, world)
            learnt: dict[int, Learnt] = {}
            for size in SIZES:
                for _ in range(min(5, incidents - len(done[size]))):
                    day = int(rng.integers(0, 5))
                    if day not in learnt:
                        learnt[day] = learn(week, day)
                    done[size].append(incident(rng, week, learnt[day], day, size, world))
        for size, outcomes in done.items():
            cells = " ".join(f"{_found([o.minutes[name] for o in outcomes]):>11}" for name in (OURS, *RULES))
            told = [o.right for o in outcomes if o.right is not None]
            shares = "  ".join(f"{sum(r[i] for r in told) / len(told):>5.0%}" if told else "    -" for i in range(3))
            print(f"mean {mean:>5g}, {size:g} times        {cells}               {shares}", flush=True)
    print()


def _found(minutes: Sequence[int | None]) -> str:
    """The median over all, those not found being later than any; and how many were found."""
    ordered = sorted(61 if one is None else one for one in minutes)
    middle = ordered[(len(ordered) - 1) // 2]
    share = sum(one is not None for one in minutes) / len(minutes)
    return f"{'-' if middle > 60 else middle} ({share:.0%})"


def incident(rng: np.random.Generator, week: Weeks, learnt: Learnt, day: int, size: float, world: World) -> Outcome:
    """One incident in office hours, until it is found or an hour is over."""
    minute = int(rng.integers(8 * 60, 17 * 60))
    at = (DAYS_OF_MINUTES + day) * DAY_MINUTES + minute
    planted = plant(rng, week.level[at : at + 60], size, world.dispersion)
    series = _series(week)[:, : at + 60].copy()
    series[:, at:] += watched(planted.added)
    given = Minutes(series[:, at - LEAD :], LEAD, np.arange(minute, minute + 60) // 60, week.history(day))
    minutes: dict[str, int | None] = {}
    for name, rule in RULES.items():
        opened = openings(rule(given))
        minutes[name] = opened[0] + 1 if opened else None
    watcher, right = Watcher(), None
    minutes[OURS] = None
    for past in range(1, 61):
        now_ms = FIRST_MS + day * DAY + (minute + past) * MINUTE
        a_minute([watcher], [series], [learnt], now_ms)
        if watcher.incident is not None:
            minutes[OURS] = past
            right = causes_right(rng, week, learnt, watcher.incident, planted, at, past, now_ms)
            break
    return Outcome(minutes, right)


def causes_right(
    rng: np.random.Generator,
    week: Weeks,
    learnt: Learnt,
    incident: Incident,
    planted: Planted,
    at: int,
    past: int,
    now_ms: int,
) -> tuple[bool, bool, bool]:
    """Whether the planted slice is what ours names first, what counts most, and what is most above its usual."""
    since = at + past - (now_ms - incident.since_ms) // MINUTE
    inside = week.by_minute[:, :, since : at + past].sum(axis=2) + planted.added[:, :, max(0, since - at) : past].sum(axis=2)
    before = week.by_hour[:, :, : 56 * 24].sum(axis=2)
    slices = [scan.Slice(cut, int(now), int(then)) for cut, now, then in _cut(inside, before)]
    for name, shares in SPLITS.items():
        both = zip(rng.multinomial(inside.sum(), shares), rng.multinomial(before.sum(), shares), strict=True)
        slices += [scan.Slice(((name, str(i)),), int(now), int(then)) for i, (now, then) in enumerate(both)]
    mean, variance = expected(learnt.rates[0], hours_of(learnt.hours, incident.since_ms, now_ms))
    named = scan.find(int(inside.sum()), mean, max(1.0, variance / mean), int(before.sum()), slices).named
    truth: Cut = tuple((name, str(place)) for name, place in planted.slice)
    most = max(slices, key=lambda one: one.observed).cut
    excess = max(slices, key=lambda one: one.observed - mean * one.before / before.sum()).cut
    return bool(named) and named[0].cut == truth, most == truth, excess == truth


def _cut(inside: Longs, before: Longs) -> Iterator[tuple[Cut, int, int]]:
    for c in range(len(CHANNELS)):
        yield (("channel", str(c)),), inside[c].sum(), before[c].sum()
        for t in range(len(TEAMS)):
            yield (("channel", str(c)), ("team", str(t))), inside[c, t], before[c, t]
    for t in range(len(TEAMS)):
        yield (("team", str(t)),), inside[:, t].sum(), before[:, t].sum()


# ---- what both share ---------------------------------------------------------------------------


def learn(one: Weeks, day: int) -> Learnt:
    """The baselines of a count as of the beginning of a day."""
    counts, known = one.history(day), np.ones(SHAPE)
    whole = fit(counts[0], known)
    sums = counts.sum(axis=(1, 2, 3))
    shares: Floats = (sums + 0.5) / (sums[0] + 0.5 * len(CUTS))
    rates = [whole, *(fit(counts[i], known, whole, float(shares[i])) for i in range(1, len(CUTS)))]
    return Learnt(grid(_CELLS, FIRST_MS + day * DAY), rates)


def recent_of(series: Longs, now_ms: int) -> Recent:
    """The last hours of each series up to a full minute of the tested week."""
    end = DAYS_OF_MINUTES * DAY_MINUTES + (now_ms - FIRST_MS) // MINUTE
    return Recent(now_ms - RECENT_MINUTES * MINUTE, MINUTE, series[:, end - RECENT_MINUTES : end])


def _series(one: Weeks) -> Longs:
    return watched(one.by_minute)


if __name__ == "__main__":
    main()
