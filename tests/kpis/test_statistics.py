"""Intervals, quantiles, survival and telephone formulas: the vectors of the definition, and laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import comb, exp, factorial, lgamma, log, nan
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kpis import sketch, statistics, tails

proportions = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
samples_ms = st.lists(st.integers(0, 40_000_000_000), min_size=1, max_size=80)
quantiles = st.floats(0.01, 0.99)
times = st.dictionaries(st.integers(0, 30), st.integers(0, 9), max_size=12)


def sketch_of(values_ms: list[int]) -> tuple[list[int], list[int]]:
    held = sorted(Counter(map(sketch.bin_of, values_ms)).items())
    return [index for index, _ in held], [count for _, count in held]


# ---- counts of counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        pytest.param(74, 107, 0.598715, 0.771183, id="satisfied answers"),
        pytest.param(280, 400, 0.653363, 0.742832, id="first contact resolution"),
        pytest.param(0, 10, 0.0, 0.277533, id="none"),
        pytest.param(10, 10, 0.722467, 1.0, id="all"),
        pytest.param(1, 3, 0.061492, 0.792340, id="one of three"),
    ],
)
def test_wilson(k: int, n: int, low: float, high: float) -> None:
    assert statistics.wilson(k, n) == pytest.approx((low, high), abs=5e-7)


@given(proportions)
def test_wilson_holds_its_estimate_and_stays_a_proportion(proportion: tuple[int, int]) -> None:
    k, n = proportion
    low, high = statistics.wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high
    mirrored = statistics.wilson(n - k, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(proportions)
def test_wilson_rises_with_what_is_counted(proportion: tuple[int, int]) -> None:
    k, n = proportion
    assume(k < n)
    less, more = statistics.wilson(k, n), statistics.wilson(k + 1, n)
    assert less[0] < more[0]
    assert less[1] < more[1] or more[1] == 1.0


def test_newcombe() -> None:
    low, high = statistics.newcombe(60, 80, 40, 80)
    assert (100 * low, 100 * high) == pytest.approx((10.0, 38.5), abs=0.05)


@given(proportions, proportions)
def test_newcombe_holds_the_difference_and_turns_with_the_groups(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = statistics.newcombe(*first, *second)
    assert -1 <= low <= first[0] / first[1] - second[0] / second[1] + 1e-12
    assert first[0] / first[1] - second[0] / second[1] - 1e-12 <= high <= 1
    assert statistics.newcombe(*second, *first) == pytest.approx((-high, -low), abs=1e-12)


@pytest.mark.parametrize(
    ("promoters", "detractors", "n", "low", "high"),
    [
        pytest.param(50, 20, 100, 14.0, 44.3, id="50 promoters, 30 passives, 20 detractors"),
        pytest.param(10, 0, 10, 45.6, 100.0, id="ten of ten, clipped"),
        pytest.param(0, 10, 10, -100.0, -45.6, id="none of ten, clipped"),
    ],
)
def test_nps_interval(promoters: int, detractors: int, n: int, low: float, high: float) -> None:
    assert statistics.nps_interval(promoters, detractors, n) == pytest.approx((low, high), abs=0.05)


@given(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)))
def test_nps_interval_holds_its_score(classes: tuple[int, int, int]) -> None:
    promoters, passives, detractors = classes
    n = promoters + passives + detractors
    assume(n)
    low, high = statistics.nps_interval(promoters, detractors, n)
    assert -100 <= low <= 100 * (promoters - detractors) / n <= high <= 100


def nps_coverage(n: int, p: float, d: float) -> float:
    """How often, in per cent, the interval of n answers holds the true score: the sum over all outcomes."""
    held = 0.0
    for promoters in range(n + 1):
        for detractors in range(n - promoters + 1):
            low, high = statistics.nps_interval(promoters, detractors, n)
            if low - 1e-9 <= 100 * (p - d) <= high + 1e-9:
                ways = comb(n, promoters) * comb(n - promoters, detractors)
                held += ways * p**promoters * d**detractors * (1 - p - d) ** (n - promoters - detractors)
    return 100 * held


@pytest.mark.parametrize(
    ("n", "p", "d", "coverage"),
    [pytest.param(10, 0.9, 0.02, 95.9, id="10 answers"), pytest.param(20, 0.9, 0.02, 96.7, id="20 answers")],
)
def test_nps_interval_covers_the_truth_of_a_loved_product(n: int, p: float, d: float, coverage: float) -> None:
    assert nps_coverage(n, p, d) == pytest.approx(coverage, abs=0.05)


def test_nps_interval_covers_the_truth_in_all_cells_of_the_definition() -> None:
    cells = [(n, p, d) for n in (10, 20, 50, 100) for p, d in ((0.5, 0.2), (0.9, 0.02), (0.7, 0.1), (0.35, 0.35))]
    covered = [nps_coverage(*cell) for cell in cells]
    assert (min(covered), max(covered)) == pytest.approx((94.7, 96.8), abs=0.05)


def poisson_at_most(k: int, mean: float) -> float:
    return sum(exp(i * log(mean) - mean - lgamma(i + 1)) for i in range(k + 1))


@pytest.mark.parametrize(
    ("k", "low", "high"),
    [  # of the zero count in closed form; the others are printed in tables of the exact interval
        pytest.param(0, 0.0, -log(0.025), id="none"),
        pytest.param(1, 0.02532, 5.57164, id="one"),
        pytest.param(10, 4.79539, 18.39036, id="ten"),
        pytest.param(100, 81.36399, 121.62679, id="a hundred"),
    ],
)
def test_poisson_interval(k: int, low: float, high: float) -> None:
    assert statistics.poisson_interval(k) == pytest.approx((low, high), abs=1e-5)


@given(st.integers(0, 1500))
def test_each_end_of_the_poisson_interval_leaves_a_tail_of_one_fortieth(k: int) -> None:
    low, high = statistics.poisson_interval(k)
    assert low <= k < high
    assert poisson_at_most(k, high) == pytest.approx(0.025, rel=1e-7)
    if k:
        assert 1 - poisson_at_most(k - 1, low) == pytest.approx(0.025, rel=1e-7)


def test_the_expansion_for_great_counts_joins_the_exact_solution() -> None:
    # The shapes on both sides of the switch must lie on one line, to the precision that is promised.
    for upper in (False, True):
        points = [tails.gamma_quantile(shape, upper=upper) for shape in range(996, 1004)]
        third = np.diff(points, 3)
        assert float(np.abs(third).max()) < 1e-6


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: statistics.wilson(0, 0), id="share of nothing"),
        pytest.param(lambda: statistics.wilson(4, 3), id="more than all"),
        pytest.param(lambda: statistics.wilson(-1, 3), id="less than none"),
        pytest.param(lambda: statistics.newcombe(1, 2, 0, 0), id="difference to nothing"),
        pytest.param(lambda: statistics.nps_interval(0, 0, 0), id="no answers"),
        pytest.param(lambda: statistics.nps_interval(2, 2, 3), id="more classes than answers"),
        pytest.param(lambda: statistics.poisson_interval(-1), id="negative count"),
        pytest.param(lambda: statistics.quantile([], [], 0.5), id="empty sketch"),
        pytest.param(lambda: statistics.quantile([1, 2], [0, 0], 0.5), id="sketch of zeros"),
        pytest.param(lambda: statistics.quantile([1, 2], [2, -1], 0.5), id="negative bin"),
        pytest.param(lambda: statistics.quantile([1], [2], 1.1), id="no quantile"),
        pytest.param(lambda: statistics.quantile([1], [2], nan), id="not a number"),
        pytest.param(lambda: statistics.quantile_interval([1], [2], 1.0), id="interval of the greatest"),
        pytest.param(lambda: statistics.mean_interval([1], [1], 1.0), id="spread of one"),
        pytest.param(lambda: statistics.km_probability({}, {}, 3), id="nobody followed"),
        pytest.param(lambda: statistics.km_probability({1: 0}, {2: 0}, 3), id="nobody followed, said with zeros"),
        pytest.param(lambda: statistics.kaplan_meier({1: -1}, {}), id="negative outcomes"),
        pytest.param(lambda: statistics.kaplan_meier({}, {1: -1}), id="negative censorings"),
        pytest.param(lambda: statistics.km_quantile({1: 1}, {}, -0.1), id="no share"),
        pytest.param(lambda: statistics.erlang_c(-1, 3), id="negative load"),
    ],
)
def test_what_cannot_be_estimated_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ask()


# ---- sketches ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values_ms", "q", "expected_ms"),
    [
        pytest.param([7], 0.5, 7, id="one value"),
        pytest.param([10, 20], 0.5, 15, id="the median of two is their middle"),
        pytest.param([10, 20, 90], 0.5, 20, id="of three the second"),
        pytest.param([1, 2, 3, 10], 0.5, 2.5, id="of four the middle of the inner two"),
        pytest.param(list(range(0, 101)), 0.9, 90, id="the ninth decile"),
        pytest.param([0, 0, 0, 50], 0.5, 0, id="zeros"),
        pytest.param([5, 60], 0.0, 5, id="the least"),
        pytest.param([5, 60], 1.0, 60, id="the greatest"),
    ],
)
def test_quantile(values_ms: list[int], q: float, expected_ms: float) -> None:
    assert statistics.quantile(*sketch_of(values_ms), q) == pytest.approx(expected_ms, abs=1e-9)


@given(samples_ms, st.floats(0, 1))
def test_a_quantile_is_within_one_per_cent_of_the_values_themselves(values_ms: list[int], q: float) -> None:
    exact = float(np.quantile(np.array(values_ms, dtype=np.float64), q))
    assert statistics.quantile(*sketch_of(values_ms), q) == pytest.approx(exact, rel=0.01, abs=1e-3)


@given(samples_ms, quantiles, quantiles)
def test_quantiles_rise_and_lie_in_their_intervals(values_ms: list[int], one: float, other: float) -> None:
    bins, counts = sketch_of(values_ms)
    lower, upper = sorted((one, other))
    assert statistics.quantile(bins, counts, lower) <= statistics.quantile(bins, counts, upper) * (1 + 1e-12)
    low, high = statistics.quantile_interval(bins, counts, one)
    assert low <= statistics.quantile(bins, counts, one) * (1 + 1e-12)
    assert statistics.quantile(bins, counts, one) <= high * (1 + 1e-12)
    assert min(values_ms) * 0.99 <= low <= high <= max(values_ms) * 1.01


@pytest.mark.parametrize(
    ("n", "q", "first", "last"),
    [
        pytest.param(5, 0.5, 1, 5, id="too few: the extremes"),
        pytest.param(6, 0.5, 1, 6, id="median of six"),
        pytest.param(10, 0.5, 2, 9, id="median of ten"),
        pytest.param(20, 0.5, 6, 15, id="median of twenty"),
        pytest.param(20, 0.9, 15, 20, id="ninth decile of twenty"),
        pytest.param(100, 0.5, 40, 61, id="median of a hundred"),
    ],
)
def test_quantile_interval_by_order_statistics(n: int, q: float, first: int, last: int) -> None:
    # The value at rank i is i ms, which the sketch holds exactly: the interval names its own ranks.
    assert statistics.quantile_interval(list(range(1, n + 1)), [1] * n, q) == (first, last)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [40, 100, 200, 201, 500, 1000])
def test_the_ranks_of_a_quantile_interval_cover_the_truth(n: int, q: float) -> None:
    first, last = tails.rank_below(n, q), n + 1 - tails.rank_below(n, 1 - q)
    covered = sum(exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(q) + (n - i) * log(1 - q)) for i in range(first, last))
    assert 0.945 <= covered <= 0.985


def test_columns_of_a_mapping_ascend() -> None:
    bins, counts = statistics.columns({9: 1, 2: 5, 4: 3})
    assert (bins.tolist(), counts.tolist()) == ([2, 4, 9], [5, 3, 1])


@given(st.lists(st.integers(0, 9_000_000), max_size=60), st.sampled_from(sketch.HORIZONS_MS))
def test_counts_within_a_horizon_are_exact(values_ms: list[int], horizon_ms: int) -> None:
    values_ms = [*values_ms, horizon_ms, horizon_ms + 1]
    assert statistics.count_within(*sketch_of(values_ms), horizon_ms) == sum(value <= horizon_ms for value in values_ms)


def test_mean_interval() -> None:
    # sd of 10, 20, 30 is 10; half width 1.96 x 10 / sqrt 3 = 11.316
    assert statistics.mean_interval(*sketch_of([10, 20, 30]), 20.0) == pytest.approx((8.684, 31.316), abs=1e-3)
    assert statistics.mean_interval(*sketch_of([0, 0, 90]), 30.0)[0] == 0.0


# ---- time to an event --------------------------------------------------------------------------

CLOSED_AFTER_H, OPEN_SINCE_H = Counter([1, 2, 3, 10]), Counter([4, 4, 8, 20])


def test_survival_of_closed_and_open_tickets() -> None:
    steps = statistics.kaplan_meier(CLOSED_AFTER_H, OPEN_SINCE_H)
    assert [(step.at, step.at_risk, step.events) for step in steps] == [(1, 8, 1), (2, 7, 1), (3, 6, 1), (10, 2, 1)]
    assert [step.survival for step in steps] == pytest.approx([0.875, 0.75, 0.625, 0.3125], abs=1e-12)


@pytest.mark.parametrize(
    ("q", "reached"),
    [
        pytest.param(0.125, 1, id="reached exactly"),
        pytest.param(0.25, 2, id="quarter"),
        pytest.param(0.5, 10, id="median"),
        pytest.param(0.6875, 10, id="all that is known"),
        pytest.param(0.69, None, id="not reached"),
    ],
)
def test_km_quantile(q: float, reached: int | None) -> None:
    assert statistics.km_quantile(CLOSED_AFTER_H, OPEN_SINCE_H, q) == reached


def test_the_interval_of_a_survival() -> None:
    # By hand: S = .75 after two of eight, Greenwood 1/56 + 1/42 = 1/24; se of log(-log S) = sqrt(1/24) / .287682 = .709548
    probability, low, high = statistics.km_probability(CLOSED_AFTER_H, OPEN_SINCE_H, 2)
    spread = exp(1.959964 * 0.709548)
    assert probability == pytest.approx(0.25, abs=1e-12)
    assert (low, high) == pytest.approx((1 - 0.75 ** (1 / spread), 1 - 0.75**spread), abs=1e-6)


@pytest.mark.parametrize(
    ("events", "censored", "horizon", "expected"),
    [
        pytest.param({9: 3}, {5: 4, 2: 100}, 5, (0.0, 0.0, statistics.wilson(0, 7)[1]), id="no outcome yet: of those followed"),
        pytest.param({}, {2: 5}, 5, (0.0, 0.0, 1.0), id="no outcome and nobody followed"),
        pytest.param({1: 3, 2: 2}, {}, 5, (1.0, statistics.wilson(5, 5)[0], 1.0), id="nobody left"),
        pytest.param({5: 1}, {5: 0}, 5, (1.0, statistics.wilson(1, 1)[0], 1.0), id="the horizon itself counts"),
    ],
)
def test_the_ends_of_a_survival(
    events: dict[int, int], censored: dict[int, int], horizon: int, expected: tuple[float, float, float]
) -> None:
    assert statistics.km_probability(events, censored, horizon) == expected


def test_when_few_were_left_to_see_the_end_the_lower_end_is_that_of_the_step_before() -> None:
    """One ticket that took longest, with hundreds still open, once said "100 %, at least 99.6 %"."""
    events, censored = {1: 5, 9: 1}, {3: 400}
    assert statistics.km_probability(events, censored, 10) == (1.0, statistics.km_probability(events, censored, 1)[1], 1.0)


def test_an_outcome_comes_before_a_censoring_of_the_same_time() -> None:
    (step,) = statistics.kaplan_meier({4: 1}, {4: 3})
    assert step == statistics.Step(at=4, at_risk=4, events=1, survival=0.75)


@pytest.mark.parametrize(
    ("events", "censored", "reaches"),
    [
        pytest.param({1: 1}, {7: 1}, True, id="somebody followed beyond"),
        pytest.param({1: 1}, {5: 1}, True, id="somebody followed to it"),
        pytest.param({1: 1}, {4: 9}, False, id="all followed for less"),
        pytest.param({3: 1}, {2: 1}, True, id="nobody left"),
        pytest.param({3: 1}, {3: 1}, False, id="one left, lost at the time of the last outcome"),
        pytest.param({}, {}, False, id="nobody"),
        pytest.param({8: 0}, {8: 0}, False, id="nobody, said with zeros"),
    ],
)
def test_whether_a_curve_reaches_the_horizon(events: dict[int, int], censored: dict[int, int], reaches: bool) -> None:
    assert statistics.km_reaches(events, censored, 5) is reaches


@given(times, st.integers(0, 30))
def test_without_censoring_the_curve_is_the_share_itself(events: dict[int, int], horizon: int) -> None:
    n = sum(events.values())
    assume(n)
    probability, low, high = statistics.km_probability(events, {}, horizon)
    assert probability == pytest.approx(sum(k for at, k in events.items() if at <= horizon) / n, abs=1e-12)
    assert 0 <= low <= probability <= high <= 1


@given(times, times, st.integers(0, 30))
def test_a_survival_never_rises_and_lies_in_its_interval(events: dict[int, int], censored: dict[int, int], horizon: int) -> None:
    assume(sum(events.values()) + sum(censored.values()))
    steps = statistics.kaplan_meier(events, censored)
    survivals = [1.0, *(step.survival for step in steps)]
    assert survivals == sorted(survivals, reverse=True)
    assert survivals[-1] >= 0
    probability, low, high = statistics.km_probability(events, censored, horizon)
    assert 0 <= low <= probability <= high <= 1
    assert low < high
    assert probability <= statistics.km_probability(events, censored, horizon + 1)[0]


@given(times, times)
def test_who_is_still_open_only_makes_times_longer(events: dict[int, int], censored: dict[int, int]) -> None:
    closed_only = statistics.km_quantile(events, {}, 0.5)
    with_open = statistics.km_quantile(events, censored, 0.5)
    assert closed_only is None or with_open is None or with_open >= closed_only


# ---- telephone ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("formula", "per_cent"), [(1, 83.02), (2, 86.00), (3, 81.13), (4, 82.69)])
def test_service_level(formula: Literal[1, 2, 3, 4], per_cent: float) -> None:
    numerator, denominator = statistics.service_level(1000, 860, 60, 20, formula)
    assert 100 * numerator / denominator == pytest.approx(per_cent, abs=0.005)


@pytest.mark.parametrize(
    ("agents", "answered_per_cent", "speed_s"),
    [pytest.param(13, 79.56, 17.12, id="13 agents"), pytest.param(14, 88.84, 7.84, id="14 agents")],
)
def test_erlang_c(agents: int, answered_per_cent: float, speed_s: float) -> None:
    load = 100 * 180 / 1800
    assert 100 * statistics.erlang_answered_within(load, agents, 180_000, 20_000) == pytest.approx(answered_per_cent, abs=0.005)
    assert statistics.erlang_speed_of_answer(load, agents, 180_000) == pytest.approx(1000 * speed_s, abs=5)


def test_the_wait_of_thirteen_agents() -> None:
    assert statistics.erlang_c(10.0, 13) == pytest.approx(0.2853, abs=5e-5)


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_erlang_c_is_its_sum(agents: int, busy: float) -> None:
    load = busy * agents
    top = load**agents / factorial(agents) / (1 - busy)
    assert statistics.erlang_c(load, agents) == pytest.approx(top / (top + sum(load**k / factorial(k) for k in range(agents))), rel=1e-9)


@pytest.mark.parametrize("agents", [0, 9, 10])
def test_too_few_agents_never_catch_up(agents: int) -> None:
    assert statistics.erlang_c(10.0, agents) == 1.0
    assert statistics.erlang_answered_within(10.0, agents, 180_000, 20_000) == 0.0
    assert statistics.erlang_speed_of_answer(10.0, agents, 180_000) is None


def test_without_load_nobody_waits() -> None:
    assert statistics.erlang_c(0.0, 3) == 0.0
    assert statistics.erlang_speed_of_answer(0.0, 3, 180_000) == 0.0
