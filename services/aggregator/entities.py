"""The entity shard: one partition of `events`, its entities at rest in `events-state`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from kpis.contributions import Contributions
from kpis.controls import InForce
from kpis.entities import Entities, Refused
from kpis.window import Levels
from schemas import keys, topics
from schemas.codec import RECORD_MAX_BYTES, RECORD_MAX_EVENTS, decode_record, encode_event, join_events
from schemas.deadletters import AGGREGATOR, letters_of
from schemas.differences import encode_differences
from schemas.facts import encode_fact
from schemas.rejections import Reason
from services.aggregator.columns import columns_of, tally_records
from services.aggregator.shard import Input, Outgoing, Pair, Progress, chunked

PartitionOf = Callable[[str], int]
SWEEP_MS, SWEPT_AT_ONCE = 1_000, 500
"""Old entities are let go of a few at a time, so that a million of them never make a checkpoint wait."""


class Marker(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a state goes: the last offset of the input it includes, and the clocks it had seen."""

    offset: int
    newest_ms: int = 0
    arrived_ms: int = 0
    sources: dict[str, int] = {}


class EntityShard(Progress):
    """Applies records of `events`; writes changed entities, facts, differences, dead letters and merged logs."""

    def __init__(
        self, number: int, *, controls: InForce, levels: Levels, partition_of: PartitionOf, skew_ms: int, checkpoint_ms: int,
        retention_days: int, wall: bool, generation: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(Input(topics.EVENTS, number), checkpoint_ms)
        self.entities = Entities(controls, retention_days, skew_ms=skew_ms, generation=generation)
        self.counters: Counter[str] = Counter()
        self._levels = levels
        self._partition_of = partition_of
        self._skew_ms = skew_ms
        self._wall = wall
        self._undecodable: list[tuple[bytes, str, int]] = []
        self._refused_at: list[int] = []
        self._swept_ms = 0

    @property
    def poisoned(self) -> int:
        """How many events a life cycle failed on since the start."""
        return self.counters["poison"] + self.entities.counters["poison"]

    def apply(self, value: bytes, offset: int) -> None:
        """Take one record: what cannot be decoded or applied becomes a dead letter, and its offset passes."""
        if offset <= self.last_offset:
            return
        events, bad = decode_record(value)
        apply = self.entities.apply
        for event in events:
            apply(event)
        self._undecodable += [(original, why, offset) for original, why in bad]
        self._refused_at += [offset] * (len(self.entities.refused) - len(self._refused_at))
        self.counters["events"] += len(events)
        self.last_offset = offset

    def snapshot(self, now_ms: int) -> Outgoing:
        """The state that changed, the facts, the contributions as columns, and what was refused."""
        entities = self.entities
        if now_ms - self._swept_ms >= SWEEP_MS:
            self._swept_ms = now_ms
            entities.evict_some(SWEPT_AT_ONCE)
        state, facts = entities.changes()
        state_pairs: list[Pair] = list(state)
        state_pairs.append((topics.MARKER, self._marker()))
        out: Outgoing = {(topics.EVENTS_STATE, self.input.partition): state_pairs}
        by_partition: dict[int, list[bytes]] = {}
        for fact in facts:
            by_partition.setdefault(self._partition_of(fact.key), []).append(encode_fact(fact))
        for partition, encoded in by_partition.items():
            out[topics.FACTS, partition] = [(None, join_events(c)) for c in chunked(encoded, RECORD_MAX_EVENTS, RECORD_MAX_BYTES)]
        self._merged(out)
        rejected = [*self._letters(now_ms)]
        if rejected:
            out[topics.REJECTED, 0] = rejected
        clock = now_ms if self._wall else entities.newest_ms
        out[topics.DIFFERENCES, 0] = [(None, value) for value in self._differences(clock, now_ms)]
        self._snapshot_taken(now_ms)
        return out

    def _marker(self) -> bytes:
        e = self.entities
        return _json.encode(Marker(offset=self.last_offset, newest_ms=e.newest_ms, arrived_ms=e.arrived_ms, sources=e.sources))

    def _merged(self, out: Outgoing) -> None:
        absorbed, self.entities.absorbed = self.entities.absorbed, []
        for event in absorbed:
            key = keys.of(event)
            out.setdefault((topics.EVENTS, self._partition_of(key)), []).append((key.encode(), join_events([encode_event(event)])))

    def _letters(self, now_ms: int) -> list[Pair]:
        refused, self.entities.refused = self.entities.refused, []
        refused_at, self._refused_at = self._refused_at, []
        bad, self._undecodable = self._undecodable, []
        refused_at += [self.last_offset] * (len(refused) - len(refused_at))
        found: list[tuple[Refused | tuple[bytes, str], int]] = [*zip(refused, refused_at, strict=True)]
        found += [((original, why), offset) for original, why, offset in bad]
        out: list[Pair] = []
        for number, (item, offset) in enumerate(found):
            salt = f"{self.input.name}:{self.last_offset}:{number}"
            if isinstance(item, Refused):
                event = item.event
                reason, detail, original = item.reason, item.detail, encode_event(event)
                source, received = event.source, event.received_at_ms or now_ms
            else:
                original, detail = item
                reason, source, received = Reason.BAD_FIELD, "?", now_ms
            self.counters[f"rejected:{reason.value}"] += 1
            letters = letters_of(
                reason, detail, "", original, source=source, kind=AGGREGATOR, received_at_ms=received, salt=salt, headers={},
                position=f"{self.input.name}:{offset}",
            )  # fmt: skip
            out += [(key.encode(), value) for key, value in letters]
        return out

    def _differences(self, clock_ms: int, now_ms: int) -> list[bytes]:
        e = self.entities
        rows, e.rows = e.rows, Contributions()
        tallies, e.tallies = e.tallies, Counter()
        applied, late = e.counters.pop("applied", 0), e.late
        self.counters += e.counters
        self.counters["late"] += late.total()
        corrections = [(measure.partition("@")[0], hour, n) for (measure, hour), n in e.corrections.items()]
        e.late, e.corrections, e.counters = Counter(), Counter(), Counter()
        watermark = max(e.newest_ms - self._skew_ms, 0)
        records = columns_of(rows, self._levels, clock_ms, self.input.name, self.last_offset, self.counters)
        last = records[-1]
        last.watermark_ms, last.newest_ms, last.at_ms = watermark, e.newest_ms, now_ms
        last.events, last.late, last.sources, last.corrections = applied, dict(late), dict(e.sources), corrections
        return [encode_differences(record) for record in [*tally_records(tallies, self.input.name, self.last_offset), *records]]

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record of `events-state`."""
        if key == topics.MARKER:
            marker = _marker.decode(value or b"{}")
            self._restored(marker.offset)
            self.entities.newest_ms, self.entities.arrived_ms = marker.newest_ms, marker.arrived_ms
            self.entities.sources = dict(marker.sources)
        elif key is not None:
            self.entities.restore(key, value)


_json = msgspec.json.Encoder()
_marker = msgspec.json.Decoder(Marker)
