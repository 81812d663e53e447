"""What is unusual: Benjamini and Hochberg's rule against the textbook's, and what is never unusual, whatever the chance."""

from __future__ import annotations

from math import inf, isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis import measures as m
from kpis.cells import Cells
from kpis.dimensions import TOTAL
from kpis.spikes.baseline import Rates
from kpis.spikes.history import Grid, Recent, grid
from kpis.spikes.judging import ALARM, Judged, judge, unusual
from kpis.spikes.tails import surprise
from kpis.spikes.watch import Watch
from kpis.window import HOUR, MINUTE, Levels, Zone

NOW = 1_789_344_000_000 + 12 * HOUR
WATCH = Watch(id="w", noun="Counts", unit="counts", measure=m.TICKET_ESCALATED)


def one(told: float, observed: float = 100, expected: float = 1.0, series: int = 0) -> Judged:
    return Judged("w", series, TOTAL, 300_000, 0, 300_000, observed, expected, expected, told)


def rejected_by_the_book(chances: list[float], alpha: float) -> set[int]:
    """The textbook's step-up: all up to the greatest rank k with p(k) ≤ k / m · α."""
    ranked = sorted(range(len(chances)), key=lambda i: chances[i])
    last = max((k for k in range(1, len(chances) + 1) if chances[ranked[k - 1]] < k / len(chances) * alpha), default=0)
    return set(ranked[:last])


@given(st.lists(st.floats(0, 12), max_size=40))
def test_what_is_unusual_is_what_the_book_rejects(told: list[float]) -> None:
    judged = [one(value, series=i) for i, value in enumerate(told)]
    found = {each.series for each, _ in unusual(judged)}
    chances = [10**-value for value in told]
    # what lies on the edge to the last digit may fall on either side
    assert rejected_by_the_book(chances, 10**-ALARM * (1 - 1e-9)) <= found <= rejected_by_the_book(chances, 10**-ALARM * (1 + 1e-9))


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_corrected_is_never_more_surprising_than_it_was_and_keeps_the_order(told: list[float]) -> None:
    found = unusual([one(value, series=i) for i, value in enumerate(told)])
    assert all(value <= each.surprise + 1e-9 for each, value in found)
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)


def test_watching_more_makes_each_less_unusual() -> None:
    alone = [one(ALARM + 0.5)]
    assert unusual(alone)
    assert not unusual(alone + [one(0.0, series=i) for i in range(1, 10)])


def test_the_windows_of_a_series_are_one_look() -> None:
    alone = [one(ALARM + 0.4)]
    with_windows = [*alone, one(ALARM + 0.1), one(1.0)]
    assert [value for _, value in unusual(with_windows)] == [ALARM + 0.4, ALARM + 0.1]
    others = [one(0.0, series=i) for i in (1, 2)]
    assert unusual(with_windows + others * 3) == unusual(with_windows + others)
    assert not unusual(with_windows + others)
    assert unusual([one(ALARM + 0.1), one(ALARM + 0.7), *others])[0][1] == pytest.approx(ALARM + 0.7 - np.log10(3))


def test_what_is_beyond_all_measure_is_unusual_among_any() -> None:
    found = unusual([one(inf), one(inf, series=1), one(9.0, series=2), one(0.0, series=3)])
    assert [(each.series, value) for each, value in found] == [(0, inf), (1, inf), (2, pytest.approx(9.0 - np.log10(4 / 3)))]


@pytest.mark.parametrize(
    ("observed", "expected", "much"),
    [(4, 0.001, False), (5, 0.001, True), (19, 10.0, False), (20, 10.0, True)],
    ids=["four", "five", "less than twice", "twice"],
)
def test_it_must_be_much_too(observed: int, expected: float, much: bool) -> None:
    assert bool(unusual([one(50.0, observed, expected)])) is much


def flat(rate: float, hours: float = 1344.0) -> Rates:
    return Rates(np.full((7, 24), rate), np.zeros((7, 24)), 1.0, hours, 1000.0)


def last_hours(*counts: tuple[int, int]) -> Recent:
    """`(minutes ago, count)`: counts of the minutes before NOW."""
    steps = np.zeros((1, 240), dtype=np.int64)
    for ago, count in counts:
        steps[0, -ago] += count
    return Recent(NOW - 4 * HOUR, MINUTE, steps)


@pytest.fixture
def hours() -> Grid:
    return grid(Cells(Levels(Zone("UTC"))), NOW)


def test_every_window_is_judged_by_its_own_length(hours: Grid) -> None:
    judged = judge(WATCH, last_hours((1, 2), (10, 3), (40, 4)), [TOTAL], [flat(6.0)], hours, NOW)
    assert [(each.window_ms // MINUTE, each.observed, round(each.expected, 9)) for each in judged] == [
        (5, 2, 0.5),
        (15, 5, 1.5),
        (60, 9, 6.0),
    ]
    assert all(isclose(each.surprise, surprise(int(each.observed), each.expected, each.variance)) for each in judged)


def test_what_is_no_more_than_expected_is_no_surprise(hours: Grid) -> None:
    judged = judge(WATCH, last_hours((40, 6)), [TOTAL], [flat(6.0)], hours, NOW)
    assert [each.surprise for each in judged] == [0.0, 0.0, 0.0]


def test_nothing_before_the_last_incident_counts(hours: Grid) -> None:
    judged = judge(WATCH, last_hours((1, 2), (10, 30)), [TOTAL], [flat(6.0)], hours, NOW, NOW - 8 * MINUTE)
    assert [(each.observed, round(each.expected, 9), each.start_ms) for each in judged[1:]] == [(2, 0.8, NOW - 8 * MINUTE)] * 2


@pytest.mark.parametrize(
    ("known", "of_the_whole", "told"),
    [(29, 12, False), (30, 12, True), (29, 30, True)],
    ids=["renamed", "known", "new, and the whole grew"],
)
def test_a_channel_that_is_new_is_judged_only_with_the_whole(hours: Grid, known: float, of_the_whole: int, told: bool) -> None:
    counts = np.zeros((2, 240), dtype=np.int64)
    counts[0, -10], counts[1, -10] = of_the_whole, 12
    rates = [flat(40.0), flat(0.1)._replace(counted=known)]
    recent = Recent(NOW - 4 * HOUR, MINUTE, counts)
    judged = judge(WATCH, recent, [TOTAL, (("channel", "new"),)], rates, hours, NOW)
    quarter = next(each for each in judged if each.series == 1 and each.window_ms == 15 * MINUTE)
    assert (quarter.surprise > 4) is told


def test_less_than_a_week_of_history_is_not_judged(hours: Grid) -> None:
    assert judge(WATCH, last_hours((1, 90)), [TOTAL], [flat(6.0, hours=167)], hours, NOW) == []
    assert judge(WATCH, last_hours((1, 90)), [TOTAL], [flat(6.0, hours=168)], hours, NOW) != []
