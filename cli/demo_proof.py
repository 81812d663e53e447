"""The proof at the end of a demonstration: every figure that the API serves, computed again from the events alone.

The events are read back from Kafka, so what is compared is all that was accepted, in the form in which it was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import msgspec

from cli.auditing.comparison import Difference, Question, differences, questions
from kpis.query import Query
from schemas.canonical import millis_from
from schemas.codec import decode_record, encode_event
from schemas.events import Event, TicketAbsorbed
from schemas.figures import Figure
from schemas.topics import EVENTS
from services.kafka import read_partition
from services.settings import Settings, topic


class Reader(Protocol):
    """A board over a fixed set of events, read at a fixed instant."""

    def read(self, query: Query) -> list[Figure]:
        """Every figure that the query asks for. Raises Unanswerable."""


ReaderAt = Callable[[int], Reader]
"""The board over the events at an instant (ms)."""


class Proof(NamedTuple):
    """How much was compared, what was served for the totals, and what differed."""

    events: int
    compared: int
    totals: list[Figure]
    differences: list[Difference]


async def events_kept(settings: Settings, file: Path) -> list[Event]:
    """All events that the sources sent, read back from Kafka and written to `file` too, one in a line.

    What the aggregator itself sends between its shards (the log of a merged ticket) is no event of a source and left out.
    """
    found: list[Event] = []
    with file.open("wb") as lines:
        for partition in range(settings.kafka.partitions):
            async for record in read_partition(settings, topic(settings, EVENTS), partition):
                events, bad = decode_record(record.value)
                if bad:
                    raise ValueError(f"{EVENTS}/{partition} holds a record that cannot be read at {record.offset}: {bad[0][1]}")
                for event in events:
                    if not isinstance(event, TicketAbsorbed):
                        found.append(event)
                        lines.write(encode_event(event) + b"\n")
    return found


def prove(
    api_url: str, events: Sequence[Event], reader_at: ReaderAt, pairs: Sequence[tuple[str, str]], progress: Callable[[int], None]
) -> Proof:
    """Ask the API everything, compute the same at the instant of its answer, and compare. Raises httpx.HTTPError.

    The next answer is fetched while the last one is checked: they are the work of two processes.
    """
    totals: list[Figure] = []
    found: list[Difference] = []
    compared = 0
    with httpx.Client(base_url=api_url, timeout=120) as client, ThreadPoolExecutor(1) as fetching:
        asked = list(questions(_catalogue(client), pairs))
        answers = [fetching.submit(_served, client, question) for question in asked]
        try:
            for question, answer in zip(asked, answers, strict=True):
                served = answer.result()
                totals = totals or served
                if served:
                    reader = reader_at(millis_from(served[0].as_of))
                    found += differences(served, reader.read(question.query()))
                compared += len(served)
                progress(len(served))
        finally:
            for answer in answers:
                answer.cancel()
    return Proof(len(events), compared, totals, found)


def _catalogue(client: httpx.Client) -> list[dict[str, Any]]:
    found = _json(client, "/v1/kpis", {})
    listed: list[dict[str, Any]] = found["kpis"] if isinstance(found, dict) else found
    return listed


def _served(client: httpx.Client, question: Question) -> list[Figure]:
    return msgspec.convert(_json(client, "/v1/figures", question.parameters())["figures"], list[Figure])


def _json(client: httpx.Client, path: str, parameters: Mapping[str, list[str]]) -> Any:
    response = client.get(path, params=parameters)
    response.raise_for_status()
    return response.json()
