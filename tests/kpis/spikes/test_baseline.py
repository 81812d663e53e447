"""What is usual: a known week is found again, spikes of the past hardly move it, clumps are seen, and what is not known stays so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.spikes.baseline import SHAPE, Floats, Rates, expected, fit

DAY = np.array([1.0] * 8 + [20.0] * 10 + [5.0] * 6)
WEEK = np.stack([DAY * (0.3 if n in (2, 3) else 1.0) for n in range(7)])
ALL = np.ones(SHAPE)


def drawn(rng: np.random.Generator, rate: Any, dispersion: float = 1.0) -> Floats:
    """Counts of eight weeks around these rates."""
    mean = np.broadcast_to(rate, SHAPE)
    if dispersion > 1:
        mean = rng.gamma(mean / (dispersion - 1)) * (dispersion - 1)
    return rng.poisson(mean).astype(np.float64)


def off(rates: Rates, truth: Any = WEEK) -> float:
    """The mean distance from the truth, as a share of it."""
    return float(np.abs(rates.rate / truth - 1).mean())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_a_week_is_found_again(seed: int) -> None:
    rates = fit(drawn(np.random.default_rng(seed), WEEK), ALL)
    assert off(rates) < 0.2
    assert rates.rate.sum() == pytest.approx(WEEK.sum(), rel=0.06)
    assert rates.dispersion < 1.35
    assert rates.enough


@pytest.mark.parametrize("dispersion", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("scale", [0.02, 0.2, 5.0], ids=["seldom", "some", "many"])
def test_clumps_are_seen_however_few_the_counts(scale: float, dispersion: float) -> None:
    rng = np.random.default_rng(3)
    found = [fit(drawn(rng, WEEK * scale, dispersion), ALL).dispersion for _ in range(8)]
    assert 0.9 * dispersion <= np.mean(found) <= 1.5 * dispersion


@pytest.mark.parametrize(("hours", "times"), [(1, 20), (24, 5)], ids=["an hour, twentyfold", "a day, fivefold"])
def test_a_spike_of_the_past_hardly_moves_what_is_usual(hours: int, times: int) -> None:
    rng = np.random.default_rng(4)
    quiet = drawn(rng, WEEK)
    spiked = quiet.copy()
    spiked[1, 4, 10 : 10 + hours] *= times
    spiked[1, 4, : hours - 14 if hours > 14 else 0] *= times
    before, after = fit(quiet, ALL), fit(spiked, ALL)
    assert after.rate[4, 12 if hours > 1 else 10] < 1.25 * before.rate[4, 12 if hours > 1 else 10]
    assert after.dispersion < before.dispersion + 1.0


def test_a_holiday_hardly_moves_what_is_usual() -> None:
    rng = np.random.default_rng(5)
    quiet = drawn(rng, WEEK * 10)
    holiday = quiet.copy()
    holiday[0, 4] = np.floor(holiday[0, 4] / 5)
    before, after = fit(quiet, ALL), fit(holiday, ALL)
    assert np.abs(after.rate[4, 8:18] / before.rate[4, 8:18] - 1).max() < 0.08


def test_hours_that_are_not_known_say_nothing() -> None:
    rng = np.random.default_rng(6)
    counts, known = drawn(rng, WEEK), ALL.copy()
    known[3:] = 0.0
    before = fit(counts, known)
    counts[3:] = 999.0
    after = fit(counts, known)
    assert np.array_equal(after.rate, before.rate)
    assert after.dispersion == before.dispersion
    assert after.hours == 3 * 168


@pytest.mark.parametrize(("hours", "enough"), [(167, False), (168, True)])
def test_a_week_is_the_least(hours: int, enough: bool) -> None:
    known = np.zeros(SHAPE)
    known[0] = 1.0
    known[0, 0, 0] = 1.0 if hours == 168 else 0.0
    assert fit(np.ones(SHAPE), known).enough is enough


def test_later_weeks_weigh_more() -> None:
    counts = np.full(SHAPE, 10.0)
    counts[:2] = 14.0
    assert 11.3 < fit(counts, ALL).rate.mean() < 12.0  # the mean of all weeks is 11


def test_seldom_counts_keep_to_the_week_and_many_to_their_own_hour() -> None:
    rng = np.random.default_rng(10)
    seldom = fit(drawn(rng, np.full((7, 24), 0.05)), ALL).rate
    own_part = seldom / (seldom.mean(axis=0) * seldom.mean(axis=1)[:, None] / seldom.mean())
    assert 0.8 < own_part.min() < own_part.max() < 1.3
    own = np.full((7, 24), 200.0)
    own[3, 11] = 600.0
    assert fit(drawn(rng, own), ALL).rate[3, 11] == pytest.approx(600.0, rel=0.05)


def test_a_new_channel_expects_its_share_of_the_whole() -> None:
    whole = fit(drawn(np.random.default_rng(7), WEEK), ALL)
    new = fit(np.zeros(SHAPE), np.zeros(SHAPE), whole, 0.1)
    assert np.allclose(new.rate, whole.rate * 0.1)
    assert new.dispersion >= whole.dispersion


def test_a_channel_with_hours_of_its_own_gets_them() -> None:
    rng = np.random.default_rng(8)
    by_night = np.where(np.arange(24) < 8, 2.0, 0.05) * np.ones((7, 1))
    counts = drawn(rng, by_night)
    whole = fit(drawn(rng, WEEK) + counts, ALL)
    share = counts.sum() / (WEEK.sum() * 8 + counts.sum())
    own = fit(counts, ALL, whole, float(share))
    assert own.rate[:, :8].mean() == pytest.approx(2.0, rel=0.2)
    assert own.rate[:, 8:].mean() < 0.2


def test_nothing_ever_seen_still_expects_a_little() -> None:
    rates = fit(np.zeros(SHAPE), ALL)
    assert 0 < rates.rate.sum() < 1.0
    assert np.isfinite(rates.rate).all()
    assert np.isfinite(rates.dispersion)


def test_what_is_less_well_known_varies_more() -> None:
    rng = np.random.default_rng(9)
    counts, one_week = drawn(rng, WEEK), np.zeros(SHAPE)
    one_week[0] = 1.0
    hour = np.zeros((7, 24))
    hour[4, 12] = 1.0
    for known in (ALL, one_week):
        rates = fit(counts, known)
        mean, variance = expected(rates, hour)
        assert mean == pytest.approx(rates.rate[4, 12])
        assert variance == pytest.approx(rates.dispersion * (mean + rates.spread[4, 12]))
    assert fit(counts, one_week).spread[4, 12] > 2 * fit(counts, ALL).spread[4, 12]


@given(st.floats(0, 1))
def test_half_an_hour_expects_half(share: float) -> None:
    rates = Rates(np.full((7, 24), 4.0), np.full((7, 24), 0.5), 2.0, 1344.0, 1000.0)
    hour = np.zeros((7, 24))
    hour[0, 3] = share
    mean, variance = expected(rates, hour)
    assert mean == pytest.approx(4.0 * share)
    assert variance == pytest.approx(2.0 * (4.0 * share + 0.5 * share * share))
