"""From a verified delivery to its answer: translate, let in what is usable, keep the rest in `rejected`, then answer.

Law: the answer is given after Kafka has acknowledged every accepted event and every dead letter; before that nothing is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from schemas.rejections import Rejected
from schemas.topics import REJECTED
from services.ingest.admission import admitted, packed
from services.ingest.answers import Answer, Fault, counted, problem
from services.ingest.deadletters import harmless, letters
from services.ingest.delivery import Delivery, Translation, WrongContentType
from services.ingest.metrics import Metrics
from services.ingest.packer import Packed, Packer
from services.ingest.sources import Source

LETTERS_MAX = 1000
"""Beyond so many bad items the delivery is kept once, as a whole: a body of commas must not become a million records."""

FAULTS_MAX = 100
_PAUSE_EVERY = 50
"""Items between two pauses, so that a large delivery does not hold up the others."""


class Taken(Struct, frozen=True):
    """What became of one delivery: events accepted, messages ignored, items rejected, and the answer for the sender."""

    answer: Answer
    accepted: int = 0
    ignored: int = 0
    rejected: int = 0


class Door:
    """Takes verified deliveries. Raises Unavailable when Kafka cannot acknowledge; then the sender must come again."""

    def __init__(self, packer: Packer, partitions: int, metrics: Metrics) -> None:
        self._packer = packer
        self._partitions = partitions
        self._metrics = metrics

    async def take(self, source: Source, delivery: Delivery) -> Taken:
        """Let one delivery in."""
        try:
            translation = source.provider.translate(delivery, source.options)
        except WrongContentType as error:
            return Taken(problem(415, str(error), headers=((b"accept", b"application/json"),)))
        except Rejected as rejected:
            await asyncio.gather(*self._keep(source, delivery, [(0, rejected)], None))
            self._metrics.rejected(source.name, rejected.reason)
            return _taken(source, 0, 0, [(0, rejected)], many=False)
        for name in translation.ignored:
            self._metrics.ignored(source.name, name, source.provider.lines)
        if len(translation.items) == 1:
            into, faults = self._let_in(source, delivery, translation.items, 0)
        else:
            into, faults = [], []
            for start in range(0, len(translation.items), _PAUSE_EVERY):
                more, wrong = self._let_in(source, delivery, translation.items[start : start + _PAUSE_EVERY], start)
                into += more
                faults += wrong
                await asyncio.sleep(0)
        receipt = self._packer.put(into)
        if faults:
            await asyncio.gather(receipt, *self._keep(source, delivery, faults, translation))
            for _, fault in faults:
                self._metrics.rejected(source.name, fault.reason)
        else:
            await receipt
        accepted = len(translation.items) - len(faults)
        if accepted:
            self._metrics.accepted(source.name, accepted)
        return _taken(source, accepted, len(translation.ignored), faults, many=translation.many)

    def _let_in(
        self, source: Source, delivery: Delivery, items: Sequence[Any], start: int
    ) -> tuple[list[Packed], list[tuple[int, Rejected]]]:
        into: list[Packed] = []
        faults: list[tuple[int, Rejected]] = []
        for ordinal, item in enumerate(items, start):
            try:
                event, stripped = admitted(item, source, delivery.received_at_ms)
                into += packed(event, self._partitions)
            except Rejected as rejected:
                faults.append((ordinal, rejected))
                continue
            if stripped:
                self._metrics.stripped(source.name, len(stripped))
        return into, faults

    def _keep(
        self, source: Source, delivery: Delivery, faults: Sequence[tuple[int, Rejected]], translation: Translation | None
    ) -> list[asyncio.Future[None]]:
        """Send the dead letters of one delivery; the futures resolve when they are acknowledged."""
        original = None if translation is None else translation.original
        lost: list[tuple[int | None, Rejected, bytes]]
        if original is None or len(faults) > LETTERS_MAX:
            lost = [(None, faults[0][1], delivery.body)]
        else:
            lost = [(ordinal, rejected, original(ordinal)) for ordinal, rejected in faults]
        headers = harmless(delivery)
        return [
            self._packer.put_alone(REJECTED, 0, key, value)
            for ordinal, rejected, body in lost
            for key, value in letters(rejected, source.masked(body), source, delivery.received_at_ms, ordinal, headers)
        ]


def _taken(source: Source, accepted: int, ignored: int, faults: Sequence[tuple[int, Rejected]], *, many: bool) -> Taken:
    return Taken(_answer(source, accepted, ignored, faults, many=many), accepted, ignored, len(faults))


def _answer(source: Source, accepted: int, ignored: int, faults: Sequence[tuple[int, Rejected]], *, many: bool) -> Answer:
    if not faults or not source.provider.generic:
        return counted(accepted, ignored, len(faults))
    listed = [Fault(ordinal, rejected.pointer, f"{rejected.reason}: {rejected.detail}") for ordinal, rejected in faults[:FAULTS_MAX]]
    if accepted:
        return counted(accepted, ignored, len(faults), listed)
    first = faults[0][1]
    what = f"none of the {len(faults)} events can be used; the first" if many else "the event cannot be used"
    place = f" at {first.pointer}" if first.pointer else ""
    return problem(422, f"{what}{place}: {first.detail}. Correct it and send it again", faults=listed)
