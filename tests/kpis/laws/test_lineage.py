"""What a lineage lists adds up to the figure, for every KPI, window, anchor and cut; and nothing it could miss is passed over."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import batch
from kpis.batch import Batch
from kpis.catalogue import KPIS
from kpis.controls import DEFAULT
from kpis.entity import replay
from kpis.lifecycles.ledger import Rules
from kpis.lifecycles.table import LIFE_CYCLES
from kpis.lineage import LIMIT_MAX, Trail
from kpis.lineage_answer import Lineage
from kpis.lineage_logs import KINDS_OF, LEDGER_OF, history, kind_in, kinds_of, newest_ms
from kpis.measures import BY_KEY, BY_NAME, SLOTS
from kpis.query import Query, Unanswerable
from kpis.reading import Reader
from schemas.events import Event
from tests.kpis.simulated import PAIRS, levels
from tests.kpis.strategies import END_MS, SPAN_MS, START_MS, worlds

NOW_MS = END_MS + 1
CUTS = st.sampled_from(
    [(), (("channel", "email"),), (("team", "t2"),), (("channel", "email"), ("team", "t1")), (("agent", "a1"),), (("channel", "none"),)]
)

BY_ID = {kpi.id: kpi for kpi in KPIS}
SOME = st.lists(st.sampled_from(sorted(BY_ID)), min_size=8, max_size=8, unique=True)


def trail_of(done: Batch, query: Query, now_ms: int = NOW_MS, limit: int = LIMIT_MAX) -> tuple[Trail, Lineage]:
    """The lineage of one figure, from all logs of a batch."""
    reader = Reader(done.cells, now_ms=now_ms, watermark_ms=now_ms)
    trail = Trail(reader, query, controls=DEFAULT, rules=Rules(levels().zone, PAIRS), limit=limit)
    for key, data in done.books.items():
        trail.ledger(key, data)
    for key, data in done.logs.items():
        trail.entity(key, data)
    return trail, trail.answer()


def test_every_measure_has_a_place_it_comes_from() -> None:
    assert set(KINDS_OF) | set(LEDGER_OF) <= set(BY_NAME)


@given(worlds(most=30))
@settings(max_examples=150)
def test_a_history_is_the_replay_and_nothing_lies_after_its_newest(events: list[Event]) -> None:
    done = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=NOW_MS)
    for key, data in done.logs.items():
        if kind_in(key) not in LIFE_CYCLES:
            continue
        past = history(key.decode(), data, DEFAULT)
        rows, _, void = replay(past.kind, past.events, DEFAULT)
        assert past.void == void
        assert (rows.rows == past.rows) or void
        for row in past.rows:
            assert past.kind in kinds_of(SLOTS[row[0]][0])
            assert BY_KEY[SLOTS[row[0]][0]].kind == "gauge" or row[1] <= newest_ms(data)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_listed_adds_up_to_the_figure(data: st.DataObject) -> None:
    events = data.draw(worlds(most=30))
    done = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=NOW_MS)
    as_of = data.draw(st.one_of(st.none(), st.integers(0, SPAN_MS).map(lambda at: START_MS + at)))
    where = data.draw(CUTS)
    for kpi in (BY_ID[name] for name in data.draw(SOME)):
        for window in kpi.windows:
            for anchor in kpi.anchors:
                query = Query(kpis=(kpi.id,), windows=(window,), as_of_ms=as_of, where=where, anchor=anchor)
                try:
                    trail, told = trail_of(done, query)
                except Unanswerable:
                    continue
                holds(trail, told, query)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_it_adds_up_over_any_span(data: st.DataObject) -> None:
    events = data.draw(worlds(most=30))
    done = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=NOW_MS)
    start = data.draw(st.integers(0, SPAN_MS - 1))
    end = data.draw(st.integers(start + 1, SPAN_MS + 60_000))
    for kpi in (BY_ID[name] for name in data.draw(SOME)):
        query = Query(kpis=(kpi.id,), span=(START_MS + start, START_MS + end))
        try:
            trail, told = trail_of(done, query)
        except Unanswerable:
            continue
        holds(trail, told, query)


def holds(trail: Trail, told: Lineage, query: Query) -> None:
    """The sums are the slice's, and the lines that are told come to them."""
    assert {one: trail.sums[one] for one in trail.reads.sums} == trail.reads.sums, query
    assert {one: trail.levels[one] for one in trail.reads.levels} == trail.reads.levels, query
    assert told.complete
    assert told.more == 0
    by_class: Counter[tuple[str, str]] = Counter()
    for entity in told.entities:
        for line in entity.counts:
            by_class[line.measure, line.cls] += line.count
    for (key, component), amount in trail.reads.sums.items():
        measure = BY_KEY[key]
        if measure.kind in ("count", "distinct"):
            assert by_class[measure.name, "" if component == "n" else component] == amount, (query, key, component)
        elif component in ("in", "out", "cens"):
            assert by_class[measure.name, component] == amount
        elif component == "n":
            assert by_class[measure.name, ""] == amount
    for (key, cls, at_ms), level in trail.reads.levels.items():
        if at_ms == trail.reads.end_ms:
            assert by_class[BY_KEY[key].name, cls] == level, (query, key, cls)
    if query.windows and query.windows[0] != "now" and trail.kpi.id == "active_issues":
        seconds = sum(line.value_seconds or 0 for e in told.entities for line in e.counts if not line.beside)
        width = (trail.reads.end_ms - trail.reads.start_ms) / 1000
        assert told.figure.value is not None
        assert abs(seconds / width - told.figure.value) < 1e-6
    assert told.filled
