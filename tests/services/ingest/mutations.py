"""Bodies that are nearly right: what was recorded of a provider, with something in it that no provider should ever send.

Law: the same random numbers make the same body of the same recording, so every failure can be made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from tests.services.ingest.providers.recorded import NOW_MS, delivery_of, recordings

FORM = "application/x-www-form-urlencoded"


class Request(NamedTuple):
    """One request of a provider, unsigned. Names of headers are lower-case."""

    kind: str
    name: str
    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    options: Mapping[str, Any] = {}


@cache
def known() -> tuple[Request, ...]:
    """Every recording, and the sample of every kind; nothing else, so that it is the same on every machine."""
    found = []
    for kind, name, recorded in recordings():
        if kind in PROVIDERS:
            delivery = delivery_of(recorded)
            headers = {header.decode(): value.decode("latin-1") for header, value in delivery.headers.items()}
            found.append(Request(kind, name, delivery.body, headers, delivery.query.decode(), recorded.get("options", {})))
    for kind, provider in sorted(PROVIDERS.items()):
        sample = provider.sample("sample-7", NOW_MS)
        headers = {header.lower(): value for header, value in sample.headers.items()}
        found.append(Request(kind, "sample", sample.body, headers))
        if provider.guide.template.startswith("{"):
            found.append(Request(kind, "template", provider.guide.template.encode(), headers))
    return tuple(found)


@cache
def of_kind(kind: str) -> tuple[Request, ...]:
    """What is known of one kind, at least its sample."""
    return tuple(request for request in known() if request.kind == kind)


def mutated(random: Random, request: Request) -> Request:
    """The request with one to four things changed, or as it was."""
    changed = request
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        changed = _change(random, changed)
    return changed


def _change(random: Random, request: Request) -> Request:
    how = random.random()
    if how < 0.75:
        return request._replace(body=_structure_changed(random, request))
    if how < 0.85:
        return request._replace(body=_bytes_changed(random, request.body))
    if how < 0.93:
        return request._replace(headers=_headers_changed(random, request))
    if how < 0.96:
        return request._replace(headers={**request.headers, "content-type": random.choice(CONTENT_TYPES)})
    return request._replace(body=random.choice(known()).body)  # what another provider sends


# Structure


SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 5, 10, 11, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30), 10**400, 0.5, -0.0, 1e300, 1e-300, 5e-324,
    float("inf"), float("nan"), "", " ", "0", "1", "-1", "0.5", "1e999", "NaN", "Infinity", "null", "true", "None", "9" * 400,
    "\u0661\u0662", "\u00b2", "\u00bd", "\u216b", "\x00", "\ud800", "\udfff\ud800", "\u2028", "\ufeff", "\U0001f600", "a\u0301" * 40,
    "x" * 200, "x" * 201, "x" * 5000, "2026-03-02T08:00:00Z", "2026-03-02 08:00:00", "2026-03-02T08:00:00.123456789Z", "2026-02-30",
    "0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59",
    "2026-03-02T08:00:00+99:99",
    "2026-10-25T02:30:00", "1772450000", "1772450000000", 1772450000, 1772450000000, 1772450000000000, -62135596800, 1e18, "2026-W10-1",
    "a.person@example.org", "+49 30 5550100", "12.34", "1,234.56", "-0", "+1", "1_000", " 5 ", "%s%n", "{{ticket.id}}", "../../x", "a:b:c",
    "open", "closed", "solved", "OPEN", "ticket.created", "email", "high", "nps", "EUR", "JPY", "eur", "XXXX", "<b>x</b>", "[]", "{}", "\\",
)  # fmt: skip
SHAPES: tuple[Any, ...] = ([], {}, [[]], [{}], [None], {"": None}, {"id": {}}, {"id": []}, [[[{}]]], {"a": {"b": {"c": []}}}, ["x"] * 200)
NAMES = ("id", "type", "event", "data", "", "token", "\u0000", "x" * 300, "__proto__", "status", "tags", "created_at", "0")


def _structure_changed(random: Random, request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    if content_type.startswith(FORM):
        return _form_changed(random, request.body)
    if "xml" in content_type or request.body.lstrip()[:1] == b"<":
        return _xml_changed(random, request.body)
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        return _bytes_changed(random, request.body)
    return _as_json(random, _tree_changed(random, value))


def _tree_changed(random: Random, value: Any) -> Any:
    places = list(_places(value))
    if not places:
        return _anything(random)
    holder, key = random.choice(places)
    what = random.randrange(12)
    if what <= 3:
        holder[key] = _anything(random)
    elif what == 4:
        del holder[key]
    elif what == 5:
        holder[key] = _of_another_type(holder[key])
    elif what == 6:
        other, name = random.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))  # what stands elsewhere in it
    elif what == 7:
        holder[key] = _nested(random, holder[key])
    elif what == 8 and isinstance(holder, list):
        holder.extend(json.loads(json.dumps(holder)) * random.choice((1, 3, 60)))
    elif what == 9 and isinstance(holder, dict):
        holder[random.choice(NAMES)] = _anything(random)
    elif what == 10 and isinstance(holder, dict):
        holder[random.choice((key.upper(), key + "_", key[:-1]))] = holder.pop(key)
    else:
        return random.choice(([value], {"data": value}, [value, value], {**value, "data": value} if isinstance(value, dict) else value))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree as (what holds it, its key or index)."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield value, key
            yield from _places(each)
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield value, n
            yield from _places(each)


def _anything(random: Random) -> Any:
    if random.random() < 0.8:
        return random.choice(SCALARS)
    return json.loads(json.dumps(random.choice(SHAPES)))


def _of_another_type(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,30}", value) else [value]
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return str(value)
    return list(value.values()) if isinstance(value, dict) else {str(n): each for n, each in enumerate(value)}


def _nested(random: Random, value: Any) -> Any:
    wrap: Callable[[Any], Any] = random.choice((lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: {"id": inner}))
    for _ in range(random.choice((1, 2, 30, 300))):
        value = wrap(value)
    return value


def _as_json(random: Random, value: Any) -> bytes:
    """JSON as senders write it: packed, spread, in ASCII or not; now and then with a key twice or nested deeper than anybody reads."""
    try:
        text = json.dumps(value, ensure_ascii=random.random() < 0.5, indent=random.choice((None, None, None, 2, "\t")))
    except (ValueError, RecursionError):
        return b"{}"
    how = random.random()
    if how < 0.03:
        text = re.sub(r'("\w+"): ', r"\1: null, \1: ", text, count=1)
    elif how < 0.04:
        text = "[" * 50_000 + text
    elif how < 0.06:
        text = "\ufeff" + text
    elif how < 0.07:
        text = text.replace(": ", ": " + "\n" * 2000, 1)
    return text.encode("utf-8", "surrogatepass")


def _form_changed(random: Random, body: bytes) -> bytes:
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not fields:
        return random.choice((b"", b"&", b"=", b"a", b"%", b"a=%FF&b=%ED%A0%80"))
    n = random.randrange(len(fields))
    name, value = fields[n]
    what = random.randrange(6)
    if what == 0:
        del fields[n]
    elif what == 1:
        fields[n] = (name, _as_text(_anything(random)))
    elif what == 2:
        fields.append((name, _as_text(_anything(random))))
    elif what == 3:
        fields += [(random.choice(NAMES), "x")] * random.choice((1, 5, 1100))
    elif value[:1] in "{[":
        try:
            fields[n] = (name, _as_json(random, _tree_changed(random, json.loads(value))).decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            fields[n] = (name, value[: len(value) // 2])
    else:
        fields[n] = (name, value[: random.randrange(len(value) + 1)])
    text = urlencode(fields, errors="replace")
    return text.replace("%", random.choice(("%", "%", "%", "%%", "%F")), 1).encode()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 500 + b'"><!ENTITY c "' + b"&b;" * 500 + b'">]>'


def _xml_changed(random: Random, body: bytes) -> bytes:
    what = random.randrange(7)
    tags = re.findall(rb"<[A-Za-z][^>]*>", body)
    texts = [text for text in re.findall(rb">([^<>]+)<", body) if text.strip()]
    if what == 0:
        return _ENTITIES + re.sub(rb"<\?xml[^>]*>", b"", body).replace(b">", b">&c;", 3)
    if what == 1 and tags:
        return body.replace(random.choice(tags), b"", 1)
    if what == 2 and tags:
        return body.replace(random.choice(tags), b"<a>" * random.choice((1, 50, 20_000)), 1)
    if what == 3 and texts:
        return body.replace(random.choice(texts), _as_text(_anything(random)).encode("utf-8", "replace"), 1)
    if what == 4 and texts:
        return body.replace(random.choice(texts), b"<![CDATA[" + random.choice(texts) + b"]]>", 1)
    if what == 5:
        return body.replace(b"UTF-8", random.choice((b"UTF-16", b"latin-1", b"no-such", b"UTF-7")), 1)
    return _bytes_changed(random, body)


# Bytes and circumstances


CONTENT_TYPES = (
    "application/json", "application/json; charset=utf-8", "text/xml", "application/xml", FORM, "text/plain", "", "application/x-ndjson",
    "application/cloudevents+json", "application/cloudevents-batch+json", "multipart/form-data; boundary=x", "APPLICATION/JSON", ";",
    "a" * 500,
)  # fmt: skip


def _bytes_changed(random: Random, body: bytes) -> bytes:
    what = random.randrange(10)
    place = random.randrange(len(body) + 1)
    if what == 0:
        return body[:place]
    if what == 1:
        return body[place:]
    if what == 2:
        changed = bytearray(body)
        for _ in range(random.choice((1, 2, 8))):
            if changed:
                changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        return bytes(changed)
    if what == 3:
        return body[:place] + random.randbytes(random.choice((1, 4, 40))) + body[place:]
    if what == 4:
        return body + body
    if what == 5:
        return body.decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-32", "utf-8-sig")))
    if what == 6:
        return body.decode("utf-8", "replace").encode("latin-1", "replace").replace(b"e", b"\xe9", 2)
    if what == 7:
        return random.choice(
            (b"", b" ", b"null", b"0", b'""', b"[]", b"{}", b"true", b"\x00", b"\xff\xfe", b"[" * 20_000, b'{"a":' * 20_000)
        )
    if what == 8:
        return body[:place] + b"\x00" + body[place:]
    return random.randbytes(random.choice((1, 30, 3000)))


def _headers_changed(random: Random, request: Request) -> Mapping[str, str]:
    """The headers that the translation reads, with one of them gone or holding anything."""
    headers = dict(request.headers)
    name = random.choice(PROVIDERS[request.kind].headers) if PROVIDERS[request.kind].headers else "x-nothing"
    if random.random() < 0.3:
        headers.pop(name, None)
    else:
        headers[name] = random.choice(
            ("", " ", "0", "x" * 300, "x" * 3000, "\xff\xfe", "%FF%00", "%ED%A0%80", '"', '"\\', "a,b", "null", "ticket.created")
        )
    return headers


def sent(request: Request, received_at_ms: int = NOW_MS) -> Delivery:
    """The request as the delivery that it is when it comes in."""
    headers = {name.encode(): value.encode("latin-1", "replace") for name, value in request.headers.items()}
    return Delivery(headers=headers, body=request.body, query=request.query.encode(), received_at_ms=received_at_ms)


def options_of(request: Request) -> Any:
    """The options that the recording was made with."""
    return msgspec.convert(request.options, PROVIDERS[request.kind].options)
