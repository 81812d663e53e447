"""Business time: every rule against a counter that looks at each minute of a year, and the laws of what is counted."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.calendar import FIRST_MS, LAST_MS, Calendar, Definition, Hours
from kpis.window import DAY, HOUR, MINUTE

ZONES = ("Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """The instant of a local time; `fold` 1 is the second of two."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


START, END = at("2025-12-31"), at("2027-01-02")
MINUTES = np.arange(START, END, MINUTE)
INSTANTS: list[int] = MINUTES.tolist()


def week(*spans: tuple[int, int], days: range = range(5)) -> tuple[Hours, ...]:
    """The same spans on several weekdays."""
    return tuple(Hours(day, start, end) for day in days for start, end in spans)


OFFICE = week((540, 1020))
SPLIT = (*week((540, 720), (780, 1020)), Hours(5, 600, 840))
NIGHTS = (*week((1320, 1440), days=range(7)), *week((0, 360), days=range(7)))
SMALL_HOURS = week((60, 300), days=range(7))
IN_THE_CHANGE = week((90, 135), (150, 210), days=range(7))  # starts and ends inside hours that are missing or come twice
OVERLAPPING = (*week((540, 780), (720, 1020), (600, 660)), Hours(0, 540, 1020), Hours(6, 0, 1), Hours(6, 1439, 1440))
ALWAYS = week((0, 1440), days=range(7))
FEASTS = ("2026-01-01", "2026-01-06", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25", "2026-12-26")
HALF_DAYS: dict[str, list[tuple[int, int]]] = {
    "2026-12-24": [(540, 720)],
    "2026-12-25": [(600, 660), (630, 700)],  # a holiday with hours of its own
    "2026-03-29": [(0, 1440)],  # the spring change of Helsinki, a Sunday
    "2026-10-25": [(150, 200), (220, 300)],  # its autumn change
    "2026-07-01": [],  # no hours at all
}

SCHEDULES: dict[str, list[dict[str, Any]]] = {
    "office hours": [{"hours": OFFICE}],
    "a lunch break and Saturdays": [{"hours": SPLIT}],
    "nights": [{"hours": NIGHTS}],
    "the small hours": [{"hours": SMALL_HOURS}],
    "edges inside the change": [{"hours": IN_THE_CHANGE}],
    "overlapping spans": [{"hours": OVERLAPPING}],
    "holidays": [{"hours": SPLIT, "holidays": FEASTS}],
    "half days": [{"hours": ALWAYS, "holidays": FEASTS, "extra": HALF_DAYS}],
    "only half days": [{"extra": HALF_DAYS}],
    "always": [{"hours": ALWAYS}],
    "never": [{}],
    "versions": [
        {"hours": OFFICE, "valid_from_ms": at("2026-06-01")},  # the first holds before its date too
        {"hours": NIGHTS, "holidays": FEASTS, "valid_from_ms": at("2026-07-15T13:37")},
        {"hours": ALWAYS, "zone": "Asia/Tokyo", "valid_from_ms": at("2026-10-25T00:30")},
        {"hours": (), "valid_from_ms": at("2026-10-25T02:15")},
        {"hours": SPLIT, "extra": HALF_DAYS, "valid_from_ms": at("2026-12-24T09:10")},
    ],
}


def definitions(schedule: str, zone: str) -> list[Definition]:
    """The versions of a schedule in a zone, unless they name their own."""
    return [Definition(**{"zone": zone, **version}) for version in SCHEDULES[schedule]]


@cache
def wall_clock(zone: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Local date (as a day number) and minute of the day at each minute of the year, each asked of the standard library."""
    info = ZoneInfo(zone)
    local = [datetime.fromtimestamp(second, info) for second in (MINUTES // 1000).tolist()]
    return np.array([moment.toordinal() for moment in local]), np.array([moment.hour * 60 + moment.minute for moment in local])


def open_minutes(versions: list[Definition]) -> npt.NDArray[np.bool_]:
    """Whether each minute of the year is open, by the definition and nothing else."""
    is_open = np.zeros(len(MINUTES), dtype=np.bool_)
    for number, version in enumerate(versions):
        ordinals, minutes = wall_clock(version.zone)
        first, last = int(ordinals[0]), int(ordinals[-1])
        days = np.zeros((last - first + 1, 1440), dtype=np.bool_)
        for ordinal in range(first, last + 1):
            day = date.fromordinal(ordinal)
            usual = [(hours.start_minute, hours.end_minute) for hours in version.hours if hours.weekday == day.weekday()]
            for start, end in version.extra.get(day.isoformat(), [] if day.isoformat() in version.holidays else usual):
                days[ordinal - first, start:end] = True
        in_force = np.full(len(MINUTES), True) if number == 0 else version.valid_from_ms <= MINUTES
        is_open = np.where(in_force, days[ordinals - first, minutes], is_open)
    return is_open


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_a_year_is_what_a_minute_counter_counts(schedule: str, zone: str) -> None:
    """Equal at every edge of the year: between two edges the laws below leave no other value."""
    versions = definitions(schedule, zone)
    calendar = Calendar(versions)
    is_open = open_minutes(versions)
    counted = np.concatenate(([0], np.cumsum(is_open))) * MINUTE
    edges = np.flatnonzero(np.diff(is_open)) + 1
    looked_at = np.unique(np.concatenate((edges - 1, edges, edges + 1, np.arange(0, len(MINUTES), 211)))).tolist()
    assert [calendar.is_open(INSTANTS[i]) for i in looked_at] == is_open[looked_at].tolist()
    assert [calendar.open_ms(START, INSTANTS[i]) for i in looked_at] == counted[looked_at].tolist()
    assert [calendar.open_ms(INSTANTS[i], END) for i in looked_at] == (counted[-1] - counted[looked_at]).tolist()
    opens = np.flatnonzero(is_open).tolist()
    next_open = [opens[k] if (k := bisect_left(opens, i)) < len(opens) else None for i in looked_at[::5]]
    assert [calendar.next_open_ms(INSTANTS[i]) for i, found in zip(looked_at[::5], next_open, strict=True) if found is not None] == [
        INSTANTS[found] for found in next_open if found is not None
    ]


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "Australia/Lord_Howe"])
def test_every_single_minute_of_a_year(zone: str) -> None:
    versions = definitions("edges inside the change", zone)
    calendar = Calendar(versions)
    is_open = open_minutes(versions)
    counted = np.concatenate(([0], np.cumsum(is_open)[:-1])) * MINUTE
    assert [calendar.open_ms(START, instant) for instant in INSTANTS] == counted.tolist()


@pytest.mark.parametrize(
    ("zone", "day", "hours", "open_hours"),
    [
        pytest.param("Europe/Helsinki", "2026-03-28", (60, 300), 4, id="the day before"),
        pytest.param("Europe/Helsinki", "2026-03-29", (60, 300), 3, id="spring: an hour less"),
        pytest.param("Europe/Helsinki", "2026-03-29", (210, 300), 1, id="spring: starts in the missing hour"),
        pytest.param("Europe/Helsinki", "2026-03-29", (120, 210), 1, id="spring: ends in the missing hour"),
        pytest.param("Europe/Helsinki", "2026-03-29", (180, 240), 0, id="spring: the missing hour itself"),
        pytest.param("Europe/Helsinki", "2026-10-25", (60, 300), 5, id="autumn: an hour more"),
        pytest.param("Europe/Helsinki", "2026-10-25", (210, 300), 2, id="autumn: starts in the hour that comes twice"),
        pytest.param("Europe/Helsinki", "2026-10-25", (180, 240), 2, id="autumn: that hour itself"),
        pytest.param("Australia/Lord_Howe", "2026-04-05", (60, 180), 2.5, id="half an hour more"),
        pytest.param("Australia/Lord_Howe", "2026-10-04", (60, 180), 1.5, id="half an hour less"),
        pytest.param("America/Santiago", "2026-09-06", (0, 120), 1, id="a day without midnight"),
        pytest.param("Africa/Monrovia", "1971-05-05", (0, 1440), 24, id="44 min 30 s behind"),
        pytest.param("Pacific/Apia", "2011-12-30", (0, 1440), 0, id="a date that never was"),
    ],
)
def test_a_clock_change_gives_what_the_wall_clock_shows(zone: str, day: str, hours: tuple[int, int], open_hours: float) -> None:
    calendar = Calendar([Definition(zone=zone, extra={day: [hours]})])
    assert calendar.open_ms(at(day) - 3 * DAY, at(day) + 3 * DAY) == open_hours * HOUR
    assert calendar.open_ms(FIRST_MS, LAST_MS) == open_hours * HOUR


def test_seconds_of_an_old_offset_are_kept() -> None:
    calendar = Calendar([Definition(zone="Africa/Monrovia", extra={"1971-05-05": [(540, 1020)]})])
    assert calendar.next_open_ms(0) == at("1971-05-05T09:44:30")


def test_a_span_opens_when_the_clock_has_jumped_and_both_times_when_it_falls_back() -> None:
    spring = Calendar([Definition(zone="Europe/Helsinki", extra={"2026-03-29": [(210, 300)]})])
    assert spring.next_open_ms(at("2026-03-29")) == at("2026-03-29T01:00")
    autumn = Calendar([Definition(zone="Europe/Helsinki", extra={"2026-10-25": [(210, 240)]})])
    first, second = at("2026-10-25T03:30", "Europe/Helsinki"), at("2026-10-25T03:30", "Europe/Helsinki", fold=1)
    assert second - first == HOUR
    assert (autumn.next_open_ms(at("2026-10-24")), autumn.next_open_ms(first + 30 * MINUTE)) == (first, second)


def test_a_version_holds_to_the_millisecond() -> None:
    changed = at("2026-07-15T13:37:12.345")
    calendar = Calendar([Definition(zone="UTC", hours=ALWAYS), Definition(zone="UTC", valid_from_ms=changed)])
    assert (calendar.is_open(changed - 1), calendar.is_open(changed)) == (True, False)
    assert calendar.open_ms(changed - 10, changed + 10) == 10


def test_two_schedules_of_one_ticket_each_for_its_span() -> None:
    """A ticket first under a seven-day schedule, then under an office's in another zone: what the customer lived through."""
    seven_days = Calendar([Definition(zone="America/Chicago", hours=week((420, 1260), days=range(7)))])
    office = Calendar([Definition(zone="America/Los_Angeles", hours=week((480, 1050)))])
    created, changed, replied = at("2020-09-29T17:01:38"), at("2020-09-30T19:01:25"), at("2020-09-30T19:01:46")
    assert seven_days.open_ms(created, changed) == (32_302 + 25_285) * 1000
    assert office.open_ms(changed, replied) == 21_000
    assert office.open_ms(created, replied) == 41_408_000


def test_due_times() -> None:
    calendar = Calendar([Definition(zone="Europe/Helsinki", hours=OFFICE, holidays=("2026-06-19",))])

    def local(text: str) -> int:
        return at(text, "Europe/Helsinki")

    assert calendar.after_ms(local("2026-06-17T09:00"), 8 * HOUR) == local("2026-06-17T17:00"), "due at the close, not the next morning"
    assert calendar.after_ms(local("2026-06-17T09:00"), 8 * HOUR + 1) == local("2026-06-18T09:00") + 1
    assert calendar.after_ms(local("2026-06-18T16:00"), 2 * HOUR) == local("2026-06-22T10:00"), "over a holiday and a weekend"
    assert calendar.after_ms(local("2026-06-20T03:00"), 0) == local("2026-06-20T03:00")
    with pytest.raises(ValueError, match="found -1; expected 0 or more"):
        calendar.after_ms(0, -1)


@pytest.mark.parametrize("zone", ZONES)
def test_always_open_is_wall_time_and_never_open_is_nothing(zone: str) -> None:
    always, never = Calendar([Definition(zone=zone, hours=ALWAYS)]), Calendar([Definition(zone=zone)])
    assert always.open_ms(FIRST_MS, LAST_MS) == LAST_MS - FIRST_MS
    assert always.open_ms(START + 1, END - 1) == END - START - 2
    assert never.open_ms(FIRST_MS, LAST_MS) == 0
    assert never.next_open_ms(START) is None
    assert never.after_ms(START, 1) is None


def test_beyond_its_years_a_calendar_is_closed() -> None:
    calendar = Calendar([Definition(zone="Europe/Helsinki", hours=ALWAYS)])
    assert calendar.open_ms(FIRST_MS - DAY, FIRST_MS + 5) == 5
    assert calendar.open_ms(LAST_MS - 5, 10 * LAST_MS) == 5
    assert (calendar.is_open(FIRST_MS - 1), calendar.is_open(FIRST_MS)) == (False, True)
    assert (calendar.is_open(LAST_MS - 1), calendar.is_open(LAST_MS)) == (True, False)
    assert calendar.next_open_ms(-DAY) == FIRST_MS
    assert calendar.next_open_ms(LAST_MS) is None
    assert calendar.after_ms(LAST_MS - 5, 5) == LAST_MS
    assert calendar.after_ms(LAST_MS - 5, 6) is None


def test_what_was_asked_before_changes_nothing() -> None:
    """More years than tables are kept, there and back again."""
    there = [at(f"{year}-05-05T05:05") for year in range(1970, 2100)]
    calendar = Calendar(definitions("half days", "Europe/Helsinki"))
    first = [calendar.open_ms(START, instant) for instant in there]
    assert [calendar.open_ms(START, instant) for instant in reversed(there)] == first[::-1]
    assert first[::13] == [Calendar(definitions("half days", "Europe/Helsinki")).open_ms(START, instant) for instant in there[::13]]


REFUSED = [
    pytest.param({"zone": "Europe/Helsinky"}, "zone: found 'Europe/Helsinky'; expected the name of a time zone", id="unknown zone"),
    pytest.param({"zone": "/etc"}, "zone: found '/etc'", id="a folder as zone"),
    pytest.param({"hours": (Hours(7, 0, 60),)}, "found weekday 7; expected 0 .Monday. to 6 .Sunday.", id="weekday"),
    pytest.param(
        {"hours": (Hours(0, 600, 540),)}, "hours of weekday 0: found an end at 540 not after the start at 600", id="end before start"
    ),
    pytest.param({"hours": (Hours(0, 600, 600),)}, "found an end at 600 not after the start at 600", id="nothing"),
    pytest.param(
        {"hours": (Hours(2, 600, 1441),)}, "hours of weekday 2: found minutes 600 to 1441; expected minutes of a day", id="after midnight"
    ),
    pytest.param({"hours": (Hours(2, -1, 60),)}, "found minutes -1 to 60; expected minutes of a day", id="before midnight"),
    pytest.param({"holidays": ("2026-02-30",)}, "holidays: found '2026-02-30'; expected a date such as", id="no such date"),
    pytest.param({"holidays": ("20260230",)}, "holidays: found '20260230'; expected a date such as", id="a number"),
    pytest.param({"holidays": ("20260228",)}, "holidays: found '20260228'; expected a date such as", id="another way to write a date"),
    pytest.param({"extra": {"Christmas": []}}, "extra: found 'Christmas'; expected a date such as", id="no date"),
    pytest.param({"extra": {"2026-12-24": [(720, 540)]}}, "extra hours of 2026-12-24: found an end at 540", id="half day backwards"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Definition(**{"zone": "UTC", **given})


@pytest.mark.parametrize(
    ("valid_from", "says"),
    [
        pytest.param([], "found no definition; expected at least one", id="none"),
        pytest.param([5, 5], "valid_from_ms: found 5 after 5; expected each later than the last", id="two at once"),
        pytest.param([5, 4], "valid_from_ms: found 4 after 5", id="not in order"),
    ],
)
def test_versions_come_in_order(valid_from: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Calendar([Definition(zone="UTC", valid_from_ms=start) for start in valid_from])


def test_a_definition_survives_the_wire_and_is_checked_there() -> None:
    definition = Definition(zone="Europe/Helsinki", hours=SPLIT, holidays=FEASTS, extra=HALF_DAYS, valid_from_ms=7)
    assert msgspec.json.decode(msgspec.json.encode(definition), type=Definition) == definition
    with pytest.raises(msgspec.ValidationError, match="found weekday 9"):
        msgspec.json.decode(b'{"zone": "UTC", "hours": [[9, 0, 60]]}', type=Definition)


# Laws, for schedules of any shape.

_minutes = st.one_of(st.integers(0, 1440), st.sampled_from([0, 60, 120, 150, 180, 210, 240, 540, 1020, 1440]))
_spans = st.tuples(_minutes, _minutes).filter(lambda span: span[0] < span[1])
_dates = st.one_of(
    st.dates(date(2025, 12, 20), date(2027, 1, 10)),
    st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 5), date(2026, 10, 4)]),
).map(date.isoformat)
_instants = st.one_of(
    st.integers(START, END),
    st.integers(FIRST_MS, LAST_MS),
    st.sampled_from(["2026-03-29T01:00", "2026-10-25T01:00", "2026-03-08T07:00", "2026-10-03T15:30"]).flatmap(
        lambda change: st.integers(at(change) - 3 * HOUR, at(change) + 3 * HOUR)
    ),
)


@st.composite
def _schedules(draw: st.DrawFn) -> list[Definition]:
    starts = sorted(draw(st.sets(st.integers(START, END), min_size=1, max_size=3)))
    return [
        Definition(
            zone=draw(st.sampled_from(ZONES)),
            hours=tuple(Hours(day, *span) for day, span in draw(st.lists(st.tuples(st.integers(0, 6), _spans), max_size=8))),
            holidays=tuple(draw(st.lists(_dates, max_size=5))),
            extra=draw(st.dictionaries(_dates, st.lists(_spans, max_size=3), max_size=3)),
            valid_from_ms=start,
        )
        for start in starts
    ]


def _by_the_definition(versions: list[Definition], instant: int) -> bool:
    version = next((v for v in reversed(versions) if instant >= v.valid_from_ms), versions[0])
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(ZoneInfo(version.zone))
    day = local.date().isoformat()
    usual = [] if day in version.holidays else [(h.start_minute, h.end_minute) for h in version.hours if h.weekday == local.weekday()]
    return any(start <= local.hour * 60 + local.minute < end for start, end in version.extra.get(day, usual))


@given(_schedules(), st.lists(_instants, min_size=3, max_size=30))
@settings(max_examples=60)
def test_time_adds_up_never_falls_and_is_bounded_by_the_wall(versions: list[Definition], instants: list[int]) -> None:
    calendar = Calendar(versions)
    instants.sort()
    parts = [calendar.open_ms(a, b) for a, b in pairwise(instants)]
    assert sum(parts) == calendar.open_ms(instants[0], instants[-1])
    assert all(0 <= part <= b - a for part, (a, b) in zip(parts, pairwise(instants), strict=True))
    assert [calendar.open_ms(b, a) for a, b in pairwise(instants)] == [0] * len(parts)
    assert [calendar.is_open(i) for i in instants if i < LAST_MS] == [_by_the_definition(versions, i) for i in instants if i < LAST_MS]
    assert [calendar.open_ms(i, i + 1) for i in instants] == [int(calendar.is_open(i)) for i in instants]


@given(_schedules(), _instants, st.one_of(st.integers(0, 40 * HOUR), st.integers(0, LAST_MS)))
@settings(max_examples=60)
def test_what_is_due_after_some_business_time_is_that_far_away(versions: list[Definition], start: int, business_ms: int) -> None:
    calendar = Calendar(versions)
    due = calendar.after_ms(start, business_ms)
    if due is None:
        assert calendar.open_ms(start, LAST_MS) < business_ms
    else:
        assert calendar.open_ms(start, due) == business_ms
        assert business_ms == 0 or calendar.open_ms(start, due - 1) == business_ms - 1, "the earliest such instant"


@given(_schedules(), _instants)
@settings(max_examples=60)
def test_the_next_open_instant_is_open_and_none_lies_before_it(versions: list[Definition], start: int) -> None:
    calendar = Calendar(versions)
    opens = calendar.next_open_ms(start)
    assert calendar.open_ms(start, LAST_MS if opens is None else opens) == 0
    assert opens is None or (opens >= start and calendar.is_open(opens))


@given(st.lists(_spans, max_size=6), st.lists(_spans, max_size=6), st.sampled_from(ZONES), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_spans_that_overlap_count_once_in_any_order(one: list[tuple[int, int]], two: list[tuple[int, int]], zone: str, random: Any) -> None:
    both = [Hours(6, *span) for span in one + two]
    random.shuffle(both)

    def counted(hours: list[Hours]) -> int:
        return Calendar([Definition(zone=zone, hours=tuple(hours))]).open_ms(START, END)

    minutes = [sum(any(start <= minute < end for start, end in spans) for minute in range(1440)) for spans in (one, two, one + two)]
    quiet = Calendar([Definition(zone="UTC", hours=tuple(both))])
    assert quiet.open_ms(at("2026-06-07"), at("2026-06-08")) == minutes[2] * MINUTE
    assert counted(both) == counted(both + both) == counted(sorted(both))
    assert counted(both) <= counted([Hours(6, *s) for s in one]) + counted([Hours(6, *s) for s in two])
