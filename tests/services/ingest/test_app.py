"""The door over HTTP: every answer of the interface, and that each one tells the truth about what Kafka has."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hmac
import json
import zlib
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.events import FactWithdrawn
from schemas.topics import EVENTS
from services.ingest.app import create_app
from services.settings import Settings
from services.settings_errors import ConfigError
from services.source_settings import SourceSettings
from tests.services.ingest.senders import (
    EVENT,
    KEY,
    NOW_MS,
    SECRET,
    SOURCES,
    TOKEN,
    Remembering,
    app_of,
    app_with,
    post,
    post_signed,
    signed,
)

NDJSON = "application/x-ndjson"
BODY = json.dumps(EVENT).encode()


def without(name: str, **changed: Any) -> dict[str, Any]:
    """The plain event without a field, or with others."""
    return {key: value for key, value in EVENT.items() if key != name} | changed


@pytest.mark.parametrize(
    ("sent", "content_type", "ids"),
    [
        pytest.param(EVENT, "application/json", ["e-1"], id="flat"),
        pytest.param(without("id"), "application/json", ["msg-1"], id="flat-takes-the-message-id"),
        pytest.param([EVENT, without("id")], "application/json", ["e-1", "msg-1:1"], id="array-takes-id-and-ordinal"),
        pytest.param(
            {"type": "ticket.solved", "timestamp": "2026-03-02T08:00:00Z", "data": {"ticket_id": "42"}},
            "application/json",
            ["msg-1"],
            id="envelope",
        ),
        pytest.param(json.dumps(EVENT).encode() + b"\r\n\n" + json.dumps(without("id")).encode(), NDJSON, ["e-1", "msg-1:1"], id="lines"),
        pytest.param(b"\xef\xbb\xbf" + BODY, "application/json", ["e-1"], id="byte-order-mark"),
        pytest.param(EVENT, "application/vnd.desk+json; charset=utf-8", ["e-1"], id="json-of-a-vendor"),
        pytest.param(EVENT | {"colour": "red", "received_at_ms": 1}, "application/json", ["e-1"], id="unknown-fields-are-stripped"),
    ],
)
async def test_generic_bodies_are_accepted(sent: Any, content_type: str, ids: list[str]) -> None:
    publisher = Remembering()
    answer = await post_signed(app_with(publisher), sent, content_type=content_type)
    assert (answer.status_code, answer.json()) == (202, {"accepted": len(ids), "ignored": 0, "rejected": 0})
    assert [event.id for event in publisher.events] == ids
    assert {event.source for event in publisher.events} == {"shop"}
    assert {event.received_at_ms for event in publisher.events} == {NOW_MS}


@pytest.mark.parametrize(
    ("sent", "reason", "pointer"),
    [
        pytest.param(b"", "empty_body", "", id="empty"),
        pytest.param(b"  \n", "empty_body", "", id="blank"),
        pytest.param(b'{"type": "\xff"}', "not_utf8", "", id="not-utf8"),
        pytest.param(BODY.replace(b"e-1", b"\x00"), "not_json", "", id="nul-byte"),
        pytest.param(b"{]", "not_json", "", id="not-json"),
        pytest.param(b"[" * 100_000, "too_deep", "", id="deep"),
        pytest.param(3, "not_an_object", "", id="a-number"),
        pytest.param({}, "missing_field", "/type", id="no-type"),
        pytest.param({**EVENT, "type": "ticket.sloved"}, "unknown_type", "/type", id="unknown-type"),
        pytest.param({**EVENT, "type": ["a"]}, "bad_field", "/type", id="type-is-no-text"),
        pytest.param(without("ticket_id"), "missing_field", "/ticket_id", id="no-ticket"),
        pytest.param({**EVENT, "id": "x" * 1_000_000}, "bad_field", "/id", id="an-id-of-1-MB"),
        pytest.param({**EVENT, "occurred_at": "yesterday"}, "bad_time", "/occurred_at", id="no-time"),
        pytest.param({**EVENT, "occurred_at": "2027-01-01T00:00:00Z"}, "clock_ahead", "/occurred_at", id="the-future"),
        pytest.param({**EVENT, "occurred_at": "0001-01-01T00:00:00Z"}, "bad_time", "/occurred_at", id="the-far-past"),
        pytest.param({**EVENT, "tags": ["t"] * 101}, "bad_field", "/tags", id="too-many-tags"),
        pytest.param({**EVENT, "type": "ticket.absorbed", "log": []}, "unknown_type", "/type", id="a-type-of-our-own"),
    ],
)
async def test_unusable_bodies_are_kept_and_named(sent: Any, reason: str, pointer: str) -> None:
    publisher = Remembering()
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    answer = await post_signed(app_with(publisher), body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, pointer)
    assert problem["errors"][0]["reason"].startswith(f"{reason}: ")
    letters = publisher.letters
    assert [(letter["source"], letter["kind"], letter["reason"], letter.get("pointer", "")) for letter in letters[:1]] == [
        ("shop", "standardwebhooks", reason, pointer)
    ]
    assert b"".join(base64.b64decode(letter["body_base64"]) for letter in letters) == body
    assert letters[0]["headers"] == {"content-type": "application/json", "webhook-id": "msg-1"}
    assert publisher.events == []


async def test_in_an_array_the_usable_are_accepted_and_the_others_listed() -> None:
    publisher = Remembering()
    answer = await post_signed(app_with(publisher), [EVENT, {"type": "nonsense"}, 7, without("id", ticket_id="43")])
    assert answer.status_code == 202
    said = answer.json()
    assert {name: said[name] for name in ("accepted", "ignored", "rejected")} == {"accepted": 2, "ignored": 0, "rejected": 2}
    assert [(fault["index"], fault["pointer"]) for fault in said["errors"]] == [(1, "/type"), (2, "")]
    assert [base64.b64decode(letter["body_base64"]) for letter in publisher.letters] == [b'{"type": "nonsense"}', b"7"]


async def test_a_body_of_commas_is_one_dead_letter() -> None:
    publisher = Remembering()
    answer = await post_signed(app_with(publisher), b"[" + b"1," * 20_000 + b"1]")
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    assert len(publisher.letters) == 1


async def test_an_event_too_large_for_a_record_is_kept_in_parts() -> None:
    publisher = Remembering()
    answers = [{"question": f"q{n}", "metric": "words", "words": [f"{w}" + "x" * 190 for w in range(50)]} for n in range(99)]
    event = {"type": "survey.responded", "id": "e", "response_id": "r", "survey_type": "panel", "answers": answers}
    body = json.dumps(event).encode()
    answer = await post_signed(app_with(publisher), body)
    assert (answer.status_code, answer.json()["errors"][0]["reason"][:10]) == (422, "bad_field:")
    assert [(letter.get("part", 0), letter["parts"]) for letter in publisher.letters] == [(0, 2), (1, 2)]
    assert b"".join(base64.b64decode(letter["body_base64"]) for letter in publisher.letters) == body


@pytest.mark.parametrize(
    ("path", "headers", "body", "content_type", "status"),
    [
        pytest.param("/webhooks/shop", {}, BODY, "application/json", 401, id="unsigned"),
        pytest.param("/webhooks/shop", signed(BODY, key=b"wrong"), BODY, "application/json", 401, id="wrong-key"),
        pytest.param("/webhooks/shop", signed(BODY, at_ms=NOW_MS - 301_000), BODY, "application/json", 401, id="too-old"),
        pytest.param("/webhooks/nobody", signed(BODY), BODY, "application/json", 401, id="unknown-source"),
        pytest.param("/webhooks", signed(BODY), BODY, "application/json", 401, id="no-source"),
        pytest.param("/webhooks/", signed(BODY), BODY, "application/json", 401, id="no-source-slash"),
        pytest.param("/webhooks/a/b/c", signed(BODY), BODY, "application/json", 401, id="longer-path"),
        pytest.param("/webhooks/shop/not-the-token", signed(BODY), BODY, "application/json", 401, id="wrong-token"),
        pytest.param("/webhooks/desk/", {}, BODY, "application/json", 401, id="zendesk-unsigned"),
        pytest.param("/webhooks/shut", signed(BODY), BODY, "application/json", 401, id="a-source-without-secret"),
        pytest.param("/webhooks/shop", signed(b"x" * 2_000_000), b"x" * 2_000_000, "application/json", 413, id="too-large"),
        pytest.param("/webhooks/shop", signed(BODY), BODY, "text/plain", 415, id="text"),
        pytest.param("/webhooks/shop", signed(BODY), BODY, "application/x-www-form-urlencoded", 415, id="form"),
        pytest.param("/webhooks/shop", signed(BODY) | {"content-encoding": "br"}, BODY, "application/json", 415, id="brotli"),
        pytest.param("/webhooks/shop", signed(BODY) | {"content-encoding": "gzip"}, BODY, "application/json", 415, id="not-gzip"),
    ],
)
async def test_refusals(path: str, headers: dict[str, str], body: bytes, content_type: str, status: int) -> None:
    publisher = Remembering()
    answer = await post(app_with(publisher), path, body, headers, content_type)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert publisher.records == []


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("deflate", zlib.compress, id="deflate"),
        pytest.param("deflate", lambda body: zlib.compress(body)[2:-4], id="bare-deflate"),
    ],
)
@pytest.mark.parametrize("signs", ["the plain body", "the packed body"])
async def test_packed_bodies(encoding: str, pack: Any, signs: str) -> None:
    packed = pack(BODY)
    headers = signed(BODY if signs == "the plain body" else packed) | {"content-encoding": encoding}
    answer = await post(app_with(Remembering()), "/webhooks/shop", packed, headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


async def test_a_packed_bomb_is_too_large() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = await post(app_with(Remembering()), "/webhooks/shop", bomb, signed(bomb) | {"content-encoding": "gzip"})
    assert answer.status_code == 413


async def test_senders_that_cannot_sign_use_the_token_path() -> None:
    publisher = Remembering()
    answer = await post(app_with(publisher), f"/webhooks/shop/{TOKEN}", BODY, {})
    assert (answer.status_code, [event.id for event in publisher.events]) == (202, ["e-1"])


async def test_over_the_rate_is_429_with_a_short_retry_after() -> None:
    app = app_with(Remembering())
    first, second = await post_signed(app, EVENT, path="/webhooks/slow"), await post_signed(app, EVENT, path="/webhooks/slow")
    assert (first.status_code, second.status_code) == (202, 429)
    assert 0 < int(second.headers["retry-after"]) < 60


async def test_an_absent_kafka_is_503_with_a_short_retry_after() -> None:
    publisher = Remembering()
    publisher.away = True
    app = app_with(publisher)
    for sent in (EVENT, [EVENT, 3], {}):
        answer = await post_signed(app, sent)
        assert answer.status_code == 503
        assert 0 < int(answer.headers["retry-after"]) < 60
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_nothing_is_answered_before_kafka_has_acknowledged() -> None:
    publisher = Remembering()
    publisher.hold = asyncio.Event()
    answering = asyncio.create_task(post_signed(app_with(publisher), [EVENT, {}]))
    done, _ = await asyncio.wait([answering], timeout=0.1)
    assert not done
    publisher.hold.set()
    assert (await answering).status_code == 202
    assert len(publisher.records) == 2


async def test_other_methods_and_paths() -> None:
    app = app_with(Remembering())
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = await post(app, "/webhooks/shop", b"", {}, None, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    answer = await post(app, "/elsewhere", b"", {}, None, "GET")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("token", ["", "/not-the-token"])
async def test_a_name_that_is_not_configured_is_answered_like_one_that_is(method: str, token: str) -> None:
    app = app_with(Remembering())
    answers: dict[str, set[tuple[int, bytes, str]]] = {}
    for names in (list(SOURCES), [f"nobody-{number}" for number in range(40)]):
        for name in names:
            answer = await post(app, f"/webhooks/{name}{token}", BODY, signed(BODY, key=b"wrong"), method=method)
            said = (answer.status_code, answer.content, str(sorted(answer.headers.multi_items())))
            answers.setdefault("configured" if name in SOURCES else "not", set()).add(said)
    assert answers["configured"] == answers["not"]
    assert method != "POST" or {status for status, _, _ in answers["not"]} == {401}


async def test_a_name_that_is_not_configured_is_compared_with_secrets_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    app, hashed, digest = app_of({"shop": SOURCES["shop"]}, Remembering()), list[bytes](), hmac.digest

    def seen(key: bytes, message: bytes, name: str) -> bytes:
        hashed.append(message)
        return digest(key, message, name)

    headers = signed(BODY, key=b"wrong")
    monkeypatch.setattr(hmac, "digest", seen)
    counts = []
    for name in ("shop", "nobody"):
        assert (await post(app, f"/webhooks/{name}", BODY, headers)).status_code == 401
        counts.append(len(hashed))
        hashed.clear()
    assert counts[0] == counts[1] > 0


async def test_what_a_stand_in_would_take_is_not_taken_under_another_name() -> None:
    publisher = Remembering()
    app = app_of({"shop": SOURCES["shop"]}, publisher)
    assert (await post(app, "/webhooks/shop", BODY, signed(BODY))).status_code == 202
    assert (await post(app, "/webhooks/shopp", BODY, signed(BODY))).status_code == 401
    assert len(publisher.records) == 1


async def test_without_sources_every_name_is_refused() -> None:
    assert (await post(app_of({}, Remembering()), "/webhooks/shop", BODY, signed(BODY))).status_code == 401


async def test_a_withdrawal_goes_to_every_partition() -> None:
    publisher = Remembering()
    answer = await post_signed(app_with(publisher), {"type": "fact.withdrawn", "id": "w", "of": "e-1"})
    assert answer.json()["accepted"] == 1
    assert sorted(record.partition for record in publisher.records) == list(range(8))
    assert {type(event) for event in publisher.events} == {FactWithdrawn}


@pytest.mark.parametrize(("source", "customer"), [("shop", "shop:7"), ("slow", "7")])
async def test_customers_are_of_their_source_unless_their_ids_are_shared(source: str, customer: str) -> None:
    publisher = Remembering()
    await post_signed(app_with(publisher), EVENT, path=f"/webhooks/{source}")
    assert [event.customer_id for event in publisher.events] == [customer]


async def test_the_counters_tell_what_happened() -> None:
    publisher = Remembering()
    app = app_with(publisher)
    await post_signed(app, [EVENT | {"colour": 1, "size": 2}, {"type": "nonsense"}])
    await post(app, "/webhooks/shop", BODY, {})
    await post(app, "/webhooks/whoever", BODY, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        text = (await client.get("/metrics")).text
        document = (await client.get("/openapi.json")).json()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["deskpulse_ingest_requests_total", "202", "shop"] == 1
    assert found["deskpulse_ingest_requests_total", "401", "shop"] == 1
    assert found["deskpulse_ingest_requests_total", "401", "unknown"] == 1
    assert found["deskpulse_events_accepted_total", "shop"] == 1
    assert found["deskpulse_events_rejected_total", "shop", "unknown_type"] == 1
    assert found["deskpulse_fields_stripped_total", "shop"] == 2
    assert found["deskpulse_ingest_seconds_count",] == 3
    assert {"/webhooks/{source}", "/webhooks/{source}/{token}", "/healthz", "/readyz", "/metrics"} <= set(document["paths"])


def test_a_source_without_its_secret_is_said_and_an_unknown_kind_stops_the_start() -> None:
    said: list[str] = []
    app_with(Remembering(), said=said)
    assert ["shut" in line and "NOT_SET" in line for line in said] == [True]
    wrong = {"a": SourceSettings(kind="zendes"), "b": SourceSettings(kind="zendesk", options={"colour": 1})}
    with pytest.raises(ConfigError) as caught:
        create_app(Settings(sources=wrong), Remembering(), environ={})
    assert [problem.key for problem in caught.value.problems] == ["sources.a.kind", "sources.b.options"]


async def test_logs_hold_no_secret_and_no_body(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    publisher = Remembering()
    app = app_with(publisher)
    await post_signed(app, {**EVENT, "type": "private-words"})
    publisher.away = True
    await post_signed(app, {**EVENT, "team": "private-words"})
    text = caplog.text + "".join(capsys.readouterr())
    assert "answered 503" in text
    for private in ("private-words", SECRET, KEY.hex(), TOKEN, "whsec_"):
        assert private not in text


async def test_the_key_of_a_record_is_the_entity_of_its_first_event() -> None:
    publisher = Remembering()
    await post_signed(app_with(publisher), [EVENT, {**EVENT, "id": "e-2"}])
    assert [(record.topic, record.key, record.events) for record in publisher.records] == [(EVENTS, b"ticket:shop:42", 2)]
