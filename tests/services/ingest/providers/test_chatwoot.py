"""Chatwoot: twins, two webhooks for one message, accounts, and the many ways in which it writes a time."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.events import Event
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import became, delivery_of, options_of

BEGAN = 1_771_574_400
"""The second in which the conversation began: 2026-02-20T08:00:00Z."""
LAST = {"id": 1, "account_id": 3, "message_type": 0}


def events_of(*bodies: dict[str, Any], delivery: str = "", options: dict[str, Any] | None = None) -> list[Event]:
    found = []
    for body in bodies:
        headers = {"x-chatwoot-delivery": delivery} if delivery else {}
        events, _, refused = became("chatwoot", delivery_of({"body": body, "headers": headers}), options_of("chatwoot", options))
        assert refused == []
        found += events
    return found


def conversation(event: str, minute: int, changed: dict[str, tuple[Any, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """A message about conversation 64 of account 3, so many minutes after it began."""
    changes = [{name: {"previous_value": was, "current_value": now}} for name, (was, now) in (changed or {}).items()]
    at = {"created_at": BEGAN, "updated_at": BEGAN + 60 * minute + 0.5}
    return {"event": event, "id": 64, "status": "open", "messages": [LAST], **at, "changed_attributes": changes, **fields}


def message(number: int, minute: int, **fields: Any) -> dict[str, Any]:
    about = {"conversation": {"id": 64}, "account": {"id": 3}, "created_at": BEGAN + 60 * minute}
    return {"event": "message_created", "id": number, "private": False, **about, **fields}


def twins(minute: int, was: str, now: str) -> list[dict[str, Any]]:
    """One change of status, as it comes."""
    events = ("conversation_status_changed", "conversation_updated")
    return [conversation(event, minute, {"status": (was, now)}, status=now) for event in events]


def test_a_status_that_is_told_twice_counts_once_in_any_order() -> None:
    bodies = [
        conversation("conversation_created", 0),
        message(2, 30, message_type="outgoing", sender={"id": 9, "type": "user"}),
        *twins(60, "open", "resolved"),
        *twins(90, "resolved", "open"),
    ]
    once = emitted(events_of(*bodies))
    assert [line.rpartition(" ")[2] for line in once["first_reply_wait"]] == ["30m"]
    assert (len(once["ticket_created/unlinked"]), len(once["ticket_solved_gross"]), len(once["ticket_reopened"])) == (1, 1, 1)
    for order in permutations(bodies):
        assert emitted(events_of(*order)) == once


def test_a_message_that_two_webhooks_tell_is_one() -> None:
    reply = message(2, 30, message_type="outgoing", sender={"id": 9, "type": "user"})
    assert events_of(reply, delivery="one") == events_of(reply, delivery="another") == events_of(reply)


def test_other_facts_are_known_by_their_delivery_or_by_their_time() -> None:
    solved, again = (twins(minute, "open", "resolved")[0] for minute in (60, 120))
    ids = [{event.id for event in events_of(body, delivery=name)} for body, name in ((solved, "a"), (solved, "a"), (again, "b"))]
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]
    assert {event.id for event in events_of(solved)} == {event.id for event in events_of(solved)}
    assert not {event.id for event in events_of(solved)} & {event.id for event in events_of(again)}


@pytest.mark.parametrize(
    ("fields", "options", "ticket_id"),
    [
        pytest.param({}, {}, "3:64", id="of the last message"),
        pytest.param({"account": {"id": 8}}, {}, "8:64", id="of the body"),
        pytest.param({"account_id": "8"}, {}, "8:64", id="as a member"),
        pytest.param({"messages": []}, {}, "64", id="nowhere"),
        pytest.param({"messages": []}, {"account": "3"}, "3:64", id="as set"),
        pytest.param({}, {"account": "5"}, "3:64", id="the body goes before the setting"),
    ],
)
def test_a_conversation_is_known_by_its_account_too(fields: dict[str, Any], options: dict[str, Any], ticket_id: str) -> None:
    [created] = events_of(conversation("conversation_created", 0, **fields), options=options)
    assert getattr(created, "ticket_id") == ticket_id  # noqa: B009


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        (BEGAN, BEGAN * 1000),
        (str(BEGAN), BEGAN * 1000),
        (BEGAN + 0.25, BEGAN * 1000 + 250),
        ("2026-02-20 08:00:00 UTC", BEGAN * 1000),
        ("2026-02-20T08:00:00.250Z", BEGAN * 1000 + 250),
    ],
)
def test_times(written: Any, at_ms: int) -> None:
    [said] = events_of({**message(2, 0, message_type="incoming"), "created_at": written})
    assert (said.occurred_at_ms, said.time_is_received) == (at_ms, False)


@pytest.mark.parametrize("zero", [0, None, ""])
def test_a_stand_in_for_no_time_is_no_time(zero: Any) -> None:
    [said] = events_of({**message(2, 0, message_type="incoming"), "created_at": zero})
    assert said.time_is_received


@pytest.mark.parametrize(
    ("fields", "type_", "by"),
    [
        pytest.param({"message_type": "outgoing", "sender": {"id": 1, "type": "user"}}, "ticket.public_reply", "human", id="person"),
        pytest.param({"message_type": 1, "sender": {"id": 1, "type": "User"}}, "ticket.public_reply", "human", id="as numbers"),
        pytest.param({"message_type": "outgoing", "sender": {"id": 1}}, "ticket.public_reply", "human", id="of no type"),
        pytest.param({"message_type": "outgoing", "sender": {"id": 1, "type": "agent_bot"}}, "ticket.public_reply", "bot", id="bot"),
        pytest.param({"message_type": "outgoing"}, "ticket.public_reply", "bot", id="rule"),
        pytest.param({"message_type": 3}, "ticket.public_reply", "bot", id="template"),
        pytest.param({"message_type": 0, "sender": {"id": 1, "type": "contact"}}, "ticket.customer_message", None, id="customer"),
        pytest.param({"message_type": "outgoing", "private": True}, "ticket.note", None, id="private"),
    ],
)
def test_who_wrote(fields: dict[str, Any], type_: str, by: str | None) -> None:
    [said] = events_of({**message(2, 0), **fields})
    assert (said.type, getattr(said, "by", None)) == (type_, by)
