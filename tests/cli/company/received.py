"""What the company posts, taken in as ingest does it: proof checked, translated by the adapter, made canonical events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cli.company import signing
from cli.company.deliveries import Delivery as Posted
from cli.demo_settings import demo_settings
from schemas.canonical import event_from
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.sources import Proof, Source, configured

NOW_MS = 1_767_609_000_000
"""2026-01-05T10:30Z, a Monday morning."""


def received(posted: Iterable[Posted], folder: Path, at_ms: int = NOW_MS) -> list[Event]:
    """Every canonical event that the real adapters make of these deliveries, signed and received at an instant."""
    demo = demo_settings(folder, "127.0.0.1:1", 8081)
    unready: list[str] = []
    sources = configured(demo.settings, demo.environment, unready.append)
    assert not unready
    return [event for one in posted for event in _let_in(sources[one.source], one, demo.secrets[one.source], at_ms)]


def _let_in(source: Source, posted: Posted, secret: str, at_ms: int) -> list[Event]:
    headers = signing.headers(posted.kind, secret, posted.id, posted.body, at_ms)
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    delivery = Delivery(headers=raw, body=posted.body, received_at_ms=at_ms)
    assert source.proof(delivery, None) is not Proof.NONE
    found = []
    for item in source.provider.translate(delivery, source.options).items:
        event, stripped = event_from(
            item, source=source.name, received_at_ms=at_ms, ticket_source=source.ticket_source, customer_prefix=source.customer_prefix
        )
        assert not stripped
        found.append(event)
    assert found
    return found
