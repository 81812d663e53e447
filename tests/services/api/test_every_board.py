"""The laws that every board keeps: the fake one of these tests, and the real one."""

from __future__ import annotations

import asyncio

import pytest

from kpis.query import Query, Unanswerable
from kpis.steps import finished
from services.api.board import Board
from services.api.ports import Figures
from services.settings import Settings
from tests.services.api.fake_board import FakeBoard
from tests.services.api.filled_board import filled


def fake() -> Figures:
    """The fake board."""
    return FakeBoard()


def real() -> Figures:
    """The real board with an afternoon of tickets."""
    return filled()


def real_empty() -> Figures:
    """The real board before the first event."""
    return Board(Settings())


@pytest.fixture(params=[fake, real, real_empty], ids=["fake", "real", "real, empty"])
def board(request: pytest.FixtureRequest) -> Figures:
    """One board of each kind."""
    made: Figures = request.param()
    return made


def test_every_kpi_says_what_the_api_needs_of_it(board: Figures) -> None:
    ids = set()
    for entry in board.catalogue():
        ids.add(entry["id"])
        assert {
            "id",
            "title",
            "unit",
            "formula",
            "windows",
            "anchors",
            "clocks",
            "dimensions",
            "better",
            "source",
            "version",
            "exposed",
            "watch",
            "meaning",
        } <= set(entry)
        assert entry["windows"]
    assert len(ids) == len(board.catalogue()) >= 35


def test_every_kpi_answers_over_each_of_its_windows_and_by_each_of_its_dimensions(board: Figures) -> None:
    for entry in board.catalogue():
        for window in entry["windows"]:
            figures = board.figures(Query(kpis=(entry["id"],), windows=(window,)))
            assert [(f.kpi, f.window, f.dims, f.unit) for f in figures] == [(entry["id"], window, {}, entry["unit"])]
        for dimension in entry["dimensions"]:
            for figure in board.figures(Query(kpis=(entry["id"],), windows=entry["windows"][:1], by=(dimension,))):
                assert list(figure.dims) == [dimension]


def test_without_a_window_each_kpi_answers_over_its_own(board: Figures) -> None:
    for entry in board.catalogue():
        windows = [figure.window for figure in board.figures(Query(kpis=(entry["id"],)))]
        assert windows
        assert set(windows) <= set(entry["windows"])


def test_no_value_has_a_reason_and_no_value_is_not_a_number(board: Figures) -> None:
    for figure in board.figures(Query(kpis=tuple(entry["id"] for entry in board.catalogue()))):
        assert figure.value is None or figure.value == figure.value
        assert (figure.value is not None) or figure.reason


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(Query(kpis=("npz",)), id="kpi"),
        pytest.param(Query(kpis=("nps",), windows=("29d",)), id="window"),
        pytest.param(Query(kpis=("nps",), windows=("28d",), by=("weather",)), id="dimension"),
        pytest.param(Query(kpis=("active_issues",), windows=("now",), by=("team", "priority")), id="pair"),
        pytest.param(Query(kpis=("active_issues",), windows=("now",), by=("team",), where=(("priority", "high"),)), id="filter"),
    ],
)
def test_what_is_not_kept_is_refused(board: Figures, query: Query) -> None:
    version = board.freshness().version
    with pytest.raises(Unanswerable) as refused:
        board.figures(query)
    assert refused.value.parameter
    assert board.freshness().version == version


def test_series_are_buckets_in_order_that_touch(board: Figures) -> None:
    end_ms = board.now_ms() // 3_600_000 * 3_600_000
    steps = board.series_in_steps(
        "resolved_issues", step_ms=900_000, start_ms=end_ms - 7_200_000, end_ms=end_ms, by=(), where=(), anchor=None
    )
    for _, points in finished(steps):
        assert [point.start_ms for point in points] == list(range(end_ms - 7_200_000, end_ms, 900_000))
        assert all(point.end_ms == point.start_ms + 900_000 for point in points)


async def test_changed_waits_for_a_newer_version(board: Figures) -> None:
    version = board.freshness().version
    async with asyncio.timeout(1):
        assert await board.changed(version - 1) == version
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await board.changed(version)
