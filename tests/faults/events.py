"""The company's deliveries as the events that ingest makes of them, without a broker."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from cli.company import signing
from cli.demo_settings import demo_settings
from schemas.canonical import event_from
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.sources import configured
from tests.faults.load import NOW_MS, company


def events_of_company(seed: int, count: int, folder: Path) -> list[Event]:
    """What the first deliveries of a company become, repetitions included."""
    demo = demo_settings(folder, "127.0.0.1:1", 8081)
    sources = configured(demo.settings, demo.environment, lambda text: None)
    found: list[Event] = []
    for posted in islice(company(seed), count):
        source = sources[posted.source]
        headers = signing.headers(posted.kind, demo.secrets[posted.source], posted.id, posted.body, NOW_MS)
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        delivery = Delivery(headers=raw, body=posted.body, received_at_ms=NOW_MS)
        for item in source.provider.translate(delivery, source.options).items:
            event, _ = event_from(
                item, source=source.name, received_at_ms=NOW_MS, ticket_source=source.ticket_source, customer_prefix=source.customer_prefix
            )
            found.append(event)
    return found
