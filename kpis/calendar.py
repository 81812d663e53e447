"""Business time: when a schedule is open, and how many milliseconds of it lie between two instants.

The definition: an instant is open if and only if its local wall clock time lies in the hours of its local date, by the version
of the schedule in force at that instant. All else follows, clock changes included: an hour that does not exist is worth
nothing, an hour that exists twice counts twice, a span that starts in the missing hour starts when the clock has jumped.

Laws: `open_ms(a, b) + open_ms(b, c) == open_ms(a, c)` for a <= b <= c; it never exceeds b - a; hours that overlap count once;
`open_ms(a, after_ms(a, b)) == b`. Outside `FIRST_MS` (1970) to `LAST_MS` (2101) nothing is open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from kpis.window import DAY, MINUTE, Longs

FIRST_MS = 0
LAST_MS = 4_133_980_800_000
"""The years a calendar knows, 1970 to 2100 in UTC: those for which `kpis.window` knows the midnights too."""
DAY_MINUTES = 1440
_BLOCK_BITS = 33
"""A table holds 2^33 ms, about 99 days: small enough that one is built in a moment, large enough that a ticket needs one or two."""
_TABLES = 16
"""How many tables are kept: over four years of them, at most 0.4 MB with two spans a day; what is older is built again when asked for."""


class Hours(NamedTuple):
    """An open span of every such weekday (0 is Monday) in minutes of the local wall clock, half open; end 1440 is midnight."""

    weekday: int
    start_minute: int
    end_minute: int


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a schedule, in force from `valid_from_ms` until the next version is.

    `hours` may hold several spans a day, also overlapping ones; a weekday without any is closed. `holidays` are local dates
    (2026-12-25), closed all day. `extra` are dates with hours of their own, (start, end) in minutes, which replace the
    weekday's and win over a holiday. Raises ValueError for what cannot be meant.
    """

    zone: str
    hours: tuple[Hours, ...] = ()
    holidays: tuple[str, ...] = ()
    extra: dict[str, list[tuple[int, int]]] = {}
    valid_from_ms: int = 0

    def __post_init__(self) -> None:
        """Refuse what no schedule can mean, so that a calendar never has to."""
        _info(self.zone)
        for weekday, start, end in self.hours:
            if not 0 <= weekday <= 6:
                raise ValueError(f"hours: found weekday {weekday}; expected 0 (Monday) to 6 (Sunday)")
            _check_span(f"hours of weekday {weekday}", start, end)
        for day in self.holidays:
            _day_number("holidays", day)
        for day, spans in self.extra.items():
            _day_number("extra", day)
            for start, end in spans:
                _check_span(f"extra hours of {day}", start, end)


class Calendar:
    """The versions of one schedule, oldest first; the first is in force from the beginning of time, whatever its `valid_from_ms`.

    Costs two bisections a question. Raises ValueError for no version at all and for versions out of order.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        versions = tuple(definitions)
        if not versions:
            raise ValueError("calendar: found no definition; expected at least one")
        for before, after in pairwise(versions):
            if after.valid_from_ms <= before.valid_from_ms:
                raise ValueError(
                    f"valid_from_ms: found {after.valid_from_ms} after {before.valid_from_ms}; expected each later than the last"
                )
        starts = [FIRST_MS, *(min(max(version.valid_from_ms, FIRST_MS), LAST_MS) for version in versions[1:]), LAST_MS]
        self._versions = [(start, end, version) for (start, end), version in zip(pairwise(starts), versions, strict=True) if start < end]
        self._before = self._open_before_blocks()
        self._total = self._before[-1]
        self._tables: dict[int, tuple[list[int], list[int]]] = {}

    def open_ms(self, start_ms: int, end_ms: int) -> int:
        """Business milliseconds within [start_ms, end_ms); 0 when the end is not after the start."""
        if end_ms <= start_ms:
            return 0
        return self._passed(end_ms) - self._passed(start_ms)

    def is_open(self, at_ms: int) -> bool:
        """Whether the schedule is open at an instant."""
        if not FIRST_MS <= at_ms < LAST_MS:
            return False
        return bisect_right(self._table(at_ms >> _BLOCK_BITS)[0], at_ms) % 2 == 0

    def next_open_ms(self, at_ms: int) -> int | None:
        """The first open instant at or after an instant, None when there is none."""
        return self._instant(self._passed(at_ms))

    def after_ms(self, start_ms: int, business_ms: int) -> int | None:
        """The earliest instant by which `business_ms` of business time have passed since `start_ms`: when something is due.

        Eight hours from nine are due at the evening's close, not at the next morning's opening. None when the calendar never
        has so much. Raises ValueError for negative business time.
        """
        if business_ms < 0:
            raise ValueError(f"business_ms: found {business_ms}; expected 0 or more")
        if not business_ms:
            return start_ms
        last = self._instant(self._passed(start_ms) + business_ms - 1)
        return None if last is None else last + 1

    def _passed(self, at_ms: int) -> int:
        """Business time from the beginning up to an instant."""
        table = self._tables.get(at_ms >> _BLOCK_BITS)
        if table is None:
            if not FIRST_MS <= at_ms < LAST_MS:
                return 0 if at_ms < FIRST_MS else self._total
            table = self._table(at_ms >> _BLOCK_BITS)
        edges, passed = table
        at = bisect_right(edges, at_ms) - 1
        return passed[at] + at_ms - edges[at] if at & 1 else passed[at]

    def _instant(self, passed_ms: int) -> int | None:
        """The open instant before which exactly so much business time has passed; None when there is not more than that."""
        if passed_ms >= self._total:
            return None
        edges, passed = self._table(bisect_right(self._before, passed_ms) - 1)
        start = bisect_right(passed, passed_ms) - 1  # of the span in which the next millisecond of business time lies
        return edges[start] + passed_ms - passed[start]

    def _table(self, block: int) -> tuple[list[int], list[int]]:
        """Edges of a block and the business time passed at each: the block's start, then start and end of every open span."""
        if table := self._tables.get(block):
            return table
        if len(self._tables) >= _TABLES:
            del self._tables[next(iter(self._tables))]  # the one built first
        edges = self._open_spans(block << _BLOCK_BITS, (block + 1) << _BLOCK_BITS).ravel()
        lengths = np.diff(edges, prepend=block << _BLOCK_BITS)
        lengths[::2] = 0  # what lies before a start is closed
        passed = (self._before[block] + np.cumsum(lengths)).tolist()
        table = self._tables[block] = ([block << _BLOCK_BITS, *edges.tolist()], [self._before[block], *passed])
        return table

    def _open_before_blocks(self) -> list[int]:
        """Business time from the beginning up to the start of each block, and at the end of all."""
        spans = self._open_spans(FIRST_MS, LAST_MS)
        blocks = np.arange((LAST_MS - 1 >> _BLOCK_BITS) + 2, dtype=np.int64) << _BLOCK_BITS
        whole = np.concatenate(([0], np.cumsum(spans[:, 1] - spans[:, 0])))
        begun = np.searchsorted(spans[:, 0], blocks, side="right")  # the last span begun may not be over
        ahead = np.where(begun > 0, np.maximum(spans[begun - 1, 1] - blocks, 0), 0) if len(spans) else np.zeros_like(blocks)
        before: list[int] = (whole[begun] - ahead).tolist()
        return before

    def _open_spans(self, start_ms: int, end_ms: int) -> Longs:
        """Rows (start, end) of the open spans within [start_ms, end_ms), in order and apart from each other."""
        parts = [np.empty((0, 2), np.int64)]
        for valid_from, valid_until, version in self._versions:
            low, high = max(start_ms, valid_from), min(end_ms, valid_until)
            if low < high:
                parts += _version_spans(version, low, high)
        return _joined(np.concatenate(parts))


def _version_spans(version: Definition, start_ms: int, end_ms: int) -> list[Longs]:
    """Open spans of one version within [start_ms, end_ms), one array for each stretch in which the clock is not changed."""
    changes, offsets = _clock(version.zone)
    local = _local_spans(version, (start_ms - DAY) // DAY, (end_ms + DAY) // DAY + 1)  # no clock is a day ahead or behind
    found = []
    for at in range(bisect_right(changes, start_ms) - 1, bisect_right(changes, end_ms - 1)):
        low = max(start_ms, changes[at])
        high = end_ms if at + 1 == len(changes) else min(end_ms, changes[at + 1])
        spans = local[np.searchsorted(local[:, 1], low + offsets[at], side="right") : np.searchsorted(local[:, 0], high + offsets[at])]
        found.append(np.clip(spans - offsets[at], low, high))
    return found


def _local_spans(version: Definition, first_day: int, end_day: int) -> Longs:
    """Open spans by the wall clock as if it were never changed, in ms since the local 1970-01-01T00:00."""
    days = np.arange(first_day, end_day, dtype=np.int64)
    weekdays = (days + 3) % 7  # 1970-01-01 was a Thursday
    special = {_day_number("extra", day): _union(spans) for day, spans in version.extra.items()}
    closed = np.array([*special, *(_day_number("holidays", day) for day in version.holidays)], dtype=np.int64)
    usual = ~np.isin(days, closed)
    parts = [np.empty((0, 2), np.int64)]
    for weekday in range(7):
        open_days = days[usual & (weekdays == weekday)] * DAY
        for start, end in _union([(hours.start_minute, hours.end_minute) for hours in version.hours if hours.weekday == weekday]):
            parts.append(np.stack((open_days + start * MINUTE, open_days + end * MINUTE), axis=1))
    own = [(day * DAY + start * MINUTE, day * DAY + end * MINUTE) for day, spans in special.items() for start, end in spans]
    parts.append(np.array([span for span in own if first_day * DAY <= span[0] < end_day * DAY], dtype=np.int64).reshape(-1, 2))
    return _joined(np.sort(np.concatenate(parts), axis=0))  # they are apart, so that the order of the starts is that of the ends


def _joined(spans: Longs) -> Longs:
    """The same open time with spans that touch made one."""
    apart = spans[1:, 0] != spans[:-1, 1]
    edge = np.ones(min(len(spans), 1), dtype=np.bool_)
    joined = np.stack((spans[np.concatenate((edge, apart)), 0], spans[np.concatenate((apart, edge)), 1]), axis=1)
    return joined.astype(np.int64)


def _union(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans of one day in order, those that overlap or touch made one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


@lru_cache(maxsize=16)
def _clock(zone: str) -> tuple[list[int], list[int]]:
    """When a zone's clock was or will be changed, and how far it is ahead of UTC from then on, both in ms.

    Looks once a day, which finds every change: the shortest time between two since 1970 is nearly a week (tzdata 2025).
    """
    info = _info(zone)

    def ahead(at_seconds: int) -> int:
        offset = datetime.fromtimestamp(at_seconds, UTC).astimezone(info).utcoffset()
        assert offset is not None  # an aware time has one
        return round(offset.total_seconds() * 1000)

    changes, offsets = [FIRST_MS], [ahead(FIRST_MS // 1000)]
    for day in range(FIRST_MS // 1000, LAST_MS // 1000, DAY // 1000):
        if (offset := ahead(day + DAY // 1000)) != offsets[-1]:
            low, high = day, day + DAY // 1000
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if ahead(middle) == offsets[-1] else (low, middle)
            changes.append(high * 1000)
            offsets.append(offset)
    return changes, offsets


def _info(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):  # not found is a KeyError, a folder's name an OSError
        raise ValueError(f"zone: found {zone!r}; expected the name of a time zone, such as Europe/Helsinki or UTC") from None


def _check_span(where: str, start: int, end: int) -> None:
    if not (0 <= start < DAY_MINUTES and 0 < end <= DAY_MINUTES):
        raise ValueError(f"{where}: found minutes {start} to {end}; expected minutes of a day, 0 to {DAY_MINUTES}")
    if end <= start:
        raise ValueError(f"{where}: found an end at {end} not after the start at {start}; expected one span on each side of midnight")


def _day_number(where: str, day: str) -> int:
    """Days from 1970-01-01 to a date."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = None
    if found is None or found.isoformat() != day:
        raise ValueError(f"{where}: found {day!r}; expected a date such as 2026-12-24")
    return found.toordinal() - date(1970, 1, 1).toordinal()
