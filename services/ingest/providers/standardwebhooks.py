"""Standard Webhooks, the generic kind: any system that writes canonical events and signs them feeds every KPI.

The body is one event, an array of them or JSON Lines; an event is flat, or in the envelope `{type, timestamp, data}` with its
fields in `data`. An event without an id takes the `webhook-id`, which senders keep over retries, and in an array its ordinal.
Signature: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from typing import Any

from schemas.rejections import Rejected
from services.ingest.bodies import JSON_LINES, elements_of, lines_of, value_of
from services.ingest.delivery import Delivery, Translation, WrongContentType
from services.ingest.providers.provider import Credentials, Provider, Verify, signed_by
from services.ingest.signatures import SCHEMES


def verifier(credentials: Credentials) -> Verify:
    """The check of the signature headers `webhook-id`, `webhook-timestamp` and `webhook-signature`."""
    return signed_by(SCHEMES["standard-webhooks"], credentials.secrets)


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


PROVIDER = Provider(kind="standardwebhooks", verifier=verifier, translate=translate, generic=True)
