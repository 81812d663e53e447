"""The edges of windows, worked out anew from the rules of time: levels, what is kept, what is read, local days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
FINEST = {"5s": 0, "1m": 1, "15m": 2}
WIDTHS = (5 * SECOND, MINUTE, 15 * MINUTE, HOUR, DAY)
KEPT = (30 * MINUTE, 5 * HOUR, 49 * HOUR, 60 * DAY)
MARGIN = 5 * MINUTE
ROLLING = {"5m": (5 * MINUTE, 0), "15m": (15 * MINUTE, 0), "1h": (HOUR, 1), "4h": (4 * HOUR, 1), "24h": (DAY, 2), "7d": (7 * DAY, 3),
           "28d": (28 * DAY, 3)}  # fmt: skip
OF_DAYS = {"90d": 90, "365d": 365}


class Calendar:
    """Buckets and windows of one time zone."""

    def __init__(self, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)

    def window(self, name: str, as_of_ms: int, now_ms: int, finest: int) -> tuple[int, int]:
        """[start, end) of a window as of an instant, at a present; for `now` both are the instant, rounded up."""
        readable = self.readable(as_of_ms, now_ms, finest)
        end = self.ceil(as_of_ms, readable)
        if name == "now":
            return end, end
        if name in OF_DAYS:
            edge = self._local(self.ceil(as_of_ms, 4))
            return self._midnight(edge - timedelta(days=OF_DAYS[name])), end
        if name in ROLLING:
            width, level = ROLLING[name]
            level = max(level, readable)
            edge_ms = self.ceil(as_of_ms, level)
            if level == 4 and width >= DAY:
                start = self._midnight(self._local(edge_ms) - timedelta(days=width // DAY))
            else:
                start = self.floor(edge_ms - width, level)
            return self.floor(start, max(level, self.readable(start, now_ms, finest))), end
        day = self._local(max(as_of_ms - 1, 0))
        first = {
            "today": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "quarter": day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
        }[name]
        return self._midnight(first), end

    def span(self, start_ms: int, end_ms: int, now_ms: int, finest: int) -> tuple[int, int]:
        """A span asked for by its ends, rounded outward to buckets that can be read."""
        return self.floor(start_ms, self.readable(start_ms, now_ms, finest)), self.ceil(end_ms, self.readable(end_ms, now_ms, finest))

    def readable(self, at_ms: int, now_ms: int, finest: int) -> int:
        """The finest level that can be read there: all of the next coarser bucket is young enough."""
        for level in range(finest, 4):
            if now_ms - self.floor(at_ms, level + 1) < KEPT[level] - MARGIN:
                return level
        return 4

    def floor(self, at_ms: int, level: int) -> int:
        """Start of the bucket that holds an instant. Hours are counted from the local midnight."""
        if level < 3:
            return at_ms - at_ms % WIDTHS[level]
        midnight = self._midnight(self._local(at_ms))
        return midnight if level == 4 else at_ms - (at_ms - midnight) % HOUR

    def ceil(self, at_ms: int, level: int) -> int:
        """The first edge of a bucket at or after an instant."""
        start = self.floor(at_ms, level)
        if start == at_ms:
            return at_ms
        if level < 3:
            return start + WIDTHS[level]
        tomorrow = self._midnight(self._local(at_ms) + timedelta(days=1))
        return tomorrow if level == 4 else min(start + HOUR, tomorrow)

    def _local(self, at_ms: int) -> datetime:
        """The local day of an instant, without its time."""
        local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self.zone)
        return datetime(local.year, local.month, local.day)  # noqa: DTZ001

    def _midnight(self, day: datetime) -> int:
        return int(day.replace(tzinfo=self.zone).timestamp()) * 1000
