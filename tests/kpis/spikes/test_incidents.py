"""Incidents: woken once, after two rounds, and over when it is calm; when it began is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.cells import Cells
from kpis.dimensions import TOTAL
from kpis.spikes.baseline import Rates
from kpis.spikes.history import Recent, grid
from kpis.spikes.incidents import CALM_MS, Watcher, began
from kpis.spikes.judging import Judged
from kpis.window import HOUR, MINUTE, Levels, Zone

START = 1_789_344_000_000 + 12 * HOUR
LOUD, HUSHED, CALM = 8.0, 2.0, 0.2
"""Surprises: unusual, not unusual though not calm, and calm."""


def judged(told: float, window: int = 15, series: int = 0, observed: float = 20) -> Judged:
    cut = TOTAL if series == 0 else (("channel", str(series)),)
    return Judged("w", series, cut, window * MINUTE, 0, 0, observed, 1.0, 1.0, told)


def step(watcher: Watcher, told: Sequence[Judged], now: int) -> bool:
    found = sorted(((one, one.surprise) for one in told if one.surprise > 4), key=lambda each: -each[1])
    return watcher.step(told, found, lambda one: START - 7 * MINUTE, now) is not None


def run(watcher: Watcher, told: Sequence[float], now: int = START) -> list[bool]:
    """One round a minute of one series."""
    return [step(watcher, [judged(value)], now + i * MINUTE) for i, value in enumerate(told)]


def test_it_opens_at_the_second_round_in_a_row() -> None:
    assert run(Watcher(), [LOUD, CALM, LOUD, HUSHED, LOUD, LOUD]) == [False] * 5 + [True]


def test_it_is_over_after_three_calm_minutes() -> None:
    watcher = Watcher()
    assert run(watcher, [LOUD, LOUD, CALM, CALM, CALM]) == [False, True, True, True, True]
    assert watcher.incident is not None
    assert watcher.incident.closing
    assert run(watcher, [CALM], START + 5 * MINUTE) == [False]
    assert watcher.clear_from_ms == START + 5 * MINUTE
    assert CALM_MS == 3 * MINUTE


@pytest.mark.parametrize("loud", [LOUD, HUSHED], ids=["unusual", "not as usual"])
def test_what_is_not_calm_begins_the_calm_anew(loud: float) -> None:
    watcher = Watcher()
    assert all(run(watcher, [LOUD, LOUD, CALM, CALM, loud, CALM, CALM, CALM])[1:])
    assert run(watcher, [CALM], START + 8 * MINUTE) == [False]


def test_after_it_is_over_two_rounds_open_the_next() -> None:
    watcher = Watcher()
    run(watcher, [LOUD, LOUD, CALM, CALM, CALM, CALM])
    assert run(watcher, [LOUD, LOUD], START + 6 * MINUTE) == [False, True]


def test_one_more_than_expected_is_calm_however_surprising() -> None:
    watcher = Watcher()
    run(watcher, [LOUD, LOUD])
    for minute in range(2, 6):
        open_ = step(watcher, [judged(HUSHED, observed=2)], START + minute * MINUTE)
    assert not open_


def test_while_one_is_open_no_other_opens_and_it_keeps_its_beginning() -> None:
    watcher = Watcher()
    run(watcher, [LOUD, LOUD])
    first = watcher.incident
    assert first is not None
    assert (first.since_ms, first.opened_at_ms) == (START - 7 * MINUTE, START + MINUTE)
    step(watcher, [judged(5.0), judged(30.0, series=3)], START + 2 * MINUTE)
    assert watcher.incident is first
    assert (first.now.series, first.corrected, first.since_ms, first.opened_at_ms) == (3, 30.0, START - 7 * MINUTE, START + MINUTE)


@pytest.mark.parametrize("loud", [LOUD, HUSHED], ids=["unusual", "not as usual"])
def test_an_hour_that_is_still_loud_does_not_hold_what_a_quarter_found(loud: float) -> None:
    watcher = Watcher()
    both = [judged(LOUD), judged(LOUD, window=60)]
    step(watcher, both, START)
    step(watcher, both, START + MINUTE)
    after = [judged(CALM), judged(loud, window=60)]
    assert [step(watcher, after, START + minute * MINUTE) for minute in (2, 3, 4, 5)] == [True, True, True, False]


def test_an_incident_of_the_hour_alone_asks_the_hour() -> None:
    watcher = Watcher()
    hour = [judged(CALM), judged(LOUD, window=60)]
    step(watcher, hour, START)
    step(watcher, hour, START + MINUTE)
    after = [judged(CALM), judged(HUSHED, window=60)]
    assert all(step(watcher, after, START + minute * MINUTE) for minute in range(2, 30))


@given(st.lists(st.sampled_from([LOUD, HUSHED, CALM]), max_size=60))
def test_the_same_rounds_give_the_same_incidents(told: list[float]) -> None:
    one, other = Watcher(), Watcher()
    assert run(one, told) == run(other, told)
    assert one.incident == other.incident


@given(st.lists(st.sampled_from([LOUD, HUSHED, CALM]), max_size=60))
def test_nothing_opens_that_was_not_unusual_twice(told: list[float]) -> None:
    was = False
    for i, now in enumerate(run(Watcher(), told)):
        if now and not was:
            assert told[i - 1 : i + 1] == [LOUD, LOUD]
        was = now


# ---- when it began -----------------------------------------------------------------------------


@pytest.mark.parametrize("ago", [2, 11, 45, 170])
def test_it_began_where_the_counts_rise(ago: int) -> None:
    counts = np.zeros((1, 240), dtype=np.int64)
    counts[0, ::10] = 1
    counts[0, -ago:] = 3
    recent = Recent(START - 240 * MINUTE, MINUTE, counts)
    rates = Rates(np.full((7, 24), 6.0), np.zeros((7, 24)), 1.0, 1344.0, 1000.0)
    hours = grid(Cells(Levels(Zone("UTC"))), START)
    last = Judged("w", 0, TOTAL, 15 * MINUTE, START - 15 * MINUTE, START, 45, 1.5, 1.5, 50.0)
    assert began(recent, rates, hours, last) == START - ago * MINUTE
    assert began(recent, rates, hours, last, START - 2 * MINUTE) >= START - 2 * MINUTE


def test_nothing_unusual_began_with_its_window() -> None:
    recent = Recent(START - 240 * MINUTE, MINUTE, np.zeros((1, 240), dtype=np.int64))
    rates = Rates(np.full((7, 24), 6.0), np.zeros((7, 24)), 1.0, 1344.0, 1000.0)
    last = Judged("w", 0, TOTAL, 15 * MINUTE, START - 15 * MINUTE, START, 0, 1.5, 1.5, 0.0)
    assert began(recent, rates, grid(Cells(Levels(Zone("UTC"))), START), last) == START - 15 * MINUTE
