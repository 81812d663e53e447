"""The table of bins: its laws, its horizons, and the checksum that keeps stored sketches readable."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis import sketch

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
TEN_YEARS = 315_360_000_000

durations_ms = st.one_of(
    st.integers(-5, 200),
    st.integers(-TEN_YEARS, 2 * TEN_YEARS),
    st.sampled_from(sketch.BOUNDS_MS).flatmap(lambda bound: st.integers(bound - 1, bound + 1)),
)
bins = st.integers(0, sketch.LAST_BIN)


def test_the_table_is_the_one_that_stored_sketches_were_made_with() -> None:
    written = ",".join(map(str, sketch.BOUNDS_MS)).encode()
    assert len(sketch.BOUNDS_MS) == 1245
    assert hashlib.sha256(written).hexdigest() == "995db21096906143f842c960611c0184ed1934e21c1495f7dbf4b51fa32aed5d"


def test_bounds_ascend_by_a_millisecond_or_at_most_two_per_cent() -> None:
    assert sketch.BOUNDS_MS[0] == 1
    assert sketch.BOUNDS_MS[-1] == TEN_YEARS
    for low, high in pairwise(sketch.BOUNDS_MS):
        assert low < high
        assert high == low + 1 or high * 100 <= low * 102


@pytest.mark.parametrize(
    "horizon_ms",
    [
        *(pytest.param(n * SECOND, id=f"{n} s") for n in (5, 20)),
        *(pytest.param(n * MINUTE, id=f"{n} min") for n in (2, 5, 10, 15, 30)),
        *(pytest.param(n * HOUR, id=f"{n} h") for n in (1, 2, 4, 8)),
        *(pytest.param(n * DAY, id=f"{n} d") for n in (*range(1, 31), 60, 90, 180, 365)),
    ],
)
def test_a_horizon_is_a_bound_closed_above(horizon_ms: int) -> None:
    assert horizon_ms in sketch.BOUNDS_MS
    assert horizon_ms in sketch.HORIZONS_MS
    index = sketch.bin_at_most(horizon_ms)
    assert sketch.upper_ms(index) == horizon_ms
    assert sketch.bin_of(horizon_ms) == index
    assert sketch.bin_of(horizon_ms + 1) == index + 1


@pytest.mark.parametrize(
    ("value_ms", "index"),
    [
        pytest.param(-1, 0, id="below zero"),
        pytest.param(0, 0, id="zero"),
        pytest.param(1, 1, id="the first bound"),
        pytest.param(100, 100, id="the last bin of one millisecond"),
        pytest.param(101, 101, id="inside the first bin of two"),
        pytest.param(102, 101, id="at its end"),
        pytest.param(103, 102, id="after it"),
        pytest.param(TEN_YEARS, sketch.LAST_BIN, id="the longest"),
        pytest.param(TEN_YEARS + 1, sketch.LAST_BIN, id="longer than the table"),
        pytest.param(2**53, sketch.LAST_BIN, id="far longer"),
    ],
)
def test_bin_of(value_ms: int, index: int) -> None:
    assert sketch.bin_of(value_ms) == index


@given(durations_ms)
def test_a_bin_holds_what_lies_above_the_bound_before_up_to_its_own(value_ms: int) -> None:
    index = sketch.bin_of(value_ms)
    held = min(max(value_ms, 0), TEN_YEARS)
    assert held <= sketch.upper_ms(index)
    if index:
        assert sketch.upper_ms(index - 1) < held


@given(st.lists(durations_ms))
def test_an_array_is_binned_as_its_elements_are(values_ms: list[int]) -> None:
    found = sketch.bins_of(np.array(values_ms, dtype=np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [sketch.bin_of(value) for value in values_ms]


@given(st.integers(1, TEN_YEARS))
def test_the_representative_is_within_one_per_cent(value_ms: int) -> None:
    shown = sketch.representative_ms(sketch.bin_of(value_ms))
    assert abs(shown - value_ms) <= 0.01 * value_ms


@given(st.integers(0, 100))
def test_the_representative_of_a_single_millisecond_is_itself(value_ms: int) -> None:
    assert sketch.representative_ms(sketch.bin_of(value_ms)) == value_ms


@given(st.lists(bins))
def test_representatives_of_an_array_are_those_of_its_elements(indexes: list[int]) -> None:
    found = sketch.representatives_ms(np.array(indexes, dtype=np.int64))
    assert found.tolist() == [sketch.representative_ms(index) for index in indexes]


@given(durations_ms)
def test_bin_at_most_is_the_highest_bin_wholly_within(value_ms: int) -> None:
    index = sketch.bin_at_most(value_ms)
    if value_ms < 0:
        assert index == -1
    else:
        assert sketch.upper_ms(index) <= value_ms
        assert index == sketch.LAST_BIN or sketch.upper_ms(index + 1) > value_ms


@pytest.mark.parametrize("index", [-1, sketch.LAST_BIN + 1])
def test_an_unknown_bin_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="does not exist"):
        sketch.upper_ms(index)
    with pytest.raises(IndexError, match="does not exist"):
        sketch.representative_ms(index)
