"""What the tests send with: secrets, signatures, an app with a publisher that remembers, and one request to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx

from schemas.codec import decode_record
from schemas.events import Event
from schemas.topics import EVENTS, REJECTED
from services.ingest.app import IngestApp, create_app
from services.ingest.packer import Record, Unavailable
from services.settings import IngestSettings, Settings
from services.source_settings import SourceSettings

NOW_MS = 1_772_450_000_000
KEY = hashlib.sha256(b"only for tests").digest()
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(KEY[::-1]).decode()
ZENDESK_SECRET = "bm90IGRlY29kZWQ="
TOKEN = "a-token-for-the-path"
ENVIRON = {"OLD": OTHER_SECRET, "NEW": SECRET, "ZENDESK": ZENDESK_SECRET, "PATH_TOKEN": TOKEN}
SOURCES = {
    "shop": SourceSettings(kind="standardwebhooks", secret_env=("OLD", "NEW"), token_env=("PATH_TOKEN",)),
    "bus": SourceSettings(kind="cloudevents", secret_env=("NEW",), token_env=("PATH_TOKEN",)),
    "desk": SourceSettings(
        kind="zendesk", secret_env=("ZENDESK",), options={"complaint_tags": ["complaint_delivery"], "functional_teams": ["502"]}
    ),
    "slow": SourceSettings(kind="standardwebhooks", secret_env=("NEW",), rate_per_second=1.0, identity="external_id"),
    "shut": SourceSettings(kind="standardwebhooks", secret_env=("NOT_SET",)),
}
EVENT = {"type": "ticket.solved", "id": "e-1", "occurred_at": "2026-03-02T08:00:00Z", "ticket_id": "42", "customer_id": "7"}


class Remembering:
    """A publisher that keeps what it is given; `away` makes it refuse, `hold` makes it wait."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False
        self.hold: asyncio.Event | None = None

    async def run(self) -> None:
        """Nothing to connect to."""
        await asyncio.Event().wait()

    async def send(self, record: Record) -> None:
        """Keep it, or refuse it."""
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise Unavailable("away")
        self.records.append(record)

    def why_not_ready(self) -> str | None:
        """Ready unless it is away."""
        return "away" if self.away else None

    @property
    def events(self) -> list[Event]:
        """All events, in the order of their records."""
        return [event for record in self.records if record.topic == EVENTS for event in decode_record(record.value)[0]]

    @property
    def letters(self) -> list[dict[str, Any]]:
        """All dead letters."""
        return [json.loads(record.value) for record in self.records if record.topic == REJECTED]


def app_with(publisher: Remembering, *, said: list[str] | None = None, **ingest: Any) -> IngestApp:
    """An app over the sources above at a fixed time."""
    return app_of(SOURCES, publisher, said=said, **ingest)


def app_of(
    sources: Mapping[str, SourceSettings],
    publisher: Remembering,
    *,
    said: list[str] | None = None,
    environ: Mapping[str, str] = ENVIRON,
    **ingest: Any,
) -> IngestApp:
    """An app over sources of one's own at a fixed time."""
    settings = Settings(sources=dict(sources), ingest=IngestSettings(linger_ms=0, **ingest))
    return create_app(settings, publisher, lambda: NOW_MS, environ=environ, say=([] if said is None else said).append)


def signed(body: bytes, *, key: bytes = KEY, message_id: str = "msg-1", at_ms: int = NOW_MS) -> dict[str, str]:
    """The headers of Standard Webhooks for a body."""
    timestamp = str(at_ms // 1000)
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(digest).decode()}


def signed_by_zendesk(body: bytes, *, secret: str = ZENDESK_SECRET, timestamp: str = "2026-03-02T11:13:20Z") -> dict[str, str]:
    """The headers of Zendesk for a body."""
    digest = hmac.digest(secret.encode(), timestamp.encode() + body, "sha256")
    return {"x-zendesk-webhook-signature": base64.b64encode(digest).decode(), "x-zendesk-webhook-signature-timestamp": timestamp}


async def post(
    app: IngestApp, path: str, body: bytes, headers: Mapping[str, str], content_type: str | None = "application/json", method: str = "POST"
) -> httpx.Response:
    """One request to the app, over ASGI."""
    kind = {} if content_type is None else {"content-type": content_type}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=True), base_url="http://ingest") as client:
        return await client.request(method, path, content=body, headers={**kind, **headers})


async def post_signed(
    app: IngestApp, value: Any, *, path: str = "/webhooks/shop", content_type: str = "application/json"
) -> httpx.Response:
    """One signed delivery to a source of the kind standardwebhooks; bytes go as they are, other values as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return await post(app, path, body, signed(body), content_type)
