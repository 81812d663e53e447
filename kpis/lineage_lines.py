"""From the rows of one entity that count to the lines they are told by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from msgspec import Struct

from kpis.contributions import Row
from kpis.dimensions import OUTRIGHT, SETS, named_outright
from kpis.lineage_answer import Contribution, EventLine
from kpis.lineage_reads import Reads
from kpis.measures import BY_KEY, SLOTS, STARTS, Measure, bin_letter
from schemas.canonical import rfc3339
from schemas.events import Event

Received = Callable[[Event], int | None]
"""When an event was received, in ms, where that is known."""


class Found(Struct):
    """An entity that counts, while logs are still being read: `at_ms` orders, newest first."""

    at_ms: int
    entity: str
    counts: list[Contribution]
    attributes: dict[str, str]
    moments: dict[int, set[str]]
    through: str | None = None
    related: list[str] = []
    data: bytes | None = None

    def __lt__(self, other: Found) -> bool:
        return (self.at_ms, self.entity) < (other.at_ms, other.entity)


def found_of(
    entity: str, rows: dict[Row, int], reads: Reads, *, data: bytes | None = None, through: str | None = None, related: Iterable[str] = ()
) -> Found | None:
    """An entity with the rows of it that count; None where they come to nothing (a gauge left before the span)."""
    counts = contributions_of(rows, reads)
    if not counts:
        return None
    newest = max(rows, key=lambda row: row[1])
    moments: dict[int, set[str]] = defaultdict(set)
    for row in rows if data is None else ():  # what an entity's own events made is known exactly
        name = BY_KEY[SLOTS[row[0]][0]].name
        moments[row[1]].add(name)
        moments[row[1] + row[3]].add(name)
    others = sorted(set(related) - {entity})
    return Found(newest[1], entity, counts, said(newest), dict(moments), through, others, data)


def contributions_of(rows: dict[Row, int], reads: Reads) -> list[Contribution]:
    """The rows of one entity that count, as they are told; the steps of a gauge as one line for each state."""
    out: list[tuple[int, Contribution]] = []
    gauges: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, n in rows.items():
        key, cls = SLOTS[row[0]]
        measure = BY_KEY[key]
        if measure.kind == "gauge" and cls != STARTS:
            gauges[key, cls].append((row[1], n))
            continue
        timed = measure.kind == "duration" or bool(bin_letter(measure, cls))
        since = "open since" if cls == STARTS else cls
        value = row[3] / 1000 if timed else None
        beside = not reads.is_value(row)
        out.append((row[1], _contribution(measure, since, row[1], value, n, beside)))
    for (key, cls), steps in gauges.items():
        level = sum(n for _, n in steps)
        inside_ms = sum(n * (reads.end_ms - max(at_ms, reads.start_ms)) for at_ms, n in steps)
        if level or inside_ms:
            at_ms = max(at_ms for at_ms, n in steps if n > 0 or level <= 0)
            seconds = inside_ms / 1000 if reads.end_ms > reads.start_ms else None
            out.append((at_ms, _contribution(BY_KEY[key], cls, at_ms, seconds, level, (key, cls) not in reads.value)))
    return [contribution for _, contribution in sorted(out, key=lambda pair: (pair[0], pair[1].measure, pair[1].cls))]


def _contribution(measure: Measure, cls: str, at_ms: int, seconds: float | None, count: int, beside: bool) -> Contribution:
    return Contribution(measure=measure.name, cls=cls, at=rfc3339(at_ms), value_seconds=seconds, count=count, beside=beside)


def is_sum(measure: Measure, component: str) -> bool:
    """Whether a component holds values rather than counts."""
    return measure.kind == "duration" and component[0] == "x"


def said(row: Row) -> dict[str, str]:
    """The attributes a contribution was counted with, those that were said."""
    attributes = row[2]
    if attributes[0] == OUTRIGHT:
        return dict(named_outright(attributes))
    names = SETS[str(attributes[0])].names
    return {name: value for name, value in zip(names, attributes[1:], strict=True) if value is not None}


def made(step: dict[Row, int], reads: Reads) -> list[str]:
    """The measures of the figure that one event changed."""
    return sorted({BY_KEY[SLOTS[row[0]][0]].name for row in step if reads.counts(row)})


def line_of(event: Event, made: list[str], received: Received) -> EventLine:
    """One event as it is told."""
    at = received(event)
    return EventLine(
        source=event.source, id=event.id, type=event.type, occurred_at=rfc3339(event.occurred_at_ms),
        received_at=None if at is None else rfc3339(at), version=event.version, made=made,
    )  # fmt: skip
