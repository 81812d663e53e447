"""Dead letters sent again: as if they had been right at once, and nothing else than what was sent."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode_event, encode_event
from schemas.deadletters import AGGREGATOR, DeadLetter
from schemas.events import Event, FactWithdrawn, TicketAbsorbed, TicketSolved
from schemas.rejections import Reason
from services.ingest.deadletters import HEADER_MAX_CHARS, KEPT_HEADERS, harmless
from services.ingest.delivery import Delivery, Translation
from services.ingest.door import Door
from services.ingest.metrics import Metrics
from services.ingest.packer import Packer
from services.ingest.providers import PROVIDERS
from services.ingest.replay import Again, Replay, delivery_of
from services.ingest.sources import Source, configured
from services.settings import Settings
from services.source_settings import SourceSettings
from tests.services.ingest.senders import ENVIRON, EVENT, NOW_MS, SOURCES, TOKEN, Remembering, app_with, post, signed, signed_by_zendesk
from tests.services.ingest.test_every_provider import BODIES, CONTENT_TYPES

LATER_MS = NOW_MS + 86_400_000
PARTITIONS = 8


def sources(changed: Mapping[str, SourceSettings] | None = None) -> dict[str, Source]:
    """The sources of the tests, some of them with other settings."""
    return configured(Settings(sources={**SOURCES, **(changed or {})}), ENVIRON, lambda text: None)


def kept(publisher: Remembering) -> list[tuple[DeadLetter, bytes]]:
    """The dead letters of a publisher with their bodies, parts joined."""
    joined: dict[str, tuple[DeadLetter, bytes]] = {}
    for said in publisher.letters:
        letter = msgspec.convert(said, DeadLetter)
        first, body = joined.get(letter.id, (letter, b""))
        joined[letter.id] = (first, body + base64.b64decode(letter.body_base64))
    return list(joined.values())


async def taken(source: Source, body: bytes, headers: Mapping[str, str]) -> Remembering:
    """What the door makes of one verified delivery."""
    publisher = Remembering()
    door = Door(Packer(publisher.send, linger_ms=0), PARTITIONS, Metrics({source.name: source.standing("a-door")}))
    sent = {name.encode(): value.encode() for name, value in headers.items()}
    await door.take(source, Delivery(headers=sent, body=body, received_at_ms=NOW_MS))
    return publisher


def events_of(again: Again) -> list[Event]:
    """The events that would be published, each once."""
    return [decode_event(encoded) for encoded in dict.fromkeys(packed.encoded for packed in again.into)]


def as_received(events: list[Event], at_ms: int) -> list[Event]:
    return [msgspec.structs.replace(event, received_at_ms=at_ms) for event in events]


def typed_right(translate: Callable[[Delivery, Any], Translation]) -> Callable[[Delivery, Any], Translation]:
    """The same translation, of an adapter that has learned a misspelt type."""

    def better(delivery: Delivery, options: Any) -> Translation:
        translation = translate(delivery, options)
        items = [{**item, "type": "ticket.solved"} if isinstance(item, dict) else item for item in translation.items]
        return msgspec.structs.replace(translation, items=items)

    return better


def repaired(name: str) -> dict[str, Source]:
    """The sources, of which one knows a misspelt type now."""
    found = sources()
    provider = found[name].provider
    found[name].provider = msgspec.structs.replace(provider, translate=typed_right(provider.translate))
    return found


BAD = {**EVENT, "type": "ticket.sloved"}
NAMELESS = {name: value for name, value in BAD.items() if name not in ("id", "occurred_at")}
CLOUD = {"specversion": "1.0", "id": "c-1", "type": "ticket.sloved", "time": "2026-03-02T08:00:00Z", "data": {"ticket_id": "42"}}
BINARY = {"ce-specversion": "1.0", "ce-id": "c%2D1", "ce-type": "ticket.sloved", "ce-source": "/desk"}


@pytest.mark.parametrize(
    ("path", "sent", "content_type", "headers"),
    [
        pytest.param("shop", BAD, "application/json", {}, id="one"),
        pytest.param("shop", NAMELESS, "application/json", {}, id="one without id and time"),
        pytest.param("shop", [EVENT, BAD, NAMELESS, 7, NAMELESS], "application/json", {}, id="some of an array"),
        pytest.param("shop", [[BAD], "x", NAMELESS], "application/json", {}, id="an array in an array"),
        pytest.param(
            "shop", b"\n".join(json.dumps(one).encode() for one in (EVENT, NAMELESS, BAD, NAMELESS)), "application/x-ndjson", {}, id="lines"
        ),
        pytest.param("shop", b"{]\n" + json.dumps(NAMELESS).encode() + b"\r\n\xff", "application/jsonl", {}, id="lines that are none"),
        pytest.param("bus", CLOUD, "application/cloudevents+json", {}, id="a cloud event"),
        pytest.param("bus", [CLOUD, {**CLOUD, "id": "c-2"}, 7], "application/cloudevents-batch+json", {}, id="a batch"),
        pytest.param("bus", [CLOUD, {**CLOUD, "id": "c-2"}], "application/json", {}, id="a batch as plain JSON"),
        pytest.param("bus", {"ticket_id": "42"}, "application/json", BINARY, id="binary mode"),
    ],
)
async def test_what_is_put_right_counts_as_if_it_had_been_right_at_once(
    path: str, sent: Any, content_type: str, headers: dict[str, str]
) -> None:
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    said = {**headers, "content-type": content_type, "webhook-id": "msg-1"}
    before, right = await taken(sources()[path], body, said), await taken(repaired(path)[path], body, said)
    replay = Replay(repaired(path), PARTITIONS)
    again = [replay.judged(letter, found, LATER_MS) for letter, found in kept(before)]
    events = [*as_received(before.events, LATER_MS), *(event for one in again for event in events_of(one))]
    assert sorted(map(encode_event, events)) == sorted(map(encode_event, as_received(right.events, LATER_MS)))
    assert sum(len(one.still) for one in again) == len(kept(right))
    assert again == [replay.judged(letter, found, LATER_MS) for letter, found in kept(before)]


@settings(max_examples=150)
@given(
    body=BODIES,
    path=st.sampled_from(["shop", "bus", "desk"]),
    content_type=st.sampled_from(CONTENT_TYPES),
    binary=st.booleans(),
    attribute=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
)
def test_replaying_without_a_change_changes_nothing(body: bytes, path: str, content_type: str, binary: bool, attribute: str) -> None:
    publisher = Remembering()
    headers = {**signed(body), **signed_by_zendesk(body)} | ({**BINARY, "ce-id": attribute} if binary else {})
    asyncio.run(post(app_with(publisher), f"/webhooks/{path}", body, headers, content_type))
    known = set(map(encode_event, as_received(publisher.events, LATER_MS)))
    for letter, found in kept(publisher):
        again = Replay(sources(), PARTITIONS).judged(letter, found, LATER_MS)
        assert {still.reason for still in again.still} >= {letter.reason}
        assert set(map(encode_event, events_of(again))) <= known


async def test_only_what_the_translation_reads_is_kept_of_the_headers() -> None:
    body = b"\xff not JSON"
    secrets = {
        "authorization": "Bearer hush", "cookie": "session=hush", "x-api-key": "hush", "x-zendesk-webhook-signature": "hush",
        "x-forwarded-for": "hush",
    }  # fmt: skip
    publisher = Remembering()
    await post(app_with(publisher), f"/webhooks/shop/{TOKEN}?access_token=hush", body, {**secrets, **signed(body), "ce-id": "i"})
    [(letter, found)] = kept(publisher)
    assert found == body
    assert letter.headers == {"content-type": "application/json", "webhook-id": "msg-1", "ce-id": "i"}
    assert all(word not in json.dumps(publisher.letters) for word in ("hush", TOKEN, "v1,"))


NAMING = ("x-event-key",)
"""Headers that hold the name of a message, although they sound as if they held a secret (Bitbucket's)."""


def test_a_parameter_of_the_address_that_is_read_comes_back_and_a_secret_does_not() -> None:
    sent = Delivery(headers={}, body=b"{}", received_at_ms=NOW_MS, query=b"access_token=SECRET&event=OnDeleted&event=OnCreated")
    headers = harmless(sent)
    assert headers == {"?event": "OnCreated"}
    letter = DeadLetter(
        id="1", source="a", kind="servicemonster", reason="bad_field", detail="", received_at_ms=NOW_MS, headers=headers, body_base64=""
    )
    assert delivery_of(letter, b"{}").query == b"event=OnCreated"


async def test_a_secret_that_is_shown_in_the_body_is_not_kept_and_what_is_kept_can_be_replayed() -> None:
    secret = "0123456789abcdef0123456789abcdef"
    sources = configured(Settings(sources={"phones": SourceSettings(kind="aircall", secret_env=("T",))}), {"T": secret}, lambda _: None)
    sent = {"event": "call.created", "timestamp": "no time", "token": secret, "data": {"id": 7, "direction": "inbound", "started_at": "x"}}
    (letter, body), *_ = kept(await taken(sources["phones"], json.dumps(sent).encode(), {}))
    assert secret.encode() not in body
    assert json.loads(body) == {**sent, "token": "*" * len(secret)}
    assert Replay(sources, PARTITIONS).judged(letter, body, NOW_MS).still


def test_no_kind_reads_a_header_that_proves_the_sender() -> None:
    telling = ("sign", "auth", "token", "secret", "cookie", "key", "hmac", "password", "forwarded")
    names = [name for name in KEPT_HEADERS if name not in NAMING]
    assert [name for name in names if any(word in name for word in telling)] == []


@pytest.mark.parametrize(
    ("length", "kept_so"), [pytest.param(HEADER_MAX_CHARS, True, id="just fits"), pytest.param(HEADER_MAX_CHARS + 1, False, id="too long")]
)
async def test_a_header_is_kept_whole_or_not_at_all(length: int, kept_so: bool) -> None:
    publisher = Remembering()
    message_id = "m" * length
    await post(app_with(publisher), "/webhooks/shop", b"{]", signed(b"{]", message_id=message_id))
    assert publisher.letters[0]["headers"].get("webhook-id") == (message_id if kept_so else None)


async def test_a_kind_that_was_wrong_is_put_right() -> None:
    body = json.dumps({"ticket_id": "42"}).encode()
    publisher = Remembering()
    await post(app_with(publisher), "/webhooks/shop", body, {**signed(body), **BINARY, "ce-type": "ticket.solved"})
    [(letter, found)] = kept(publisher)
    assert (letter.reason, letter.pointer) == ("missing_field", "/type")
    now = Replay(sources({"shop": SourceSettings(kind="cloudevents")}), PARTITIONS).judged(letter, found, LATER_MS)
    [event] = events_of(now)
    assert (event.type, event.id, event.source, event.occurred_at_ms, event.time_is_received, event.received_at_ms, now.still) == (
        "ticket.solved", "c-1", "shop", NOW_MS, True, LATER_MS, [],
    )  # fmt: skip


async def test_equal_bodies_of_one_instant_are_two_letters() -> None:
    publisher = Remembering()
    app = app_with(publisher)
    body = json.dumps(NAMELESS).encode()
    for message_id in ("one", "two"):
        await post(app, "/webhooks/shop", body, signed(body, message_id=message_id))
    replay = Replay(repaired("shop"), PARTITIONS)
    assert [events_of(replay.judged(letter, found, LATER_MS))[0].id for letter, found in kept(publisher)] == ["one", "two"]


async def test_a_body_of_the_largest_size_comes_back_byte_for_byte() -> None:
    body = bytes(range(256)) * 4096
    publisher = Remembering()
    answer = await post(app_with(publisher, max_body_bytes=len(body)), "/webhooks/shop", body, {**signed(body), "ce-id": "i" * 2400})
    assert answer.status_code == 422
    assert [found for _, found in kept(publisher)] == [body]
    assert max(len(record.value) for record in publisher.records) < 900_000


def refused(value: bytes) -> DeadLetter:
    """A letter of the aggregator."""
    text = base64.b64encode(value).decode()
    return DeadLetter(id="x", source="?", kind=AGGREGATOR, reason=Reason.POISON, detail="", received_at_ms=1, headers={}, body_base64=text)


SOLVED = TicketSolved(id="s", source="desk", occurred_at_ms=5, received_at_ms=7, ticket_id="t")
WITHDRAWN = FactWithdrawn(id="w", source="desk", occurred_at_ms=5, of="s")
ABSORBED = TicketAbsorbed(id="merge:desk:t", source="desk", occurred_at_ms=5, ticket_id="p", log=(msgspec.to_builtins(SOLVED),))


@pytest.mark.parametrize(
    ("body", "events", "copies", "still"),
    [
        pytest.param(encode_event(SOLVED), [SOLVED], 1, 0, id="an event"),
        pytest.param(encode_event(WITHDRAWN), [WITHDRAWN], PARTITIONS, 0, id="a withdrawal, to every partition"),
        pytest.param(encode_event(ABSORBED), [ABSORBED], 1, 0, id="a merged log"),
        pytest.param(b"[" + encode_event(SOLVED) + b",{}]", [SOLVED], 1, 1, id="a record, of which one is none"),
        pytest.param(b"this is no record", [], 0, 1, id="no JSON"),
        pytest.param(b"\xff\x00", [], 0, 1, id="not UTF-8"),
        pytest.param(b"[" * 100_000, [], 0, 1, id="deep"),
        pytest.param(b"", [], 0, 0, id="nothing"),
    ],
)
def test_what_the_aggregator_kept_out_is_taken_as_it_lay_in_events(body: bytes, events: list[Event], copies: int, still: int) -> None:
    again = Replay({}, PARTITIONS).judged(refused(body), body, LATER_MS)
    assert events_of(again) == as_received(events, LATER_MS)
    assert (len(again.into), len(again.still)) == (copies, still)


def test_a_source_that_is_configured_no_more_says_what_to_do() -> None:
    letter = msgspec.structs.replace(refused(b"{}"), kind="zendesk", source="gone")
    [still] = Replay(sources(), PARTITIONS).judged(letter, b"{}", LATER_MS).still
    assert (still.reason, "[sources.gone]" in still.detail) == ("source_unknown", True)


def test_every_kind_is_among_those_that_are_replayed() -> None:
    assert AGGREGATOR not in PROVIDERS
