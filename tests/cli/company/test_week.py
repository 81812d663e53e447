"""The week has its nights and week-ends, and a rate is a rate."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.company import week

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, a Monday."""


def test_the_mean_weight_of_a_week_is_one() -> None:
    steps = range(MONDAY_MS, MONDAY_MS + 7 * DAY_MS, HOUR_MS // 4)
    assert sum(week.weight(at) for at in steps) / len(steps) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    ("quiet_ms", "busy_ms"),
    [
        pytest.param(MONDAY_MS + 3 * HOUR_MS, MONDAY_MS + 10 * HOUR_MS, id="night below morning"),
        pytest.param(MONDAY_MS + 12 * HOUR_MS, MONDAY_MS + 10 * HOUR_MS, id="lunch below morning"),
        pytest.param(MONDAY_MS + 5 * DAY_MS + 10 * HOUR_MS, MONDAY_MS + 10 * HOUR_MS, id="Saturday below Monday"),
        pytest.param(MONDAY_MS + 6 * DAY_MS + 10 * HOUR_MS, MONDAY_MS + 4 * DAY_MS + 10 * HOUR_MS, id="Sunday below Friday"),
    ],
)
def test_quiet_hours_weigh_less(quiet_ms: int, busy_ms: int) -> None:
    assert week.weight(quiet_ms) < week.weight(busy_ms)


@given(st.integers(0, 4_000_000_000_000))
def test_weight_and_slowness_are_positive_and_bounded(at_ms: int) -> None:
    assert 0.01 < week.weight(at_ms) < 3
    assert 0.9 < week.slowness(at_ms) < 3


@given(st.integers(0, 2**32), st.integers(0, 2**41), st.integers(1, 6 * HOUR_MS))
def test_arrivals_rise_within_their_span(seed: int, start_ms: int, span_ms: int) -> None:
    found = list(week.arrivals(Random(seed), start_ms, start_ms + span_ms, lambda at: 0.05))
    assert found == sorted(found)
    assert all(start_ms <= at < start_ms + span_ms for at in found)


def test_arrivals_come_at_their_rate_and_stop_where_it_is_zero() -> None:
    found = list(week.arrivals(Random(4), 0, 20 * HOUR_MS, lambda at: 0.5 if at < 10 * HOUR_MS else 0.0))
    assert len(found) == pytest.approx(0.5 * 10 * 3600, rel=0.03)
    assert max(found) < 10 * HOUR_MS
