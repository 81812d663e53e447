"""Zammad: snapshots repeat what they say, retries say it anew, and all of it counts once, in whichever order it comes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from kpis.entities import Entities
from schemas.events import Event, TicketAssigned
from services.ingest.providers.zammad_messages import ZammadOptions
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import became, delivery_of

TICKET = {
    "id": 12,
    "state": "new",
    "owner_id": 1,
    "group_id": 3,
    "priority": {"name": "2 normal"},
    "customer_id": 8,
    "create_article_sender": "Customer",
    "create_article_type": "email",
    "article_ids": [70],
    "created_at": "2026-02-20T08:00:00.000Z",
    "updated_at": "2026-02-20T08:00:00.000Z",
}


def delivered(number: int, minute: int, article: dict[str, Any] | None = None, trigger: str = "any", **ticket: Any) -> dict[str, Any]:
    """One delivery about ticket 12, so many minutes after its birth."""
    at = f"2026-02-20T{8 + minute // 60:02}:{minute % 60:02}:00.000Z"
    body = {"ticket": {**TICKET, "updated_at": at, **ticket}, "article": article and {"created_at": at, "internal": False, **article}}
    return {"headers": {"x-zammad-trigger": trigger, "x-zammad-delivery": f"d{number}"}, "body": body}


def events_of(*deliveries: dict[str, Any], options: Any = None) -> list[Event]:
    found = []
    for each in deliveries:
        events, _, refused = became("zammad", delivery_of(each), options)
        assert refused == []
        found += events
    return found


def types(events: Iterable[Event]) -> list[str]:
    return [event.type for event in events]


OPENED = delivered(1, 0, {"id": 70, "sender": "Customer", "type": "email"})
REPLIED = delivered(
    2, 30, {"id": 71, "sender": "Agent", "type": "email", "created_by_id": 5}, article_ids=[70, 71], state="open", owner_id=5
)
CLOSED = delivered(3, 60, article_ids=[70, 71], state="closed", owner_id=5)
CAME_BACK = delivered(4, 90, {"id": 72, "sender": "Customer", "type": "email"}, article_ids=[70, 71, 72], state="open", owner_id=6)


def test_changes_between_snapshots_are_found_and_repetitions_are_not() -> None:
    once = emitted(events_of(OPENED, REPLIED, CLOSED, CAME_BACK))
    assert [line.rpartition(" ")[2] for line in once["first_reply_wait"]] == ["30m"]
    assert len(once["ticket_reopened"]) == len(once["ticket_solved_gross"]) == len(once["ticket_created/linked"]) == 1
    also = delivered(5, 90, article_ids=[70, 71, 72], state="open", owner_id=6)  # another trigger for the same change
    for order in permutations([OPENED, REPLIED, CLOSED, CAME_BACK, also]):
        assert emitted(events_of(*order)) == once


def test_what_every_snapshot_repeats_never_says_anything_else() -> None:
    entities = Entities()
    other: dict[str, Any] = {"customer_id": 99, "group_id": 4, "priority": {"name": "3 high"}}
    for event in events_of(OPENED, REPLIED, delivered(6, 31, REPLIED["body"]["article"], article_ids=[70, 71], **other), CLOSED):
        entities.apply(event)
    assert entities.counters["conflicting_id"] == 0
    assert entities.refused == []


def test_a_delivery_that_is_tried_again_with_a_newer_ticket_has_the_same_ids_and_changes_nothing() -> None:
    newer = delivered(2, 59, REPLIED["body"]["article"], article_ids=[70, 71, 75], state="open", owner_id=5)
    newer["body"]["article"] = REPLIED["body"]["article"]
    assert [event.id for event in events_of(newer)] == [event.id for event in events_of(REPLIED)]
    once = emitted(events_of(OPENED, REPLIED, CLOSED))
    for order in permutations([OPENED, REPLIED, newer, CLOSED]):
        assert emitted(events_of(*order)) == once


@pytest.mark.parametrize(
    ("ticket", "said"),
    [
        pytest.param({"article_ids": [70, 71]}, [], id="the lowest of the ticket's"),
        pytest.param({"article_ids": [71, 70]}, [], id="in any order"),
        pytest.param({"article_ids": [69, 70]}, ["ticket.customer_message"], id="a later one"),
        pytest.param({"article_ids": None, "article_count": 1}, [], id="the only one"),
        pytest.param({"article_ids": [], "article_count": 2}, ["ticket.customer_message"], id="one of two"),
        pytest.param({"article_ids": None}, ["ticket.customer_message"], id="not known"),
    ],
)
def test_the_article_that_came_with_the_ticket_is_no_message(ticket: dict[str, Any], said: list[str]) -> None:
    found = types(events_of(delivered(1, 0, {"id": 70, "sender": "Customer", "type": "email"}, **ticket)))
    assert [name for name in found if name == "ticket.customer_message"] == said


def test_named_triggers_and_snapshots_beside_each_other_are_one_message() -> None:
    named = {**REPLIED, "headers": {"x-zammad-trigger": "ticket.public_reply", "x-zammad-delivery": "d9"}}
    assert types(events_of(named)) == ["ticket.public_reply"]
    assert set(event.id for event in events_of(named)) < set(event.id for event in events_of(REPLIED))


@pytest.mark.parametrize("name", ["ticket.solved", " Ticket.Solved "])
def test_a_trigger_named_as_an_event_is_that_event_only(name: str) -> None:
    assert types(events_of(delivered(1, 5, trigger=name, state="open"))) == ["ticket.solved"]


def test_without_a_delivery_the_ticket_and_its_last_change_are_the_id() -> None:
    bare = {"body": CLOSED["body"]}
    later = {"body": delivered(3, 61, state="closed")["body"]}
    assert events_of(bare) == events_of(bare)
    claims, of_later = ({event.id for event in events_of(each) if event.type != "ticket.created"} for each in (bare, later))
    assert not claims & of_later


def test_the_owner_who_stands_for_nobody_is_a_setting() -> None:
    def owner(options: ZammadOptions) -> Any:
        return next(event.agent_id for event in events_of(OPENED, options=options) if isinstance(event, TicketAssigned))

    assert owner(ZammadOptions()) is None
    assert owner(ZammadOptions(nobody=frozenset())) == "1"
