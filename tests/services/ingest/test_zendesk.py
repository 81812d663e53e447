"""What Zendesk sends and cannot be used: always 2xx for a verified sender, with the body and its reason in `rejected`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from services.ingest.app import create_app
from services.ingest.signatures import ZENDESK_TESTS_SECRET
from services.settings import Settings
from services.source_settings import SourceSettings
from tests.services.ingest.senders import ENVIRON, NOW_MS, Remembering, app_with, post, signed_by_zendesk

MESSAGE = {
    "type": "zen:event-type:ticket.soft_deleted",
    "id": "m-1",
    "time": "2026-03-02T08:15:30Z",
    "subject": "zen:ticket:12",
    "detail": {"id": "12"},
    "event": {},
}


@pytest.mark.parametrize(
    ("body", "reason", "pointer"),
    [
        pytest.param(b"", "empty_body", "", id="empty"),
        pytest.param(b"<ticket/>", "not_json", "", id="xml"),
        pytest.param([MESSAGE], "not_an_object", "", id="array"),
        pytest.param({"ticket": {"id": 12, "status": "Open"}}, "missing_field", "/type", id="body-of-a-trigger"),
        pytest.param({**MESSAGE, "id": None}, "missing_field", "/id", id="no-id"),
        pytest.param({**MESSAGE, "detail": None, "subject": None}, "missing_field", "/detail/id", id="no-ticket"),
        pytest.param({**MESSAGE, "time": 12}, "bad_time", "/occurred_at", id="time-is-a-number"),
        pytest.param({**MESSAGE, "time": "2026-03-03T08:15:30Z"}, "clock_ahead", "/occurred_at", id="clock-ahead"),
        pytest.param({**MESSAGE, "type": "zen:event-type:ticket.merged"}, "untranslatable", "/event", id="merged-into-nothing"),
        pytest.param(
            {**MESSAGE, "type": "zen:event-type:ticket.status_changed", "event": {"current": "ASLEEP"}},
            "untranslatable",
            "/event/current",
            id="status",
        ),
        pytest.param(
            {**MESSAGE, "type": "zen:event-type:ticket.csat_received", "event": {"satisfaction_score": {"score": "OFFERED"}}},
            "untranslatable",
            "/event/satisfaction_score/score",
            id="score",
        ),
        pytest.param(
            {**MESSAGE, "type": "zen:event-type:messaging_ticket.message_added"}, "untranslatable", "/event/actor/type", id="actor"
        ),
    ],
)
async def test_what_cannot_be_used_is_kept_and_answered_2xx(body: Any, reason: str, pointer: str) -> None:
    publisher = Remembering()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await post(app_with(publisher), "/webhooks/desk", sent, signed_by_zendesk(sent), "text/xml")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "ignored": 0, "rejected": 1})
    [letter] = publisher.letters
    assert (letter["kind"], letter["reason"], letter.get("pointer", "")) == ("zendesk", reason, pointer)
    assert base64.b64decode(letter["body_base64"]) == sent


async def test_a_message_without_time_happened_when_it_came() -> None:
    publisher = Remembering()
    sent = json.dumps({name: value for name, value in MESSAGE.items() if name != "time"}).encode()
    await post(app_with(publisher), "/webhooks/desk", sent, signed_by_zendesk(sent))
    assert [(event.occurred_at_ms, event.time_is_received) for event in publisher.events] == [(NOW_MS, True)]


@pytest.mark.parametrize("accepts", [True, False])
async def test_the_public_secret_of_test_sends_counts_only_when_allowed(accepts: bool) -> None:
    source = SourceSettings(kind="zendesk", secret_env=("ZENDESK",), tests_secret=accepts)
    app = create_app(Settings(sources={"desk": source}), Remembering(), lambda: NOW_MS, environ=ENVIRON)
    sent = json.dumps(MESSAGE).encode()
    answer = await post(app, "/webhooks/desk", sent, signed_by_zendesk(sent, secret=ZENDESK_TESTS_SECRET))
    assert answer.status_code == (202 if accepts else 401)


@pytest.mark.parametrize(
    ("escalates", "types"), [(True, ["ticket.priority_changed", "ticket.escalated"]), (False, ["ticket.priority_changed"])]
)
async def test_whether_a_rising_priority_escalates_is_a_setting(escalates: bool, types: list[str]) -> None:
    source = SourceSettings(kind="zendesk", secret_env=("ZENDESK",), options={"priority_escalates": escalates})
    publisher = Remembering()
    app = create_app(Settings(sources={"desk": source}), publisher, lambda: NOW_MS, environ=ENVIRON)
    event = {"previous": "NORMAL", "current": "HIGH"}
    sent = json.dumps({**MESSAGE, "type": "zen:event-type:ticket.priority_changed", "event": event}).encode()
    await post(app, "/webhooks/desk", sent, signed_by_zendesk(sent))
    assert [found.type for found in publisher.events] == types
