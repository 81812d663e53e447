"""The comparison sees what it must: one number too many, too few or another, and nothing else."""

from __future__ import annotations

import pytest

from kpis.window import Levels, Zone
from tests.faults.verdict import compared, numbers_of

LEVELS = Levels(Zone())
MINUTE = 60_000
CELL = b'{"[]":{"n":2}}'


@pytest.mark.parametrize(
    ("expected", "found", "differing"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"a": 1}, {"a": 2}, [("a", 1, 2)], id="another number"),
        pytest.param({"a": 1}, {}, [("a", 1, None)], id="lost"),
        pytest.param({}, {"a": 1}, [("a", None, 1)], id="invented"),
    ],
)
def test_every_difference_is_named(
    expected: dict[str, int], found: dict[str, int], differing: list[tuple[str, int | None, int | None]]
) -> None:
    assert compared(expected, found).differing == differing


def test_nothing_compared_is_no_success() -> None:
    assert not compared({}, {}).holds


@pytest.mark.parametrize(
    ("key", "age_ms", "there"),
    [
        pytest.param(b"0", 29 * MINUTE, True, id="young enough for its level"),
        pytest.param(b"0", 30 * MINUTE, False, id="too old for its level"),
        pytest.param(b"4", 900 * 1440 * MINUTE, True, id="days go into the base, they are never just dropped"),
        pytest.param(b"9", 900 * 1440 * MINUTE, True, id="the base"),
    ],
)
def test_what_is_too_old_for_its_level_is_left_out_on_both_sides(key: bytes, age_ms: int, there: bool) -> None:
    now_ms = 1000 * 1440 * MINUTE
    found = numbers_of({b"%s|%d|m@1|0" % (key, now_ms - age_ms): CELL}, LEVELS, now_ms)
    assert bool(found) is there


def test_a_cell_that_stands_in_two_records_counts_twice() -> None:
    start = 1000 * 1440 * MINUTE
    records = {b"1|%d|m@1|%d" % (start, part): CELL for part in (0, 1)}
    assert numbers_of(records, LEVELS, start) == {f"1|{start}|m@1/n|[]": 4}
