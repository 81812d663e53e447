"""The tails against sums of sixty digits, and their laws."""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import exp, expm1, inf, isclose, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.spikes.tails import surprise, usual

_means = st.floats(1e-6, 500)
_clustering = st.floats(1.0, 50)
_counts = st.integers(0, 2000)


def by_digits(count: int, mean: float, variance: float) -> float:
    """−log10 P(X ≥ count): every term from 0 on, in sixty digits, those from `count` on added up."""
    with localcontext() as digits:
        digits.prec = 60
        m, v = Decimal(mean), Decimal(variance)
        size = m * m / (v - m) if v > m else None
        term = (-m).exp() if size is None else (size * (size / (size + m)).ln()).exp()
        total, k = Decimal(0), 0
        while k <= count or term > total * Decimal("1e-40"):
            if k >= count:
                total += term
            term *= m / (k + 1) if size is None else (k + size) / (k + 1) * m / (size + m)
            k += 1
        return float(-total.log10())


@pytest.mark.parametrize(
    ("count", "mean", "variance"),
    [
        (1, 0.2, 0.2),
        (5, 1.0, 1.0),
        (17, 5.0, 5.0),
        (5, 5.0, 5.0),
        (3, 5.0, 5.0),
        (39, 20.0, 20.0),
        (900, 800.0, 800.0),
        (700, 800.0, 800.0),
        (9, 1.0, 4.0),
        (2, 5.0, 10.0),
        (60, 5.0, 20.0),
        (260, 200.0, 800.0),
        (20, 0.001, 0.004),
        (200, 1.0, 1.0),
        (400, 5.0, 10.0),
    ],
)
def test_a_tail_is_the_sum_of_its_terms(count: int, mean: float, variance: float) -> None:
    assert isclose(surprise(count, mean, variance), by_digits(count, mean, variance), rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("mean", [0.01, 0.2, 3.0])
def test_few_of_few_have_closed_forms(mean: float) -> None:
    assert isclose(10 ** -surprise(1, mean, mean), -expm1(-mean), rel_tol=1e-12)
    assert isclose(10 ** -surprise(2, mean, mean), 1 - exp(-mean) * (1 + mean), rel_tol=1e-9)
    # Variance of m + m² is the geometric distribution: P(X ≥ k) = (m / (1 + m))^k.
    assert isclose(surprise(7, mean, mean + mean * mean), -7 * log10(mean / (1 + mean)), rel_tol=1e-9)


def test_tails_far_below_a_float_still_come_out() -> None:
    assert 600 < surprise(500, 5.0, 5.0) < 1000
    assert surprise(501, 5.0, 5.0) > surprise(500, 5.0, 5.0)
    assert isclose(surprise(5000, 1.0, 2.0), 5000 * log10(2), rel_tol=1e-12)


@given(_counts, _means, _clustering)
def test_more_is_never_less_surprising(count: int, mean: float, clustering: float) -> None:
    assert surprise(count + 1, mean, mean * clustering) >= surprise(count, mean, mean * clustering) - 1e-9


@given(st.integers(1, 300), st.floats(0.01, 100), _clustering)
def test_what_lies_above_is_less_surprising_where_counts_cluster(count: int, mean: float, clustering: float) -> None:
    if count > mean * (clustering + 3) + 10:
        assert surprise(count, mean, mean * clustering) <= surprise(count, mean, mean) + 1e-9


@given(st.integers(1, 200), st.floats(0.1, 100))
def test_the_poisson_is_the_limit_without_clustering(count: int, mean: float) -> None:
    poisson = surprise(count, mean, mean)
    assert isclose(surprise(count, mean, mean * (1 + 1e-7)), poisson, rel_tol=1e-3, abs_tol=1e-6)
    assert surprise(count, mean, mean * 0.3) == poisson


@pytest.mark.parametrize("count", [-3, 0])
def test_nothing_is_no_surprise(count: int) -> None:
    assert surprise(count, 5.0, 5.0) == 0.0
    assert surprise(count, 0.0, 0.0) == 0.0


def test_anything_is_infinitely_surprising_where_nothing_can_be() -> None:
    assert surprise(1, 0.0, 0.0) == inf


@pytest.mark.parametrize(("mean", "variance"), [(-1.0, 1.0), (1.0, -1.0)])
def test_no_count_has_a_negative_mean_or_variance(mean: float, variance: float) -> None:
    with pytest.raises(ValueError, match="none of a count"):
        surprise(1, mean, variance)


@given(st.floats(1e-3, 300), _clustering, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_the_usual_counts_are_the_narrowest_that_leave_out_no_more_than_asked(mean: float, clustering: float, share: float) -> None:
    variance = mean * clustering
    low, high = usual(mean, variance, share)
    outside = (1 - share) / 2

    def below(count: int) -> float:
        """P(X ≤ count)."""
        return 1 - 10 ** -surprise(count + 1, mean, variance)

    assert below(high) >= outside + share - 1e-7
    assert high == low or below(high - 1) < outside + share + 1e-7
    assert below(low) > outside - 1e-7
    assert low == 0 or below(low - 1) <= outside + 1e-7


def test_nothing_is_usual_where_nothing_can_be() -> None:
    assert usual(0.0, 0.0) == (0, 0)
