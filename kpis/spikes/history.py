"""The counts that a watch is judged by, read from cells: eight weeks by the hour, and the last hours by the minute.

Laws: what is read is what the figures are made of, so that a correction, a merge or a backfill reaches it too; an hour that is
not over, or that lies before the first event, is not known; reading costs one search a bucket, however many series there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from kpis.cells import Bucket, Cells
from kpis.dimensions import TOTAL, Cut
from kpis.measures import PART, Measure
from kpis.spikes.baseline import HOURS, SHAPE, WEEKDAYS, WEEKS, Floats
from kpis.spikes.watch import Watch
from kpis.window import DAY, HOUR, Longs

DAYS = WEEKS * WEEKDAYS
RECENT_MS = 4 * HOUR
"""How far back counts are kept by the minute: the longest window, and the hours in which an incident may have begun."""
GUARD_MS = RECENT_MS + HOUR
"""What lies so close before now is no history, though it be yesterday's: a spike would be part of what is usual."""
SERIES_MAX = 40
"""Values of a dimension that are watched each for itself: those with most history."""
HOUR_LEVEL = 3
_SLOTS = HOURS + 1
"""Hours of the longest day."""


class Grid(NamedTuple):
    """The local hours of the last eight weeks: when the i-th hour of the day n days ago began and ended, and the hour its clock showed.

    A day that a clock change makes 23 hours long lacks one, which is -1 in `clock`; one of 25 hours shows one hour twice.
    """

    day_starts: list[int]
    starts: Longs
    ends: Longs
    clock: Longs


class Recent(NamedTuple):
    """Counts of the last hours by step: `counts[series, step]`, where step i is [first_ms + i × step_ms, …)."""

    first_ms: int
    step_ms: int
    counts: Longs

    @property
    def end_ms(self) -> int:
        """End of the last step, exclusive."""
        return self.first_ms + self.step_ms * int(self.counts.shape[1])

    def between(self, series: int, start_ms: int, end_ms: int) -> int:
        """Σ of a series over [start, end), both on steps."""
        low = max(0, (start_ms - self.first_ms) // self.step_ms)
        return int(self.counts[series, low : max(low, (end_ms - self.first_ms) // self.step_ms)].sum())


def step_ms(measure: Measure) -> int:
    """The width of the steps in which a measure's last hours are read: its finest level, a minute at least."""
    return 60_000 if measure.finest <= 1 else 900_000


def grid(cells: Cells, now_ms: int) -> Grid:
    """The grid of the eight weeks before the local day of an instant; day 0 is that day itself."""
    zone = cells.levels.zone
    today = zone.day_start(now_ms)
    days = [zone.day_after(today, -n) for n in range(DAYS + 1)]
    starts = np.zeros((DAYS + 1, _SLOTS), dtype=np.int64)
    ends = np.zeros_like(starts)
    clock = np.full_like(starts, -1)
    for n, day in enumerate(days):
        after = zone.day_after(day)
        starts[n] = np.minimum(day + np.arange(_SLOTS) * HOUR, after)
        ends[n] = np.minimum(starts[n] + HOUR, after)
        if after - day == DAY:
            clock[n, :HOURS] = np.arange(HOURS)
        else:
            own = [datetime.fromtimestamp(at / 1000, ZoneInfo(zone.name)).hour for at in starts[n].tolist() if at < after]
            clock[n, : len(own)] = own
    return Grid(days, starts, ends, clock)


def first_known_ms(cells: Cells, watch: Watch) -> int | None:
    """The local day in which the watched count began, None when there is none; its first day is only partly known."""
    keys = np.array(sorted(_keys(cells, watch, TOTAL)), dtype=np.int64)
    if not len(keys):
        return None
    for start in sorted(cells.buckets[4]):
        if _at(cells.buckets[4][start], keys).any():
            return start
    return None


def series_of(cells: Cells, watch: Watch, now_ms: int) -> list[Cut]:
    """The cuts that are watched: the total, and of each of the watch's dimensions the values with most history."""
    total = cells.total(cells.levels.zone.day_after(now_ms, -DAYS), cells.levels.zone.bucket_start(now_ms, 4), now_ms, 4)

    def weight(cut: Cut) -> int:
        places = [cells.places.find(key) for key in _keys(cells, watch, cut)]
        return sum(int(total[place]) for place in places if place is not None and place < len(total))

    out = [TOTAL]
    for dimension in watch.by:
        values = [cut for cut in cells.cuts() if len(cut) == 1 and cut[0][0] == dimension]
        out += sorted(values, key=lambda cut: (-weight(cut), cut))[:SERIES_MAX]
    return out


def by_hour(cells: Cells, watch: Watch, cuts: Sequence[Cut], hours: Grid) -> Floats:
    """Counts of each series by [week, weekday before today's, hour]: shape (series, *SHAPE)."""
    keys, owner = _all_keys(cells, watch, cuts)
    out = np.zeros((len(cuts), *SHAPE))
    buckets = cells.buckets[HOUR_LEVEL]
    for n in range(1, DAYS + 1):
        day = out[:, (n - 1) // WEEKDAYS, n % WEEKDAYS]
        clock = hours.clock[n].tolist()
        for at, hour in zip(hours.starts[n].tolist(), clock, strict=True):
            bucket = buckets.get(at)
            if bucket is not None and hour >= 0:  # of an hour that was there twice the mean counts
                np.add.at(day[:, hour], owner, _at(bucket, keys) / clock.count(hour))
    return out


def known(hours: Grid, first_ms: int, now_ms: int) -> Floats:
    """Which hours of the grid were observed whole, by `SHAPE`: after the day the count began, and not just before now."""
    out = np.zeros(SHAPE)
    for n in range(1, DAYS + 1):
        if hours.day_starts[n] <= first_ms:
            continue
        over = hours.clock[n][(hours.clock[n] >= 0) & (hours.ends[n] <= now_ms - GUARD_MS)]
        out[(n - 1) // WEEKDAYS, n % WEEKDAYS, over] = 1.0
    return out


def recent(cells: Cells, watch: Watch, cuts: Sequence[Cut], now_ms: int) -> Recent:
    """The last hours of each series, up to and with the step that holds `now_ms`."""
    keys, owner = _all_keys(cells, watch, cuts)
    step = step_ms(watch.measure)
    level = 1 if step == 60_000 else 2
    end = now_ms + -now_ms % step
    first = end - RECENT_MS
    counts = np.zeros((len(cuts), RECENT_MS // step), dtype=np.int64)
    for i in range(counts.shape[1]):
        bucket = cells.buckets[level].get(first + i * step)
        if bucket is not None:
            np.add.at(counts[:, i], owner, _at(bucket, keys))
    return Recent(first, step, counts)


def hours_of(hours: Grid, start_ms: int, end_ms: int) -> Floats:
    """How long [start, end) lies in each hour of the week, in hours, by [weekdays before today's, hour]."""
    out = np.zeros((WEEKDAYS, HOURS))
    for n in range(WEEKDAYS):
        if hours.ends[n, -1] <= start_ms:
            break  # the days before lie before it too
        overlap = np.maximum(np.minimum(hours.ends[n], end_ms) - np.maximum(hours.starts[n], start_ms), 0)
        there = overlap > 0
        np.add.at(out[n], hours.clock[n][there], overlap[there] / HOUR)
    return out


def classes_of(cells: Cells, watch: Watch) -> list[str]:
    """The classes of a watch's measure that are counted."""
    names = [name for name in cells.components_of(watch.measure.key) if not name.startswith(PART)]
    return names if watch.classes is None else [name for name in names if watch.classes(name)]


def _keys(cells: Cells, watch: Watch, cut: Cut) -> list[int]:
    found = (cells.names.key(cut, watch.measure.key, name) for name in classes_of(cells, watch))
    return [key for key in found if key is not None]


def _all_keys(cells: Cells, watch: Watch, cuts: Sequence[Cut]) -> tuple[Longs, Longs]:
    """(keys ascending, the series each belongs to)."""
    pairs = sorted((key, i) for i, cut in enumerate(cuts) for key in _keys(cells, watch, cut))
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _at(bucket: Bucket, keys: Longs) -> Longs:
    """The amounts that a bucket holds of ascending keys."""
    held, amounts = bucket.column()
    if not len(held) or not len(keys):
        return np.zeros(len(keys), dtype=np.int64)
    at = np.minimum(np.searchsorted(held, keys), len(held) - 1)
    return np.where(held[at] == keys, amounts[at], 0)
