"""One step after the other is the replay of the whole log; groups are a commutative sum; kept cells are the cells."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.cells import Cells
from kpis.contributions import Contributions
from kpis.entities import Entities
from kpis.entity import order_of, replay
from kpis.lifecycles.table import LIFE_CYCLES
from schemas import keys
from schemas.events import Event, TicketAbsorbed, TicketDeleted, TicketMerged
from tests.kpis.simulated import IN_FORCE, PAIRS, at_rest, cells_of, levels, simulated
from tests.kpis.strategies import END_MS, worlds

NOW_MS = END_MS + 1


def logs_of(events: list[Event]) -> dict[str, list[Event]]:
    """The logs of the entities that have a life cycle, each in its order, of each id the first."""
    logs: dict[str, list[Event]] = defaultdict(list)
    seen: set[str] = set()
    for event in events:
        key = keys.of(event)
        if key.split(":")[0] in LIFE_CYCLES and event.id not in seen and not isinstance(event, TicketMerged | TicketDeleted):
            seen.add(event.id)
            logs[key].append(event)
    return {key: sorted(log, key=order_of) for key, log in logs.items()}


@given(worlds())
@settings(max_examples=100)
def test_steps_are_the_replay(events: list[Event]) -> None:
    entities = Entities(IN_FORCE)
    replayed = Contributions()
    for key, log in logs_of(events).items():
        for event in log:
            entities.apply(event)
        replayed.add_all(replay(key.split(":")[0], list(log), IN_FORCE)[0])
    assert entities.counters["out_of_order"] == 0
    assert entities.rows.rows == replayed.rows


@given(worlds())
@settings(max_examples=60)
def test_an_entity_at_rest_is_the_entity(events: list[Event]) -> None:
    never, always = Entities(IN_FORCE), Entities(IN_FORCE)
    for event in events:
        if isinstance(event, TicketAbsorbed):
            continue
        never.apply(event)
        always.apply(event)
        always.changes()
    assert always.rows.rows == never.rows.rows
    assert {k: v for k, v in never.changes()[0] if k[:1] != b"w"}.keys() == set(map(str.encode, always._rest))


@given(worlds())
@settings(max_examples=60)
def test_cells_that_are_kept_and_restored_are_the_cells(events: list[Event]) -> None:
    company = simulated(events, now_ms=NOW_MS, in_force=IN_FORCE)
    company.cells.prune(NOW_MS)
    kept = at_rest(company.cells)
    restored = Cells(levels(), PAIRS)
    for key in sorted(kept, reverse=True):
        restored.restore(key, kept[key])
    assert at_rest(restored) == kept


@given(worlds(), st.integers(0, 24))
@settings(max_examples=60)
def test_cells_add_up_however_they_are_cut(events: list[Event], cut: int) -> None:
    whole = Entities(IN_FORCE)
    for event in events:
        whole.apply(event)
    rows = list(whole.rows.rows.items())
    parts = Contributions(), Contributions()
    for number, ((slot, at, attributes, value), count) in enumerate(rows):
        parts[number % (cut + 1) == 0].add(slot, at, attributes, value, count)
    together = cells_of(parts[0], NOW_MS)
    for key, value_bytes in at_rest(cells_of(parts[1], NOW_MS)).items():
        together.restore(key, value_bytes)
    assert at_rest(together) == at_rest(cells_of(whole.rows, NOW_MS))
    nothing = cells_of(whole.rows, NOW_MS)
    back = Contributions()
    back.add_all(whole.rows, -1)
    for key, value_bytes in at_rest(cells_of(back, NOW_MS)).items():
        nothing.restore(key, value_bytes)
    assert at_rest(nothing) == {}
