"""ServiceNow: snapshots of an incident count as the changes between them, whether the script says what was before or not."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from kpis.entities import Entities
from schemas.events import Event
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import became, delivery_of

AGENT, OTHER, CALLER = "a" * 32, "b" * 32, "c" * 32
RECORD = {
    "sys_id": "9" * 32,
    "state": "1",
    "priority": "3",
    "assigned_to": "",
    "assignment_group": "",
    "caller_id": CALLER,
    "sys_created_on": "2026-02-20 08:00:00",
}


def events_of(*bodies: dict[str, Any]) -> list[Event]:
    found = []
    for body in bodies:
        events, _, refused = became("servicenow", delivery_of({"body": body}))
        assert refused == []
        found += events
    return found


def record(number: int, minute: int, **fields: str) -> dict[str, Any]:
    """The record after so many changes, so many minutes after its insert."""
    at = f"2026-02-20 {8 + minute // 60:02}:{minute % 60:02}:00"
    return {**RECORD, "sys_updated_on": at, "sys_mod_count": str(number), **fields}


STEPS = [
    record(0, 0),
    record(1, 10, state="2", assigned_to=AGENT),
    record(2, 60, state="6", assigned_to=AGENT),
    record(3, 90, state="2", assigned_to=OTHER, reopen_count="1"),
    record(4, 120, state="6", assigned_to=OTHER, reopen_count="1"),
]


def told(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, as our script sends it."""
    return [
        {"record": step} if before is None else {"record": step, "previous": before}
        for before, step in zip([None, *steps], steps, strict=False)
    ]


def test_snapshots_say_what_the_script_says_in_any_order() -> None:
    figures = emitted(events_of(*STEPS))
    assert (len(figures["ticket_created/linked"]), len(figures["ticket_solved_gross"]), len(figures["ticket_reopened"])) == (1, 2, 1)
    assert emitted(events_of(*told(STEPS))) == figures
    for order in permutations(STEPS):
        assert emitted(events_of(*order)) == figures


def test_a_record_that_is_sent_again_is_the_same_and_its_birth_never_says_anything_else() -> None:
    entities = Entities()
    changed = record(5, 130, state="6", caller_id="d" * 32, priority="1", contact_type="phone")
    for event in events_of(*STEPS, *STEPS, changed, *told(STEPS)[:1]):
        entities.apply(event)
    assert entities.counters["conflicting_id"] == 0
    assert entities.refused == []


@pytest.mark.parametrize(
    ("record_", "at_ms"),
    [
        pytest.param({"sys_updated_on": "2026-02-20 09:15:00"}, 1_771_578_900_000, id="without a zone it is UTC"),
        pytest.param(
            {"sys_updated_on": {"value": "2026-02-20 09:15:00", "display_value": "20/02/2026"}}, 1_771_578_900_000, id="of a pair"
        ),
        pytest.param({"sys_updated_on": "2026-02-20T10:15:00+01:00"}, 1_771_578_900_000, id="with a zone"),
    ],
)
def test_times(record_: dict[str, Any], at_ms: int) -> None:
    [_, *claims] = events_of({**RECORD, "sys_mod_count": "1", **record_})
    assert {event.occurred_at_ms for event in claims} == {at_ms}


@pytest.mark.parametrize("value", ["Beth Example", "b.example", "b@example.org", "A" * 32, "", None, {"display_value": "Beth"}, ["x"]])
def test_a_person_who_is_no_system_id_is_nobody(value: Any) -> None:
    events = events_of({**RECORD, "sys_mod_count": "1", "assigned_to": value, "caller_id": value})
    assert {(event.agent_id or None, event.customer_id) for event in events} == {(None, None)}


def test_without_a_count_of_changes_the_time_tells_changes_apart() -> None:
    first, second = ({key: value for key, value in step.items() if key != "sys_mod_count"} for step in STEPS[1:3])
    ids = [{event.id for event in events_of(each)} for each in (first, second)]
    assert ids[0] & ids[1] == {"9" * 32 + ":ticket.created"}
