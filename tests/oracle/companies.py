"""The events that are compared: a simulated company's, through the real adapters, and many small random worlds side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cli.company import pace, signing
from cli.company.deliveries import Delivery as Posted
from cli.company.deliveries import deliveries
from cli.demo_settings import demo_settings
from schemas.canonical import event_from
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.sources import Source, configured

NOW_MS = 1_767_609_450_000
"""2026-01-05T10:37:30Z, a Monday morning: no window but the shortest begins where its buckets do."""


def simulated(seed: int, size: float, folder: Path, now_ms: int = NOW_MS) -> list[Event]:
    """The canonical events of a company's last month, as its systems would have sent them."""
    demo = demo_settings(folder, "127.0.0.1:1", 8081)
    unready: list[str] = []
    sources = configured(demo.settings, demo.environment, unready.append)
    assert not unready
    found: list[Event] = []
    for posted in deliveries(seed, pace.start_ms(now_ms), now_ms, pace.rate(now_ms, size=size)):
        found += _let_in(sources[posted.source], posted, demo.secrets[posted.source], now_ms)
    return [event for event in found if event.occurred_at_ms <= now_ms]


def _let_in(source: Source, posted: Posted, secret: str, now_ms: int) -> list[Event]:
    headers = signing.headers(posted.kind, secret, posted.id, posted.body, now_ms)
    delivery = Delivery(headers={name.encode(): value.encode() for name, value in headers.items()}, body=posted.body, received_at_ms=now_ms)
    return [
        event_from(
            item, source=source.name, received_at_ms=now_ms, ticket_source=source.ticket_source, customer_prefix=source.customer_prefix
        )[0]
        for item in source.provider.translate(delivery, source.options).items
    ]


def side_by_side(worlds: Sequence[Sequence[Event]]) -> list[Event]:
    """Several worlds as one company: each with sources and customers of its own, and a brand, by which its figures stay apart."""
    return [
        msgspec.structs.replace(
            event, source=f"w{number}", brand=f"w{number}", customer_id=event.customer_id and f"w{number}{event.customer_id}"
        )
        for number, world in enumerate(worlds)
        for event in world
    ]
