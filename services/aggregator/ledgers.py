"""The ledger shard: one partition of `facts`, its ledgers at rest in `facts-state`."""

from __future__ import annotations

from collections import Counter

import msgspec

from kpis.contributions import Contributions
from kpis.entities import TALLY_MAX_AGE_MS
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.window import Levels
from schemas import topics
from schemas.differences import encode_differences
from schemas.facts import decode_facts
from services.aggregator.columns import columns_of, tally_records
from services.aggregator.entities import Marker
from services.aggregator.shard import Input, Outgoing, Progress


class LedgerShard(Progress):
    """Applies records of `facts`; writes changed ledgers and what they contribute."""

    def __init__(self, number: int, *, rules: Rules, levels: Levels, checkpoint_ms: int, wall: bool) -> None:
        super().__init__(Input(topics.FACTS, number), checkpoint_ms)
        self.ledgers = Ledgers(rules)
        self.counters: Counter[str] = Counter()
        self._levels = levels
        self._wall = wall

    def apply(self, value: bytes, offset: int) -> None:
        """Take one record. Raises msgspec.DecodeError for a record that no entity shard wrote: the worker stops."""
        if offset <= self.last_offset:
            return
        facts = decode_facts(value)
        for fact in facts:
            self.ledgers.apply(fact)
        self.counters["facts"] += len(facts)
        self.last_offset = offset

    def snapshot(self, now_ms: int) -> Outgoing:
        """The ledgers that changed and the difference of what they stand for."""
        clock = now_ms if self._wall else self.ledgers.newest_ms
        pairs = list(self.ledgers.changes(clock - TALLY_MAX_AGE_MS))
        marker = Marker(offset=self.last_offset, newest_ms=self.ledgers.newest_ms)
        rows, self.ledgers.rows = self.ledgers.rows, Contributions()
        records = columns_of(rows, self._levels, clock, self.input.name, self.last_offset, self.counters)
        records[-1].at_ms = now_ms
        corrections, self.ledgers.corrections = self.ledgers.corrections, Counter()
        records[-1].corrections = [(measure.partition("@")[0], hour, n) for (measure, hour), n in corrections.items()]
        tallies, self.ledgers.tallies = self.ledgers.tallies, Counter()
        self.counters += self.ledgers.counters
        self.ledgers.counters = Counter()
        counted = tally_records(tallies, self.input.name, self.last_offset)
        self._snapshot_taken(now_ms)
        return {
            (topics.FACTS_STATE, self.input.partition): [*pairs, (topics.MARKER, _json.encode(marker))],
            (topics.DIFFERENCES, 0): [(None, encode_differences(record)) for record in [*counted, *records]],
        }

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record of `facts-state`."""
        if key == topics.MARKER:
            marker = _marker.decode(value or b"{}")
            self._restored(marker.offset)
            self.ledgers.newest_ms = marker.newest_ms
        elif key is not None:
            self.ledgers.restore(key, value)


_json = msgspec.json.Encoder()
_marker = msgspec.json.Decoder(Marker)
