"""Jira: a comment counts once though two families tell it, an issue stays itself when it moves, a broken promise counts once."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.entities import Entities
from schemas.events import Event, TicketStatusChanged
from services.ingest.providers import template
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import RECORDINGS, became, delivery_of, options_of

BEGAN = 1_771_416_000_000
"""The instant in which the issue was reported: 2026-02-18T12:00:00Z."""


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / "jira" / f"{name}.json").read_text())
    return found


def events_of(body: dict[str, Any], headers: dict[str, str] | None = None, **options: Any) -> list[Event]:
    events, _, refused = became("jira", delivery_of({"body": body, "headers": headers or {}}), options_of("jira", options))
    assert refused == []
    return events


def webhook(name: str, minutes: float, items: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """One webhook about issue 1, so many minutes after it was reported; `fields` go into the issue, the rest beside it."""
    fields = {"reporter": {"accountId": "c-1"}, "created": "2026-02-18T12:00:00.000+0000", **more.pop("fields", {})}
    body = {"timestamp": BEGAN + round(minutes * 60_000), "webhookEvent": name, "issue": {"id": "1", "key": "A-1", "fields": fields}}
    return {**body, **({} if items is None else {"changelog": {"id": f"c{minutes}", "items": items}}), **more}


def comment(number: int, by: str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "author": {"accountId": by}, "created": f"2026-02-18T12:{number}:00.000+0000", **more}


@pytest.mark.parametrize("family", ["comment_events", "issue_updated"])
def test_a_comment_that_comes_in_both_families_counts_once(family: str) -> None:
    said = comment(10, "ag-1", jsdPublic=True)
    bodies = [
        webhook("jira:issue_created", 0),
        webhook("comment_created", 10, comment=said),
        webhook("jira:issue_updated", 10, issue_event_type_name="issue_commented", comment=said),
    ]
    for order in permutations(bodies):
        events = [event for body in order for event in events_of(body, comments=family)]
        assert [event.type for event in events].count("ticket.public_reply") == 1
        assert len(emitted(events)["first_reply_wait"]) == 1


@pytest.mark.parametrize("name", ["comment_public", "status", "created"])
@given(tries=st.integers(1, 5), flow=st.sampled_from(["Primary", "Secondary"]))
def test_a_delivery_that_is_tried_again_says_the_same(name: str, tries: int, flow: str) -> None:
    body, headers = recorded(name)["body"], recorded(name)["headers"]
    again = {**headers, "x-atlassian-webhook-retry": str(tries), "x-atlassian-webhook-flow": flow}
    assert events_of(body, again) == events_of(body, headers)


def test_without_an_identifier_the_webhook_the_issue_and_the_time_are_the_id() -> None:
    one, other = (webhook("jira:issue_deleted", minutes) for minutes in (1, 2))
    assert events_of(one)[0].id == events_of({**one, "user": {"accountId": "x"}})[0].id
    assert events_of(one)[0].id != events_of(other)[0].id


def test_without_a_time_and_an_identifier_the_bytes_are_the_id() -> None:
    body = webhook("jira:issue_deleted", 1)
    del body["timestamp"]
    (first,), (again,), (other,) = events_of(body), events_of(body), events_of({**body, "user": {"accountId": "x"}})
    assert first.time_is_received
    assert first.id == again.id != other.id


def test_an_issue_that_moves_to_another_project_stays_the_same_ticket() -> None:
    before, after = recorded("created")["body"], recorded("moved_to_another_project")["body"]
    assert before["issue"]["key"] != after["issue"]["key"]
    assert {getattr(event, "ticket_id", "") for body in (before, after) for event in events_of(body)} == {"20050"}


@pytest.mark.parametrize(
    ("name", "category", "options", "to"),
    [
        ("To Do", "new", {}, "new"),
        ("Triage", "new", {}, "new"),
        ("Open", None, {}, "open"),
        ("In Progress", "indeterminate", {}, "open"),
        ("Tinkering", "indeterminate", {}, "open"),
        ("Waiting for customer", "indeterminate", {}, "pending"),
        ("WAITING FOR CUSTOMER", None, {}, "pending"),
        ("Pending", "new", {}, "pending"),
        ("Closed", None, {}, "solved"),
        ("Closed", "indeterminate", {}, "open"),
        ("Waiting for customer", "done", {}, "solved"),
        ("Tinkering", None, {"done_statuses": ["Tinkering"]}, "solved"),
        ("Tinkering", "indeterminate", {"done_statuses": ["77"]}, "solved"),
        ("Tinkering", "indeterminate", {"statuses": {"77": "on_hold"}}, "on_hold"),
        ("Done", "done", {"statuses": {"Done": "closed"}}, "closed"),
    ],
)
def test_a_status_is_the_desks_word_then_jiras_category_then_the_usual_word(
    name: str, category: str | None, options: dict[str, Any], to: str
) -> None:
    status = {"name": name, "id": "77", **({} if category is None else {"statusCategory": {"key": category}})}
    items = [{"field": "status", "from": "1", "fromString": "Something else", "to": "77", "toString": name}]
    first = events_of(webhook("jira:issue_updated", 5, items, fields={"status": status}), **options)[0]
    assert isinstance(first, TicketStatusChanged)
    assert first.to == to


def test_the_category_of_another_status_is_not_taken() -> None:
    now = {"name": "Elsewhere", "id": "9", "statusCategory": {"key": "done"}}
    items = [{"field": "status", "from": "1", "fromString": "To Do", "to": "3", "toString": "In Progress"}]
    (event,) = events_of(webhook("jira:issue_updated", 5, items, fields={"status": now}))
    assert isinstance(event, TicketStatusChanged)
    assert event.to == "open"


def test_a_resolution_and_a_status_that_say_the_same_are_one_solve_and_one_reopening() -> None:
    done, todo = (
        {"field": "status", "fromString": "To Do", "toString": "Done"},
        {"field": "status", "fromString": "Done", "toString": "To Do"},
    )
    fixed = {"field": "resolution", "from": None, "to": "1"}
    cleared = {"field": "resolution", "from": "1", "to": None}
    bodies = [
        webhook("jira:issue_created", 0),
        webhook("jira:issue_updated", 10, [fixed, done]),
        webhook("jira:issue_updated", 20, [cleared, todo]),
    ]
    for order in permutations(bodies):
        figures = emitted([event for body in order for event in events_of(body)])
        assert len(figures["ticket_solved_gross"]) == len(figures["ticket_reopened"]) == 1


@pytest.mark.parametrize("says_when", [True, False])
def test_a_broken_promise_that_every_later_webhook_repeats_counts_once(says_when: bool) -> None:
    ongoing = {"breached": True, "startTime": BEGAN, **({"breachTime": BEGAN + 600_000} if says_when else {})}
    fields = {"customfield_1": {"id": "4", "name": "First response", "ongoingCycle": ongoing}}
    bodies = [webhook("jira:issue_created", 0), *(webhook("jira:issue_updated", 20 + n, [], fields=fields) for n in range(3))]
    for order in permutations(bodies):
        entities, events = Entities(), [event for body in order for event in events_of(body)]
        for event in events:
            entities.apply(event)
        assert entities.counters["conflicting_id"] == 0
        (when,) = emitted(events)["ticket_escalated"]
        assert when.endswith("12:10" if says_when else "12:20")


def test_a_rating_counts_once_at_the_first_webhook_that_shows_it() -> None:
    fields = {"customfield_2": {"rating": 4}}
    bodies = [webhook("jira:issue_created", 0), *(webhook("jira:issue_updated", 20 + n, [], fields=fields) for n in range(3))]
    for order in permutations(bodies):
        events = [event for body in order for event in events_of(body, satisfaction_field="customfield_2")]
        (when,) = emitted(events)["case_answer/csat|overall|1-5|4"]
        assert when.endswith("12:20")
    assert [event.type for event in events_of(bodies[1])] == []


@pytest.mark.parametrize(
    ("user", "agent_id"),
    [
        ({"accountId": "5c76b994e1bcdf6294d0eb0f", "key": "k", "name": "n"}, "5c76b994e1bcdf6294d0eb0f"),
        ({"key": "JIRAUSER10100", "name": "n"}, "JIRAUSER10100"),
        ({"key": "n17", "name": "n17"}, "45415bc117ae92dd968f64dd9b8a35bb"),
        ({"name": "n17"}, "45415bc117ae92dd968f64dd9b8a35bb"),
        ({"displayName": "A Person", "emailAddress": "a.person@example.org"}, None),
        ("a.person@example.org", None),
        (None, None),
    ],
)
def test_people_are_their_ids(user: Any, agent_id: str | None) -> None:
    (event,) = events_of(webhook("jira:issue_created", 0, fields={"assignee": user}))
    assert event.agent_id == agent_id


@pytest.mark.parametrize("name", ["A.Person@example.org", "a.person@example.org"])
def test_a_user_name_is_kept_as_one_hash_whatever_its_case(name: str) -> None:
    items = [{"field": "assignee", "from": None, "to": name}]
    event = events_of(webhook("jira:issue_updated", 5, items, fields={"assignee": {"name": name}}))[0]
    assert event.agent_id == "b1c1a78a6195bc0df328a50a63cc31b8"


def test_the_template_of_automation_is_read() -> None:
    assert template.is_template(recorded("template")["body"])
    assert [event.type for event in events_of({"event": "ticket.escalated", "ticket_id": "1", "kind": "sla"})] == ["ticket.escalated"]
