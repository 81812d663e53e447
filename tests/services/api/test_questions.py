"""The query string: whatever it says, a question comes out, or a refusal that names the parameter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.query import Query, Unanswerable
from services.api.questions import MAX_POINTS, Known, SeriesQuery, figures_query, series_query, stream_query
from tests.services.api.fake_board import NOON_MS, FakeBoard

KNOWN = Known(FakeBoard().catalogue())
NAMES = st.sampled_from(["kpi", "window", "by", "as_of", "from", "to", "anchor", "clock", "step", "channel", "team"]) | st.text(max_size=12)
VALUES = st.sampled_from(
    ["nps", "ces", "1h", "28d", "channel,team", "created", "business", "1m", "99999d", "2026-11-22T10:00:00Z", "1970-01-01"]
) | st.text(max_size=30)


def outcome(ask: Callable[[], Query | SeriesQuery]) -> Query | SeriesQuery | Unanswerable:
    """What came of a question; anything but a question or a refusal passes through as the fault it is."""
    try:
        return ask()
    except Unanswerable as refusal:
        return refusal


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_query_string_is_a_question_or_refused(pairs: list[tuple[str, str]]) -> None:
    for found in (
        outcome(lambda: figures_query(pairs, KNOWN)),
        outcome(lambda: stream_query(pairs, KNOWN)),
        outcome(lambda: series_query(pairs, KNOWN, NOON_MS)),
    ):
        if isinstance(found, Unanswerable):
            assert found.parameter
            assert str(found).isprintable()
        elif isinstance(found, SeriesQuery):
            assert 0 < found.end_ms - found.start_ms <= MAX_POINTS * found.step_ms


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        pytest.param([], Query(kpis=tuple(KNOWN.by_id)), id="nothing asked is everything"),
        pytest.param([("kpi", "ces"), ("kpi", "ces")], Query(kpis=("ces",)), id="twice the same is once"),
        pytest.param(
            [("team", "vip"), ("kpi", "ces"), ("channel", "chat")],
            Query(kpis=("ces",), where=(("channel", "chat"), ("team", "vip"))),
            id="filters in one order",
        ),
        pytest.param([("kpi", "ces"), ("by", "channel,team")], Query(kpis=("ces",), by=("channel", "team")), id="a pair"),
    ],
)
def test_equal_questions_are_equal(pairs: list[tuple[str, str]], query: Query) -> None:
    """Equal queries share one stream, so that their form must not depend on how they were written."""
    assert figures_query(pairs, KNOWN) == query
