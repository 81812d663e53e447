"""The oracle is a second opinion: nothing of it leads back to what it judges."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pytest

from tests.oracle.intervals import bins_ms, poisson_high, poisson_low, rank_below
from tests.oracle.spans import Calendar

HERE = Path(__file__).parent
ALLOWED = {
    "__future__", "collections", "datetime", "duckdb", "functools", "json", "math", "pathlib", "re", "typing", "zoneinfo",
    "tests.oracle", "tests.oracle.intervals", "tests.oracle.spans",
}  # fmt: skip
UTC = Calendar("UTC")
HELSINKI = Calendar("Europe/Helsinki")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 1_788_998_400_000
"""Midnight of 2026-09-10 UTC, a Thursday."""


@pytest.mark.parametrize("file", ["frame.py", "spans.py", "intervals.py", "__init__.py"])
def test_the_sql_side_imports_nothing_of_the_product(file: str) -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse((HERE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    assert {name if name.startswith("tests") else name.partition(".")[0] for name in found} <= ALLOWED


@pytest.mark.parametrize(
    ("k", "low", "high"),
    [(0, 0.0, 3.6888794541139363), (1, 0.02531780798, 5.57164339094), (10, 4.79538862, 18.3903562), (1000, 938.97302, 1063.95214)],
)
def test_the_poisson_interval_is_that_of_the_tables(k: int, low: float, high: float) -> None:
    assert poisson_low(k) == pytest.approx(low, rel=1e-6)
    assert poisson_high(k) == pytest.approx(high, rel=1e-6)


@pytest.mark.parametrize(("n", "rank"), [(1, 0), (5, 0), (6, 1), (10, 2), (20, 6), (100, 40)])
def test_the_ranks_around_a_median_are_those_of_the_tables(n: int, rank: int) -> None:
    assert rank_below(n, 0.5) == rank


def test_bins_are_two_percent_wide_and_end_at_every_horizon() -> None:
    bins = bins_ms()
    assert {5_000, 20_000, 15 * MINUTE, HOUR, 8 * HOUR, DAY, 7 * DAY, 14 * DAY, 30 * DAY, 365 * DAY} <= set(bins)
    assert all(b - a == 1 or b <= a * 1.02 for a, b in pairwise(bins))


@pytest.mark.parametrize(
    ("calendar", "name", "as_of", "now", "finest", "start", "end"),
    [
        pytest.param(UTC, "5m", T + 1, T + 1, 0, T + 5_000 - 5 * MINUTE, T + 5_000, id="live, cut in 5 s"),
        pytest.param(UTC, "5m", T, T, 0, T - 5 * MINUTE, T, id="an edge is itself"),
        pytest.param(UTC, "5m", T + 1, T + 1, 1, T + MINUTE - 5 * MINUTE, T + MINUTE, id="cut in minutes"),
        pytest.param(UTC, "1h", T + 1, T + 1, 0, T + MINUTE - HOUR, T + 5_000, id="its start is cut at its level"),
        pytest.param(UTC, "1h", T, T + 4 * HOUR, 0, T - HOUR, T, id="four hours old, in minutes"),
        pytest.param(UTC, "1h", T + 1, T + 30 * HOUR, 0, T + 15 * MINUTE - HOUR, T + 15 * MINUTE, id="a day old, in quarters"),
        pytest.param(UTC, "24h", T + 1, T + 3 * DAY, 0, T + HOUR - DAY, T + HOUR, id="three days old, in hours"),
        pytest.param(UTC, "90d", T + 1, T + 1, 1, T - 89 * DAY, T + MINUTE, id="whole days"),
        pytest.param(UTC, "today", T, T, 0, T - DAY, T, id="midnight ends the day before"),
        pytest.param(UTC, "week", T + 1, T + 1, 0, T - 3 * DAY, T + 5_000, id="weeks begin on Monday"),
        pytest.param(HELSINKI, "today", T, T, 0, T - 3 * HOUR, T, id="a local day"),
        pytest.param(HELSINKI, "month", T, T, 0, T - 9 * DAY - 3 * HOUR, T, id="a local month"),
        pytest.param(
            HELSINKI, "90d", 1_782_000_000_000, 1_782_000_000_000, 1, 1_774_303_200_000, 1_782_000_000_000, id="across summer time"
        ),
    ],
)
def test_windows_are_cut_by_the_rules(calendar: Calendar, name: str, as_of: int, now: int, finest: int, start: int, end: int) -> None:
    assert calendar.window(name, as_of, now, finest) == (start, end)
