"""Our own recordings of requests, one file each under `recordings/<kind>/`, and what a delivery becomes without any service.

A recording is `{"headers"?, "query"?, "options"?, "body" | "text", "events"}`: `body` is sent as JSON, `text` as it stands (a form, XML);
`events` are the canonical events in their order, with the fields that are worth checking. Texts, names and addresses in it hold
the word SECRET, so that one that gets through is seen.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.canonical import event_from
from schemas.events import Event
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.providers import PROVIDERS

NOW_MS = 1_772_450_000_000
"""The receiver's clock of every recording: 2026-03-02T11:13:20Z."""

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"


def recordings() -> list[tuple[str, str, dict[str, Any]]]:
    """Every recording as (kind, name, content)."""
    return [(file.parent.name, file.stem, json.loads(file.read_text())) for file in sorted(RECORDINGS.glob("*/*.json"))]


def delivery_of(recorded: dict[str, Any]) -> Delivery:
    """The request that was recorded."""
    body = recorded["text"].encode() if "text" in recorded else json.dumps(recorded["body"]).encode()
    headers = {"content-type": "application/json", **recorded.get("headers", {})}
    return Delivery(
        headers={name.lower().encode(): value.encode() for name, value in headers.items()},
        body=body,
        query=recorded.get("query", "").encode(),
        received_at_ms=NOW_MS,
    )


def options_of(kind: str, options: dict[str, Any] | None = None) -> Any:
    """The options of a source of this kind, as the configuration would give them."""
    return msgspec.convert(options or {}, PROVIDERS[kind].options)


def became(kind: str, delivery: Delivery, options: Any = None) -> tuple[list[Event], list[str], list[str]]:
    """The events of a delivery, the names that were ignored, and why something was refused. Raises what no provider may raise."""
    provider = PROVIDERS[kind]
    try:
        translation = provider.translate(delivery, options if options is not None else provider.options())
    except (Rejected, WrongContentType) as refusal:
        return [], [], [str(refusal)]
    events, refused = [], []
    for item in translation.items:
        try:
            if isinstance(item, Rejected):
                raise item
            event, stripped = event_from(item, source="a-source", received_at_ms=delivery.received_at_ms)
            assert not stripped or provider.generic, f"fields that no event has: {stripped}"
            events.append(event)
        except Rejected as rejected:
            refused.append(str(rejected))
    return events, list(translation.ignored), refused
