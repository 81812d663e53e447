"""The silence of a source: judged by its own rhythm, never by what is not known of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.spikes.silence import CLUSTERED, add_hour, dispersion, expected, surprise
from kpis.window import HOUR
from schemas.rhythm import HOURS_A_WEEK, Rhythm, decode_rhythm, encode_rhythm, unknown

FIRST = 480_000
"""An hour, counted from the epoch."""


def rhythm(weeks: int, by_day: int = 30, by_night: int = 0, door: str = "here:1") -> Rhythm:
    """A source that delivers from 8 to 18 UTC."""
    made = unknown("desk", door)
    for hour in range(FIRST, FIRST + weeks * HOURS_A_WEEK):
        add_hour(made, hour, by_day if 8 <= hour % 24 < 18 else by_night)
    return made


def at(hour: float, weeks: int = 4) -> int:
    """An instant so many hours after the start of the week that follows the known ones."""
    return int((FIRST + weeks * HOURS_A_WEEK + hour) * HOUR)


MORNING = next(h for h in range(24) if (FIRST + h) % 24 == 9)


@pytest.mark.parametrize(
    ("start", "end", "usual"),
    [(0.0, 2.0, 60.0), (0.25, 0.75, 15.0), (10.0, 20.0, 0.0), (8.5, 9.5, 15.0)],
    ids=["two hours of a day", "half an hour", "a night", "into the evening"],
)
def test_what_is_usual_follows_the_hours(start: float, end: float, usual: float) -> None:
    assert expected([rhythm(4)], at(MORNING + start), at(MORNING + end)) == pytest.approx(usual, rel=0.01)


def test_a_silent_night_says_nothing_and_a_silent_morning_much() -> None:
    known = [rhythm(4)]
    night = expected(known, at(MORNING + 10), at(MORNING + 20))
    morning = expected(known, at(MORNING), at(MORNING + 1))
    assert night is not None
    assert morning is not None
    assert surprise(night, CLUSTERED) == 0
    assert surprise(morning, CLUSTERED) > 4


def test_an_hour_that_was_never_seen_is_not_judged() -> None:
    made = unknown("desk", "here:1")
    for hour in range(FIRST, FIRST + HOURS_A_WEEK - 1):
        add_hour(made, hour, 5)
    assert expected([made], at(HOURS_A_WEEK - 2, weeks=0), at(HOURS_A_WEEK - 1, weeks=0)) is not None
    assert expected([made], at(HOURS_A_WEEK - 2, weeks=0), at(HOURS_A_WEEK, weeks=0)) is None
    assert expected([], at(0), at(1)) is None


def test_two_doors_of_one_source_add_up() -> None:
    one, other = rhythm(4, by_day=10), rhythm(4, by_day=20, door="there:1")
    assert expected([one, other], at(MORNING), at(MORNING + 1)) == pytest.approx(30, rel=0.01)


def test_a_silence_of_months_costs_no_more_than_one_of_a_week() -> None:
    known = [rhythm(4)]
    assert expected(known, 0, at(0)) == expected(known, at(-HOURS_A_WEEK), at(0))


def test_an_hour_counts_once_and_later_weeks_weigh_more() -> None:
    made = unknown("desk", "here:1")
    for n in (10, 10, 40):
        add_hour(made, FIRST, n)
        add_hour(made, FIRST + HOURS_A_WEEK, 40)
    slot = FIRST % HOURS_A_WEEK
    assert made.seen[slot] == pytest.approx(1.85)
    assert made.sums[slot] == pytest.approx(10 * 0.85 + 40)


def test_deliveries_in_bunches_are_known_as_such() -> None:
    even, bunched = rhythm(6), unknown("desk", "here:1")
    for number, hour in enumerate(range(FIRST, FIRST + 6 * HOURS_A_WEEK)):
        add_hour(bunched, hour, 100 if number // HOURS_A_WEEK % 2 else 0)
    assert dispersion([even]) == CLUSTERED
    assert dispersion([bunched]) > 20
    assert dispersion([]) == CLUSTERED


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(1, 100))
def test_longer_is_never_less_surprising_and_bunches_make_it_less(mean: float, more: float, clustered: float) -> None:
    assert surprise(mean + more, clustered) >= surprise(mean, clustered)
    assert surprise(mean, clustered) <= mean / math.log(10) + 1e-9


def test_a_rhythm_comes_back_as_it_was_told() -> None:
    made = rhythm(2, by_night=1)
    assert decode_rhythm(encode_rhythm(made)) == made
    assert made.key == b"desk|here:1|rhythm"
