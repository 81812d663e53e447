"""Gorgias: bodies of its own and of the administrator, sides of authors, times without a zone, ids that are none."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.events import Event
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import became, delivery_of, options_of


def events_of(*bodies: dict[str, Any], options: dict[str, Any] | None = None) -> list[Event]:
    found = []
    for body in bodies:
        events, _, refused = became("gorgias", delivery_of({"body": body}), options_of("gorgias", options))
        assert refused == []
        found += events
    return found


def body(name: str, number: int | None, minute: int, message: dict[str, Any] | None = None, **ticket: Any) -> dict[str, Any]:
    at = f"2026-02-20T{8 + minute // 60:02}:{minute % 60:02}:00.000000"
    data: dict[str, Any] = {"ticket": {"id": 55, "status": "open", "assignee_user": None, **ticket}, "message": message or {}}
    return {"id": number, "type": name, "object_id": 55, "object_type": "Ticket", "created_datetime": at, "data": data}


STORY = [
    body("ticket-created", 1, 0),
    body("ticket-message-created", 2, 30, {"id": 7, "from_agent": True, "channel": "email"}, messages_count=2),
    body("ticket-updated", 3, 60, status="closed"),
    body("ticket-updated", 4, 90, priority="high"),
    body("ticket-updated", 5, 95, assignee_user={"id": 3}),
]


def test_changes_between_snapshots_are_found_in_any_order() -> None:
    once = emitted(events_of(*STORY))
    assert [line.rpartition(" ")[2] for line in once["first_reply_wait"]] == ["30m"]
    assert (len(once["ticket_created/unlinked"]), len(once["ticket_solved_gross"]), len(once["ticket_reopened"])) == (1, 1, 1)
    for order in permutations(STORY):
        assert emitted(events_of(*order, order[-1])) == once


@pytest.mark.parametrize(
    ("written", "zone", "at_ms"),
    [
        ("2026-02-20T09:15:00.123456", "UTC", 1_771_578_900_123),
        ("2026-02-20T09:15:00+00:00", "UTC", 1_771_578_900_000),
        ("2026-02-20T10:15:00", "Europe/Berlin", 1_771_578_900_000),
        ("2026-02-20T09:15:00Z", "Europe/Berlin", 1_771_578_900_000),
    ],
)
def test_times_without_a_zone(written: str, zone: str, at_ms: int) -> None:
    [created] = events_of({**STORY[0], "created_datetime": written}, options={"time_zone": zone})
    assert created.occurred_at_ms == at_ms


def test_the_ticket_s_id_in_the_place_of_the_event_s_is_no_identity() -> None:
    solved, again = (body("ticket-updated", 55, minute, status="closed") for minute in (60, 180))
    assert not {event.id for event in events_of(solved)} & {event.id for event in events_of(again)}
    assert events_of(solved) == events_of(solved)


def test_a_message_without_an_id_of_the_event_is_known_by_its_own() -> None:
    first, again = (body("ticket-message-created", None, minute, {"id": 7, "from_agent": True}) for minute in (30, 31))
    assert [event.id for event in events_of(first)] == [event.id for event in events_of(again)]


@pytest.mark.parametrize("name", ["ticket-closed", "ticket_closed", " Ticket-Closed "])
def test_spellings_of_the_trigger(name: str) -> None:
    assert [event.type for event in events_of(body(name, 9, 5))] == ["ticket.status_changed", "ticket.solved"]


@pytest.mark.parametrize(
    ("message", "types"),
    [
        ({"from_agent": True}, ["ticket.public_reply"]),
        ({"from_agent": "false"}, ["ticket.customer_message"]),
        ({"from_agent": True, "channel": "internal-note"}, ["ticket.note"]),
        ({"channel": "internal-note"}, ["ticket.note"]),
        ({"from_agent": True, "source": {"type": "internal-note"}}, ["ticket.note"]),
    ],
)
def test_the_side_of_the_author(message: dict[str, Any], types: list[str]) -> None:
    assert [event.type for event in events_of(body("ticket-message-created", 2, 30, {"id": 7, **message}))] == types


@pytest.mark.parametrize("message", [{"id": 7}, {"id": 7, "from_agent": None}, {"id": 7, "from_agent": "{{message.from_agent}}"}, None])
def test_a_message_of_nobody_is_kept_and_not_guessed(message: dict[str, Any] | None) -> None:
    events, ignored, refused = became("gorgias", delivery_of({"body": body("ticket-message-created", 2, 30, message)}))
    assert (events, ignored, len(refused)) == ([], [], 1)
    assert refused[0].startswith("untranslatable: ")
    assert "/message/from_agent" in refused[0]
