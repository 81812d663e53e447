"""CloudEvents 1.0 over HTTP, a generic kind: `type`, `id` and `time` from the attributes, the fields of the event in `data`.

Modes by content type: `application/cloudevents-batch+json` is a batch, `application/cloudevents+json` one structured event,
else the attributes are in `ce-` headers and the body is the data (binary mode). Structured events sent as plain
`application/json` are known by their `specversion`.
The format has no signature of its own. A sender shows one of the source's secrets or tokens as `Authorization: Bearer …` or
`?access_token=…`, or posts to the path with the token, or signs the body as Standard Webhooks do.
https://github.com/cloudevents/spec: bindings/http-protocol-binding.md, formats/json-format.md, http-webhook.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import elements_of, from_base64, value_of
from services.ingest.delivery import Delivery, Translation, WrongContentType
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.standardwebhooks import is_json

BATCH = "application/cloudevents-batch"
STRUCTURED = "application/cloudevents"
ATTRIBUTES = ("specversion", "type", "id", "time", "source")
"""Those that are read of the binary mode's headers."""


def translate(delivery: Delivery, options: Any) -> Translation:
    """The outside forms in the body. Raises Rejected and WrongContentType."""
    media_type = delivery.media_type
    if media_type.startswith(BATCH):  # before the structured mode, whose name it begins with
        _json_only(media_type, BATCH)
        return _batch(value_of(delivery.body), delivery.body)
    if media_type.startswith(STRUCTURED):
        _json_only(media_type, STRUCTURED)
        return Translation(items=[_structured(value_of(delivery.body))])
    if not is_json(media_type):
        raise WrongContentType(f"send {STRUCTURED}+json, {BATCH}+json, or ce- headers with application/json data")
    if any(name in delivery.headers for name in (b"ce-specversion", b"ce-type", b"ce-id")):
        return Translation(items=[_binary(delivery)])
    value = value_of(delivery.body)
    return _batch(value, delivery.body) if isinstance(value, list) else Translation(items=[_structured(value)])


def _json_only(media_type: str, mode: str) -> None:
    if media_type not in (mode, f"{mode}+json"):
        raise WrongContentType(f"of the event formats only JSON is taken: send {mode}+json")


def _batch(value: Any, body: bytes) -> Translation:
    if not isinstance(value, list):
        raise Rejected(Reason.NOT_AN_OBJECT, "a batch is a JSON array of events")
    return Translation(items=[_structured_or_rejected(one) for one in value], original=elements_of(body), many=True)


def _structured_or_rejected(value: Any) -> Any:
    try:
        return _structured(value)
    except Rejected as rejected:
        return rejected


def _structured(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    attributes = {name: said for name, said in value.items() if said is not None}
    data = attributes.get("data")
    if data is None and "data_base64" in attributes:
        data = value_of(from_base64(attributes["data_base64"], "/data_base64"))
    return _event(attributes, data, "/")


def _binary(delivery: Delivery) -> Any:
    attributes = {name: _header_text(delivery, name) for name in ATTRIBUTES if f"ce-{name}".encode() in delivery.headers}
    return _event(attributes, value_of(delivery.body) if delivery.body else {}, "/ce-")


def _header_text(delivery: Delivery, name: str) -> str:
    raw = delivery.headers[f"ce-{name}".encode()].strip()
    if len(raw) >= 2 and raw[:1] == raw[-1:] == b'"':
        raw = raw[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Rejected(Reason.NOT_UTF8, "the header is not UTF-8 behind its percent signs", f"/ce-{name}") from None


def _event(attributes: dict[str, Any], data: Any, prefix: str) -> Any:
    if not isinstance(specversion := attributes.get("specversion"), str) or not specversion.startswith("1."):
        reason = Reason.MISSING_FIELD if specversion is None else Reason.BAD_FIELD
        raise Rejected(reason, "a CloudEvent names its specversion, which is 1.0", f"{prefix}specversion")
    for name in ("type", "id"):
        if name not in attributes:
            raise Rejected(Reason.MISSING_FIELD, f"a CloudEvent has the attribute {name}", f"{prefix}{name}")
    if not isinstance(data, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "data is an object with the fields of a canonical event", "/data" if prefix == "/" else "")
    at = {"occurred_at": attributes["time"]} if "time" in attributes else {}
    return {**data, **at, "type": attributes["type"], "id": attributes["id"]}


def handshake(delivery: Delivery) -> Sequence[tuple[bytes, bytes]]:
    """The headers that permit the sender that asks to deliver here (the OPTIONS request of http-webhook.md)."""
    origin = delivery.headers.get(b"webhook-request-origin")
    if origin is None:
        return ()
    return ((b"webhook-allowed-origin", origin), (b"webhook-allowed-rate", b"*"))


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket, as one structured event."""
    data = {"ticket_id": unique, "channel": "email"}
    event = {
        "specversion": "1.0",
        "type": "ticket.created",
        "source": "/sample",
        "id": f"{unique}-m",
        "time": rfc3339(now_ms),
        "data": data,
    }
    return Sample(body=msgspec.json.encode(event), headers={"content-type": "application/cloudevents+json"})


PROVIDER = Provider(
    kind="cloudevents",
    title="CloudEvents",
    schemes=("bearer", "standard-webhooks"),
    translate=translate,
    generic=True,
    handshake=handshake,
    headers=("content-type", *[f"ce-{name}" for name in ATTRIBUTES]),
    guide=Guide(
        clicks=(
            "Point the sink, the broker's subscription or the trigger at {url}.",
            "Let it send the secret as `Authorization: Bearer <secret>`; where headers cannot be set, append `?access_token=<secret>`.",
            "The type, id and time of the CloudEvent are those of the event; its data holds the event's fields (see docs/events.md).",
        ),
        secret="A long random text of your own: `openssl rand -hex 32`.",
        delivery="As the sender does it: structured, batched or binary mode; source and id stay the same over retries.",
        links=("https://github.com/cloudevents/spec",),
    ),
    sample=sample,
)
