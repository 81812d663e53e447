"""The same laws over every row of the table of kinds: any bytes give items or Rejected, always the same, and no private text."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.canonical import event_from
from schemas.codec import encode_event
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.providers import PROVIDERS
from services.ingest.sources import Proof, source_of
from services.settings import Settings
from services.source_settings import SourceSettings
from tests.services.ingest.senders import ENVIRON, NOW_MS, SOURCES, TOKEN, Remembering, app_of, app_with, post, signed, signed_by_zendesk

RECORDINGS = Path(__file__).parent / "recordings"
CONTENT_TYPES = (
    "application/json",
    "",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/cloudevents+xml",
    "text/plain",
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=15), inner, max_size=5),
    max_leaves=20,
)
ZENDESK_NAMES = sorted(PROVIDERS["zendesk"].lines)
ZENDESK_BODIES = st.fixed_dictionaries(
    {"type": st.sampled_from([f"zen:event-type:{name}" for name in ZENDESK_NAMES]), "id": st.just("m-1") | JSON_VALUES},
    optional={
        "subject": st.just("zen:ticket:5") | JSON_VALUES,
        "time": st.just("2026-03-02T08:15:30.123456789Z") | JSON_VALUES,
        "event": st.fixed_dictionaries(
            {},
            optional={
                name: st.sampled_from(["OPEN", "SOLVED", "HIGH", "LOW", "GOOD", "12"]) | JSON_VALUES
                for name in ("previous", "current", "comment", "actor", "message", "satisfaction_score", "meta", "tags_added")
            },
        ),
        "detail": st.fixed_dictionaries(
            {},
            optional={name: st.just("5") | JSON_VALUES for name in ("id", "status", "tags", "via", "requester_id", "priority", "group_id")},
        ),
    },
)
CLOUD_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.just("1.0") | JSON_VALUES,
        "id": st.text(max_size=5) | JSON_VALUES,
        "type": st.just("ticket.solved") | JSON_VALUES,
        "data": st.just({"ticket_id": "1"}) | JSON_VALUES,
        "data_base64": st.just("e30=") | JSON_VALUES,
        "time": JSON_VALUES,
    },
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.one_of(JSON_VALUES, ZENDESK_BODIES, CLOUD_EVENTS, st.lists(CLOUD_EVENTS, max_size=3)).map(lambda value: json.dumps(value).encode()),
)


def translated(kind: str, headers: dict[bytes, bytes], body: bytes) -> list[Any]:
    """What one delivery becomes: encoded events, and the reasons of what was refused."""
    provider = PROVIDERS[kind]
    try:
        translation = provider.translate(Delivery(headers=headers, body=body, received_at_ms=NOW_MS), provider.options())
    except (Rejected, WrongContentType) as refusal:
        return [str(refusal)]
    found: list[Any] = list(translation.ignored)
    for ordinal, item in enumerate(translation.items):
        if translation.original is not None:
            assert isinstance(translation.original(ordinal), bytes)
        try:
            if isinstance(item, Rejected):
                raise item
            found.append(encode_event(event_from(item, source="a", received_at_ms=NOW_MS)[0]))
        except Rejected as rejected:
            found.append(str(rejected))
    return found


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
@settings(max_examples=40)
@given(body=BODIES, content_type=st.sampled_from(CONTENT_TYPES), binary_mode=st.booleans(), attribute=st.binary(max_size=10))
@example(body=b'{"type": "zen:event-type:ticket.created", "id": "1"}', content_type="", binary_mode=False, attribute=b"")
def test_any_bytes_give_events_or_a_refusal_and_always_the_same(
    kind: str, body: bytes, content_type: str, binary_mode: bool, attribute: bytes
) -> None:
    headers = {b"content-type": content_type.encode(), b"webhook-id": b"m-1"}
    if binary_mode:
        headers |= {b"ce-specversion": b"1.0", b"ce-type": b"ticket.solved", b"ce-id": attribute}
    first = translated(kind, headers, body)
    assert first == translated(kind, headers, body)


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
@settings(max_examples=40)
@given(
    headers=st.dictionaries(st.sampled_from([b"authorization", b"webhook-id", b"webhook-signature"]), st.binary(max_size=30)),
    query=st.binary(max_size=40),
)
def test_nobody_is_verified_by_noise(kind: str, headers: dict[bytes, bytes], query: bytes) -> None:
    declared = SourceSettings(kind=kind, secret_env=("NEW",), token_env=("PATH_TOKEN",))
    source = source_of("a", declared, Settings(), ENVIRON)
    assert source.proof(Delivery(headers=headers, body=b"{}", received_at_ms=NOW_MS, query=query), None) is Proof.NONE


@settings(max_examples=150)
@given(
    body=BODIES,
    path=st.sampled_from(
        ["/webhooks/shop", "/webhooks/bus", "/webhooks/desk", f"/webhooks/shop/{TOKEN}", "/webhooks/%FF", "/webhooks/a b"]
    ),
    content_type=st.sampled_from(CONTENT_TYPES),
    encoding=st.sampled_from(["", "gzip", "deflate", "identity"]),
    method=st.sampled_from(["POST", "POST", "POST", "OPTIONS", "GET"]),
)
def test_no_body_gets_an_answer_of_5xx(body: bytes, path: str, content_type: str, encoding: str, method: str) -> None:
    publisher = Remembering()
    headers = signed(body) | signed_by_zendesk(body) | ({"content-encoding": encoding} if encoding else {})
    answer = asyncio.run(post(app_with(publisher), path, body, headers, content_type, method))
    assert answer.status_code in (200, 202, 401, 405, 415, 422)
    if path == "/webhooks/desk" and method == "POST" and not encoding:
        assert answer.status_code == 202
    if answer.status_code == 202:
        said = answer.json()
        assert said["accepted"] == len(publisher.events)
        assert bool(said["rejected"]) == bool(publisher.letters)


def _messages() -> list[Any]:
    found = [(file.stem, json.loads(file.read_text())) for file in sorted((RECORDINGS / "zendesk").glob("*.json"))]
    return [pytest.param(recorded, id=name) for name, recorded in found if str(recorded["body"].get("type")).startswith("zen:event-type:")]


@pytest.mark.parametrize("recorded", _messages())
async def test_recorded_messages_of_zendesk_become_their_events_and_those_of_its_ids(recorded: dict[str, Any]) -> None:
    publisher = Remembering()
    options = SOURCES["desk"].options | recorded.get("options", {})
    desk = SOURCES["desk"].model_copy(update={"options": options, "identity": "external_id"})
    app = app_of({"desk": desk}, publisher)
    body = json.dumps(recorded["body"]).encode()
    answers = [await post(app, "/webhooks/desk", body, signed_by_zendesk(body)) for _ in range(2)]
    said = {"accepted": len(recorded["events"]), "ignored": 0 if recorded["events"] else 1, "rejected": 0}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, said)] * 2
    events = publisher.events[: len(publisher.events) // 2]
    assert publisher.events == events * 2  # a second delivery of the same message: the same ids
    assert [event.type for event in events] == [expected["type"] for expected in recorded["events"]]
    assert [event.id for event in events] == [f"{recorded['body']['id']}:{event.type}" for event in events]
    for event, expected in zip(events, recorded["events"], strict=True):
        named = {field.encode_name: field.name for field in msgspec.structs.fields(event)}
        for name, value in expected.items():
            found = getattr(event, named.get(name, name))
            assert _plain(found) == value, name
    assert b"SECRET" not in b"".join(record.value for record in publisher.records)
    assert b"@" not in b"".join(record.value for record in publisher.records)


def _plain(found: Any) -> Any:
    if isinstance(found, tuple):
        return [_plain(each) for each in found]
    if hasattr(found, "metric"):
        return {name: getattr(found, name) for name in ("metric", "score", "scale_min", "scale_max")}
    return found


def test_every_message_that_means_something_has_a_recording() -> None:
    recorded = {json.loads(file.read_text())["body"].get("type") for file in (RECORDINGS / "zendesk").glob("*.json")}
    from services.ingest.providers.zendesk_messages import TABLE

    assert {f"zen:event-type:{name}" for name in TABLE} - recorded <= {
        "zen:event-type:ticket.brand_changed",
        "zen:event-type:ticket.permanently_deleted",
    }
