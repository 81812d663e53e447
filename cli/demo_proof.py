"""The proof at the end of a demonstration: every figure that the API serves, computed again from the events alone.

The events are read back from Kafka, so what is compared is all that was accepted, in the form in which it was kept. Compared is
everything that a figure promises; `watermark`, `revision`, `late_applied` and `quality` depend on when things arrived and are
not (they are facts about the publication).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import msgspec

from kpis.query import Anchor, Query
from schemas.canonical import millis_from
from schemas.codec import decode_record, encode_event
from schemas.events import Event, TicketAbsorbed
from schemas.figures import Figure
from schemas.topics import EVENTS
from services.kafka import read_partition
from services.settings import Settings, topic

PUBLICATION = frozenset({"watermark", "revision", "late_applied", "quality"})
_TOLERANCE = 1e-9
"""Both sides run the same arithmetic on the same integers; only the trip through JSON lies between."""


class Reader(Protocol):
    """A board over a fixed set of events, read at a fixed instant."""

    def read(self, query: Query) -> list[Figure]:
        """Every figure that the query asks for. Raises Unanswerable."""


ReaderAt = Callable[[int], Reader]
"""The board over the events at an instant (ms)."""


class Question(NamedTuple):
    """KPIs that can be asked together: split by nothing, one dimension or a pair, by one anchor (None: their own)."""

    kpis: tuple[str, ...]
    by: tuple[str, ...] = ()
    anchor: Anchor | None = None

    def parameters(self) -> dict[str, list[str]]:
        """The question as the API's query string."""
        found = {"kpi": list(self.kpis)}
        if self.by:
            found["by"] = [",".join(self.by)]
        if self.anchor:
            found["anchor"] = [self.anchor]
        return found


class Difference(NamedTuple):
    """One field of one figure in which the API and the computation differ; a figure that only one of them has differs in `figure`."""

    kpi: str
    window: str
    anchor: str
    dims: str
    field: str
    served: Any
    computed: Any


class Proof(NamedTuple):
    """How much was compared, what was served for the totals, and what differed."""

    events: int
    compared: int
    totals: list[Figure]
    differences: list[Difference]


def questions(catalogue: Sequence[Mapping[str, Any]], pairs: Sequence[tuple[str, str]]) -> Iterator[Question]:
    """All that can be asked of the figures of now, by each anchor: the total, each dimension, each configured pair.

    The first question is for the totals of all KPIs by their own anchor.
    """
    yield Question(tuple(str(entry["id"]) for entry in catalogue))
    anchors: list[Anchor] = sorted({anchor for entry in catalogue for anchor in entry["anchors"]})
    dimensions = sorted({name for entry in catalogue for name in entry["dimensions"]})
    for anchor in anchors:
        entries = [entry for entry in catalogue if anchor in entry["anchors"]]
        for by in [(), *((name,) for name in dimensions), *pairs]:
            kpis = tuple(str(entry["id"]) for entry in entries if set(by) <= set(entry["dimensions"]))
            if kpis:
                yield Question(kpis, tuple(by), anchor)


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
                    found += differences(served, reader.read(Query(kpis=question.kpis, by=question.by, anchor=question.anchor)))
                compared += len(served)
                progress(len(served))
        finally:
            for answer in answers:
                answer.cancel()
    return Proof(len(events), compared, totals, found)


def differences(served: Sequence[Figure], computed: Sequence[Figure]) -> list[Difference]:
    """Where two sets of figures differ: a figure that is missing on one side, or a field of one that is on both."""
    ours, theirs = ({_name(figure): figure for figure in figures} for figures in (served, computed))
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if (name not in ours or name not in theirs) and (ours.get(name) or theirs[name]).n == 0:
            continue  # one side remembers a value of a dimension of which everything was taken back
        left, right = (msgspec.to_builtins(side.get(name)) for side in (ours, theirs))
        if left is None or right is None:
            found.append(Difference(*name, "figure", left and "there", right and "there"))
            continue
        fields = sorted((left.keys() | right.keys()) - PUBLICATION)
        found += [
            Difference(*name, field, left.get(field), right.get(field)) for field in fields if not _equal(left.get(field), right.get(field))
        ]
    return found


def _name(figure: Figure) -> tuple[str, str, str, str]:
    return figure.kpi, figure.window, figure.anchor, ", ".join(f"{name}={value}" for name, value in sorted(figure.dims.items()))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) or isinstance(right, float):
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return numbers and math.isclose(left, right, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(left == right)


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
