"""CloudEvents in all three modes, the ways a sender may prove itself, and the handshake."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.services.ingest.senders import NOW_MS, OTHER_SECRET, SECRET, TOKEN, Remembering, app_with, post, signed

DATA = {"ticket_id": "42", "team": "billing"}
ONE = {"specversion": "1.0", "id": "c-1", "source": "/desk", "type": "ticket.solved", "time": "2026-03-02T08:00:00Z", "data": DATA}
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
BEARER = {"authorization": f"Bearer {SECRET}"}
ATTRIBUTES = {"ce-specversion": "1.0", "ce-id": "c-1", "ce-source": "/desk", "ce-type": "ticket.solved", "ce-time": "2026-03-02T08:00:00Z"}


def changed(**given: Any) -> dict[str, Any]:
    """The event with other attributes; None takes one away."""
    return {name: value for name, value in {**ONE, **given}.items() if value is not None}


@pytest.mark.parametrize(
    ("sent", "content_type", "headers"),
    [
        pytest.param(ONE, STRUCTURED, {}, id="structured"),
        pytest.param(ONE, "Application/CloudEvents+JSON; charset=utf-8", {}, id="structured-upper-case"),
        pytest.param(ONE, "application/cloudevents", {}, id="structured-without-format"),
        pytest.param([ONE], BATCH, {}, id="batch"),
        pytest.param(ONE, "application/json", {}, id="structured-as-plain-json"),
        pytest.param([ONE], "application/json", {}, id="batch-as-plain-json"),
        pytest.param(DATA, "application/json", ATTRIBUTES, id="binary"),
        pytest.param(DATA, "application/json", ATTRIBUTES | {"ce-id": '"c%2D1"'}, id="binary-quoted-and-escaped"),
        pytest.param(changed(data=None, data_base64=base64.b64encode(json.dumps(DATA).encode()).decode()), STRUCTURED, {}, id="base64"),
        pytest.param(changed(datacontenttype=None, subject="a", extension="b"), STRUCTURED, {}, id="more-attributes"),
    ],
)
async def test_every_mode_gives_the_same_event(sent: Any, content_type: str, headers: dict[str, str]) -> None:
    publisher = Remembering()
    answer = await post(app_with(publisher), "/webhooks/bus", json.dumps(sent).encode(), BEARER | headers, content_type)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "ignored": 0, "rejected": 0})
    [event] = publisher.events
    assert (event.type, event.id, event.source, event.occurred_at_ms, event.team) == (
        "ticket.solved",
        "c-1",
        "bus",
        1_772_438_400_000,
        "billing",
    )


@pytest.mark.parametrize(
    ("sent", "content_type", "pointer"),
    [
        pytest.param(changed(specversion=None), STRUCTURED, "/specversion", id="no-version"),
        pytest.param(changed(specversion="0.3"), STRUCTURED, "/specversion", id="an-old-version"),
        pytest.param(changed(id=None), STRUCTURED, "/id", id="no-id"),
        pytest.param(changed(type=None), STRUCTURED, "/type", id="no-type"),
        pytest.param(changed(type="com.example.other"), STRUCTURED, "/type", id="another-type"),
        pytest.param(changed(data="text"), STRUCTURED, "/data", id="data-is-text"),
        pytest.param(changed(data=None, data_base64="%"), STRUCTURED, "/data_base64", id="not-base64"),
        pytest.param(changed(time="noon"), STRUCTURED, "/occurred_at", id="no-time"),
        pytest.param(ONE, BATCH, "", id="a-batch-of-no-array"),
        pytest.param([changed(id=None)], BATCH, "/id", id="in-a-batch"),
    ],
)
async def test_unusable_events(sent: Any, content_type: str, pointer: str) -> None:
    publisher = Remembering()
    answer = await post(app_with(publisher), "/webhooks/bus", json.dumps(sent).encode(), BEARER, content_type)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert len(publisher.letters) == 1


async def test_an_empty_batch_is_no_fault() -> None:
    answer = await post(app_with(Remembering()), "/webhooks/bus", b"[]", BEARER, BATCH)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "ignored": 0, "rejected": 0})


@pytest.mark.parametrize("content_type", ["application/cloudevents+xml", "application/cloudevents-batch+avro", "text/plain"])
async def test_other_formats_are_415(content_type: str) -> None:
    answer = await post(app_with(Remembering()), "/webhooks/bus", b"{}", BEARER, content_type)
    assert answer.status_code == 415


BODY = json.dumps(ONE).encode()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/webhooks/bus", BEARER, 202, id="bearer"),
        pytest.param("/webhooks/bus", {"authorization": f"bearer {TOKEN}"}, 202, id="bearer-token"),
        pytest.param(f"/webhooks/bus?access_token={SECRET.replace('+', '%2B')}", {}, 202, id="query"),
        pytest.param(f"/webhooks/bus/{TOKEN}", {}, 202, id="path"),
        pytest.param("/webhooks/bus", signed(BODY), 202, id="signature"),
        pytest.param("/webhooks/bus", {}, 401, id="nothing"),
        pytest.param("/webhooks/bus", {"authorization": f"Bearer {OTHER_SECRET}"}, 401, id="another-bearer"),
        pytest.param("/webhooks/bus", {"authorization": "Bearer "}, 401, id="empty-bearer"),
        pytest.param("/webhooks/bus", {"authorization": f"Basic {SECRET}"}, 401, id="basic"),
        pytest.param("/webhooks/bus?access_token=", {}, 401, id="empty-query"),
        pytest.param("/webhooks/bus", signed(BODY, at_ms=NOW_MS - 301_000), 401, id="old-signature"),
    ],
)
async def test_how_a_sender_proves_itself(path: str, headers: dict[str, str], status: int) -> None:
    answer = await post(app_with(Remembering()), path, BODY, headers, STRUCTURED)
    assert answer.status_code == status


async def test_the_handshake_names_origin_and_rate() -> None:
    app = app_with(Remembering())
    answer = await post(app, "/webhooks/bus", b"", {"webhook-request-origin": "events.example"}, None, "OPTIONS")
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "events.example"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert "POST" in answer.headers["allow"]
    plain = await post(app, "/webhooks/shop", b"", {}, None, "OPTIONS")
    assert (plain.status_code, "webhook-allowed-origin" in plain.headers) == (200, False)
