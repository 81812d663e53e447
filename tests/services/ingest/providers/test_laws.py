"""The same laws over every row of the table of kinds: a new provider is tested by being listed, and by what was recorded of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from schemas.canonical import event_from
from schemas.codec import decode_event, encode_event
from schemas.events import BY_TYPE, ID_MAX_CHARS, Event
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider, Reply
from services.ingest.signatures import SCHEMES
from tests.services.ingest.mutations import CONTENT_TYPES, SCALARS, Request, known, mutated, of_kind, options_of, sent
from tests.services.ingest.providers.recorded import NOW_MS

EVERY_KIND = pytest.mark.parametrize("kind", sorted(PROVIDERS))
KNOWN = [pytest.param(request, id=f"{request.kind}-{request.name}") for request in known()]


class Told(NamedTuple):
    """What one delivery says: its events, the names that were ignored, why something was refused."""

    events: list[Event]
    ignored: list[str]
    refused: list[str]


def told(kind: str, delivery: Delivery, options: Any) -> Told:
    """What a delivery says, each item judged as the door does. Raises what no provider may raise."""
    provider = PROVIDERS[kind]
    try:
        translation = provider.translate(delivery, options)
    except (Rejected, WrongContentType) as refusal:
        return Told([], [], [str(refusal)])
    found = Told([], list(translation.ignored), [])
    for ordinal, item in enumerate(translation.items):
        if translation.original is not None:
            assert isinstance(translation.original(ordinal), bytes)
        try:
            if isinstance(item, Rejected):
                raise item
            event, stripped = event_from(item, source="a-source", received_at_ms=delivery.received_at_ms)
        except Rejected as rejected:
            found.refused.append(str(rejected))
            continue
        assert provider.generic or not stripped, f"fields that no event has: {stripped}"
        assert decode_event(encode_event(event)) == event
        found.events.append(event)
    return found


def becomes(provider: Provider) -> set[str]:
    """Every name that the provider's table promises."""
    return {name for line in provider.lines.values() for name in line.becomes} if not provider.generic else set(BY_TYPE)


def lawful(kind: str, delivery: Delivery, options: Any) -> Told:
    """What a delivery says, which is the same each time, in names of the table, with ids that an event may have."""
    provider = PROVIDERS[kind]
    found = told(kind, delivery, options)
    assert found == told(kind, delivery, options)
    assert {event.type for event in found.events} <= becomes(provider)
    assert all(0 < len(event.id) <= ID_MAX_CHARS for event in found.events)
    assert all(isinstance(name, str) for name in found.ignored)
    if provider.reply is not None and not found.refused:
        reply = provider.reply(delivery)
        assert reply is None or (isinstance(reply, Reply) and 200 <= reply.status < 300)
    return found


# Any bytes, and nearly right ones

ANY_JSON = st.recursive(
    st.sampled_from(SCALARS) | st.text(max_size=10) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ANY_BODY = st.one_of(
    st.binary(max_size=200),
    ANY_JSON.map(lambda value: json.dumps(value).encode()),
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=8)), max_size=5).map(
        lambda fields: urlencode(fields, errors="replace").encode()
    ),
)


@EVERY_KIND
@settings(max_examples=60)
@given(body=ANY_BODY, content_type=st.sampled_from(CONTENT_TYPES), value=st.binary(max_size=12))
def test_any_body_is_told_or_refused(kind: str, body: bytes, content_type: str, value: bytes) -> None:
    headers = {**{name.encode(): value for name in PROVIDERS[kind].headers}, b"content-type": content_type.encode()}
    lawful(kind, Delivery(headers=headers, body=body, received_at_ms=NOW_MS), PROVIDERS[kind].options())


@EVERY_KIND
@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_a_recording_with_anything_in_it_is_told_or_refused(kind: str, seed: int) -> None:
    random = Random(seed)
    request = mutated(random, random.choice(of_kind(kind)))
    note(f"{request.name} {request.headers} {request.body[:3000]!r}")
    lawful(kind, sent(request), options_of(request))
    lawful(kind, sent(request), PROVIDERS[kind].options())


@pytest.mark.parametrize("request_", KNOWN)
def test_every_known_request_is_lawful_and_each_of_its_events_has_its_own_id(request_: Request) -> None:
    found = lawful(request_.kind, sent(request_), options_of(request_))
    ids = [event.id for event in found.events]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("request_", KNOWN)
def test_every_place_of_a_known_request_may_hold_nothing_or_anything(request_: Request) -> None:
    """Each value of the body in turn becomes three of the values that stand for nothing or for anything, all of them by turns."""
    if not request_.body.lstrip().startswith((b"{", b"[")):
        return
    whole = json.loads(request_.body)
    for n, path in enumerate(_paths(whole)):
        for nothing in (*NOTHINGS, *NOTHINGS)[n % len(NOTHINGS) :][:3]:
            body = json.dumps(_with(whole, path, nothing)).encode()
            lawful(request_.kind, sent(request_._replace(body=body)), options_of(request_))


NOTHINGS: tuple[Any, ...] = (None, "x" * 5000, [], 0, "\ud800", {}, True, "", "\u00b2", -1.5, [None], {"id": None}, 10**400)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    keys = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in keys:
        yield (*path, key)
        yield from _paths(each, (*path, key))


def _with(value: Any, path: tuple[Any, ...], replaced: Any) -> Any:
    """A copy of the tree with another value at one path."""
    if not path:
        return replaced
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], replaced)
    return copy


# A retry is the same delivery

NOISE_HEADERS = {
    "user-agent": "sender/2.0", "x-request-id": "other", "date": "Mon, 02 Mar 2026 11:13:20 GMT", "traceparent": "00-aa-bb-01",
    "x-forwarded-for": "192.0.2.7", "accept": "*/*", "content-length": "7",
}  # fmt: skip


@pytest.mark.parametrize("request_", KNOWN)
def test_only_the_headers_that_a_kind_names_are_read(request_: Request) -> None:
    names = PROVIDERS[request_.kind].headers
    assert all(name == name.lower() for name in names)
    whole = told(request_.kind, sent(request_), options_of(request_))
    only = {name: value for name, value in request_.headers.items() if name in names}
    assert told(request_.kind, sent(request_._replace(headers=only)), options_of(request_)) == whole
    assert told(request_.kind, sent(request_._replace(headers={**NOISE_HEADERS, **request_.headers})), options_of(request_)) == whole


@pytest.mark.parametrize("request_", KNOWN)
def test_the_same_delivery_later_has_the_same_ids(request_: Request) -> None:
    first = told(request_.kind, sent(request_), options_of(request_))
    later = told(request_.kind, sent(request_, NOW_MS + 3_600_000), options_of(request_))
    assert [event.id for event in later.events] == [event.id for event in first.events]
    assert later.ignored == first.ignored


Changes = Callable[[Any], Any]


def _set(**fields: Any) -> Changes:
    """Other values of members that the body has."""
    return lambda body: {**body, **{name: value for name, value in fields.items() if name in body}} if isinstance(body, dict) else body


def _within(name: str, change: Changes) -> Changes:
    return lambda body: {**body, name: change(body[name])} if isinstance(body, dict) and isinstance(body.get(name), dict) else body


def _each(change: Changes) -> Changes:
    return lambda body: [change(one) for one in body] if isinstance(body, list) else change(body)


class Retry(NamedTuple):
    """What a provider changes when it sends a message again: members of the body, headers."""

    body: Changes = lambda body: body
    headers: Mapping[str, str] = {}


RETRIES: Mapping[str, Retry] = {
    "aircall": Retry(),
    "calendly": Retry(headers={"calendly-webhook-signature": "t=1772450600,v1=00"}),
    "chatwoot": Retry(headers={"x-chatwoot-timestamp": "1772450600", "x-chatwoot-signature": "sha256=00"}),
    "hubspot": Retry(_each(_set(attemptNumber=3)), {"x-hubspot-request-timestamp": "1772450600000"}),
    "intercom": Retry(_set(delivery_attempts=3, delivery_status="retry", delivered_at=1772450600, first_sent_at=1772450000)),
    "jira": Retry(headers={"x-atlassian-webhook-retry": "2", "x-atlassian-webhook-trace": "another"}),
    "pipedrive": Retry(lambda body: _within("meta", _set(attempt=3))(_set(retry=2)(body))),
    "shopify": Retry(headers={"x-shopify-hmac-sha256": "00"}),
    "square": Retry(headers={"square-retry-number": "2", "square-retry-reason": "http_timeout", "square-initial-delivery-timestamp": "x"}),
    "standardwebhooks": Retry(headers={"webhook-timestamp": "1772450600", "webhook-signature": "v1,00"}),
    "stripe": Retry(_set(pending_webhooks=3, request=None), {"stripe-signature": "t=1772450600,v1=00"}),
    "survicate": Retry(_set(deliveryTries=2)),
    "twilio": Retry(headers={"i-twilio-idempotency-token": "another"}),
    "zammad": Retry(_within("ticket", _set(updated_at="2026-03-02T11:12:00.000Z", article_count=9)), {"user-agent": "Zammad User Agent"}),
    "zendesk": Retry(
        headers={"x-zendesk-webhook-signature-timestamp": "2026-03-02T11:20:00Z", "x-zendesk-webhook-invocation-id": "another"}
    ),
}
"""What is known to change from one attempt to the next; of kinds that are not here nothing but the time of the attempt does."""


@pytest.mark.parametrize("request_", KNOWN)
def test_a_retry_rendered_anew_is_the_same_message(request_: Request) -> None:
    retry = RETRIES.get(request_.kind, Retry())
    body = request_.body
    if body.lstrip().startswith((b"{", b"[")):
        whole = json.loads(body)
        changed = retry.body(whole)
        if changed != whole:
            body = json.dumps(changed).encode()
    again = request_._replace(body=body, headers={**request_.headers, "date": "later", **retry.headers})
    first, second = (
        told(request_.kind, sent(request_), options_of(request_)),
        told(request_.kind, sent(again, NOW_MS + 600_000), options_of(request_)),
    )
    assert [event.id for event in second.events] == [event.id for event in first.events]


def test_the_retries_are_of_kinds_that_exist_and_change_something_that_was_recorded() -> None:
    assert sorted(set(RETRIES) - set(PROVIDERS)) == []
    for kind in ("hubspot", "intercom", "pipedrive", "stripe", "survicate"):
        bodies = [json.loads(request.body) for request in of_kind(kind) if request.body.lstrip().startswith((b"{", b"["))]
        assert any(RETRIES[kind].body(body) != body for body in bodies), f"no recording of {kind} has what its retries change"


# What a row of the table must have


@EVERY_KIND
def test_a_kind_is_declared_whole(kind: str) -> None:
    provider = PROVIDERS[kind]
    assert provider.kind == kind
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kind)
    assert provider.title.strip() == provider.title != ""
    assert set(provider.schemes) <= set(SCHEMES)
    assert len(set(provider.schemes)) == len(provider.schemes)
    assert provider.generic or provider.lines
    assert isinstance(provider.options(), provider.options)
    guide = provider.guide
    assert guide.clicks
    assert all(text.strip() for text in (*guide.clicks, guide.secret, guide.delivery, *guide.notes, *guide.unconfirmed))
    said = " ".join(guide.clicks)
    assert "{url}" in said or "{token_url}" in said, "the clicks do not say where the address is pasted"
    assert set(re.findall(r"(?<!\{)\{[^{}\s]*\}(?!\})", said)) <= {"{url}", "{token_url}"}
    assert provider.schemes or "{token_url}" in said, "without a scheme the secret is in the path"
    assert guide.links or kind == "mapping"  # which is of nobody
    assert all(link.startswith("https://") for link in guide.links)


@EVERY_KIND
def test_the_table_of_a_kind_names_canonical_events_and_labels(kind: str) -> None:
    lines = PROVIDERS[kind].lines
    assert [name for name in lines if not re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", name) or len(name) > 120] == []
    assert {name for line in lines.values() for name in line.becomes} <= set(BY_TYPE)
    assert [name for name, line in lines.items() if len(set(line.becomes)) != len(line.becomes)] == []


@EVERY_KIND
def test_every_message_that_becomes_something_was_recorded_as_each_of_its_events(kind: str) -> None:
    provider = PROVIDERS[kind]
    if provider.generic:
        return
    seen = {event.type for request in of_kind(kind) for event in told(kind, sent(request), options_of(request)).events}
    template = {name for line in provider.lines.values() if "template" in line.note for name in line.becomes}
    assert sorted(becomes(provider) - seen - template) == []


@EVERY_KIND
def test_a_sample_names_what_it_is_asked_to_and_happens_now(kind: str) -> None:
    sample = PROVIDERS[kind].sample("unique-5", NOW_MS)
    request = Request(kind, "sample", sample.body, {name.lower(): value for name, value in sample.headers.items()})
    found = told(kind, sent(request), PROVIDERS[kind].options())
    assert found.refused == []
    assert found.events
    assert any("unique-5" in encode_event(event).decode() for event in found.events)
    assert all(abs(event.occurred_at_ms - NOW_MS) <= 60_000 for event in found.events)


def test_a_plain_struct_of_options_is_frozen_and_closed() -> None:
    for provider in PROVIDERS.values():
        config = provider.options.__struct_config__
        assert config.frozen, provider.kind
        assert config.forbid_unknown_fields, provider.kind
        assert msgspec.convert({}, provider.options) == provider.options()
