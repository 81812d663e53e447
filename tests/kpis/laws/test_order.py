"""The order of arrival, repetition, partitions, checkpoints and restarts cannot change a cell or a figure."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import batch
from kpis.query import Query
from kpis.reading import Reader
from schemas.events import AgentTimeLogged, Event, FactWithdrawn, TicketCreated, TicketMerged
from tests.kpis.simulated import IN_FORCE, PAIRS, at_rest, levels, simulated
from tests.kpis.strategies import END_MS, paths, worlds

NOW_MS = END_MS + 1


@given(st.data())
@settings(max_examples=150)
def test_any_path_leads_to_the_same_cells(data: st.DataObject) -> None:
    events = data.draw(worlds())
    expected = at_rest(simulated(events, now_ms=NOW_MS, in_force=IN_FORCE).cells)
    path = data.draw(paths(len(events)))
    tape = [events[i] for i in path.order]
    company = simulated(
        tape, now_ms=NOW_MS, in_force=IN_FORCE, partitions=path.partitions, checkpoints=path.checkpoints, restarts=path.restarts
    )
    assert at_rest(company.cells) == expected


@given(worlds())
@settings(max_examples=40)
def test_the_batch_is_one_of_the_paths(events: list[Event]) -> None:
    one = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=NOW_MS, controls=IN_FORCE)
    company = simulated(events, now_ms=NOW_MS, in_force=IN_FORCE, partitions=3)
    company.cells.prune(NOW_MS)
    assert at_rest(one.cells) == at_rest(company.cells)


@given(st.data())
@settings(max_examples=10)
def test_any_path_leads_to_the_same_figures(data: st.DataObject) -> None:
    events = data.draw(worlds())
    path = data.draw(paths(len(events)))
    tape = [events[i] for i in path.order]
    found = [
        Reader(company.cells, now_ms=NOW_MS, watermark_ms=NOW_MS).read(query)
        for company in (
            simulated(events, now_ms=NOW_MS, in_force=IN_FORCE),
            simulated(
                tape, now_ms=NOW_MS, in_force=IN_FORCE, partitions=path.partitions, checkpoints=path.checkpoints, restarts=path.restarts
            ),
        )
        for query in (Query(kpis=()), Query(kpis=("issues_created", "resolution_rate"), windows=("28d",), by=("channel",)))
    ]
    half = len(found) // 2
    assert found[:half] == found[half:]


@given(st.data())
@settings(max_examples=150)
def test_what_is_taken_back_never_happened(data: st.DataObject) -> None:
    events = data.draw(worlds())
    ids = [e.id for e in events if not isinstance(e, FactWithdrawn)]
    gone = data.draw(st.sets(st.sampled_from(ids), max_size=3)) if ids else set()
    withdrawals: list[Event] = [FactWithdrawn(id=f"w-{of}", source="desk", occurred_at_ms=END_MS - 1, of=of) for of in sorted(gone)]
    tape = data.draw(st.permutations([*events, *withdrawals]))
    places = data.draw(st.frozensets(st.integers(0, len(tape)), max_size=4))
    with_them = simulated(tape, now_ms=NOW_MS, in_force=IN_FORCE, partitions=data.draw(st.integers(1, 2)), checkpoints=places)
    without = simulated([e for e in events if e.id not in gone], now_ms=NOW_MS, in_force=IN_FORCE)
    assert at_rest(with_them.cells) == at_rest(without.cells)


def test_a_ticket_merged_into_itself_and_taken_back_never_happened() -> None:
    said: dict[str, Any] = {"source": "desk", "ticket_id": "k1"}
    events: list[Event] = [
        TicketCreated(id="a", occurred_at_ms=END_MS - 4, **said),
        AgentTimeLogged(id="b", occurred_at_ms=END_MS - 3, activity="work", seconds=60.0, agent_id="a1", **said),
        TicketMerged(id="c", occurred_at_ms=END_MS - 2, into_ticket_id="k1", **said),
    ]
    withdrawals: list[Event] = [FactWithdrawn(id=f"w-{e.id}", source="desk", occurred_at_ms=END_MS - 1, of=e.id) for e in events]
    for tape in permutations([*events, *withdrawals]):
        assert at_rest(simulated(list(tape), now_ms=NOW_MS, in_force=IN_FORCE, checkpoints=frozenset({3})).cells) == {}, [
            e.id for e in tape
        ]
