"""The past and the present are one timeline, and the past is as long as it is asked to be."""

from __future__ import annotations

from collections import Counter
from itertools import islice, takewhile

import orjson
import pytest

from cli.company import pace, timeline
from cli.company.deliveries import Delivery

NOW_MS = 1_767_609_000_000
"""2026-01-05T10:30Z, a Monday morning."""
HOUR_MS = 3_600_000


@pytest.mark.parametrize("events", [1, 50, 800, 6_000, 30_000])
def test_the_past_holds_at_least_as_many_events_as_asked_and_hardly_more(events: int) -> None:
    past, _ = timeline.around(3, NOW_MS, events=events)
    assert events <= sum(not delivery.repeated for delivery in past) <= events * 1.4 + 40


def test_what_begins_before_now_goes_on_after_it() -> None:
    past, rest = timeline.around(3, NOW_MS)
    later = list(islice(rest, 300))
    assert past[-1].at_ms < NOW_MS <= later[0].at_ms
    subjects = {orjson.loads(delivery.body).get("subject") for delivery in past} - {None}
    assert subjects & {orjson.loads(delivery.body).get("subject") for delivery in later}


def test_the_same_seed_gives_the_same_timeline() -> None:
    (first, first_rest), (second, second_rest) = (timeline.around(9, NOW_MS, events=400) for _ in range(2))
    assert first == second
    assert list(islice(first_rest, 50)) == list(islice(second_rest, 50))


# ---- days alike ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def days() -> list[Delivery]:
    return timeline.days_around(3, NOW_MS)[0]


def _own_hours(found: list[Delivery]) -> Counter[int]:
    """How much happened in each whole hour of the company's clock, counted from the epoch."""
    return Counter((delivery.occurred_ms + timeline.days_ahead_ms(NOW_MS)) // HOUR_MS for delivery in found)


def test_the_days_have_nights_and_a_week_end(days: list[Delivery]) -> None:
    hours = _own_hours(days)
    whole = sorted({hour // 24 for hour in hours})[1:-1]
    assert len(whole) == 8
    for day in whole:
        night, noon = (sum(hours[day * 24 + hour] for hour in some) for some in (range(5), range(9, 14)))
        assert night * 4 < noon
    of_day = {day: sum(hours[day * 24 + hour] for hour in range(24)) for day in whole}
    week_end, working = ([n for day, n in of_day.items() if ((day + 3) % 7 > 4) is off] for off in (True, False))
    assert len(week_end) == 2
    assert max(week_end) < 0.7 * min(working)
    assert max(working) < 1.35 * min(working)


def test_the_present_is_as_busy_as_a_week_before() -> None:
    past, rest = timeline.days_around(3, NOW_MS)
    span_ms = 4 * HOUR_MS
    later = list(takewhile(lambda delivery: delivery.at_ms < NOW_MS + span_ms, rest))
    began = NOW_MS - 7 * 24 * HOUR_MS
    earlier = sum(began <= delivery.at_ms < began + span_ms for delivery in past)
    assert len(later) == pytest.approx(earlier, rel=0.2)


def test_it_is_the_same_company_whenever_it_is_asked_for(days: list[Delivery]) -> None:
    other_ms = NOW_MS + 3 * 24 * HOUR_MS + 12_345_678
    other, rest = timeline.days_around(3, other_ms)
    assert [(d.at_ms - other_ms, d.source, d.id) for d in other] == [(d.at_ms - NOW_MS, d.source, d.id) for d in days]
    assert next(rest).at_ms >= other_ms


def test_the_same_seed_gives_the_same_days(days: list[Delivery]) -> None:
    assert timeline.days_around(3, NOW_MS)[0] == days
    assert timeline.days_around(4, NOW_MS)[0] != days


def test_the_days_hold_at_least_as_many_events_as_asked(days: list[Delivery]) -> None:
    past, _ = timeline.days_around(3, NOW_MS, events=3_000)
    assert 3_000 <= sum(not delivery.repeated for delivery in past) <= 3_000 * 1.4 + 40
    assert past[0].at_ms - (NOW_MS - pace.DAYS_MS) < 6 * HOUR_MS
