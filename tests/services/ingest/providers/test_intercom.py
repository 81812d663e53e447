"""Intercom: twins, retries and repeated facts count once, in whichever order they come."""

from __future__ import annotations

import hmac
import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.entities import Entities
from schemas.events import Event, TicketAssigned, TicketEscalated, TicketPublicReply
from services.source_settings import SourceSettings
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import RECORDINGS, became, delivery_of
from tests.services.ingest.senders import SECRET, Remembering, app_of, post

BEGAN = 1_771_232_400
"""The second in which the conversation began: 2026-02-16T09:00:00Z."""


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((RECORDINGS / "intercom" / f"{name}.json").read_text())["body"]
    return body


def events_of(body: dict[str, Any]) -> list[Event]:
    events, _, refused = became("intercom", delivery_of({"body": body}))
    assert refused == []
    return events


def notification(topic: str, number: int, second: int, part: dict[str, Any] | None = None, **item: Any) -> dict[str, Any]:
    """One notification about conversation 7, so many seconds after it began."""
    at = BEGAN + second
    parts = [] if part is None else [{"id": str(5000 + number), "created_at": at, **part}]
    about = {"id": "7", "created_at": BEGAN, "conversation_parts": {"conversation_parts": parts}, **item}
    return {"topic": topic, "id": f"notif_{number}", "created_at": at + 1, "data": {"item": about}}


def test_a_reply_that_also_assigns_is_one_reply_and_one_assignment() -> None:
    twins = [*events_of(recorded("twin_assigned")), *events_of(recorded("twin_replied"))]
    assert [type(event) for event in twins] == [TicketAssigned, TicketPublicReply]
    retried = events_of({**recorded("twin_replied"), "id": "notif_of_another_subscription"})
    close = events_of(notification("conversation.admin.closed", 9_999_999_999, 500, {}, id="41000077"))
    for order in permutations([*events_of(recorded("user_created_v1")), *twins, *retried, *close]):
        figures = emitted(order)
        assert [line.rpartition(" ")[2] for line in figures["first_reply_wait"]] == ["6m40s"]
        assert "ticket_solved/one_touch" in figures


@given(
    status=st.sampled_from(["pending", "retry", None]),
    attempts=st.integers(1, 20),
    seconds=st.integers(0, 2**31),
    name=st.sampled_from(["admin_replied", "closed", "user_created", "rated", "sla_missed", "no_id_of_its_own", "deleted"]),
)
def test_a_notification_that_is_tried_again_says_the_same(status: str | None, attempts: int, seconds: int, name: str) -> None:
    body = recorded(name)
    again = {**body, "delivery_status": status, "delivery_attempts": attempts, "delivered_at": seconds, "first_sent_at": seconds}
    assert events_of(again) == events_of(body)


def test_without_an_id_the_topic_the_conversation_and_the_part_are_the_id() -> None:
    close = notification("conversation.admin.closed", 1, 60, {"part_type": "close"})
    again = notification("conversation.admin.closed", 2, 90, {"part_type": "close"})
    ids = [{event.id for event in events_of({**body, "id": None})} for body in (close, close, again)]
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]


def test_without_an_id_a_part_and_a_time_the_bytes_are_the_id() -> None:
    body = {"topic": "conversation.admin.opened", "id": None, "data": {"item": {"id": "7"}}}
    first, second = events_of(body), events_of({**body, "app_id": "b"})
    assert [event.id for event in first] == [event.id for event in events_of(body)]
    assert all(event.time_is_received for event in first)
    assert not {event.id for event in first} & {event.id for event in second}


@pytest.mark.parametrize("part_type", ["comment", "assignment", "close", "note", None])
def test_the_topic_decides_what_a_part_is(part_type: str | None) -> None:
    part = {"part_type": part_type, "author": {"type": "admin", "id": "9"}}
    assert [event.type for event in events_of(notification("conversation.admin.replied", 1, 60, part))] == ["ticket.public_reply"]
    assert [event.type for event in events_of(notification("conversation.admin.noted", 1, 60, part))] == ["ticket.note"]


MISSED = {"sla_applied": {"sla_name": "Gold", "sla_status": "missed"}}
RATED = {**MISSED, "conversation_rating": {"rating": 5}}
REPEATED = [
    notification("conversation.user.created", 1, 0),
    notification("conversation.admin.replied", 2, 600, {"author": {"type": "admin", "id": "9"}}, **MISSED),
    notification("conversation.admin.closed", 3, 600, {}, **RATED),
    notification("conversation.admin.opened", 4, 900, {}, **RATED),
]


@pytest.mark.parametrize("order", list(permutations(REPEATED)), ids=lambda order: "".join(each["id"][-1] for each in order))
def test_what_every_later_notification_repeats_counts_once_at_its_first(order: tuple[dict[str, Any], ...]) -> None:
    entities, events = Entities(), [event for body in order for event in events_of(body)]
    for event in events:
        entities.apply(event)
    assert entities.counters["conflicting_id"] == 0
    assert entities.refused == []
    escalated = [event for event in events if isinstance(event, TicketEscalated)]
    assert len(escalated) == 3
    assert len({event.id for event in escalated}) == 1
    told = emitted(events)
    assert len(told["ticket_escalated"]) == len(told["case_answer/csat|overall|1-5|5"]) == 1
    assert told["ticket_escalated"] == told["case_answer/csat|overall|1-5|5"]


def test_a_rating_that_changed_replaces_the_one_before() -> None:
    def rated(number: int, score: int, second: int) -> dict[str, Any]:
        rating = {"rating": score, "created_at": BEGAN + 10, "updated_at": BEGAN + second}
        return notification("conversation.rating.added", number, second, conversation_rating=rating)

    bodies = [notification("conversation.user.created", 1, 0), rated(2, 2, 100), rated(3, 5, 200), rated(4, 5, 200)]
    for order in permutations(bodies):
        told = emitted([event for body in order for event in events_of(body)])
        assert [name for name in told if name.startswith("case_answer/")] == ["case_answer/csat|overall|1-5|5"]
        assert len(told["case_answer/csat|overall|1-5|5"]) == 1


def test_an_answer_opens_what_was_closed_or_snoozed_and_is_no_reopening_of_what_was_open() -> None:
    bodies = [
        notification("conversation.user.created", 1, 0),
        notification("conversation.user.replied", 2, 60, {"author": {"type": "user", "id": "c"}}, state="open"),
        notification("conversation.admin.closed", 3, 120, {}),
        notification("conversation.user.replied", 4, 180, {"author": {"type": "user", "id": "c"}}, state="open"),
    ]
    told = emitted([event for body in bodies for event in events_of(body)])
    assert len(told["ticket_reopened"]) == 1
    assert "ticket_reopened" not in emitted(events_of(bodies[1]))


def test_parts_of_one_second_keep_their_order() -> None:
    reply = notification("conversation.admin.replied", 1, 60, {"author": {"type": "admin", "id": "9"}})
    close = notification("conversation.admin.closed", 2, 60, {"author": {"type": "admin", "id": "9"}})
    told = emitted([event for body in (close, notification("conversation.user.created", 3, 0), reply) for event in events_of(body)])
    assert "ticket_solved/one_touch" in told
    assert "ticket_solved/no_reply" not in told


INTERCOM = {"intercom": SourceSettings(kind="intercom", secret_env=("NEW",))}
PING = b'{\n\t"type": "notification_event",\n\t"id": null,\n\t"topic": "ping",\n\t"data": {"item": {"type": "ping"}}\n}\n'


async def test_a_probe_with_head_is_answered_without_a_proof() -> None:
    assert (await post(app_of(INTERCOM, Remembering()), "/webhooks/intercom", b"", {}, method="HEAD")).status_code == 200


@pytest.mark.parametrize(("sent", "status"), [(PING, 202), (json.dumps(json.loads(PING)).encode(), 401)], ids=["as signed", "written anew"])
async def test_the_ping_of_a_new_subscription_is_verified_as_its_bytes_are(sent: bytes, status: int) -> None:
    signature = "sha1=" + hmac.new(SECRET.encode(), PING, "sha1").hexdigest()
    publisher = Remembering()
    answer = await post(app_of(INTERCOM, publisher), "/webhooks/intercom", sent, {"x-hub-signature": signature})
    assert answer.status_code == status
    assert publisher.records == []
