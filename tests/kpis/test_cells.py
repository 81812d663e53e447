"""Cells: what is kept, what is let go of, and gauges read from what is left, against plain integration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import measures as m
from kpis.cells import BASE, Cells
from kpis.contributions import Contributions, to_columns
from kpis.dimensions import TICKET, TOTAL, Attributes
from kpis.formulas.gauges import over_span
from kpis.names import OTHER
from kpis.slices import Slice
from kpis.window import DAY, HOUR, MINUTE, Bounds, Levels, Zone
from schemas.differences import Differences
from tests.kpis.simulated import at_rest

NOW_MS = 1_789_344_000_000 + 15 * HOUR + 7 * MINUTE
CREATED = m.TICKET_CREATED.slot("linked")
OPEN = m.TICKET_OPEN.slot("open")
NOTHING: Attributes = TICKET.nothing()


def attributes(**said: str) -> Attributes:
    """Attributes of a ticket."""
    return (TICKET.name, *(said.get(name) for name in TICKET.names))


def filled(rows: list[tuple[int, int, Attributes, int, int]], now_ms: int = NOW_MS, zone: str = "UTC", days: int = 800) -> Cells:
    """Cells with some contributions."""
    cells = Cells(Levels(Zone(zone), days), (("channel", "team"),))
    add(cells, rows, now_ms)
    return cells


def add(cells: Cells, rows: list[tuple[int, int, Attributes, int, int]], now_ms: int) -> None:
    """Add contributions as a shard would at `now_ms`."""
    contributions = Contributions()
    for slot, at, values, value, count in rows:
        contributions.add(slot, at, values, value, count)
    columns = Differences(shard="x", last_offset=0)
    to_columns(contributions.rows.items(), cells.levels, now_ms, columns)
    cells.add(columns)


def span_of(cells: Cells, start: int, end: int, now_ms: int = NOW_MS) -> Slice:
    """A slice over what a question for [start, end) reads."""
    bounds = cells.levels.span(start, end, now_ms, 1) if start < end else Bounds("now", end, end, cells.levels.all[1])
    return Slice(cells, bounds, now_ms, 1, True)


def test_buckets_go_when_they_are_old_and_gauges_stay_in_the_base() -> None:
    rows = [(slot, NOW_MS - age, NOTHING, 0, 1) for age in (MINUTE, 30 * DAY, 100 * DAY) for slot in (CREATED, OPEN)]
    cells = filled(rows, days=90)
    gone = cells.prune(NOW_MS)
    assert {level for level, _ in gone} == {4}
    here = span_of(cells, NOW_MS - 200 * DAY, NOW_MS + MINUTE)
    assert here.n((TOTAL,), m.TICKET_CREATED) == 2
    assert here.level((TOTAL,), m.TICKET_OPEN, "open", NOW_MS + MINUTE) == 3
    assert list(cells.at_rest(BASE, 0)) == [b"9|0|ticket_open@1|0"]
    later = NOW_MS + 40 * DAY
    levels = [level for level, _ in cells.prune(later)]
    assert {0, 1, 2} >= set(levels) - {3, 4}
    assert not cells.buckets[0]
    assert not cells.buckets[1]
    assert span_of(cells, later, later, later).level((TOTAL,), m.TICKET_OPEN, "open", later) == 3


def test_what_is_older_than_every_level_counts_in_the_gauge_only() -> None:
    cells = filled([(slot, NOW_MS - 900 * DAY, NOTHING, 0, 1) for slot in (CREATED, OPEN)])
    cells.prune(NOW_MS)
    here = span_of(cells, NOW_MS - DAY, NOW_MS)
    assert here.level((TOTAL,), m.TICKET_OPEN, "open") == 1
    assert here.n((TOTAL,), m.TICKET_CREATED) == 0


def test_a_base_is_kept_and_restored() -> None:
    cells = filled([(OPEN, NOW_MS - 900 * DAY, attributes(channel="chat"), 0, 1), (OPEN, NOW_MS - DAY, NOTHING, 0, 1)])
    cells.prune(NOW_MS)
    again = Cells(cells.levels, cells.dimension_pairs)
    for key, value in at_rest(cells).items():
        again.restore(key, value)
    assert at_rest(again) == at_rest(cells)
    assert span_of(again, NOW_MS, NOW_MS).level((TOTAL,), m.TICKET_OPEN, "open") == 2


def test_cuts_of_a_contribution() -> None:
    cells = filled([(CREATED, NOW_MS, attributes(channel="chat", team="t1", priority="high"), 0, 1)])
    assert set(cells.cuts()) == {
        (), (("channel", "chat"),), (("team", "t1"),), (("priority", "high"),), (("channel", "chat"), ("team", "t1")),
    }  # fmt: skip


def test_a_name_cannot_forge_another_cut() -> None:
    names = ['a"],["team","x', "a|b", "__other__x", "", "ä\n\0"]
    cells = filled([(CREATED, NOW_MS, attributes(channel=name), 0, 1) for name in names])
    again = Cells(cells.levels, cells.dimension_pairs)
    for key, value in at_rest(cells).items():
        again.restore(key, value)
    assert again.values_of("channel") == sorted(names)
    assert again.values_of("team") == []


def test_hostile_values_share_one_cut() -> None:
    many, more = 50_000, 200
    cells = filled([(CREATED, NOW_MS, attributes(channel=f"v{i}"), 0, 1) for i in range(many + more)])
    assert len(cells.values_of("channel")) == many + 1
    here = span_of(cells, NOW_MS - HOUR, NOW_MS + MINUTE)
    assert here.n(((("channel", OTHER),),), m.TICKET_CREATED) == more
    assert here.n((TOTAL,), m.TICKET_CREATED) == many + more
    add(cells, [(CREATED, NOW_MS, attributes(channel="one more"), 0, 1)], NOW_MS)
    assert span_of(cells, NOW_MS - HOUR, NOW_MS + MINUTE).n(((("channel", OTHER),),), m.TICKET_CREATED) == more + 1


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[int, int]]:
    ages = st.one_of(st.integers(0, 40 * DAY), st.integers(0, 6 * HOUR), st.integers(0, 60).map(lambda n: n * HOUR))
    return [(NOW_MS - draw(ages), draw(st.sampled_from([1, 1, -1]))) for _ in range(draw(st.integers(0, 20)))]


@given(_steps(), st.sampled_from(["UTC", "Europe/Helsinki", "Asia/Kolkata"]), st.integers(0, 30 * DAY), st.integers(1, 30 * DAY))
@settings(max_examples=100)
def test_the_time_mean_of_a_gauge_is_its_integral(steps: list[tuple[int, int]], zone: str, age: int, width: int) -> None:
    cells = filled([(OPEN, at, NOTHING, 0, sign) for at, sign in steps], zone=zone)
    bounds = cells.levels.span(NOW_MS - age - width, NOW_MS - age, NOW_MS, 1)
    start, end = bounds.start_ms, bounds.end_ms
    mean, highest = over_span(Slice(cells, bounds, NOW_MS, 1, True), (TOTAL,), m.TICKET_OPEN, ("open",))
    integral = sum(sign * (end - max(at, start)) for at, sign in steps if at < end)
    assert mean == pytest.approx(integral / (end - start), abs=1e-9)
    edges = sorted({start, *(at for at, _ in steps if start <= at < end)})
    levels = [sum(sign for at, sign in steps if at <= edge) for edge in edges]
    before = sum(sign for at, sign in steps if at < start)
    assert highest <= max([before, *levels])
    last = sum(sign for at, sign in steps if at < end)
    assert highest >= max(before, last)


@given(_steps(), st.integers(0, 3 * DAY))
@settings(max_examples=100)
def test_the_ages_of_what_is_open_are_right_at_any_reading(steps: list[tuple[int, int]], later: int) -> None:
    now = NOW_MS + later + 1
    slot = m.TICKET_OPEN.slot(m.STARTS)
    moments = [at for at, _ in steps]
    cells = filled([(slot, at, NOTHING, 0, 1) for at in moments])
    end = cells.levels.zone.ceil(now, 1)
    starts = Slice(cells, Bounds("now", end, end, cells.levels.all[1]), now, 1, True).starts((TOTAL,), m.TICKET_OPEN)
    read = [end - start for start, n in reversed(starts) for _ in range(n)]
    true = sorted(end - at for at in moments)
    assert len(read) == len(true)
    for shown, age in zip(read, true, strict=True):
        assert age <= shown <= max(age * 1.25, age + MINUTE)


def test_what_is_added_is_counted_at_its_level_and_all_coarser_ones() -> None:
    cells = filled([(CREATED, NOW_MS - 10 * HOUR, NOTHING, 0, 1), (CREATED, NOW_MS, NOTHING, 0, 1)])
    held = [sum(int(bucket.column()[1].sum()) for bucket in buckets.values()) for buckets in cells.buckets]
    assert held == [0, 1, 2, 2, 2]


def test_nothing_added_is_nothing_there() -> None:
    cells = filled([])
    assert (at_rest(cells), cells.total(None, NOW_MS, NOW_MS).sum()) == ({}, np.int64(0))
