"""The bins of durations: one table of integer upper bounds, in milliseconds, that every sketch of the product uses.

Laws:
* A value's bin depends on the value alone, so counts per bin merge and subtract exactly, on every machine alike (the table
  is made from integers only; a test pins its checksum).
* Bin 0 is the zero bin: values <= 0. Bin i >= 1 holds (upper of bin i - 1, upper of bin i]: closed above.
* Neighbouring bounds are 1 ms apart or at most 2 % apart, so `representative_ms` is within 1 % of every value of its bin;
  up to 100 ms each bin is a single millisecond and the representative is exact.
* Every horizon and target (`HORIZONS_MS`) is a bound: "how many within 7 days" is a sum of whole bins, without an error.
* What is longer than ten years (`BOUNDS_MS[-1]`) counts as ten years.

A changed table changes what stored bins mean: it needs new versions of all measures with a sketch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_SECOND = 1_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_LONGEST = 3_650 * _DAY

HORIZONS_MS: tuple[int, ...] = (
    *(n * _SECOND for n in (5, 20)),
    *(n * _MINUTE for n in (2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 4, 8)),
    *(n * _DAY for n in (*range(1, 31), 60, 90, 180, 365)),
)
"""The durations a figure may ask about exactly, ascending; each is the upper bound of a bin."""


def _bounds() -> tuple[int, ...]:
    """Steps of 2 %, rounded down, of at least 1 ms; cut short where a horizon would be stepped over."""
    bounds = [1]
    for stop in (*HORIZONS_MS, _LONGEST):
        while bounds[-1] < stop:
            last = bounds[-1]
            bounds.append(min(stop, max(last + 1, last * 102 // 100)))
    return tuple(bounds)


BOUNDS_MS: tuple[int, ...] = _bounds()
"""Upper bounds of the bins from bin 1 on, ascending: bin i has (BOUNDS_MS[i - 2] or 0, BOUNDS_MS[i - 1]]."""

LAST_BIN: int = len(BOUNDS_MS)
"""The highest bin; a dense array of bins has LAST_BIN + 1 places."""

_UPPER: tuple[int, ...] = (0, *BOUNDS_MS)
_UPPER_ARRAY: npt.NDArray[np.int64] = np.array(_UPPER, dtype=np.int64)
# The harmonic mean of the smallest and the greatest value of a bin: equally far, relatively, from both.
_REPRESENTATIVE: tuple[float, ...] = (0.0, *(2 * (a + 1) * b / (a + 1 + b) for a, b in pairwise(_UPPER)))
_REPRESENTATIVE_ARRAY: npt.NDArray[np.float64] = np.array(_REPRESENTATIVE, dtype=np.float64)


def bin_of(value_ms: int) -> int:
    """The bin that holds a duration; 0 for zero and below, `LAST_BIN` for anything longer than the table."""
    return min(bisect_left(_UPPER, value_ms), LAST_BIN)


def bins_of(values_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`bin_of` of each value of an integer array, of any shape."""
    found = np.searchsorted(_UPPER_ARRAY, values_ms, side="left")
    return np.minimum(found, LAST_BIN).astype(np.int64, copy=False)


def upper_ms(index: int) -> int:
    """The greatest duration of a bin, itself included; 0 for the zero bin.

    Raises:
        IndexError: there is no such bin.
    """
    _refuse_unknown(index)
    return _UPPER[index]


def representative_ms(index: int) -> float:
    """The value that stands for all of a bin, within 1 % of each of them; 0.0 for the zero bin.

    Raises:
        IndexError: there is no such bin.
    """
    _refuse_unknown(index)
    return _REPRESENTATIVE[index]


def representatives_ms(indexes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`representative_ms` of each bin of an array (unchecked: a negative index counts from the end)."""
    return _REPRESENTATIVE_ARRAY[indexes]


def bin_at_most(value_ms: int) -> int:
    """The highest bin that lies wholly at or below a duration: the bins up to it are what was "within" the duration.

    Exact where the duration is a bound (each of `HORIZONS_MS`), else up to 2 % short of it. -1, no bin, for a negative one.
    """
    return bisect_right(_UPPER, value_ms) - 1


def _refuse_unknown(index: int) -> None:
    if not 0 <= index <= LAST_BIN:
        raise IndexError(f"bin {index} does not exist: bins are 0 to {LAST_BIN}")
