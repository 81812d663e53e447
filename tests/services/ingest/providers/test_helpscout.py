"""Help Scout: the name in the header, claims without predecessors, and the times that a conversation knows."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.events import Event
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import became, delivery_of


def at(minute: int) -> str:
    return f"2026-02-20T{8 + minute // 60:02}:{minute % 60:02}:00Z"


def thread(number: int, kind: str, minute: int) -> dict[str, Any]:
    return {"id": number, "type": kind, "createdAt": at(minute), "createdBy": {"id": 31 if kind == "message" else 505}}


OPENING, REPLY, BACK = thread(1, "customer", 0), thread(2, "message", 30), thread(3, "customer", 90)


def conversation(changed: int, *threads: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Conversation 7310, which a user changed last so many minutes after it began."""
    return {
        "id": 7310,
        "status": "active",
        "createdAt": at(0),
        "userUpdatedAt": at(changed),
        "_embedded": {"threads": list(threads)},
        **fields,
    }


def events_of(*deliveries: tuple[str, dict[str, Any]]) -> list[Event]:
    found = []
    for name, body in deliveries:
        events, _, refused = became("helpscout", delivery_of({"headers": {"X-HelpScout-Event": name}, "body": body}))
        assert refused == []
        found += events
    return found


STORY = [
    ("convo.created", conversation(0, OPENING)),
    ("convo.agent.reply.created", conversation(30, REPLY, OPENING)),
    ("convo.status", conversation(60, REPLY, OPENING, status="closed", closedAt=at(60), closedBy=31)),
    ("convo.customer.reply.created", conversation(60, BACK, REPLY, OPENING)),
    ("convo.status", conversation(60, BACK, REPLY, OPENING)),  # the user's last change was the closing
]


def test_a_conversation_that_a_customer_brings_back_is_reopened_in_any_order() -> None:
    once = emitted(events_of(*STORY))
    assert [line.rpartition(" ")[2] for line in once["first_reply_wait"]] == ["30m"]
    assert (len(once["ticket_solved_gross"]), len(once["ticket_reopened"])) == (1, 1)
    for order in permutations(STORY):
        assert emitted(events_of(*order, order[0])) == once


def test_the_header_tells_what_the_body_is() -> None:
    [created], [noted] = (events_of((name, conversation(0, OPENING))) for name in ("convo.created", "convo.note.created"))
    assert (created.type, noted.type) == ("ticket.created", "ticket.note")


@pytest.mark.parametrize(
    ("name", "threads", "message_id", "minute"),
    [
        pytest.param("convo.agent.reply.created", [BACK, REPLY, OPENING], "2", 30, id="the newest of its kind"),
        pytest.param("convo.customer.reply.created", [OPENING, REPLY, BACK], "3", 90, id="in any order"),
        pytest.param("convo.agent.reply.created", [OPENING], "thread", 61, id="none of its kind"),
        pytest.param("convo.agent.reply.created", [OPENING, {**REPLY, "type": "newer"}], "2", 30, id="a kind that nobody knows"),
    ],
)
def test_the_thread_that_a_message_is(name: str, threads: list[dict[str, Any]], message_id: str, minute: int) -> None:
    [said] = events_of((name, conversation(61, *threads)))
    assert (getattr(said, "message_id"), said.occurred_at_ms) == (message_id, 1_771_574_400_000 + minute * 60_000)  # noqa: B009


def test_two_owners_within_one_second_are_two_assignments() -> None:
    first, second = (events_of(("convo.assigned", conversation(5, assignee={"id": number}))) for number in (31, 32))
    assert not {event.id for event in first} & {event.id for event in second}
    assert first == events_of(("convo.assigned", conversation(5, assignee={"id": 31})))


def test_a_message_is_the_same_whatever_else_changed_before_it_was_sent_again() -> None:
    first = events_of(("convo.agent.reply.created", conversation(30, REPLY, OPENING)))
    later = events_of(("convo.agent.reply.created", conversation(55, REPLY, OPENING, status="pending", tags=[{"tag": "vip"}])))
    assert [event.id for event in first] == [event.id for event in later]


@pytest.mark.parametrize(
    ("rating", "score"), [("Great", 3), ("great", 3), ("Okay", 2), ("Not Good", 1), ("not_good", 1)], ids=lambda value: str(value)
)
def test_ratings(rating: str, score: int) -> None:
    [said] = events_of(("satisfaction.ratings", {"id": 1, "rating": rating, "conversationId": 7310, "createdAt": at(0)}))
    assert [(answer.metric, answer.score, answer.scale_max) for answer in getattr(said, "answers")] == [("csat", score, 3)]  # noqa: B009
