"""Entities: what cannot be applied changes nothing and is named; what has ended is let go of; what is new is counted gross."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kpis.entities import Entities
from kpis.entity import identity_of
from kpis.retention import LOG_MAX_EVENTS
from kpis.window import DAY, HOUR
from schemas import events as ev
from schemas.events import Event
from schemas.rejections import Reason
from tests.kpis.drawn import MONDAY_MS, drawn, emitted, listed

MINUTE = 60_000


def ticket(number: int, cls: type[Event] = ev.TicketCustomerMessage, **said: Any) -> Event:
    """An event of ticket t1, `number` minutes after Monday."""
    fields: dict[str, Any] = {"id": f"e{number}", "source": "desk", "ticket_id": "t1", "occurred_at_ms": MONDAY_MS + number * MINUTE}
    if cls is ev.TicketCustomerMessage:
        fields["message_id"] = "m"
    fields |= said
    return cls(received_at_ms=fields["occurred_at_ms"], **fields)


def poisons() -> list[Any]:
    """Events that a step or a replay cannot stand."""
    logged: Any = "an hour"
    return [
        pytest.param(ticket(50, ev.AgentTimeLogged, activity="work", seconds=logged, agent_id="a9", team="t9"), id="in a step"),
        pytest.param(ticket(-50, ev.AgentTimeLogged, activity="work", seconds=logged, agent_id="a9"), id="in a replay"),
        pytest.param(ticket(50, ev.TicketAbsorbed, log=({"type": "ticket.unheard"},)), id="in an absorbed log"),
    ]


@pytest.mark.parametrize("poison", poisons())
@pytest.mark.parametrize("rested", [False, True], ids=["live", "at rest"])
def test_what_fails_leaves_the_entity_as_it_was_and_is_named(poison: Event, rested: bool) -> None:
    before = drawn("Mon 00:00 created team=t1\nMon 00:10 reply agent=a1")
    after = drawn("Mon 01:00 note #n\nMon 01:10 solved #s")
    entities = Entities()
    for event in before:
        entities.apply(event)
    if rested:
        entities.changes()
    entities.apply(poison)
    assert [(r.event, r.reason) for r in entities.refused] == [(poison, Reason.POISON)]
    for event in after:
        entities.apply(event)
    assert listed(entities.rows) == emitted([*before, *after])
    assert listed(entities.rows, "team") == emitted([*before, *after], attribute="team")


def test_an_entity_keeps_so_many_events_and_no_more() -> None:
    entities = Entities()
    for number in range(LOG_MAX_EVENTS + 3):
        entities.apply(ticket(number))
    assert [r.reason for r in entities.refused] == [Reason.ENTITY_TOO_LARGE] * 3
    entities.apply(ticket(5))
    assert entities.counters["duplicate"] == 1
    assert len(entities) == 1


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        pytest.param("Mon 09:00 message #m\nMon 09:00 message #m", [], id="again"),
        pytest.param("Mon 09:00 message #m\nMon 10:00 message #m v1\nMon 09:00 message #m", [], id="an older version"),
        pytest.param("Mon 09:00 message #m\nMon 10:00 message #m", ["Mon 10:00"], id="other content"),
        pytest.param("Mon 10:00 message #m\nMon 09:00 message #m", ["Mon 10:00"], id="other content that comes first"),
    ],
)
def test_other_content_of_an_id_is_named(text: str, reasons: list[str]) -> None:
    entities = Entities()
    for event in drawn(text):
        entities.apply(event)
    kept_out = [r.event for r in entities.refused]
    assert {r.reason for r in entities.refused} <= {Reason.CONFLICTING_ID}
    assert [(e.occurred_at_ms - MONDAY_MS) // 3_600_000 for e in kept_out] == [int(r[4:6]) for r in reasons]


@pytest.mark.parametrize(
    ("text", "days", "gone"),
    [
        pytest.param("Mon 09:00 created\nMon 10:00 closed", 21, True, id="closed, 21 d"),
        pytest.param("Mon 09:00 created\nMon 10:00 closed", 20, False, id="closed, 20 d"),
        pytest.param("Mon 09:00 created\nMon 10:00 solved", 21, False, id="solved, 21 d"),
        pytest.param("Mon 09:00 created\nMon 10:00 solved", 121, True, id="solved, 121 d"),
        pytest.param("Mon 09:00 created\nMon 10:00 deleted", 21, True, id="deleted, 21 d"),
        pytest.param("Mon 09:00 created", 5_000, False, id="open, for ever"),
        pytest.param("Mon 09:00 queued @t1\nMon 09:01 answered @t1\nMon 09:02 ended @t1", 21, True, id="call ended"),
        pytest.param("Mon 09:00 queued @t1\nMon 09:01 abandoned @t1", 21, True, id="call given up"),
    ],
)
def test_what_has_ended_is_let_go_of(text: str, days: int, gone: bool) -> None:
    events = drawn(text)
    entities = Entities()
    for event in events:
        entities.apply(event)
    other = ticket(0, id="other", ticket_id="other", occurred_at_ms=events[-1].received_at_ms + days * DAY)
    entities.apply(other)
    entities.changes()
    assert entities.evict_some() == int(gone)
    rows = dict(entities.rows.rows)
    late = drawn(text.splitlines()[0].replace("created", "note").replace("queued", "passed") + " #late")[0]
    entities.apply(late)
    assert [r.reason for r in entities.refused] == ([Reason.BEYOND_RETENTION] if gone else [])
    if gone:
        assert entities.rows.rows == rows
        state = dict(entities.changes()[0])
        assert [key for key, value in state.items() if value is None]
        again = Entities()
        for key, value in state.items():
            again.restore(key, value)
        again.apply(late)
        assert [r.reason for r in again.refused] == [Reason.BEYOND_RETENTION]


def test_what_comes_more_than_an_hour_late_is_no_tally() -> None:
    entities = Entities()
    entities.apply(ticket(0, ev.TicketCreated))
    late = ticket(1, ev.TicketCreated, ticket_id="t2", id="late")
    entities.apply(msgspec.structs.replace(late, received_at_ms=MONDAY_MS + 3 * HOUR))
    assert sum(entities.tallies.values()) == 1
    assert entities.late == {MONDAY_MS: 1}


def test_kinds_without_a_life_cycle_are_counted_and_change_nothing() -> None:
    entities = Entities()
    entities.apply(ev.OrderEntered(id="o", occurred_at_ms=MONDAY_MS, order_id="o1"))
    assert (entities.counters["unused"], len(entities), entities.rows.rows) == (1, 0, {})


def test_an_identity_tells_sources_and_ids_apart() -> None:
    assert len({identity_of("a", "bc"), identity_of("ab", "c"), identity_of("a", "b\0c"), identity_of("a", "bd")}) == 4
