"""A mapping that was wrong is put right, what it kept out is replayed, and the figures are as if it had been right from the start."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from kpis import batch
from schemas.codec import decode_event
from schemas.deadletters import DeadLetter
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.door import Door
from services.ingest.metrics import Metrics
from services.ingest.packer import Packer
from services.ingest.replay import Replay
from services.ingest.sources import Source, configured
from services.settings import Settings
from services.source_settings import SourceSettings
from tests.services.aggregator.shards import LEVELS, PAIRS
from tests.services.aggregator.workers import comparable
from tests.services.ingest.senders import NOW_MS, Remembering

PARTITIONS = 4
START_MS = NOW_MS - 3_600_000


def hubspot_body() -> list[dict[str, Any]]:
    """Tickets that are created, then moved to a stage of the company's own, and solved by another."""
    said = []
    for ticket in range(6):
        about = {"portalId": 1, "subscriptionId": 2, "objectId": 100 + ticket, "attemptNumber": 0}
        at = START_MS + ticket * 60_000
        said.append({**about, "eventId": 10 + ticket, "occurredAt": at, "subscriptionType": "ticket.creation"})
        for minutes, stage in ((5, "7001"), (10 + ticket, "7002")):
            change = {"subscriptionType": "ticket.propertyChange", "propertyName": "hs_pipeline_stage", "propertyValue": stage}
            said.append({**about, **change, "eventId": 100 * minutes + ticket, "occurredAt": at + minutes * 60_000})
    return said


def mapped_body() -> list[dict[str, Any]]:
    """Calls of a telephone system that nobody knows, with words of its own for how they are given up."""
    said = []
    for call in range(6):
        at = START_MS // 1000 + call * 60
        said.append({"what": "ring", "call": f"c{call}", "at": at, "n": f"{call}a"})
        said.append({"what": "gone", "call": f"c{call}", "at": at + 30, "n": f"{call}b", "why": "hung-up-by-caller"})
    return said


MAPPING = {
    "name": "what",
    "id": "n",
    "time": "at",
    "fields": {"call_id": "call"},
    "messages": {"ring": {"becomes": "call.queued"}, "gone": {"becomes": "call.abandoned", "fields": {"reason": "why"}}},
}


def source_with(kind: str, options: dict[str, Any]) -> dict[str, Source]:
    """One source of a kind, by its name."""
    settings = Settings(sources={"a": SourceSettings(kind=kind, secret_env=("S",), options=options)})
    return configured(settings, {"S": "X-Key: a secret of a test"}, lambda _: None)


async def taken(source: Source, body: bytes) -> tuple[list[Event], list[tuple[DeadLetter, bytes]]]:
    """The events of a delivery, and the dead letters with their bodies."""
    publisher = Remembering()
    door = Door(Packer(publisher.send, linger_ms=0), PARTITIONS, Metrics({source.name: source.standing("here")}))
    await door.take(source, Delivery(headers={b"content-type": b"application/json"}, body=body, received_at_ms=NOW_MS))
    letters = [msgspec.convert(letter, DeadLetter) for letter in publisher.letters]
    return publisher.events, [(letter, base64.b64decode(letter.body_base64)) for letter in letters]


def figures(events: list[Event]) -> dict[bytes, bytes]:
    """Everything that is counted of some events, whatever their order."""
    return comparable(batch.run(events, levels=LEVELS, pairs=PAIRS, now_ms=NOW_MS).cells, NOW_MS)


@pytest.mark.parametrize(
    ("kind", "body", "wrong", "right", "kept_out"),
    [
        pytest.param("hubspot", hubspot_body(), {}, {"statuses": {"7001": "pending", "7002": "solved"}}, 12, id="hubspot"),
        pytest.param("mapping", mapped_body(), MAPPING, {**MAPPING, "words": {"reason": {"hung-up-by-caller": "caller"}}}, 6, id="mapping"),
    ],
)
async def test_the_figures_are_as_if_it_had_been_right(
    kind: str, body: list[dict[str, Any]], wrong: dict[str, Any], right: dict[str, Any], kept_out: int
) -> None:
    sent = json.dumps(body).encode()
    at_first, letters = await taken(source_with(kind, wrong)["a"], sent)
    assert len(letters) == kept_out
    replay = Replay(source_with(kind, right), PARTITIONS)
    again = [replay.judged(letter, original, NOW_MS + 1000) for letter, original in letters]
    assert [one.still for one in again] == [[]] * kept_out
    replayed = [decode_event(packed.encoded) for one in again for packed in one.into]
    expected, none = await taken(source_with(kind, right)["a"], sent)
    assert none == []
    assert figures([*at_first, *replayed, *replayed]) == figures(expected) != figures(at_first)
