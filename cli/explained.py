"""A lineage from events at hand, and a lineage as text: the same lines whether it came from the API, the topic or a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cli.terminal import stdout, table
from kpis.batch import Batch
from kpis.controls import InForce
from kpis.lifecycles.ledger import Rules
from kpis.lineage import Trail
from kpis.lineage_answer import Lineage
from kpis.lineage_left_out import REASONS
from kpis.query import Query
from kpis.reading import Reader
from schemas.events import Event

EVENTS_SHOWN = 6
"""Events of an entity in the table, those that made it count first; --json tells all."""


def received_times(events: Iterable[Event], before_ms: int) -> dict[tuple[str, str, int], int]:
    """When each event was received, by (source, id, version): of events that say so, and not of those this program took itself."""
    return {(e.source, e.id, e.version): e.received_at_ms for e in events if 0 < e.received_at_ms < before_ms}


def lineage_of(
    done: Batch, reader: Reader, query: Query, *, controls: InForce, limit: int, received: Mapping[tuple[str, str, int], int]
) -> Lineage:
    """The lineage of one figure of a batch. Raises Unanswerable."""
    trail = Trail(reader, query, controls=controls, rules=Rules(reader.cells.levels.zone, reader.cells.dimension_pairs), limit=limit)

    def received_at(event: Event) -> int | None:
        return received.get((event.source, event.id, event.version))

    for name, data in done.books.items():
        trail.ledger(name, data)
    for name, data in done.logs.items():
        trail.entity(name, data, received_at)
    for refused in done.entities.refused:
        trail.refused(refused.event, refused.reason.value, refused.detail)
    return trail.answer(received=received_at)


def print_lineage(lineage: Mapping[str, Any]) -> None:
    """A lineage (as plain data) as text: the formula filled in, who counts, who is left out and why, what corrected it."""
    figure = lineage["figure"]
    cut = " ".join(f"{name}={value}" for name, value in figure["dims"].items())
    span = figure["window_end"] if figure["window_start"] is None else f"{figure['window_start']} to {figure['window_end']}"
    out = stdout()
    out.print(f"{figure['kpi']} {figure['window']} {cut}".strip() + f", {span}")
    out.print(f"  formula  {lineage['formula']}")
    out.print(f"  filled   {lineage['filled']}")
    if not lineage["complete"]:
        out.print(f"  INCOMPLETE: {lineage['reason']}")
    beside = f", {lineage['beside']} are told beside" if lineage["beside"] else ""
    more = f"; {lineage['more']} of them not listed (--limit)" if lineage["more"] else ""
    out.print(f"\n{lineage['counted']} count{beside}{more}")
    if lineage["entities"]:
        out.print(table([_entity_row(one) for one in lineage["entities"]], ("entity", "counts", "attributes", "events")))
    left_out = ", ".join(f"{n} {reason}" for reason, n in lineage["left_out_counts"].items()) or "nothing"
    out.print(f"\nleft out: {left_out}")
    for reason in lineage["left_out_counts"]:
        out.print(f"  {reason}: {REASONS.get(reason, 'refused: it could not be used')}")
    if lineage["left_out"]:
        out.print(table(lineage["left_out"], ("entity", "reason", "detail", "at")))
    revisions = lineage["revisions"]
    out.print(f"\nrevision {revisions['total']}; {revisions['late_applied']} events of this span came more than an hour late")
    if revisions["late_events"]:
        out.print(table(revisions["late_events"], ("entity", "type", "id", "occurred_at", "received_at", "late_by_seconds")))


def _entity_row(one: Mapping[str, Any]) -> dict[str, str]:
    events = sorted(one["events"], key=lambda event: not event["made"])[:EVENTS_SHOWN]
    more = len(one["events"]) - len(events) + one["more_events"]
    lines = [f"{event['type']} {event['id']} at {event['occurred_at']}" for event in events]
    return {
        "entity": one["entity"] + (f" ({one['through']})" if one["through"] else ""),
        "counts": "\n".join(_count(line) for line in one["counts"]),
        "attributes": " ".join(f"{name}={value}" for name, value in one["attributes"].items()),
        "events": "\n".join([*lines, *([f"… {more} more"] if more else [])]),
    }


def _count(line: Mapping[str, Any]) -> str:
    lasted = "" if line["value_seconds"] is None else f" {_lasted(line['value_seconds'])}"
    times = "" if line["count"] == 1 else f" ×{line['count']}"
    name = f"{line['measure']} {line['class']}".strip()
    return f"{name}{lasted}{times} at {line['at']}" + (" (beside)" if line["beside"] else "")


def _lasted(seconds: float) -> str:
    for unit, width in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= width:
            return f"{seconds / width:.4g} {unit}"
    return f"{seconds:.3g} s"
