"""Gauges: what is open adds up over a dimension at every instant, and changes by exactly what came and went."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import measures as m
from kpis.dimensions import TOTAL
from kpis.query import Query
from kpis.reading import Reader
from kpis.slices import Slice
from kpis.window import Bounds
from schemas.canonical import millis_from
from schemas.events import Event
from tests.kpis.simulated import simulated
from tests.kpis.strategies import END_MS, HOUR, START_MS, worlds

NOW_MS = END_MS + 1
_edges = st.lists(st.integers(0, 48 * 40).map(lambda n: START_MS + n * HOUR // 2), min_size=2, max_size=6, unique=True).map(sorted)


def level_at(reader: Reader, at_ms: int, cut: tuple[tuple[str, str], ...] = TOTAL) -> int:
    """How many tickets are open just before an instant."""
    levels = reader.cells.levels
    here = Slice(reader.cells, Bounds("now", at_ms, at_ms, levels.all[m.TICKET_OPEN.finest]), reader.now_ms, m.TICKET_OPEN.finest, False)
    return sum(here.level((cut,), m.TICKET_OPEN, state) for state in here.states(m.TICKET_OPEN))


@given(worlds(), _edges)
@settings(max_examples=150)
def test_active_changes_by_growth_and_other_entries(events: list[Event], edges: list[int]) -> None:
    reader = Reader(simulated(events, now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=None)
    for start, end in pairwise(edges):
        figure = reader.read(Query(kpis=("backlog_growth",), span=(start, end)))[0]
        from_ms, to_ms = _ms(figure.window_start), _ms(figure.window_end)
        grown = level_at(reader, to_ms) - level_at(reader, from_ms)
        assert grown == (figure.value or 0) + figure.parts["entered_otherwise"]


@given(worlds(tickets_only=True, all_said=True), _edges)
@settings(max_examples=60)
def test_a_dimension_that_is_always_said_adds_up_to_the_total(events: list[Event], edges: list[int]) -> None:
    reader = Reader(simulated(events, now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=None)
    for edge in edges:
        at = reader.cells.levels.window("now", edge, NOW_MS, m.TICKET_OPEN.finest).end_ms
        for dimension in ("channel", "team", "priority", "agent"):
            by_value = [level_at(reader, at, ((dimension, value),)) for value in reader.cells.values_of(dimension)]
            assert sum(by_value) == level_at(reader, at)
            assert min(by_value, default=0) >= 0


def _ms(text: str | None) -> int:
    return millis_from(text)
