"""Front: both webhooks say the same, a conversation opens once at its first message, the handshake is verified before it is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import permutations
from typing import Any

import pytest

from kpis.entities import Entities
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.source_settings import SourceSettings
from tests.kpis.drawn import MONDAY_MS, emitted
from tests.services.ingest.providers.recorded import NOW_MS, RECORDINGS, became, delivery_of, options_of
from tests.services.ingest.senders import SECRET, Remembering, app_of, post

MONDAY = MONDAY_MS / 1000
FRONT = {"front": SourceSettings(kind="front", secret_env=("NEW",))}
INBOX = {"_meta": {"type": "inboxes"}, "data": [{"id": "inb_1"}]}


def events_of(*bodies: dict[str, Any], **options: Any) -> list[Event]:
    """The events of bodies, which are received long after what they tell."""
    found: list[Event] = []
    for body in bodies:
        delivery = Delivery(headers={}, body=json.dumps(body).encode(), received_at_ms=MONDAY_MS + 30 * 86_400_000)
        events, _, refused = became("front", delivery, options_of("front", options))
        assert refused == []
        found += events
    return found


def told(kind: str, number: int, seconds: float, opened: float | None = 0.0, **target: Any) -> dict[str, Any]:
    """One event of conversation 1, so many seconds after Monday began; `opened` is when the conversation says that it began."""
    at = MONDAY + seconds
    conversation: dict[str, Any] = {"id": "cnv_1", "status": "assigned"}
    if opened is not None:
        conversation["created_at"] = MONDAY + opened
    data = {"id": f"msg_{number}", "created_at": at, "author": {"id": "tea_1"}, **target}
    event = {"id": f"evt_{number}", "type": kind, "emitted_at": at, "conversation": conversation, "source": INBOX}
    return {**event, "target": {"_meta": {"type": "message"}, "data": data}}


@pytest.mark.parametrize("file", sorted((RECORDINGS / "front").glob("*.json")), ids=lambda file: file.stem)
def test_an_application_and_a_rule_say_the_same(file: Any) -> None:
    recorded = json.loads(file.read_text())
    body = recorded["body"]
    bare = body.get("payload", body)
    envelope = {"type": body["type"] if "payload" in body else bare.get("type"), "authorization": {"id": "cmp_2"}, "payload": bare}
    options = options_of("front", recorded.get("options"))
    in_envelope = became("front", delivery_of({"body": envelope}), options)
    assert in_envelope[0] == became("front", delivery_of(recorded), options)[0]
    if bare.get("type") in ("inbound", "outbound", "out_reply", "archive", "assign", "comment", "tag"):
        assert became("front", delivery_of({"body": bare}), options)[0] == in_envelope[0]


@pytest.mark.parametrize("opened", [0.0, 3.9, None], ids=["says when", "says a later time", "does not say when"])
def test_a_conversation_opens_once_and_its_first_reply_counts_from_the_first_message(opened: float | None) -> None:
    bodies = [
        told("inbound", 1, 0.0, opened),
        told("inbound", 2, 30.5, opened),
        told("out_reply", 3, 600.0, opened),
        told("inbound", 4, 3600.0, opened),
        told("out_reply", 5, 5400.0, opened),
    ]
    for order in permutations(bodies):
        entities, events = Entities(), events_of(*order)
        for event in events:
            entities.apply(event)
        assert entities.counters["conflicting_id"] == 0
        figures = emitted(events)
        assert figures["ticket_created/unlinked"] == ["Mon 00:00"]
        assert figures["first_reply_wait"] == ["Mon 00:10 10m"]
        assert figures["next_reply_wait"] == ["Mon 01:30 30m"]
        assert "ticket_first_seen" not in figures


def test_a_message_on_an_old_conversation_opens_none() -> None:
    kinds = [event.type for event in events_of(told("inbound", 1, 86_400.0), told("outbound", 2, 86_500.0))]
    assert kinds == ["ticket.status_changed", "ticket.customer_message", "ticket.public_reply"]


def test_a_message_reopens_an_archived_conversation_without_an_event_of_its_own() -> None:
    figures = emitted(events_of(told("inbound", 1, 0.0), told("archive", 2, 600.0), told("inbound", 3, 7200.0), told("reopen", 4, 7201.0)))
    assert figures["ticket_reopened"] == ["Mon 02:00"]


def test_a_comment_and_its_mentions_are_one_note() -> None:
    comment = [told(kind, number, 60.0 + number, id="com_1", posted_at=MONDAY + 60.0) for number, kind in enumerate(("comment", "mention"))]
    events = events_of(*comment)
    assert len({event.id for event in events}) == 1
    entities = Entities()
    for event in events:
        entities.apply(event)
    assert (entities.counters["duplicate"], entities.counters["conflicting_id"]) == (1, 0)


@pytest.mark.parametrize("author", [{"id": "tea_1"}, None], ids=["of a teammate", "of nobody"])
def test_only_what_a_teammate_wrote_is_a_first_reply(author: dict[str, str] | None) -> None:
    figures = emitted(events_of(told("inbound", 1, 0.0), told("out_reply", 2, 5.0, author=author)))
    assert ("first_reply_wait" in figures) is (author is not None)
    assert ("first_bot_reply_wait" in figures) is (author is None)


def test_the_company_that_writes_first_has_not_replied() -> None:
    figures = emitted(events_of(told("outbound", 1, 0.0), told("inbound", 2, 3600.0), told("out_reply", 3, 5400.0)))
    assert figures["ticket_created/unlinked"] == ["Mon 00:00"]
    assert len(figures["first_reply_wait"]) == 1


@pytest.mark.parametrize(
    ("contact", "customer_id"),
    [
        ("https://api.example/contacts/crd_9z", "crd_9z"),
        ("https://api.example/contacts/alt:email:a.person@example.org", None),
        (None, None),
        ({"id": "crd_9z"}, None),
    ],
)
def test_a_customer_is_the_contact_and_never_a_handle(contact: Any, customer_id: str | None) -> None:
    body = told("inbound", 1, 0.0)
    body["conversation"]["recipient"] = {"handle": "a.person@example.org", "_links": {"related": {"contact": contact}}}
    assert [event.customer_id for event in events_of(body)] == [customer_id]


def _signed(body: bytes, **more: str) -> dict[str, str]:
    timestamp = str(NOW_MS)
    digest = hmac.digest(SECRET.encode(), timestamp.encode() + b":" + body, hashlib.sha256)
    return {"x-front-signature": base64.b64encode(digest).decode(), "x-front-request-timestamp": timestamp, **more}


SYNC = b'{"type":"sync","authorization":{"id":"cmp_abc"}}'


async def test_the_handshake_is_answered_with_the_challenge_and_counts_nothing() -> None:
    publisher = Remembering()
    answer = await post(app_of(FRONT, publisher), "/webhooks/front", SYNC, _signed(SYNC, **{"x-front-challenge": "a1b2c3d4"}))
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "a1b2c3d4", "text/plain")
    assert publisher.records == []


async def test_a_handshake_that_is_not_signed_gets_no_challenge_back() -> None:
    answer = await post(app_of(FRONT, Remembering()), "/webhooks/front", SYNC, {"x-front-challenge": "a1b2c3d4"})
    assert answer.status_code == 401
    assert "a1b2c3d4" not in answer.text


async def test_a_rule_signs_without_a_time() -> None:
    body = json.dumps(told("archive", 1, 0.0)).encode().replace(str(MONDAY).encode(), b"1772000000.0")
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha1)).decode()
    publisher = Remembering()
    answer = await post(app_of(FRONT, publisher), "/webhooks/front", body, {"x-front-signature": signature})
    assert answer.status_code < 300
    assert [event.type for event in publisher.events] == ["ticket.status_changed", "ticket.solved"]


def test_an_overlong_challenge_is_not_echoed() -> None:
    reply = PROVIDERS["front"].reply
    assert reply is not None
    for length, echoed in ((0, False), (1, True), (1000, True), (1001, False)):
        delivery = Delivery(headers={b"x-front-challenge": b"c" * length}, body=SYNC, received_at_ms=NOW_MS)
        assert (reply(delivery) is not None) is echoed
