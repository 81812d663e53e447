"""The headers of one attempt: every system signs its raw body with its own secret, at the time of the attempt.

Zendesk signs timestamp + body (developer.zendesk.com/documentation/webhooks/verifying); the generic kinds sign
id.timestamp.body as Standard Webhooks says (github.com/standard-webhooks/standard-webhooks, spec).
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from random import Random

from cli.company.deliveries import Kind


def secret_for(kind: Kind, rng: Random) -> str:
    """A fresh secret in the form that this kind uses."""
    key = base64.b64encode(rng.randbytes(32)).decode()
    return key if kind == "zendesk" else f"whsec_{key}"


def headers(kind: Kind, secret: str, message_id: str, body: bytes, now_ms: int, *, many: bool = False) -> dict[str, str]:
    """What goes with `body` when it is posted at `now_ms`; `many` when the body is an array of events."""
    if kind == "zendesk":
        timestamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "content-type": "application/json",
            "user-agent": "Zendesk Webhook",
            "x-zendesk-webhook-signature-timestamp": timestamp,
            "x-zendesk-webhook-signature": _base64_hmac(secret.encode(), timestamp.encode() + body),
        }
    seconds = str(now_ms // 1000)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = _base64_hmac(key, b".".join((message_id.encode(), seconds.encode(), body)))
    return {
        "content-type": _content_type(kind, many),
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }


def _content_type(kind: Kind, many: bool) -> str:
    if kind == "standardwebhooks":
        return "application/json"
    return "application/cloudevents-batch+json" if many else "application/cloudevents+json"


def _base64_hmac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
