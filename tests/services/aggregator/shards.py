"""Shards of one company without Kafka, the records they read, and what their checkpoints write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kpis.controls import DEFAULT
from kpis.lifecycles.ledger import Rules
from kpis.window import Levels, Zone
from schemas import topics
from schemas.codec import encode_event, join_events
from schemas.events import Event, TicketCreated, TicketMerged, TicketSolved
from services.aggregator.entities import EntityShard
from services.aggregator.fold import FoldShard
from services.aggregator.ledgers import LedgerShard
from services.aggregator.shard import Outgoing, Shard
from services.partition import partition_of

LEVELS = Levels(Zone())
PAIRS = (("channel", "team"),)
NOON_MS = 1_789_387_200_000


def entity_shard(number: int = 0, partitions: int = 1) -> EntityShard:
    """A shard of `events`, on the clock of its events."""
    return EntityShard(
        number, controls=DEFAULT, levels=LEVELS, partition_of=lambda key: partition_of(key, partitions), skew_ms=60_000,
        checkpoint_ms=100, retention_days=21, wall=False,
    )  # fmt: skip


def ledger_shard(number: int = 0) -> LedgerShard:
    """A shard of `facts`."""
    return LedgerShard(number, rules=Rules(LEVELS.zone, PAIRS), levels=LEVELS, checkpoint_ms=100, wall=False)


def fold_shard() -> FoldShard:
    """The shard of `differences`."""
    return FoldShard(0, levels=LEVELS, pairs=PAIRS, fold_ms=10_000, wall=False)


def record(events: Iterable[Event]) -> bytes:
    """One record of `events`."""
    return join_events(encode_event(event) for event in events)


def afternoon(tickets: int, from_number: int = 0) -> list[Event]:
    """Tickets of few customers, solved after some minutes; every tenth is merged into the one before it."""
    out: list[Event] = []
    for i in range(from_number, from_number + tickets):
        at = NOON_MS + i * 20_000
        common: dict[str, Any] = {"source": "desk", "received_at_ms": at, "ticket_id": f"k{i}", "customer_id": f"c{i % 7}"}
        out.append(TicketCreated(id=f"{i}-a", occurred_at_ms=at, channel=("email", "chat")[i % 2], team=f"t{i % 3}", **common))
        out.append(TicketSolved(id=f"{i}-b", occurred_at_ms=at + (i % 9) * 60_000, **common))
        if i % 10 == 9:
            out.append(TicketMerged(id=f"{i}-c", occurred_at_ms=at + 600_000, into_ticket_id=f"k{i - 1}", **common))
    return out


STATE_OF = {topics.EVENTS: topics.EVENTS_STATE, topics.FACTS: topics.FACTS_STATE, topics.DIFFERENCES: topics.CELLS}


class Kept:
    """The state topic of one shard, compacted."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}

    def keep(self, shard: Shard, outgoing: Outgoing) -> None:
        """Take what a checkpoint wrote to the shard's own state topic."""
        for key, value in outgoing.get((STATE_OF[shard.input.topic], shard.input.partition), []):
            assert key is not None
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value

    def into(self, shard: Shard) -> None:
        """Rebuild a shard, the marker last, as recovery does."""
        for key, value in self.records.items():
            if key != topics.MARKER:
                shard.restore(key, value)
        if topics.MARKER in self.records:
            shard.restore(topics.MARKER, self.records[topics.MARKER])
