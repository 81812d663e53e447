"""Windows: half open, made of whole buckets, each instant read exactly once and only from buckets that were written whole."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.window import CALENDAR, DAY, HOUR, MINUTE, ROLLING, SECOND, WINDOWS, Levels, Zone

ZONES = ("UTC", "Europe/Helsinki", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
_zones = st.sampled_from(ZONES)


def at(text: str, zone: str = "UTC") -> int:
    """The instant of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


_now = st.one_of(
    st.integers(at("2026-01-01"), at("2027-01-01")),
    st.sampled_from(["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-09-06", "2026-10-04"]).flatmap(
        lambda day: st.integers(at(day) - DAY, at(day) + 2 * DAY)
    ),
)


@given(_zones, _now, st.integers(0, 4))
def test_a_bucket_is_half_open_and_whole_buckets_of_the_finer_level(zone_name: str, instant: int, level: int) -> None:
    zone = Zone(zone_name)
    start = zone.bucket_start(instant, level)
    end = zone.bucket_end(start, level)
    assert start <= instant < end
    assert zone.bucket_start(end - 1, level) == start
    assert zone.bucket_start(end, level) == end
    assert zone.ceil(start, level) == start
    assert zone.ceil(start + 1, level) == end
    if level:
        finer = start
        while finer < end:
            assert zone.bucket_start(finer, level - 1) == finer
            finer = zone.bucket_end(finer, level - 1)
        assert finer == end
    assert zone.bucket_starts(np.array([instant, start, end - 1]), level).tolist() == [start] * 3


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("Europe/Helsinki", "2026-03-29", 23, id="spring forward"),
        pytest.param("Europe/Helsinki", "2026-10-25", 25, id="fall back"),
        pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="half an hour longer"),
        pytest.param("Asia/Kolkata", "2026-03-29", 24, id="no change, half an hour off"),
        pytest.param("America/Santiago", "2026-09-06", 23, id="no midnight"),
    ],
)
def test_days_are_local(zone: str, day: str, hours: float) -> None:
    noon = at(f"{day}T12:00", zone)
    start = Zone(zone).day_start(noon)
    assert Zone(zone).bucket_end(start, 4) - start == hours * HOUR
    assert datetime.fromtimestamp(start / 1000, ZoneInfo(zone)).date().isoformat() == day


@given(_zones, _now, st.sampled_from(sorted(WINDOWS)), st.integers(0, 2))
@settings(max_examples=300)
def test_a_window_now_is_as_wide_as_it_says(zone_name: str, now: int, name: str, finest: int) -> None:
    levels = Levels(Zone(zone_name))
    bounds = levels.window(name, now, now, finest)
    edge = levels.zone.ceil(now, finest)
    assert bounds.end_ms == edge
    assert now <= bounds.end_ms < now + levels.all[finest].width_ms
    if name in ROLLING:
        width, level = ROLLING[name]
        slack = levels.all[max(level, finest)].width_ms
        assert abs((bounds.end_ms - bounds.start_ms) - width) <= slack + (HOUR if level == 4 else 0)
        assert levels.zone.bucket_start(bounds.start_ms, level) == bounds.start_ms
    elif name in CALENDAR:
        local = datetime.fromtimestamp(bounds.start_ms / 1000, ZoneInfo(zone_name))
        before = datetime.fromtimestamp((now - 1) / 1000, ZoneInfo(zone_name))
        assert levels.zone.day_start(bounds.start_ms) == bounds.start_ms
        wanted = {
            "today": before.date() == local.date(),
            "week": local.weekday() == 0 and 0 <= (before.date() - local.date()).days < 7,
            "month": local.day == 1 and (local.year, local.month) == (before.year, before.month),
            "quarter": local.day == 1
            and local.month % 3 == 1
            and (before.year, (before.month - 1) // 3) == (local.year, (local.month - 1) // 3),
        }
        assert wanted[name]
    else:
        assert bounds.start_ms == bounds.end_ms


def tiles_of(levels: Levels, parts: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The single buckets of a cover: (level, start, end)."""
    out = []
    for level, low, high in parts:
        start = low
        while start < high:
            out.append((level, start, levels.zone.bucket_end(start, level)))
            start = out[-1][2]
        assert start == high
    return out


@st.composite
def _questions(draw: st.DrawFn) -> tuple[Levels, int, int, int, int]:
    """(levels, now, start, end, finest) of a span that may be asked for."""
    levels = Levels(Zone(draw(_zones)))
    now = draw(_now)
    finest = draw(st.integers(0, 2))
    ages = st.one_of(
        st.integers(0, 400 * DAY),
        st.sampled_from([25 * MINUTE, 30 * MINUTE, 5 * HOUR, 49 * HOUR, 60 * DAY]).flatmap(lambda a: st.integers(a - HOUR, a + HOUR)),
        st.sampled_from([59 * DAY, 60 * DAY]).flatmap(lambda a: st.integers(a, a + 2 * DAY)),
        st.integers(0, 3 * DAY),
    ).map(lambda age: max(age, 0))
    if draw(st.booleans()):
        bounds = levels.window(draw(st.sampled_from(sorted({*ROLLING, *CALENDAR}))), now - draw(ages), now, finest)
    else:
        one, other = draw(ages), draw(ages)
        bounds = levels.span(now - max(one, other), now - min(one, other), now, finest)
    return levels, now, bounds.start_ms, bounds.end_ms, finest


@given(_questions())
@settings(max_examples=500)
def test_a_cover_reads_every_instant_once_and_only_what_was_written_whole(question: tuple[Levels, int, int, int, int]) -> None:
    levels, now, start, end, finest = question
    tiles = tiles_of(levels, levels.cover(start, end, now, finest))
    if start >= end:
        assert tiles == []
        return
    assert (tiles[0][1], tiles[-1][2]) == (start, end)
    assert all(a[2] == b[1] for a, b in pairwise(tiles))
    for level, low, _ in tiles:
        assert level >= finest
        assert level == 4 or now - low < levels.all[level].kept_ms


@given(_questions())
@settings(max_examples=300)
def test_a_cover_by_age_does_too_and_its_buckets_are_small_beside_their_age(question: tuple[Levels, int, int, int, int]) -> None:
    levels, now, start, end, finest = question
    start = levels.zone.bucket_start(start, 4)
    tiles = tiles_of(levels, levels.cover_by_age(start, end, now, finest))
    if start >= end:
        return
    assert (tiles[0][1], tiles[-1][2]) == (start, end)
    assert all(a[2] == b[1] for a, b in pairwise(tiles))
    for level, low, high in tiles:
        assert level == 4 or now - low < levels.all[level].kept_ms
        assert level == finest or high - low <= (now - low) / 5


@given(_questions(), st.lists(st.integers(0, 10**6), max_size=30))
@settings(max_examples=100)
def test_what_is_written_by_age_is_what_is_read(question: tuple[Levels, int, int, int, int], places: list[int]) -> None:
    levels, now, start, end, finest = question
    times = [start + (end - start) * place // 10**6 for place in places] + [start, end, start - 1, end - 1]
    written = levels.written(now - np.array(times), np.array([finest] * len(times)))
    read = tiles_of(levels, levels.cover(start, end, now, finest))
    found = 0
    for instant, level in zip(times, written.tolist(), strict=True):
        for number in range(min(level, 4), 5):
            here = levels.zone.bucket_start(instant, number)
            found += sum(1 for tile in read if tile[:2] == (number, here))
    assert found == sum(1 for instant in times if start <= instant < end)


@pytest.mark.parametrize(
    ("age", "level"),
    [
        pytest.param(0, 0, id="now"),
        pytest.param(20 * MINUTE, 0, id="20 min"),
        pytest.param(26 * MINUTE, 1, id="26 min"),
        pytest.param(4 * HOUR, 1, id="4 h"),
        pytest.param(5 * HOUR, 2, id="5 h"),
        pytest.param(25 * HOUR, 2, id="25 h"),
        pytest.param(49 * HOUR, 3, id="49 h"),
        pytest.param(31 * DAY, 3, id="31 d"),
        pytest.param(61 * DAY, 4, id="61 d"),
        pytest.param(801 * DAY, 5, id="801 d"),
    ],
)
def test_which_level_can_be_read_for_an_age(age: int, level: int) -> None:
    now = at("2026-11-22T12:00:00")
    assert Levels(Zone()).readable(now - age, now) == level


def test_a_name_that_is_no_window_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Levels(Zone()).window("29d", 0, 0)


def test_an_instant_on_an_edge_is_that_edge() -> None:
    now = at("2026-11-22T12:00:00")
    bounds = Levels(Zone()).window("5m", now, now)
    assert (bounds.start_ms, bounds.end_ms) == (now - 5 * MINUTE, now)
    assert Levels(Zone()).window("5m", now + 1, now + 1).end_ms == now + 5 * SECOND
