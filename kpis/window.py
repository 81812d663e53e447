"""Time: levels of buckets, the spans that windows cover, and how a span is read from the coarsest buckets that fit.

Laws: every interval is half open; a bucket of a coarser level is a whole number of buckets of the finer one; a bucket is
named by the instant (ms, UTC) at which it starts; reading a span by `cover` counts every millisecond of it exactly once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]

SECOND = 1_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000
READ_MARGIN_MS = 5 * MINUTE
"""A level is read a little shorter than it is written, so that shards whose clocks differ never leave a hole in what is read."""


class Level(NamedTuple):
    """Buckets of one width; `kept_ms` is the age up to which contributions are written to it."""

    number: int
    name: str
    width_ms: int
    kept_ms: int


class Bounds(NamedTuple):
    """A window as it is read: [start_ms, end_ms), its name, and whether it is a closed calendar period."""

    name: str
    start_ms: int
    end_ms: int
    level: Level


ROLLING = {
    "5m": (5 * MINUTE, 0), "15m": (15 * MINUTE, 0), "1h": (HOUR, 1), "4h": (4 * HOUR, 1), "24h": (DAY, 2),
    "7d": (7 * DAY, 3), "28d": (28 * DAY, 3), "90d": (90 * DAY, 4), "365d": (365 * DAY, 4),
}  # fmt: skip
"""Rolling windows: their width and the level they are cut at."""
CALENDAR = {"today": 2, "week": 3, "month": 3, "quarter": 4}
"""Calendar periods so far, and the level they are cut at."""
NOW = "now"
WINDOWS: tuple[str, ...] = (NOW, *ROLLING, *CALENDAR)


class Zone:
    """A time zone as arrays, so that a million instants find their local day without a Python call each."""

    def __init__(self, name: str = "UTC") -> None:
        self.name = name
        self._info = ZoneInfo(name)
        self._midnights = _midnights(name)

    def day_starts(self, at_ms: Longs) -> Longs:
        """The local midnight at or before each instant."""
        if self._midnights is None:
            return at_ms - at_ms % DAY
        starts: Longs = self._midnights[np.searchsorted(self._midnights, at_ms, side="right") - 1]
        return starts

    def day_start(self, at_ms: int) -> int:
        """The local midnight at or before an instant."""
        if self._midnights is None:
            return at_ms - at_ms % DAY
        return int(self._midnights[np.searchsorted(self._midnights, at_ms, side="right") - 1])

    def day_after(self, at_ms: int, days: int = 1) -> int:
        """The local midnight `days` calendar days after the one at or before an instant."""
        start = self.day_start(at_ms)
        if self._midnights is None:
            return start + days * DAY
        return int(self._midnights[np.searchsorted(self._midnights, start) + days])

    def period_start(self, at_ms: int, period: str) -> int:
        """Start of the local today, week (Monday), month or quarter that holds an instant."""
        local = datetime.fromtimestamp(self.day_start(at_ms) / 1000, self._info)
        if period == "today":
            first = local
        elif period == "week":
            first = local - timedelta(days=local.weekday())
        elif period == "month":
            first = local.replace(day=1)
        else:
            first = local.replace(day=1, month=local.month - (local.month - 1) % 3)
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        return self.day_start(int(midnight.replace(tzinfo=self._info).timestamp() * 1000))

    def bucket_starts(self, at_ms: Longs, level: int) -> Longs:
        """Start of the bucket of a level that holds each instant."""
        if level == 4:
            return self.day_starts(at_ms)
        if level == 3 and self._midnights is not None:
            day = self.day_starts(at_ms)
            return at_ms - (at_ms - day) % HOUR
        return at_ms - at_ms % _WIDTHS[level]

    def bucket_start(self, at_ms: int, level: int) -> int:
        """Start of the bucket of a level that holds an instant."""
        if level == 4:
            return self.day_start(at_ms)
        if level == 3 and self._midnights is not None:
            return at_ms - (at_ms - self.day_start(at_ms)) % HOUR
        return at_ms - at_ms % _WIDTHS[level]

    def bucket_end(self, start_ms: int, level: int) -> int:
        """End (exclusive) of the bucket that starts at `start_ms`."""
        if level == 4:
            return self.day_after(start_ms)
        if level == 3 and self._midnights is not None:
            return min(start_ms + HOUR, self.day_after(start_ms))
        return start_ms + _WIDTHS[level]

    def ceil(self, at_ms: int, level: int) -> int:
        """The first bucket edge of a level at or after an instant."""
        start = self.bucket_start(at_ms, level)
        return start if start == at_ms else self.bucket_end(start, level)


_WIDTHS = (5 * SECOND, MINUTE, 15 * MINUTE, HOUR, DAY)
_SMALL_UNTIL_MS = (15 * MINUTE, 4 * HOUR, DAY, 7 * DAY)
"""Up to which age the buckets of a level tell how long ago something was; older ones are told by the next level."""


@lru_cache(maxsize=8)
def _midnights(name: str) -> Longs | None:
    """Local midnights from 1969 to 2101 in ms, or None for UTC, where arithmetic does."""
    info = ZoneInfo(name)
    if name in ("UTC", "Etc/UTC"):
        return None
    day = datetime(1969, 12, 30, tzinfo=UTC).replace(tzinfo=None)
    out = []
    while day.year < 2101:
        out.append(int(day.replace(tzinfo=info).timestamp() * 1000))
        day += timedelta(days=1)
    return np.array(out, dtype=np.int64)


class Levels:
    """The five levels with how long each is kept, and the spans and covers that follow from them."""

    def __init__(self, zone: Zone, day_level_days: int = 800) -> None:
        self.zone = zone
        kept = (30 * MINUTE, 5 * HOUR, 49 * HOUR, 60 * DAY, day_level_days * DAY)
        names = ("5s", "1m", "15m", "1h", "1d")
        self.all = tuple(Level(i, names[i], _WIDTHS[i], kept[i]) for i in range(5))

    def written(self, age_ms: Longs, finest: Longs) -> Longs:
        """The finest level each contribution is still written to, by its age and its measure's finest level; 5 is beyond all."""
        by_age = np.searchsorted(np.array([level.kept_ms for level in self.all]), age_ms, side="right")
        return np.maximum(by_age, finest).astype(np.int64)

    def readable(self, at_ms: int, now_ms: int, finest: int = 0) -> int:
        """The finest level that may be read for an instant; 5 when it is older than everything kept.

        The whole bucket of the next coarser level that holds the instant is as young, so that heads and tails are there too.
        """
        for level in self.all[finest:]:
            from_ms = at_ms if level.number == 4 else self.zone.bucket_start(at_ms, level.number + 1)
            if now_ms - from_ms < level.kept_ms - READ_MARGIN_MS:
                return level.number
        return 5

    def window(self, name: str, as_of_ms: int, now_ms: int, finest: int = 0) -> Bounds:
        """The span of a named window as of an instant: `window_end` = the instant rounded up to the finest readable bucket.

        Raises KeyError for a name that is no window.
        """
        finest_read = min(self.readable(as_of_ms, now_ms, finest), 4)
        end = self.zone.ceil(as_of_ms, finest_read)
        if name == NOW:
            return Bounds(name, end, end, self.all[finest_read])
        if name in CALENDAR:
            at = max(CALENDAR[name], finest_read)
            return Bounds(name, self.zone.period_start(max(as_of_ms - 1, 0), name), end, self.all[at])
        width, level = ROLLING[name]
        level = max(level, finest_read)
        edge = self.zone.ceil(as_of_ms, level)
        start = self.zone.day_after(edge, -(width // DAY)) if level == 4 and width >= DAY else self.zone.bucket_start(edge - width, level)
        start = self.zone.bucket_start(start, max(level, min(self.readable(start, now_ms, finest), 4)))
        return Bounds(name, start, end, self.all[level])

    def span(self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0) -> Bounds:
        """A span asked for by its ends, rounded outward to the edges of the buckets that can be read there."""
        low = min(self.readable(start_ms, now_ms, finest), 4)
        high = min(self.readable(end_ms, now_ms, finest), 4)
        return Bounds("span", self.zone.bucket_start(start_ms, low), self.zone.ceil(end_ms, high), self.all[low])

    def cover_by_age(
        self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0, edges: int | None = None
    ) -> list[tuple[int, int, int]]:
        """(level, start, end) parts that tile [start, end) with buckets that are small beside their age, where they can be read.

        `edges` is the finest level that may be read where the span begins or ends inside a bucket (None: `finest`).
        """
        edges = finest if edges is None else edges
        parts: list[tuple[int, int, int]] = []
        high = end_ms
        for level in self.all[finest:]:
            low = start_ms
            if level.number < 4:
                low = max(self.zone.ceil(now_ms - _SMALL_UNTIL_MS[level.number] + 1, level.number + 1), start_ms)
            if low >= high:
                continue
            if not parts:  # an end in the past may lie inside a bucket
                edge = max(self.zone.bucket_start(high, level.number), low)
                parts, high = self.cover(edge, high, now_ms, edges)[::-1], edge
            if low < high:
                edge = min(self.zone.ceil(low, level.number), high)  # a start may lie inside a bucket too
                if edge < high:
                    parts.append((level.number, edge, high))
                if low < edge:
                    parts += self.cover(low, edge, now_ms, edges)[::-1]
                high = low
        return parts[::-1]

    def cover(self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0) -> list[tuple[int, int, int]]:
        """(level, start, end) parts that tile [start, end): coarse buckets wholly inside, their head and tail from finer levels."""
        return self._cover(start_ms, end_ms, now_ms, 4, finest)

    def _cover(self, start: int, end: int, now_ms: int, level: int, finest: int) -> list[tuple[int, int, int]]:
        if start >= end:
            return []
        at_start, at_end = (min(max(self.readable(at, now_ms, finest), finest), 4) for at in (start, end))
        if level <= at_start and level <= at_end:
            return [(level, self.zone.bucket_start(start, level), self.zone.ceil(end, level))]
        low = self.zone.bucket_start(start, level) if at_start >= level else self.zone.ceil(start, level)
        high = self.zone.bucket_start(end, level)
        if low >= high:
            return self._cover(start, end, now_ms, level - 1, finest)
        head = self._cover(start, min(low, end), now_ms, level - 1, finest)
        return [*head, (level, low, high), *self._cover(max(high, start), end, now_ms, level - 1, finest)]
