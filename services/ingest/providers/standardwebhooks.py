"""Standard Webhooks, the generic kind: any system that writes canonical events and signs them feeds every KPI.

The body is one event, an array of them or JSON Lines; an event is flat, or in the envelope `{type, timestamp, data}` with its
fields in `data`. An event without an id takes the `webhook-id`, which senders keep over retries, and in an array its ordinal.
Signature: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Rejected
from services.ingest.bodies import JSON_LINES, elements_of, lines_of, value_of
from services.ingest.delivery import Delivery, Translation, WrongContentType
from services.ingest.providers.provider import Guide, Provider, Sample


def is_json(media_type: str) -> bool:
    """Whether a content type is JSON; none at all is taken for JSON too."""
    return media_type in ("application/json", "", "text/json") or media_type.endswith("+json")


def translate(delivery: Delivery, options: Any) -> Translation:
    """The outside forms in the body. Raises Rejected and WrongContentType."""
    message_id = delivery.header(b"webhook-id")
    media_type = delivery.media_type
    if media_type in JSON_LINES:
        values, line = lines_of(delivery.body)
        return Translation(items=_in_array(values, message_id, delivery.first_ordinal), original=line, many=True)
    if not is_json(media_type):
        raise WrongContentType("send application/json (one event or an array) or application/x-ndjson (one event in each line)")
    value = value_of(delivery.body)
    if isinstance(value, list):
        return Translation(items=_in_array(value, message_id, delivery.first_ordinal), original=elements_of(delivery.body), many=True)
    return Translation(items=[flattened(value, message_id)])


def _in_array(values: list[Any], message_id: str, first: int) -> list[Any]:
    return [flattened(value, f"{message_id}:{ordinal}" if message_id else "") for ordinal, value in enumerate(values, first)]


def flattened(value: Any, message_id: str) -> Any:
    """A flat event from the flat form or the envelope, with the id of its message where it has none of its own."""
    if isinstance(value, Rejected) or not isinstance(value, dict):
        return value
    data = value.get("data")
    if isinstance(data, dict):
        around = {name: said for name, said in value.items() if name not in ("data", "timestamp")}
        at = {"occurred_at": value["timestamp"]} if "timestamp" in value else {}
        value = {**at, **around, **data, "type": value.get("type", data.get("type"))}
    if message_id and value.get("id") is None:
        value = {**value, "id": message_id}
    return value


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    event = {"type": "ticket.created", "id": f"{unique}-m", "ticket_id": unique, "occurred_at": rfc3339(now_ms), "channel": "email"}
    return Sample(body=msgspec.json.encode(event))


PROVIDER = Provider(
    kind="standardwebhooks",
    title="Standard Webhooks",
    schemes=("standard-webhooks",),
    translate=translate,
    generic=True,
    guide=Guide(
        clicks=(
            "Let the system post to {url} what happened, as one event, an array of events or JSON Lines (see docs/events.md).",
            "Sign each request with a Standard Webhooks library and the secret.",
        ),
        secret='`whsec_` and base64 of 24 to 64 random bytes: `echo "whsec_$(openssl rand -base64 24)"`. It is decoded before use.',
        delivery="As the sender does it: keep the `webhook-id` over retries, send late rather than not at all.",
        links=("https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",),
    ),
    sample=sample,
)
