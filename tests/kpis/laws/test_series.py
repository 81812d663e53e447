"""A point of a series is the figure of its span; what is told in steps is of one moment; a bucket never changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import measures as m
from kpis.catalogue import KPIS
from kpis.cells import Bucket, Cells
from kpis.dimensions import NAMES, TOTAL
from kpis.formulas import Ages
from kpis.kpi import Kpi, Value
from kpis.query import Query, Unanswerable
from kpis.reading import SERIES_MAX_VALUES, Reader
from kpis.slices import Slice
from kpis.steps import Steps, finished
from kpis.strips import Piece, Strip
from kpis.window import DAY, HOUR, MINUTE, Bounds
from schemas.events import Event
from tests.kpis.drawn import drawn
from tests.kpis.simulated import IN_FORCE, PAIRS, at_rest, levels, simulated
from tests.kpis.strategies import END_MS, START_MS, worlds

WITH_A_PAST = tuple((kpi, anchor) for kpi in KPIS for anchor in kpi.anchors if not isinstance(kpi.formula_for(anchor), Ages))
STEPS = (5_000, MINUTE, 15 * MINUTE, HOUR, 7 * HOUR, DAY, 11 * DAY)
MONDAY = "Mon 09:00 created @t1 channel=chat team=a\nMon 09:40 reply @t1\nMon 10:20 created @t2 channel=email\n"
TUESDAY = "Tue 08:00 created @t3 channel=chat team=a\nTue 08:05 solved @t3\nTue 08:10 solved @t1"
AT_MS = drawn("Tue 09:00 created")[0].occurred_at_ms


def asked(draw: st.DrawFn, now_ms: int) -> dict[str, Any]:
    """A step and a span of a few points that end somewhere up to a day from now."""
    step = draw(st.sampled_from(STEPS))
    end = draw(st.sampled_from((now_ms, now_ms + DAY, START_MS + HOUR, START_MS + 20 * MINUTE, START_MS + 12 * DAY + 1)))
    return {"step_ms": step, "start_ms": end - draw(st.integers(1, 30)) * step, "end_ms": end}


def cuts_of(kpi: Kpi, draw: st.DrawFn) -> tuple[str, ...]:
    """Nothing, one of its dimensions, or the pair that is kept."""
    pairs = [pair for pair in PAIRS if set(pair) <= set(kpi.dimensions)]
    return draw(st.sampled_from([(), *((name,) for name in kpi.dimensions), *pairs, *pairs]))


@st.composite
def questions(draw: st.DrawFn, now_ms: int) -> tuple[Kpi, dict[str, Any]]:
    """Any series that can be asked for."""
    kpi, anchor = draw(st.sampled_from(WITH_A_PAST))
    return kpi, {**asked(draw, now_ms), "by": cuts_of(kpi, draw), "anchor": anchor}


@given(worlds(), st.sampled_from(("UTC", "Europe/Helsinki")), st.sampled_from((0, HOUR, 3 * DAY)), st.data())
@settings(max_examples=150)
def test_a_point_is_the_figure_of_its_span(events: list[Event], zone: str, later_ms: int, data: st.DataObject) -> None:
    now_ms = START_MS + 2 * HOUR if later_ms == HOUR else END_MS + later_ms
    cells = simulated(events, now_ms=now_ms, zone=zone, in_force=IN_FORCE).cells
    reader = Reader(cells, now_ms=now_ms, watermark_ms=None)
    for _ in range(4):
        kpi, question = data.draw(questions(now_ms))
        for dims, points in reader.series(kpi.id, **question):
            for point in points:
                query = Query(kpis=(kpi.id,), span=(point.start_ms, point.end_ms), where=tuple(dims.items()), anchor=question["anchor"])
                [figure] = reader.read(query)
                assert (point.value, point.n) == (figure.value, figure.n), (kpi.id, dims, point)


@given(worlds(), st.data())
@settings(max_examples=100)
def test_a_piece_of_a_strip_answers_as_a_slice_of_the_cells(events: list[Event], data: st.DataObject) -> None:
    """Whatever a formula may ask, also of a measure or a cut that the strip does not hold."""
    cells = simulated(events, now_ms=END_MS, in_force=IN_FORCE).cells
    kpi, _ = data.draw(st.sampled_from(WITH_A_PAST))
    cuts = [cut for cut in cells.cuts() if data.draw(st.booleans())]
    edges = [
        levels().zone.bucket_start(START_MS, 4) + n * DAY for n in sorted(data.draw(st.sets(st.integers(0, 40), min_size=2, max_size=4)))
    ]
    strip = Strip(cells, kpi.measures, cuts, END_MS, kpi.finest)
    finished(strip.begin(edges[0]))
    strange = next(one for other in KPIS for one in other.measures if one not in kpi.measures)
    for low, high in pairwise(edges):
        bounds = Bounds("step", low, high, cells.levels.all[kpi.finest])
        plain = Slice(cells, bounds, END_MS, kpi.finest, False)

        def compared(piece: Piece, plain: Slice = plain, low: int = low, high: int = high) -> Value:
            assert piece.until(low + DAY // 2).end_ms == plain.until(low + DAY // 2).end_ms
            for measure in (*kpi.measures, strange):
                for cut in (piece.cuts, ((),)):
                    for component in cells.components_of(measure.key):
                        assert piece.get(cut, measure, component) == plain.get(cut, measure, component)
                        assert piece.level(cut, measure, component) == plain.level(cut, measure, component)
                        assert piece.level(cut, measure, component, plain.start_ms) == plain.level(cut, measure, component, plain.start_ms)
                    names = tuple(cells.components_of(measure.key))
                    assert sorted(piece.by_bucket(cut, measure, names)) == sorted(plain.by_bucket(cut, measure, names))
                    assert sorted(piece.by_age(cut, measure, names)) == sorted(plain.by_age(cut, measure, names))
                    assert piece.until(high - DAY).n(cut, measure) == plain.until(high - DAY).n(cut, measure)
                    for letter in "boc":
                        assert piece.bins(cut, measure, letter) == plain.bins(cut, measure, letter)
                assert piece.classes(measure) == plain.classes(measure)
                assert piece.states(measure) == plain.states(measure)
            return Value(value=None, n=0)

        for _ in strip.values(bounds, False, compared):
            pass


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(-2, 2)), max_size=5), max_size=12), st.data())
def test_a_bucket_never_changes(added: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    bucket, kept = Bucket(), []
    for some in added:
        keys, amounts = (np.array([pair[n] for pair in some], dtype=np.int64) for n in (0, 1))
        bucket = bucket.plus(keys, amounts)
        kept.append(bucket)
        if data.draw(st.booleans()):
            data.draw(st.sampled_from(kept)).column()
    sums: dict[int, int] = {}
    for some, at in zip(added, kept, strict=True):
        for key, amount in some:
            sums[key] = sums.get(key, 0) + amount
        keys, amounts = at.column()
        assert dict(zip(keys.tolist(), amounts.tolist(), strict=True)) == {key: n for key, n in sorted(sums.items()) if n}


def test_a_long_row_of_additions_comes_and_goes() -> None:
    bucket = Bucket()
    for _ in range(200_000):
        bucket = bucket.plus(*(Bucket().column()))
    assert len(bucket.column()[0]) == 0


@pytest.mark.parametrize("by", [pytest.param((), id="total"), pytest.param(("channel",), id="by channel")])
@pytest.mark.parametrize("kpi", ["issues_created", "active_issues", "first_reply_time", "resolution_rate"])
def test_what_is_told_in_steps_is_of_the_first_moment(kpi: str, by: tuple[str, ...]) -> None:
    company = simulated(drawn(MONDAY), now_ms=AT_MS)
    corrected = 0

    def revision(measures: Any, start_ms: int, end_ms: int) -> int:
        return corrected

    def reader() -> Reader:
        return Reader(company.cells, now_ms=AT_MS, watermark_ms=None, revision=revision)

    def told(of: Reader) -> tuple[Steps[Any], Steps[Any]]:
        span: dict[str, Any] = {"step_ms": HOUR, "start_ms": AT_MS - 2 * DAY, "end_ms": AT_MS}
        query = Query(kpis=(kpi,), by=by, windows=("24h", "28d") if kpi != "active_issues" else ())
        return of.series_in_steps(kpi, by=by, **span), of.read_in_steps(query)

    still = at_rest(company.cells)
    before = [finished(steps) for steps in told(reader())]
    between, unbegun = told(reader()), told(reader())
    for steps in between:
        next(steps)
    for event in drawn(MONDAY + TUESDAY)[3:]:
        company.take(event)
    company.settle()
    company.cells.prune(AT_MS)
    corrected = 7
    assert at_rest(company.cells) != still
    assert [finished(steps) for steps in between] == before
    assert [finished(steps) for steps in unbegun] == before
    after = [finished(steps) for steps in told(reader())]
    assert after != before
    assert after[1][0].revision == 7 or kpi == "active_issues"


def test_cells_that_stand_still_hold_what_there_was() -> None:
    company = simulated(drawn(MONDAY), now_ms=AT_MS)
    before, still = at_rest(company.cells), company.cells.still()
    cuts = still.cuts()
    for event in drawn(MONDAY + TUESDAY + "\nTue 08:20 created @t4 channel=web")[3:]:
        company.take(event)
    company.settle()
    assert at_rest(still) == before != at_rest(company.cells)
    assert still.cuts() == cuts != company.cells.cuts()


def test_a_series_of_too_many_lines_is_refused_before_it_is_read() -> None:
    lines = "".join(f"Mon 09:00 created @k{i} channel=v{i}\n" for i in range(150))
    now = drawn("Mon 10:00 created")[0].occurred_at_ms
    reader = Reader(simulated(drawn(lines), now_ms=now).cells, now_ms=now, watermark_ms=None)
    span: dict[str, Any] = {"step_ms": HOUR, "end_ms": now}
    with pytest.raises(Unanswerable, match=r"150 series of 1[34]\d\d points") as refused:
        reader.series("issues_created", start_ms=now - 59 * DAY, by=("channel",), **span)
    assert refused.value.parameter == "by"
    found = reader.series("issues_created", start_ms=now - 10 * DAY, by=("channel",), **span)
    assert 0 < sum(len(points) for _, points in found) <= SERIES_MAX_VALUES
    assert sum(point.n for _, points in found for point in points) == 150


@pytest.mark.parametrize("name", [name for name in NAMES if name in ("channel", "agent", "queue")])
def test_nothing_at_all_is_nothing_in_every_step(name: str) -> None:
    reader = Reader(Cells(levels(), PAIRS), now_ms=END_MS, watermark_ms=None)
    for kpi, anchor in WITH_A_PAST:
        if name in kpi.dimensions:
            span: dict[str, Any] = {"step_ms": HOUR, "start_ms": END_MS - 5 * HOUR, "end_ms": END_MS, "anchor": anchor}
            assert reader.series(kpi.id, by=(name,), **span) == []
            [(dims, points)] = reader.series(kpi.id, where=((name, "x"),), **span)
            assert (dims, {point.n for point in points}) == ({name: "x"}, {0})


def test_a_young_span_is_read_in_buckets_that_are_small_beside_their_age() -> None:
    cells = simulated(drawn("Tue 08:05 created\nTue 08:20 created @t2\nTue 08:20 created @t3"), now_ms=AT_MS).cells
    bounds = Bounds("step", AT_MS - 3 * HOUR, AT_MS + HOUR, cells.levels.all[1])
    strip = Strip(cells, (m.TICKET_CREATED,), [TOTAL], AT_MS, 1)
    finished(strip.begin(bounds.start_ms))
    found: list[list[tuple[int, list[int]]]] = []

    def read(piece: Piece) -> Value:
        found.append(piece.by_age(piece.cuts, m.TICKET_CREATED, piece.classes(m.TICKET_CREATED)))
        return Value(value=None, n=0)

    list(strip.values(bounds, True, read))
    plain = Slice(cells, bounds, AT_MS, 1, True)
    assert found == [plain.by_age((TOTAL,), m.TICKET_CREATED, plain.classes(m.TICKET_CREATED))]
    assert found == [[(AT_MS - 55 * MINUTE, [1]), (AT_MS - 40 * MINUTE, [2])]]
