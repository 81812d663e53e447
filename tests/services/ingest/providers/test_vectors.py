"""Every way of proving a sender: the published vectors, our own computed by hand, and what no sender can get past."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.signatures import SCHEMES, ZENDESK_TESTS_SECRET
from services.ingest.sources import Credentials, Proof, Source
from services.source_settings import SourceSettings
from tests.services.ingest.senders import NOW_MS, OTHER_SECRET, SECRET

VECTORS = Path(__file__).resolve().parents[5] / "shared" / "spec" / "signature_vectors.json"
URL = "https://desk.example/webhooks/in"
QUERY = b"a=1&b=%3F%25"
FORM = "application/x-www-form-urlencoded"


# The published vectors


def _vectors() -> list[Any]:
    found = json.loads(VECTORS.read_text()) if VECTORS.exists() else []
    return [pytest.param(vector, id=f"{n}-{vector['scheme']}-{vector['expect']}") for n, vector in enumerate(found)]


@pytest.mark.skipif(not VECTORS.exists(), reason="the published vectors are not beside the repository")
@pytest.mark.parametrize("vector", _vectors())
def test_published_vectors(vector: dict[str, Any]) -> None:
    url, _, query = vector.get("url", URL).partition("?")
    delivery = Delivery(
        headers={name.lower().encode(): value.encode() for name, value in vector["headers"].items()},
        body=base64.b64decode(vector["body_base64"]) if "body_base64" in vector else vector["body"].encode(),
        method=vector["method"],
        query=query.encode(),
        received_at_ms=int(vector["now"] * 1000),
    )
    scheme = SCHEMES[vector["scheme"]]
    assert scheme.accepts(delivery, [scheme.key(vector["secret"])], url) is (vector["expect"] == "accept"), vector["note"]


def test_the_public_secret_of_zendesks_vectors_is_the_one_that_a_source_must_allow() -> None:
    assert PROVIDERS["zendesk"].tests_secret == ZENDESK_TESTS_SECRET == base64.b64encode(b"this_secret_is_for_testing_only").decode()


# The same by hand: nothing of the schemes' own code is used for what a sender writes


class Sent(NamedTuple):
    """What a sender adds to a body, or makes of it."""

    headers: Mapping[str, str]
    body: bytes
    query: bytes = QUERY


def mac(digest: str, key: str | bytes, *parts: str | bytes) -> bytes:
    """An HMAC of texts and bytes."""
    said = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(key.encode() if isinstance(key, str) else key, said, digest).digest()


def b64(raw: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(raw).decode()


def _standard(secret: str, body: bytes, at_ms: int) -> Sent:
    at = str(at_ms // 1000)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return Sent(
        {"webhook-id": "m-1", "webhook-timestamp": at, "webhook-signature": "v1," + b64(mac("sha256", key, f"m-1.{at}.", body))}, body
    )


def _zendesk(secret: str, body: bytes, at_ms: int) -> Sent:
    at = str(at_ms // 1000)
    said = {"X-Zendesk-Webhook-Signature": b64(mac("sha256", secret, at, body)), "X-Zendesk-Webhook-Signature-Timestamp": at}
    return Sent(said, body)


def _front_application(secret: str, body: bytes, at_ms: int) -> Sent:
    said = {"X-Front-Signature": b64(mac("sha256", secret, f"{at_ms}:", body)), "X-Front-Request-Timestamp": str(at_ms)}
    return Sent(said, body)


def _chatwoot(secret: str, body: bytes, at_ms: int) -> Sent:
    at = str(at_ms // 1000)
    return Sent({"X-Chatwoot-Signature": "sha256=" + mac("sha256", secret, f"{at}.", body).hex(), "X-Chatwoot-Timestamp": at}, body)


def _housecallpro(secret: str, body: bytes, at_ms: int) -> Sent:
    return Sent({"Api-Signature": mac("sha256", secret, f"{at_ms}.", body).hex(), "Api-Timestamp": str(at_ms)}, body)


def _hubspot_v3(secret: str, body: bytes, at_ms: int) -> Sent:
    signed = mac("sha256", secret, f"POST{URL}?a=1&b=?%25", body, str(at_ms))  # %3F is undone, %25 is not
    return Sent({"X-HubSpot-Signature-v3": b64(signed), "X-HubSpot-Request-Timestamp": str(at_ms)}, body)


def _hubspot(version: str, *before: str) -> Callable[[str, bytes, int], Sent]:
    def sent(secret: str, body: bytes, at_ms: int) -> Sent:
        digest = hashlib.sha256(secret.encode() + "".join(before).encode() + body).hexdigest()
        return Sent({"X-HubSpot-Signature": digest, "X-HubSpot-Signature-Version": version}, body)

    return sent


def _twilio_form(secret: str, body: bytes, at_ms: int) -> Sent:
    text = f"{URL}?{QUERY.decode()}" + {FIELDS: FIELDS_TEXT}[body]
    return Sent({"content-type": FORM, "X-Twilio-Signature": b64(mac("sha1", secret, text))}, body)


def _twilio_json(secret: str, body: bytes, at_ms: int) -> Sent:
    query = QUERY + b"&bodySHA256=" + hashlib.sha256(body).hexdigest().encode()
    return Sent({"X-Twilio-Signature": b64(mac("sha1", secret, f"{URL}?", query))}, body, query)


def _qualtrics(secret: str, body: bytes, at_ms: int) -> Sent:
    message = unquote_plus(body.partition(b"MSG=")[2].decode())
    return Sent({"content-type": FORM}, f"HMAC={mac('sha512', secret, message).hex()}&".encode() + body)


def _stamped(header: str) -> Callable[[str, bytes, int], Sent]:
    def sent(secret: str, body: bytes, at_ms: int) -> Sent:
        at = at_ms // 1000
        return Sent({header: f"t={at},v1={mac('sha256', secret, f'{at}.', body).hex()}"}, body)

    return sent


def _of_body(header: str, digest: str, written: Callable[[bytes], str]) -> Callable[[str, bytes, int], Sent]:
    return lambda secret, body, at_ms: Sent({header: written(mac(digest, secret, body))}, body)


def _hex_after(prefix: str) -> Callable[[bytes], str]:
    return lambda raw: prefix + raw.hex()


def _body_token(secret: str, body: bytes, at_ms: int) -> Sent:
    return Sent({}, b'{"token": ' + json.dumps(secret).encode() + (b", " if body != b"{}" else b"") + body.removeprefix(b"{"))


HAND: Mapping[str, Callable[[str, bytes, int], Sent]] = {
    "standard-webhooks": _standard,
    "github": _of_body("X-Hub-Signature-256", "sha256", _hex_after("sha256=")),
    "hub-sha1-hex": _of_body("X-Hub-Signature", "sha1", _hex_after("sha1=")),
    "hub-sha256-hex": _of_body("X-Hub-Signature", "sha256", _hex_after("sha256=")),
    "zendesk": _zendesk,
    "helpscout": _of_body("X-HelpScout-Signature", "sha1", b64),
    "front-application": _front_application,
    "front-rule": _of_body("X-Front-Signature", "sha1", b64),
    "chatwoot": _chatwoot,
    "twilio": _twilio_form,
    "twilio/json": _twilio_json,
    "hubspot-v3": _hubspot_v3,
    "hubspot-v2": _hubspot("v2", "POST", f"{URL}?{QUERY.decode()}"),
    "hubspot-v1": _hubspot("v1"),
    "surveymonkey": _of_body("Sm-Signature", "sha1", b64),
    "typeform": _of_body("Typeform-Signature", "sha256", lambda raw: "sha256=" + b64(raw)),
    "delighted": _of_body("X-Delighted-Webhook-Signature", "sha256", _hex_after("sha256=")),
    "qualtrics": _qualtrics,
    "survicate": _of_body("Hmac", "sha256", _hex_after("")),
    "survicate/base64": _of_body("Hmac", "sha256", b64),
    "calendly": _stamped("Calendly-Webhook-Signature"),
    "stripe": _stamped("Stripe-Signature"),
    "jobber": _of_body("X-Jobber-Hmac-SHA256", "sha256", b64),
    "housecallpro": _housecallpro,
    "housecallpro-body": _of_body("X-HousecallPro-Signature", "sha256", _hex_after("")),
    "servicetitan": _of_body("X-ServiceTitan-Signature", "sha256", _hex_after("")),
    "servicetitan/base64": _of_body("X-ServiceTitan-Signature", "sha256", b64),
    "square": lambda secret, body, at_ms: Sent(
        {"X-Square-HmacSha256-Signature": b64(mac("sha256", secret, f"{URL}?{QUERY.decode()}", body))}, body
    ),
    "shopify": _of_body("X-Shopify-Hmac-Sha256", "sha256", b64),
    "static-header": lambda secret, body, at_ms: Sent({secret.split(": ")[0]: secret.split(": ")[1]}, body),
    "basic-auth": lambda secret, body, at_ms: Sent({"Authorization": f"Basic {b64(secret.encode())}"}, body),
    "bearer": lambda secret, body, at_ms: Sent({"Authorization": f"Bearer {secret}"}, body),
    "bearer/query": lambda secret, body, at_ms: Sent({}, body, f"a=1&access_token={quote_plus(secret)}".encode()),
    "body-token": _body_token,
}
"""What a sender of each scheme sends, by (secret, body, the sender's clock); behind a slash stands another way of the same."""

SHOWN = ("static-header", "basic-auth", "bearer", "body-token")
"""These prove the sender, not the body."""

TIMED: Mapping[str, tuple[int, bool]] = {
    "standard-webhooks": (300, True),
    "zendesk": (300, True),
    "front-application": (300, True),
    "chatwoot": (300, True),
    "hubspot-v3": (300, False),
    "housecallpro": (300, True),
    "calendly": (180, True),
    "stripe": (300, False),
}
"""Seconds that a delivery may be old, and whether one from as far ahead is refused too."""

SECRETS = {"static-header": ("X-Desk-Key: s3cret", "X-Desk-Key: another"), "basic-auth": ("hook:s3cret", "hook:another")}

FIELDS = b"Sid=EV1&Reason=&Name=Zo%C3%AB+B&Sid=EV0&Sid=EV1"
FIELDS_CHANGED = FIELDS + b"&Other=1"
FIELDS_TEXT = "NameZo\u00eb BReasonSidEV0SidEV1"
PLAIN = {
    "ascii": b'{"n": 1}',
    "not ASCII": '{"name": "Zo\u00eb \u96fb\u8a71"}'.encode(),
    "not UTF-8": b'\xff\xfe{"n": "\xe9"}\x00',
    "empty": b"",
    "blank around it": b'\n\t{"n": 1}\r\n',
}
OWN = {
    "twilio": {"form": FIELDS},
    "qualtrics": {"form": b"Topic=a&MSG=%7B%22n%22%3A+1%7D", "not ASCII": b"MSG=" + quote_plus("Zo\u00eb \u96fb\u8a71").encode()},
    "body-token": {"ascii": b'{"n": 1}', "not ASCII": '{"name": "Zo\u00eb"}'.encode(), "empty": b"{}"},
}


def named(way: str) -> str:
    """The scheme of a way."""
    return way.partition("/")[0]


def secrets_of(way: str) -> tuple[str, str]:
    """A secret and another one."""
    return SECRETS.get(named(way), (SECRET, OTHER_SECRET))


def sent_by(way: str, body: bytes, at_ms: int = NOW_MS) -> Sent:
    """A delivery written by hand."""
    return HAND[way](secrets_of(way)[0], body, at_ms)


def accepted(way: str, sent: Sent, *secrets: str) -> bool:
    """Whether the scheme lets it in, by the first secret where none is named."""
    scheme = SCHEMES[named(way)]
    headers = {name.lower().encode(): value.encode() for name, value in sent.headers.items()}
    delivery = Delivery(headers=headers, body=sent.body, query=sent.query, received_at_ms=NOW_MS)
    return scheme.accepts(delivery, [scheme.key(secret) for secret in secrets or secrets_of(way)[:1]], URL)


def first_body(way: str) -> bytes:
    """A body that the way takes."""
    return next(iter(OWN.get(way, PLAIN).values()))


def changed(way: str, body: bytes) -> bytes:
    """The body with something else in it."""
    if way == "qualtrics":
        return body.replace(b"MSG=", b"MSG=x")
    return FIELDS_CHANGED if way == "twilio" else body.replace(b"1}", b"2}") + (b"" if named(way) == "body-token" else b" ")


CASES = [pytest.param(way, body, id=f"{way}-{name}") for way in HAND for name, body in OWN.get(way, PLAIN).items()]
EVERY_WAY = pytest.mark.parametrize("way", HAND)


def test_every_scheme_is_written_by_hand_here() -> None:
    assert {named(way) for way in HAND} == set(SCHEMES)
    assert {name for name, scheme in SCHEMES.items() if scheme.is_timed} == set(TIMED)


@pytest.mark.parametrize(("way", "body"), CASES)
def test_what_a_sender_signs_is_accepted_and_what_was_changed_on_the_way_is_not(way: str, body: bytes) -> None:
    right, other = secrets_of(way)
    sent = sent_by(way, body)
    assert accepted(way, sent)
    assert accepted(way, sent, other, right)  # while a secret is exchanged for another, both count
    assert accepted(way, sent, right, other)
    assert not accepted(way, sent, other)
    scheme = SCHEMES[named(way)]
    assert not scheme.accepts(Delivery(headers={}, body=sent.body, query=sent.query, received_at_ms=NOW_MS), [], URL)
    assert accepted(way, sent._replace(body=changed(way, sent.body))) is (named(way) in SHOWN)


@EVERY_WAY
def test_a_header_that_is_missing_lets_nobody_in(way: str) -> None:
    sent = sent_by(way, first_body(way))
    proving = [name for name in sent.headers if way != "qualtrics"]
    assert proving or way in ("qualtrics", "body-token", "bearer/query")
    for name in proving:
        assert not accepted(way, sent._replace(headers={other: value for other, value in sent.headers.items() if other != name})), name
        assert not accepted(way, sent._replace(headers={**sent.headers, name: ""})), name
    assert not accepted(way, Sent({}, first_body(way)))


@EVERY_WAY
def test_old_and_early_deliveries_of_schemes_with_a_clock(way: str) -> None:
    body = first_body(way)
    if named(way) not in TIMED:
        assert accepted(way, sent_by(way, body, NOW_MS - 10**10))
        return
    seconds, refuses_early = TIMED[way]
    edge_ms = seconds * 1000
    assert accepted(way, sent_by(way, body, NOW_MS - edge_ms))
    assert not accepted(way, sent_by(way, body, NOW_MS - edge_ms - 1000))
    assert accepted(way, sent_by(way, body, NOW_MS + edge_ms))
    assert accepted(way, sent_by(way, body, NOW_MS + edge_ms + 1000)) is not refuses_early


@EVERY_WAY
def test_a_time_that_was_not_signed_is_no_time(way: str) -> None:
    old, new = sent_by(way, first_body(way), NOW_MS - 10**9), sent_by(way, first_body(way))
    times = [name for name in old.headers if "timestamp" in name.lower() and not name.lower().endswith("signature")]
    assert bool(times) == (named(way) in TIMED and named(way) not in ("calendly", "stripe"))
    for name in times:
        assert not accepted(way, old._replace(headers={**old.headers, name: new.headers[name]}))
        for odd in ("", "0", "-1", "1e12", "now", "9" * 400, " ", "2026-03-02T11:13:20"):
            assert not accepted(way, new._replace(headers={**new.headers, name: odd}))


@EVERY_WAY
def test_hexadecimal_digits_are_lower_case(way: str) -> None:
    sent = sent_by(way, first_body(way))
    shouted = {name: _upper_hex(value) for name, value in sent.headers.items()}
    if shouted != sent.headers:
        assert not accepted(way, sent._replace(headers=shouted))
    elif way == "qualtrics":  # its sender writes either
        proof, _, rest = sent.body.partition(b"&")
        assert accepted(way, sent._replace(body=b"HMAC=" + proof.removeprefix(b"HMAC=").upper() + b"&" + rest))


def _upper_hex(value: str) -> str:
    before, equals, digits = value.rpartition("=")
    return before + equals + digits.upper() if digits and set(digits) <= set("0123456789abcdef") and len(digits) >= 40 else value


@EVERY_WAY
def test_a_packed_body_counts_as_it_was_on_the_wire_or_unpacked(way: str) -> None:
    scheme, (right, _) = SCHEMES[named(way)], secrets_of(way)
    provider = PROVIDERS["standardwebhooks"]
    source = Source("in", SourceSettings(kind=provider.kind), provider, None, Credentials(secrets=(right,)), URL, [scheme])

    def proof(sent: Sent, body: bytes, wire: bytes) -> Proof:
        headers = {name.lower().encode(): value.encode() for name, value in sent.headers.items()}
        packed = Delivery(headers=headers, body=body, signed_body=wire, query=sent.query, received_at_ms=NOW_MS)
        return source.proof(packed, None)

    yes = Proof.TIMED if scheme.is_timed else Proof.SHOWN
    plain = sent_by(way, first_body(way))
    wire = gzip.compress(plain.body, mtime=0)
    assert proof(plain, plain.body, wire) is yes
    if way not in OWN:  # whoever signs fields has signed the unpacked ones
        assert proof(sent_by(way, wire), plain.body, wire) is yes
    if named(way) not in SHOWN:
        other = changed(way, plain.body)
        assert proof(plain, other, gzip.compress(other, mtime=0)) is Proof.NONE


@pytest.mark.parametrize(
    ("scheme", "header", "value", "yes"),
    [
        pytest.param("standard-webhooks", "webhook-signature", "v1a,AAAA v1,wrong {}", True, id="one of several"),
        pytest.param("standard-webhooks", "webhook-signature", "{} v1,wrong", True, id="the first of several"),
        pytest.param("standard-webhooks", "webhook-signature", "v2{}", False, id="another version"),
        pytest.param("standard-webhooks", "webhook-signature", "{}=", False, id="more padding"),
        pytest.param("stripe", "Stripe-Signature", "{},v1=00,v0=00", True, id="stripe, while its secret is rolled"),
        pytest.param("stripe", "Stripe-Signature", "v0=00,{}", True, id="stripe, an old scheme in front"),
        pytest.param("stripe", "Stripe-Signature", "t=1,{}", False, id="stripe, a second time in front"),
        pytest.param("stripe", "Stripe-Signature", "v1=00," * 20 + "{}", False, id="stripe, more fields than are read"),
        pytest.param("calendly", "Calendly-Webhook-Signature", "{}, v1=00", True, id="calendly, with a blank"),
        pytest.param("github", "X-Hub-Signature-256", " {} ", True, id="blanks around it"),
        pytest.param("github", "X-Hub-Signature-256", "sha1{}", False, id="another digest's name"),
        pytest.param("typeform", "Typeform-Signature", "sha256={}", False, id="the prefix twice"),
    ],
)
def test_odd_headers(scheme: str, header: str, value: str, yes: bool) -> None:
    sent = sent_by(scheme, first_body(scheme))
    assert accepted(scheme, sent._replace(headers={**sent.headers, header: value.replace("{}", sent.headers[header])})) is yes


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        pytest.param("standard-webhooks", SECRET.removeprefix("whsec_"), id="decoded without its prefix too"),
        pytest.param("standard-webhooks", SECRET.rstrip("="), id="decoded without padding"),
    ],
)
def test_forms_of_a_secret_that_are_the_same_key(scheme: str, secret: str) -> None:
    assert accepted(scheme, sent_by(scheme, first_body(scheme)), secret)


@pytest.mark.parametrize("scheme", ["stripe", "zendesk", "github"])
def test_a_secret_that_looks_like_base64_is_text_elsewhere(scheme: str) -> None:
    for form in (SECRET.removeprefix("whsec_"), base64.b64decode(SECRET.removeprefix("whsec_")).decode("latin-1")):
        assert not accepted(scheme, sent_by(scheme, first_body(scheme)), form)


def test_the_method_and_the_address_are_signed_where_the_scheme_says_so() -> None:
    for way in ("hubspot-v2", "hubspot-v3", "square", "twilio", "twilio/json"):
        sent = sent_by(way, first_body(way))
        assert not accepted(way, sent._replace(query=sent.query + b"&c=2")), way


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_scheme_signs_itself_is_what_is_written_by_hand(scheme: str) -> None:
    body = first_body(scheme)
    sent = sent_by(scheme, body)
    headers = {name.lower().encode(): value.encode() for name, value in sent.headers.items()}
    given_already = {name: value for name, value in headers.items() if name in (b"content-type", b"webhook-id")}
    plain = Delivery(headers=given_already, body=body, query=QUERY, received_at_ms=NOW_MS)
    signed = SCHEMES[scheme].signed(plain, secrets_of(scheme)[0], URL)
    assert dict(signed.headers) == headers
    assert signed.query == sent.query
    if scheme == "body-token":
        assert json.loads(signed.body) == json.loads(sent.body)
    elif scheme == "qualtrics":
        assert sorted(signed.body.split(b"&")) == sorted(sent.body.split(b"&"))
    else:
        assert signed.body == sent.body


# Laws

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), max_size=30)
SECRET_TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=60).filter(str.strip)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def signable(draw: st.DrawFn) -> tuple[str, str, Delivery]:
    """A scheme, a secret and any delivery that a sender of the scheme can have to send."""
    scheme, secret = draw(st.sampled_from(sorted(SCHEMES))), draw(SECRET_TEXTS)
    headers = {b"content-type": draw(st.sampled_from([b"application/json", b"text/xml; charset=utf-8", b""]))}
    body = draw(st.binary(max_size=300))
    if scheme == "static-header":
        secret = f"X-Desk-Key: {secret}"
    elif scheme == "basic-auth":
        secret = f"user:{secret}"
    elif scheme == "body-token":
        body = json.dumps(draw(st.dictionaries(TEXTS, ANY_JSON, max_size=4))).encode()
    elif scheme == "qualtrics" or (scheme == "twilio" and draw(st.booleans())):
        headers = {b"content-type": FORM.encode() + draw(st.sampled_from([b"", b"; charset=UTF-8"]))}
        fields = draw(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=6))
        if scheme == "qualtrics":
            fields = [*((name, value) for name, value in fields if name not in ("MSG", "HMAC")), ("MSG", draw(TEXTS.filter(bool)))]
        body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields).encode()
    query = draw(st.just(b"") | st.binary(max_size=20).map(lambda raw: b"q=" + quote_plus(raw).encode()))
    return scheme, secret, Delivery(headers=headers, body=body, query=query, received_at_ms=draw(st.integers(10**12, 2 * 10**12)))


@given(signable(), st.sampled_from([URL, "http://desk.example:8080/webhooks/in", "https://user@[::1]:8443/in"]))
def test_what_signed_makes_accepts_takes(case: tuple[str, str, Delivery], url: str) -> None:
    scheme, secret, delivery = case
    row = SCHEMES[scheme]
    signed = row.signed(delivery, secret, url)
    assert row.accepts(signed, [row.key(secret)], url) is True
    assert row.accepts(signed, [row.key("user:" + OTHER_SECRET), row.key(secret)], url) is True
    assert row.accepts(signed, [], url) is False
    if scheme not in SHOWN and scheme not in ("twilio", "qualtrics"):
        assert row.accepts(msgspec.structs.replace(signed, body=signed.body + b"\x00"), [row.key(secret)], url) is False


HEADER_NAMES = sorted({name.lower().encode() for way in HAND for name in sent_by(way, first_body(way)).headers} | {b"x-webhook-secret"})
NOISE = st.binary(max_size=60) | st.sampled_from(
    [b"sha256=", b"sha1=", b"v1,", b"t=1,v1=", b"Basic ", b"Bearer ", b"v1", b"v2", b"\xff", b"1772450000", b"1772450000000", FORM.encode()]
)


@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    headers=st.dictionaries(st.sampled_from(HEADER_NAMES), NOISE, max_size=8),
    body=st.binary(max_size=100)
    | ANY_JSON.map(lambda value: json.dumps({"token": value}).encode())
    | st.binary(max_size=20).map(lambda raw: b"HMAC=%ff&MSG=" + raw),
    query=st.binary(max_size=40) | st.binary(max_size=20).map(lambda raw: b"bodySHA256=" + raw) | st.just(b"access_token=%ff%00"),
    method=st.sampled_from(["POST", "PUT", "\xff"]),
)
def test_noise_is_never_more_than_false(scheme: str, headers: dict[bytes, bytes], body: bytes, query: bytes, method: str) -> None:
    row = SCHEMES[scheme]
    noise = Delivery(headers=headers, body=body, query=query, method=method, received_at_ms=NOW_MS)
    assert row.accepts(noise, [row.key(SECRET), row.key("X-Desk-Key: s3cret"), row.key("hook:s3cret")], URL) is False


@given(signable(), st.data())
def test_one_bit_of_a_signature_decides(case: tuple[str, str, Delivery], data: st.DataObject) -> None:
    scheme, secret, delivery = case
    row = SCHEMES[scheme]
    signed = row.signed(delivery, secret, URL)
    added = sorted(name for name, value in signed.headers.items() if delivery.headers.get(name) != value and b"signature" in name)
    if not added:
        return  # the proof is in the body, or is no signature
    name = data.draw(st.sampled_from(added))
    value = bytearray(signed.headers[name])
    place = data.draw(st.integers(max(0, len(value) - 24), len(value) - 1))
    value[place] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
    assert row.accepts(msgspec.structs.replace(signed, headers={**signed.headers, name: bytes(value)}), [row.key(secret)], URL) is False
