"""Freshdesk: its own notation of changes, its codes, and bodies that name neither an id nor a time."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Event
from services.ingest.providers.freshdesk import changes_in
from tests.services.ingest.providers.recorded import became, delivery_of, options_of


def events_of(event: Any, options: dict[str, Any] | None = None, **fields: Any) -> list[Event]:
    body = {"freshdesk_webhook": {"triggered_event": event, "ticket_id": "7", **fields}}
    events, _, refused = became("freshdesk", delivery_of({"body": body}), options_of("freshdesk", options))
    assert refused == []
    return events


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("{ticket_action:created}", {"ticket_action": "created"}),
        ("{status:{from:2,to:4}}", {"status": {"from": "2", "to": "4"}}),
        ("{ status : { from : 2 , to : 4 } }", {"status": {"from": "2", "to": "4"}}),
        ("{status:{from:2,to:4},priority:{from:1,to:3}}", {"status": {"from": "2", "to": "4"}, "priority": {"from": "1", "to": "3"}}),
        ("{status:{from:,to:4}}", {"status": {"from": "", "to": "4"}}),
        ("{status:{to:4}}", {"status": {"to": "4"}}),
        ("{status:{from:Open,to:Waiting on Customer}}", {"status": {"from": "Open", "to": "Waiting on Customer"}}),
        ('{"status":{"from":"2","to":"4"}}', {"status": {"from": "2", "to": "4"}}),
        ("status:4", {"status": "4"}),
        ({"status": {"from": 2, "to": 4}}, {"status": {"from": 2, "to": 4}}),
        ("", {}),
        ("{}", {}),
        ("{:}", {}),
        ("created", {}),
        (None, {}),
        (7, {}),
    ],
)
def test_the_notation(text: Any, changes: dict[str, Any]) -> None:
    assert changes_in(text) == changes


@given(st.text("{}:, ab4", max_size=60) | st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for name, change in changes_in(text).items():
        assert name
        assert isinstance(change, str | dict)


@pytest.mark.parametrize("text", ["a" * 100_000, "a:" * 50_000, "{a:" * 50_000, "a " * 50_000, ":" * 100_000, "a:{" * 50_000])
def test_long_texts_take_no_longer(text: str) -> None:
    began = perf_counter()
    changes_in(text)
    assert perf_counter() - began < 0.1


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *[
            ("2", "open"),
            ("3", "pending"),
            ("4", "solved"),
            ("5", "closed"),
            ("6", "pending"),
            ("7", "on_hold"),
            ("8", "open"),
            ("31", "open"),
        ],
        *[("Open", "open"), ("Resolved", "solved"), ("Waiting on Third Party", "on_hold"), ("In the workshop", "open")],
    ],
)
def test_the_codes_of_statuses(code: str, status: str) -> None:
    [created] = events_of("{ticket_action:created}", ticket_status=code)
    assert getattr(created, "status") == status  # noqa: B009


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        ("2", "4", ["status_changed", "solved"]),
        ("4", "5", ["status_changed", "closed"]),
        ("2", "5", ["status_changed", "solved", "closed"]),
        ("12", "5", ["status_changed", "solved", "closed"]),
        ("5", "2", ["status_changed", "reopened"]),
        ("4", "9", ["status_changed", "reopened"]),
        ("2", "3", ["status_changed"]),
        ("3", "6", []),
        ("2", "11", []),
        ("", "4", ["status_changed", "solved"]),
    ],
)
def test_a_change_of_status_and_what_it_means(before: str, after: str, types: list[str]) -> None:
    events = events_of(f"{{status:{{from:{before},to:{after}}}}}")
    assert [event.type for event in events] == [f"ticket.{name}" for name in types]


@pytest.mark.parametrize(
    ("rank", "name"), [("1", "low"), ("2", "normal"), ("3", "high"), ("4", "urgent"), ("Medium", "normal"), ("", None)]
)
def test_priorities(rank: str, name: str | None) -> None:
    assert {event.priority for event in events_of("{ticket_action:created}", ticket_priority=rank)} == {name}


def test_bodies_without_a_time_are_known_by_their_bytes_and_with_one_by_what_they_say() -> None:
    change = "{status:{from:2,to:4}}"
    bare, other = events_of(change), events_of(change, ticket_url="https://desk.example.org/7")
    assert bare == events_of(change)
    assert not {event.id for event in bare} & {event.id for event in other}
    at = "2026-02-20T09:15:00Z"
    assert events_of(change, occurred_at=at) == events_of(change, occurred_at=at, ticket_url="https://desk.example.org/7")
    named = events_of(change, id="m-1", occurred_at=at)
    assert [event.id for event in named] == ["m-1:ticket.status_changed", "m-1:ticket.solved"]


@pytest.mark.parametrize("value", ["Ann Example", "ann@example.org", "", None, "-3", "1.5"])
def test_people_count_only_by_number(value: Any) -> None:
    [created] = events_of("{ticket_action:created}", ticket_agent_id=value, requester_id=value)
    assert (created.agent_id, created.customer_id) == (None, None)
