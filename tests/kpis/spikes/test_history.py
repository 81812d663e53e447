"""What a watch is judged by is read whole and once: on days of 23 and 25 hours too, in any zone, corrections included."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.cells import Cells
from kpis.dimensions import TOTAL
from kpis.spikes import history
from kpis.spikes.baseline import SHAPE
from kpis.window import DAY, HOUR, MINUTE, Levels, Zone
from tests.kpis.spikes.counted import ESCALATION, Counted, add, cells_of

ZONES = ("UTC", "Europe/Helsinki", "America/St_Johns", "Asia/Kathmandu")
CHAT = (("channel", "chat"),)


def ms(text: str, zone: str = "Europe/Helsinki") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def every_hour(now: int, days: int, zone: str) -> Cells:
    """One an hour on the hour, for so many days."""
    first = Zone(zone).day_after(now, -days)
    return cells_of((Counted(at) for at in range(first, now, HOUR)), now, zone)


SPRING, AUTUMN = ms("2026-03-29T12:00"), ms("2026-10-25T12:00")
"""Noon of the days on which the clocks of Helsinki change."""


@pytest.mark.parametrize("zone", ZONES)
@given(st.integers(SPRING - 30 * DAY, AUTUMN + 60 * DAY), st.integers(1, 240))
@settings(max_examples=60)
def test_a_window_lies_whole_in_the_hours_of_the_week(zone: str, now: int, minutes: int) -> None:
    hours = history.grid(Cells(Levels(Zone(zone))), now)
    assert history.hours_of(hours, now - minutes * MINUTE, now).sum() == pytest.approx(minutes / 60)


@pytest.mark.parametrize(("day", "length"), [(SPRING, 23), (AUTUMN, 25), (AUTUMN + DAY, 24)], ids=["spring", "autumn", "the day after"])
def test_every_hour_of_a_day_has_the_hour_its_clock_showed(day: int, length: int) -> None:
    zone = Zone("Europe/Helsinki")
    hours = history.grid(Cells(Levels(zone)), day)
    shown = [hour for hour in hours.clock[0].tolist() if hour >= 0]
    assert len(shown) == length
    local = [datetime.fromtimestamp(at / 1000, ZoneInfo(zone.name)).hour for at in hours.starts[0, :length].tolist()]
    assert shown == local


@pytest.mark.parametrize("now", [SPRING + 5 * DAY, AUTUMN + 5 * DAY], ids=["spring", "autumn"])
def test_an_hour_a_clock_change_lacks_is_not_known_and_one_that_was_there_twice_counts_once(now: int) -> None:
    cells = every_hour(now, 40, "Europe/Helsinki")
    hours = history.grid(cells, now)
    counts = history.by_hour(cells, ESCALATION, [TOTAL], hours)[0]
    known = history.known(hours, history.first_known_ms(cells, ESCALATION) or 0, now)
    changed = counts[0, 5], known[0, 5]  # five days ago
    assert (changed[0][changed[1] > 0] == 1).all()
    assert changed[1].tolist() == [0.0 if now < AUTUMN and hour == 3 else 1.0 for hour in range(24)]
    assert known.sum() in (39 * 24, 39 * 24 - 1)


@pytest.mark.parametrize("zone", ZONES)
def test_every_count_of_the_eight_weeks_is_read_once(zone: str) -> None:
    now = AUTUMN + 20 * DAY
    draw = np.random.default_rng(1)
    first = Zone(zone).day_after(now, -history.DAYS)
    at = [int(t) for t in draw.integers(first, Zone(zone).day_start(now), 2000)]
    cells = cells_of((Counted(t) for t in at), now, zone)
    hours = history.grid(cells, now)
    counts = history.by_hour(cells, ESCALATION, [TOTAL, CHAT], hours)
    info = ZoneInfo(zone)
    truth = np.zeros(SHAPE)
    for t in at:
        local = datetime.fromtimestamp(t / 1000, info)
        n = hours.day_starts.index(Zone(zone).day_start(t))
        twice = (local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()) and (
            datetime.fromtimestamp((t - HOUR) / 1000, info).hour == local.hour
            or datetime.fromtimestamp((t + HOUR) / 1000, info).hour == local.hour
        )
        truth[(n - 1) // 7, n % 7, local.hour] += 0.5 if twice else 1.0
    assert np.allclose(counts[0], truth)
    assert np.array_equal(counts[0], counts[1])


def test_today_and_what_is_just_over_is_no_history() -> None:
    now = ms("2026-11-18T02:30")
    hours = history.grid(Cells(Levels(Zone("Europe/Helsinki"))), now)
    known = history.known(hours, now - 100 * DAY, now)
    assert known[0, 1].tolist() == [1.0] * 21 + [0.0] * 3  # of yesterday nothing of the last five hours
    assert known[0, 0].sum() == 24  # today's weekday is known from a week ago on
    assert known.sum() == history.DAYS * 24 - 3


def test_a_history_begins_the_day_after_the_first_count() -> None:
    now = ms("2026-11-18T12:00")
    cells = cells_of([Counted(now - 10 * DAY)], now, "Europe/Helsinki")
    first = history.first_known_ms(cells, ESCALATION)
    assert first == Zone("Europe/Helsinki").day_start(now - 10 * DAY)
    assert history.known(history.grid(cells, now), first, now).sum() == 9 * 24
    assert history.first_known_ms(cells_of([], now), ESCALATION) is None


def test_the_last_hours_are_read_by_the_minute_with_the_one_that_has_begun() -> None:
    now = ms("2026-11-18T12:00:30")
    given_ = [Counted(now - 10_000, 3), Counted(now - 61 * MINUTE, 4), Counted(now - 5 * HOUR, 9)]
    recent = history.recent(cells_of(given_, now), ESCALATION, [TOTAL, CHAT], now)
    assert recent.end_ms == ms("2026-11-18T12:01")
    assert int(recent.counts.sum()) == 2 * 7
    assert recent.between(1, recent.end_ms - 5 * MINUTE, recent.end_ms) == 3
    assert recent.between(1, recent.end_ms - HOUR, recent.end_ms) == 3
    assert recent.between(0, recent.end_ms - 9 * HOUR, recent.end_ms) == 7


def test_what_is_taken_back_is_gone_from_all_of_it() -> None:
    now = ms("2026-11-18T12:00")
    old, new = Counted(now - 9 * DAY, 5), Counted(now - 9 * MINUTE, 5)
    cells = cells_of([old, new], now, "Europe/Helsinki")
    add(cells, [old._replace(n=-5), new._replace(n=-5)], now)
    assert history.series_of(cells, ESCALATION, now) == [TOTAL]
    assert history.first_known_ms(cells, ESCALATION) is None
    assert history.recent(cells, ESCALATION, [TOTAL, CHAT], now).counts.sum() == 0
    assert history.by_hour(cells, ESCALATION, [TOTAL, CHAT], history.grid(cells, now)).sum() == 0


def test_of_many_channels_those_with_most_history_are_watched() -> None:
    now = ms("2026-11-18T12:00")
    counted = [Counted(now - 9 * DAY, 1 + i % 60, (("channel", f"<b>{i}\u202e\x00"),)) for i in range(1500)]
    found = history.series_of(cells_of(counted, now), ESCALATION, now)
    assert found[0] == TOTAL
    assert len(found) == 1 + history.SERIES_MAX
    most = {cut[0][1] for cut in found[1:]}
    assert most <= {f"<b>{i}\u202e\x00" for i in range(1500) if i % 60 >= 58}


def test_of_every_dimension_that_is_watched_those_with_most_history_are() -> None:
    now = ms("2026-11-18T12:00")
    counted = [Counted(now - 9 * DAY, 1 + i, (("channel", f"c{i:02}"), ("team", f"t{i:02}"))) for i in range(50)]
    found = history.series_of(cells_of(counted, now), ESCALATION, now)
    most = [f"{i:02}" for i in range(49, 49 - history.SERIES_MAX, -1)]
    assert found == [TOTAL, *((("channel", f"c{i}"),) for i in most), *((("team", f"t{i}"),) for i in most)]
