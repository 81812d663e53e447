"""The plain batch computation: every figure from a set of events alone, by the same life cycles, ledgers and cells.

This is what every live figure must equal, whatever the order, repetition or restarts on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kpis.cells import Cells
from kpis.contributions import to_columns
from kpis.controls import DEFAULT, InForce
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.window import Levels
from schemas.differences import Differences
from schemas.events import Event

Pairs = tuple[tuple[str, str], ...]


class Batch(NamedTuple):
    """The result of a batch: cells to read from, the newest event time, what was kept out, and all logs and ledgers at rest."""

    cells: Cells
    newest_ms: int
    entities: Entities
    ledgers: Ledgers
    logs: dict[bytes, bytes]
    books: dict[bytes, bytes]


def run(
    events: Iterable[Event],
    *,
    levels: Levels,
    pairs: Pairs = (("channel", "team"),),
    controls: InForce = DEFAULT,
    now_ms: int | None = None,
) -> Batch:
    """Apply all events and expand what they contribute; `now_ms` None means the time of the newest event."""
    entities = Entities(controls)
    ledgers = Ledgers(Rules(levels.zone, pairs))
    for event in events:
        entities.apply(event)
    logs, facts = entities.changes()
    while entities.absorbed:
        absorbed, entities.absorbed = entities.absorbed, []
        for event in absorbed:
            entities.apply(event)
        more_logs, more_facts = entities.changes()
        logs += more_logs
        facts += more_facts
    for fact in facts:
        ledgers.apply(fact)
    books = ledgers.changes()
    now = entities.newest_ms if now_ms is None else now_ms
    cells = Cells(levels, pairs)
    for rows in (entities.rows, ledgers.rows):
        columns = Differences(shard="batch", last_offset=0)
        to_columns(rows.rows.items(), levels, now, columns)
        cells.add(columns)
    cells.prune(now)
    return Batch(cells, entities.newest_ms, entities, ledgers, _newest(logs), _newest(books))


def _newest(pairs: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """What a compacted topic would hold of these records; later values win."""
    return {key: value for key, value in dict(pairs).items() if value is not None}
