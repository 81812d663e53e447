"""Dead letters once more: translated by the settings of now, as of the time when they were first received.

Laws: nothing is written to `rejected`, however often it is tried; equal letters give equal events with equal ids, so replaying
twice counts once. No signature is asked: only bodies of verified senders were kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from schemas.codec import decode_record
from schemas.deadletters import AGGREGATOR, PARAMETER, DeadLetter
from schemas.events import Event
from schemas.rejections import Reason, Rejected
from services.ingest.admission import admitted, packed
from services.ingest.bodies import JSON_LINES
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.packer import Packed
from services.ingest.sources import Source

FINAL: Mapping[Reason, str] = {
    Reason.CLOCK_AHEAD: "the sender's clock was ahead when it was received, and still is as of then: the sender must send it again",
    Reason.CONFLICTING_ID: "the id stands for other content already: a correction needs a higher version",
    Reason.BEYOND_RETENTION: "the entity's log is gone: only an archive of events, restored as a whole, brings it back",
    Reason.ENTITY_TOO_LARGE: "the entity's log is full, and stays so",
}
"""Reasons that sending again cannot change, with what to tell whoever tries."""
SOURCE_UNKNOWN = "source_unknown"
WRONG_CONTENT_TYPE = "wrong_content_type"


class Still(Struct, frozen=True, kw_only=True):
    """What cannot be used this time either: the reason now, where, and what was found."""

    reason: str
    detail: str
    pointer: str = ""


class Again(Struct, frozen=True, kw_only=True):
    """What a dead letter comes to now: `into` is what is to be published for so many `events`, `ignored` says nothing to a KPI."""

    into: Sequence[Packed] = ()
    events: int = 0
    ignored: int = 0
    still: Sequence[Still] = ()


class Replay:
    """Judges dead letters by the sources of now. `partitions` are those of `events`."""

    def __init__(self, sources: Mapping[str, Source], partitions: int) -> None:
        self._sources = sources
        self._partitions = partitions

    def judged(self, letter: DeadLetter, body: bytes, now_ms: int) -> Again:
        """What one letter comes to; `body` are its original bytes, `now_ms` is when its events arrive in `events`. Never raises."""
        if letter.kind == AGGREGATOR:
            events, bad = decode_record(body if body.lstrip()[:1] == b"[" else b"[" + body + b"]")
            return self._published(events, now_ms, 0, [Still(reason=Reason.BAD_FIELD.value, detail=why) for _, why in bad])
        source = self._sources.get(letter.source)
        if source is None:
            return Again(still=[Still(reason=SOURCE_UNKNOWN, detail=f"add the block [sources.{letter.source}] with its kind first")])
        delivery = delivery_of(letter, body)
        try:
            translation = source.provider.translate(delivery, source.options)
        except Rejected as rejected:
            return Again(still=[_still(rejected)])
        except WrongContentType as error:
            return Again(still=[Still(reason=WRONG_CONTENT_TYPE, detail=str(error))])
        events, still = [], []
        for item in translation.items:
            try:
                events.append(admitted(item, source, letter.received_at_ms)[0])
            except Rejected as rejected:
                still.append(_still(rejected))
        return self._published(events, now_ms, len(translation.ignored), still)

    def _published(self, events: Sequence[Event], now_ms: int, ignored: int, still: list[Still]) -> Again:
        into: list[Packed] = []
        accepted = 0
        for event in events:
            try:
                into += packed(msgspec.structs.replace(event, received_at_ms=now_ms), self._partitions)
                accepted += 1
            except Rejected as rejected:
                still.append(_still(rejected))
        return Again(into=into, events=accepted, ignored=ignored, still=still)


def delivery_of(letter: DeadLetter, body: bytes) -> Delivery:
    """The delivery that a letter stands for: the whole body, or one item in a delivery of its own that knows its old place."""
    headers = {name.encode(): value.encode("latin-1", "replace") for name, value in letter.headers.items() if name[:1] != PARAMETER}
    query = urlencode({name[1:]: value for name, value in letter.headers.items() if name[:1] == PARAMETER}).encode()
    whole = Delivery(headers=headers, query=query, body=body, received_at_ms=letter.received_at_ms, first_ordinal=letter.ordinal or 0)
    if letter.ordinal is None or whole.media_type in JSON_LINES:
        return whole
    return msgspec.structs.replace(whole, body=b"[" + body + b"]")


def _still(rejected: Rejected) -> Still:
    return Still(reason=rejected.reason.value, detail=rejected.detail, pointer=rejected.pointer)
