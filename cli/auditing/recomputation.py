"""The figures computed again from records of `events`, little by little: the same life cycles, ledgers and cells as everywhere.

Laws: after the records up to some offsets it holds what a batch over their events would, except what ended so long ago that the
services let go of it too. An entity at rest is one bytes value; nothing is kept of an event. What the aggregator itself
wrote to `events` (the log of a merged ticket) is applied where it stands, and held against what follows from the merged
ticket: `unpassed` names where they differ.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from kpis.cells import Cells
from kpis.contributions import Contributions, to_columns
from kpis.controls import InForce
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules, contributions
from kpis.window import Levels
from schemas.codec import decode_record
from schemas.differences import Differences
from schemas.events import TicketAbsorbed
from schemas.facts import AnyFact

FactName = tuple[str, str]
"""A fact by its ledger and its id there."""
FOLD_EVENTS = 20_000
"""Events after which what they contribute goes into the cells, so that it does not pile up."""


class Recomputation:
    """All partitions of `events`, and the cells that follow from them."""

    def __init__(
        self,
        *,
        partitions: int,
        levels: Levels,
        pairs: tuple[tuple[str, str], ...],
        controls: InForce,
        retention_days: int,
        skew_ms: int = 60_000,
        generation: int = 0,
    ) -> None:
        """`generation` is the one that is served: the logs of merged tickets that others wrote to `events` are not ours."""
        self.cells = Cells(levels, pairs)
        self.events = 0
        self.newest_ms = 0
        self.replaced: dict[FactName, AnyFact | None] | None = None
        """Facts that changed since `watch_facts()`, as they were before; None while nobody asked."""
        self._levels = levels
        self._rules = Rules(levels.zone, pairs)
        self._generation = generation
        self._entities = [Entities(controls, retention_days, skew_ms=skew_ms, generation=generation) for _ in range(partitions)]
        self._ledgers = Ledgers(self._rules)
        self._touched: Counter[int] = Counter()
        self._merged: dict[str, bytes] = {}
        self._passed_on: dict[str, tuple[int, bytes]] = {}

    def apply(self, partition: int, value: bytes | None) -> int:
        """Take one record; returns how many events it held. What cannot be read is left out, as the services do."""
        events, _ = decode_record(value or b"[]")
        entities = self._entities[partition]
        for event in events:
            entities.apply(event)
            if isinstance(event, TicketAbsorbed) and event.generation == self._generation:
                self._note(event)
        self.events += len(events)
        self._touched[partition] += len(events)
        return len(events)

    @property
    def due(self) -> bool:
        """Whether so much was applied since the last `fold` that it should go into the cells."""
        return self._touched.total() >= FOLD_EVENTS

    def fold(self, clock_ms: Callable[[int], int]) -> None:
        """Bring what was applied into the cells; `clock_ms` gives the present for the newest event time seen."""
        for partition, applied in self._touched.items():
            entities = self._entities[partition]
            self.newest_ms = max(self.newest_ms, entities.newest_ms)
            entities.evict_some(applied + 100)
            _, facts = entities.changes()
            for event in entities.absorbed:
                self._merged[event.id] = _digest(event)
            for fact in facts:
                self._learn(fact)
            rows, entities.rows = entities.rows, Contributions()
            self._add(rows, clock_ms(self.newest_ms))
            entities.absorbed, entities.refused = [], []
            for told in (entities.tallies, entities.late, entities.counters, entities.corrections):
                told.clear()
        self._touched.clear()
        self._ledgers.changes()
        rows, self._ledgers.rows = self._ledgers.rows, Contributions()
        self._add(rows, clock_ms(self.newest_ms))

    def watch_facts(self) -> None:
        """From now on keep how a fact was before it changes, and forget what was kept before."""
        self.replaced = {}

    @contextmanager
    def with_facts(self, facts: Mapping[FactName, AnyFact | None], now_ms: int) -> Iterator[None]:
        """Inside the block the cells are those of ledgers that know these facts instead of ours (None: that do not know them)."""
        by_ledger: dict[str, dict[str, AnyFact | None]] = {}
        for (key, fact_id), fact in facts.items():
            by_ledger.setdefault(key, {})[fact_id] = fact
        rows = Contributions()
        for key, others in by_ledger.items():
            ours = self._ledgers.facts_of(key)
            rows.add_all(self._stands_for(key, {**ours, **others}))
            rows.add_all(self._stands_for(key, ours), -1)
        back = Contributions()
        back.add_all(rows, -1)
        self._add(rows, now_ms)
        try:
            yield
        finally:
            self._add(back, now_ms)

    def unpassed(self) -> list[str]:
        """The merges whose log, as it follows from the merged ticket, is not the one that was passed on to the primary."""
        names = self._merged.keys() | self._passed_on.keys()
        return sorted(n for n in names if self._merged.get(n, _NOTHING) != self._passed_on.get(n, (0, _NOTHING))[1])

    def _note(self, event: TicketAbsorbed) -> None:
        if event.version >= self._passed_on.get(event.id, (-1, b""))[0]:
            self._passed_on[event.id] = (event.version, _digest(event))

    def _learn(self, fact: AnyFact) -> None:
        name = (fact.key, fact.id)
        if self.replaced is not None and name not in self.replaced:
            self.replaced[name] = self._ledgers.facts_of(fact.key).get(fact.id)
        self._ledgers.apply(fact)

    def _stands_for(self, key: str, facts: Mapping[str, AnyFact | None]) -> Contributions:
        held = (fact for fact in facts.values() if fact is not None and not fact.withdrawn)
        return contributions(key[: key.index(":")], held, self._rules)

    def _add(self, rows: Contributions, now_ms: int) -> None:
        columns = Differences(shard="audit", last_offset=0)
        to_columns(rows.rows.items(), self._levels, now_ms, columns)
        self.cells.add(columns)


def _digest(event: TicketAbsorbed) -> bytes:
    """What a merged ticket's log says to its primary; the same for an empty one as for none."""
    if not event.log:
        return _NOTHING
    return hashlib.blake2b(_PACK.encode((event.ticket_id, event.log)), digest_size=16).digest()


_NOTHING = b""
_PACK = msgspec.msgpack.Encoder(order="deterministic")
