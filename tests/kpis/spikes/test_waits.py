"""How surprising the longest wait is: by the waits of the past, by how many came, and beyond what was ever seen."""

from __future__ import annotations

from math import inf, isclose, log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.sketch import bins_of, representative_ms
from kpis.spikes.waits import LEAST_WAITS, Waits, waits_of
from kpis.window import MINUTE, Longs


def past(*waits_ms: int) -> Waits:
    values: Longs = np.array(waits_ms, dtype=np.int64)
    bins: dict[int, int] = {}
    for index in bins_of(values).tolist():
        bins[index] = bins.get(index, 0) + 1
    found = waits_of(bins)
    assert found is not None
    return found


EVEN = past(*(i * MINUTE // 10 for i in range(1, 1001)))
"""A thousand waits, evenly up to a hundred minutes."""


def test_a_wait_is_as_rare_as_it_was() -> None:
    assert EVEN.n == 1000
    assert EVEN.longer(50 * MINUTE) == pytest.approx(0.5, abs=0.02)
    assert isclose(EVEN.surprise(90 * MINUTE, 1), 1.0, abs_tol=0.1)
    assert EVEN.surprise(0, 1) == 0.0


def test_among_many_somebody_waits_long() -> None:
    share = EVEN.longer(90 * MINUTE)
    assert isclose(EVEN.surprise(90 * MINUTE, 20), -log10(1 - (1 - share) ** 20), rel_tol=1e-9)


def test_beyond_what_was_seen_it_falls_off() -> None:
    beyond = [EVEN.surprise(minutes * MINUTE, 1) for minutes in (95, 100, 110, 120)]
    assert beyond == sorted(beyond)
    steps = beyond[3] - beyond[2]
    assert isclose(beyond[2] - beyond[1], steps, rel_tol=0.05)  # exponentially: the same for each further minute
    assert EVEN.surprise(10**15, 1) == inf


@given(st.integers(0, 10**8), st.integers(0, 10**7), st.integers(1, 10_000))
def test_longer_is_never_less_surprising_and_more_contacts_never_make_it_more_so(wait: int, more: int, came: int) -> None:
    assert EVEN.surprise(wait + more, came) >= EVEN.surprise(wait, came) - 1e-9
    assert EVEN.surprise(wait, came + 1) <= EVEN.surprise(wait, came) + 1e-9


@given(st.integers(1, 1000), st.sampled_from([0.5, 0.1, 0.025]))
def test_the_usual_longest_wait_is_passed_with_its_chance(came: int, chance: float) -> None:
    usual = EVEN.usual_ms(came, chance)
    assert 10 ** -EVEN.surprise(usual * 1.03, came) <= chance * 1.05
    assert 10 ** -EVEN.surprise(usual * 0.97, came) >= chance * 0.8


@pytest.mark.parametrize(("n", "enough"), [(LEAST_WAITS - 1, False), (LEAST_WAITS, True)])
def test_too_few_waits_say_nothing(n: int, enough: bool) -> None:
    assert (waits_of({40: n, 41: 0, 42: -3}) is not None) is enough


def test_equal_waits_still_have_a_tail() -> None:
    alike = waits_of({60: 1000})
    assert alike is not None
    usual = representative_ms(60)
    assert alike.excess_ms > 0
    assert 0 < alike.surprise(usual * 1.2, 1) < inf
