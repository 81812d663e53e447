"""The topic `rejected` as whole dead letters, in the order in which they became whole.

Laws: nothing is created or written by reading; original bytes come out as they came in; a letter whose other parts are gone is
handed out last, marked as such.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from schemas.deadletters import DeadLetter
from schemas.topics import REJECTED
from services.kafka import client_options, end_offsets, read_partition
from services.settings import Settings, topic

ID_FORM = re.compile(r"0-(\d{1,18})")
_APART_MS = 60_000
"""The parts of one letter are written together; so far apart they never are."""
_letter = msgspec.json.Decoder(DeadLetter)


class Kept(NamedTuple):
    """One dead letter: `id` is partition and offset of its first record, `body` the original bytes, `whole` that none is missing."""

    id: str
    rejected_at_ms: int
    letter: DeadLetter
    body: bytes
    whole: bool


class Wanted(NamedTuple):
    """Which dead letters are meant: rejected in [since_ms, until_ms), for one of the reasons, of one source, with one of the ids."""

    since_ms: int | None = None
    until_ms: int | None = None
    reasons: frozenset[str] = frozenset()
    source: str | None = None
    ids: frozenset[str] = frozenset()

    def holds(self, kept: Kept) -> bool:
        """Whether a letter is meant; what is not said does not narrow. An id is that of `Kept` or of the letter itself."""
        return (
            (self.since_ms is None or kept.rejected_at_ms >= self.since_ms)
            and (self.until_ms is None or kept.rejected_at_ms < self.until_ms)
            and (not self.reasons or kept.letter.reason in self.reasons)
            and (self.source is None or kept.letter.source == self.source)
            and (not self.ids or kept.id in self.ids or kept.letter.id in self.ids)
        )


Seen = Callable[[int, int], None]
"""Told now and then how many records have been read, of how many."""


async def letters(settings: Settings, wanted: Wanted, seen: Seen = lambda done, total: None) -> AsyncGenerator[Kept, None]:
    """The letters that are wanted. Raises KafkaError; UnknownTopicOrPartitionError says what to do when the topic is not there."""
    name = topic(settings, REJECTED)
    first = await _first_offset(settings, name, wanted)
    if first is None:
        return
    end = (await end_offsets(settings, name, 1))[0]
    parts = Parts()
    read = read_partition(settings, name, 0, from_offset=first)
    async with contextlib.aclosing(read) as records:  # who wants no more must not leave a consumer open
        async for record in records:
            kept = parts.taken(record)
            if kept is not None and wanted.holds(kept):
                yield kept
            if record.offset % 1000 == 0:
                seen(record.offset - first, end - first)
    seen(end - first, end - first)
    for kept in parts.incomplete():
        if wanted.holds(kept):
            yield kept


class Parts:
    """Joins the records of one letter."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[ConsumerRecord, dict[int, DeadLetter]]] = {}
        self.unreadable = 0

    def taken(self, record: ConsumerRecord) -> Kept | None:
        """The letter that this record makes whole, None while parts are missing (or it is no dead letter: counted)."""
        try:
            letter = _letter.decode(record.value or b"")
            base64.b64decode(letter.body_base64, validate=True)
        except ValueError:
            self.unreadable += 1
            return None
        if letter.parts == 1:
            return _joined(record, {0: letter})
        first, found = self._waiting.setdefault(letter.id, (record, {}))
        found[letter.part] = letter
        if len(found) < letter.parts:
            return None
        del self._waiting[letter.id]
        return _joined(first, found)

    def incomplete(self) -> list[Kept]:
        """The letters of which parts are missing at the end."""
        return [_joined(first, found) for first, found in self._waiting.values()]


def _joined(first: ConsumerRecord, found: dict[int, DeadLetter]) -> Kept:
    ordered = [found[part] for part in sorted(found)]
    body = b"".join(base64.b64decode(letter.body_base64) for letter in ordered)
    return Kept(f"{first.partition}-{first.offset}", first.timestamp, ordered[0], body, len(found) == ordered[0].parts)


async def _first_offset(settings: Settings, name: str, wanted: Wanted) -> int | None:
    """Where reading begins: at the ids or the time that are wanted; None when everything there is older."""
    where = TopicPartition(name, 0)
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        if name not in await consumer.topics():  # asked without naming it, because naming a topic may create it
            raise UnknownTopicOrPartitionError(f"there is no topic {name}: create it with `deskpulse topics`")
        beginning = int((await consumer.beginning_offsets([where]))[where])
        offsets = [int(match[1]) for match in map(ID_FORM.fullmatch, wanted.ids) if match]
        if wanted.ids and len(offsets) == len(wanted.ids):
            return max(beginning, min(offsets))
        if wanted.since_ms is None:
            return beginning
        found = (await consumer.offsets_for_times({where: max(0, wanted.since_ms - _APART_MS)}))[where]
        return None if found is None else max(beginning, int(found.offset))
    finally:
        await consumer.stop()
