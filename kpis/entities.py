"""Entities of one partition: each a small ordered log and the state after it.

Laws: the contributions of an entity depend on the set of its events alone. In order, only the last step runs; anything else
(late, replaced, withdrawn, deleted, merged) takes the old log's contributions back and adds the new log's. A repeated event
has no effect. What cannot be applied changes nothing and is named with its reason.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec

from kpis.contributions import Contributions
from kpis.controls import DEFAULT, InForce
from kpis.corrections import note_corrections
from kpis.dimensions import TICKET, Attributes
from kpis.entity import (
    Live,
    Rows,
    arrived_ms_of,
    at_rest,
    changed_facts,
    flattened,
    identity_of,
    order_of,
    rank_of_content,
    replay,
    same_content,
    to_primary,
    woken,
)
from kpis.lifecycles.answers import recommendations
from kpis.lifecycles.attributes import after
from kpis.lifecycles.table import LIFE_CYCLES
from kpis.retention import LOG_MAX_BYTES, TOO_LARGE, cut, fits, kept_ms
from kpis.tallies import newly_counted, recommended
from kpis.window import DAY, HOUR
from schemas import events as ev
from schemas import keys
from schemas.codec import pack_event, unpack_event
from schemas.facts import AnyFact
from schemas.rejections import Reason

AWAKE_MAX = 2_000
"""Entities kept awake after a checkpoint, since what was touched is often touched again soon; the bytes stay what holds."""
TALLY_MAX_AGE_MS = 3_600_000
STUB_KEPT_MS = 400 * DAY


class Refused(NamedTuple):
    """An event that was kept out: the event, why, and what to tell."""

    event: ev.Event
    reason: Reason
    detail: str


class Entities:
    """All entities of one partition, and what changed since the last `changes()`."""

    def __init__(
        self, controls: InForce = DEFAULT, retention_days: int = 21, solved_days: int = 120, skew_ms: int = 60_000, generation: int = 0
    ) -> None:
        """`generation` is written into the logs of merged tickets; those of others are not taken."""
        self.controls = controls
        self.rows = Contributions()
        self.refused: list[Refused] = []
        self.absorbed: list[ev.TicketAbsorbed] = []
        self.tallies: Counter[tuple[int, Attributes]] = Counter()
        self.counters: Counter[str] = Counter()
        self.late: Counter[int] = Counter()
        self.corrections: Counter[tuple[str, int]] = Counter()
        self.sources: dict[str, int] = {}
        self.newest_ms = 0
        self.arrived_ms = 0
        self._rest: dict[str, bytes] = {}
        self._live: dict[str, Live] = {}
        self._awake: dict[str, Live] = {}
        self._withdrawn: dict[int, int] = {}
        self._stubs: dict[int, int] = {}
        self._notes: dict[bytes, bytes | None] = {}
        self._kept_ms = (retention_days * DAY, max(solved_days, retention_days) * DAY)
        self._sweep: list[str] = []
        self._skew_ms = skew_ms
        self._generation = generation

    def __len__(self) -> int:
        """How many entities are held."""
        return len(self._rest) + sum(1 for key in self._live if key not in self._rest)

    # ---- applying ------------------------------------------------------------------------------

    def apply(self, event: ev.Event) -> None:
        """Apply one event. Never raises for what an event says; what cannot be applied is in `refused`."""
        watermark_ms = self.newest_ms - self._skew_ms
        self.newest_ms = max(self.newest_ms, event.occurred_at_ms)
        self.sources[event.source] = max(self.sources.get(event.source, 0), event.occurred_at_ms)
        self.arrived_ms = max(self.arrived_ms, event.received_at_ms)
        if isinstance(event, ev.TicketAbsorbed) and event.generation != self._generation:
            self.counters["other_generation"] += 1
            return
        if isinstance(event, ev.FactWithdrawn):
            self._withdraw(event, watermark_ms)
            return
        key = keys.of(event)
        kind = key[: key.index(":")]
        if kind not in LIFE_CYCLES:
            self.counters["unused"] += 1
            return
        identity = identity_of(event.source, event.id)
        if identity in self._withdrawn:
            self.counters["withdrawn"] += 1
            return
        live = self._open(key, kind, event.received_at_ms)
        if live is None:
            self._refuse(event, Reason.BEYOND_RETENTION, "the entity ended so long ago that its log is gone")
            return
        live.arrived_ms = max(live.arrived_ms, event.received_at_ms)
        known = identity in live.ids
        try:
            rows = self._apply_to(live, event, identity, known)
        except Exception as error:  # a step that fails is a bug of ours: the event is kept with its reason, the entity as it was
            self._repair(live)
            self.counters["poison"] += 1
            self._refuse(event, Reason.POISON, f"{type(error).__name__}: {error}")
            return
        if rows is None:
            return
        self.rows.add_rows(rows)
        if event.occurred_at_ms < watermark_ms:
            live.corrected = True
            note_corrections(self.corrections, rows, watermark_ms)
        self._tally(event, rows, not known)
        self.counters["applied"] += 1

    def _apply_to(self, live: Live, event: ev.Event, identity: int, known: bool) -> Rows | None:
        """The rows that an event adds to what its entity contributes; None when it changes nothing."""
        if known:
            return self._apply_again(live, event, identity)
        order = order_of(event)
        packed = pack_event(event)
        if len(packed) > LOG_MAX_BYTES or (live.full_from is not None and order >= live.full_from):
            self._refuse(event, Reason.ENTITY_TOO_LARGE, TOO_LARGE)
            return None
        if not fits(live.log, len(packed)):
            return self._overflow(live, [*live.log, packed], [*live.ids, identity])
        if order > live.last and not live.void and type(event) not in (_REPLAYED if not live.log else _REPLAYED_LATER):
            rows: Rows = []

            def add(slot: int, time_ms: int, attributes: Attributes, value: int, count: int) -> None:
                rows.append(((slot, time_ms, attributes, value), count))

            LIFE_CYCLES[live.kind].step(live.state, event, add, self.controls.at(event.occurred_at_ms))
            live.last, live.stands = order, None
            live.ids.append(identity)
            live.log.append(packed)
            return rows
        if order < live.last:
            self.counters["out_of_order"] += 1
        return self._relive(live, [*live.log, packed], [*live.ids, identity])

    def _overflow(self, live: Live, log: list[bytes], ids: list[int]) -> Rows | None:
        """A full log keeps what comes first in its order, whatever arrived first; the rest is refused, now and from now on."""
        kept, rest = cut(log, ids)
        live.full_from = order_of(rest[0].event)
        for entry in rest:
            self._refuse(entry.event, Reason.ENTITY_TOO_LARGE, TOO_LARGE)
        held = [entry.packed for entry in kept]
        return None if held == live.log else self._relive(live, held, [entry.identity for entry in kept])

    def _apply_again(self, live: Live, event: ev.Event, identity: int) -> Rows | None:
        at = live.ids.index(identity)
        known = unpack_event(live.log[at])
        if event.version < known.version or same_content(event, known):
            self.counters["duplicate"] += 1
            if event.version < known.version or event.occurred_at_ms >= known.occurred_at_ms:
                return None
            # sent again without a time of its own: the first receipt holds, whichever of the two arrived here first
            return self._relive(live, [*live.log[:at], pack_event(event), *live.log[at + 1 :]], live.ids)
        if event.version == known.version:
            self.counters["conflicting_id"] += 1
            if rank_of_content(known) <= rank_of_content(event):
                why = "this id was used with other content before: a correction needs a higher version"
                self._refuse(event, Reason.CONFLICTING_ID, why)
                return None
            self._refuse(known, Reason.CONFLICTING_ID, "this id was used again with other content that comes first")
        log = [*live.log[:at], pack_event(event), *live.log[at + 1 :]]
        if not fits(log):
            return self._overflow(live, log, live.ids)
        return self._relive(live, log, live.ids)

    def _relive(self, live: Live, log: list[bytes], ids: list[int]) -> Rows:
        """Take back what the old log stands for and add what the new one does; nothing is changed when that fails."""
        old = live.stands
        if old is None:
            old, _, _ = replay(live.kind, [unpack_event(p) for p in live.log], self.controls)
        pairs = sorted(((unpack_event(p), p, i) for p, i in zip(log, ids, strict=True)), key=lambda three: order_of(three[0]))
        new, state, void = replay(live.kind, [event for event, _, _ in pairs], self.controls)
        rows = Contributions()
        rows.add_all(new)
        rows.add_all(old, -1)
        live.state, live.void, live.stands = state, void, new
        live.log = [packed for _, packed, _ in pairs]
        live.ids = [identity for _, _, identity in pairs]
        live.last = max((order_of(event) for event in flattened([event for event, _, _ in pairs])), default=(-1, 0, 0, ""))
        return list(rows.rows.items())

    def _repair(self, live: Live) -> None:
        live.stands, live.state, live.void = replay(live.kind, [unpack_event(p) for p in live.log], self.controls)

    def _withdraw(self, event: ev.FactWithdrawn, watermark_ms: int) -> None:
        identity = identity_of(event.source, event.of)
        if identity in self._withdrawn:
            self.counters["duplicate"] += 1
            return
        self._withdrawn[identity] = self.arrived_ms
        self._notes[b"w" + identity.to_bytes(8, "big")] = str(self.arrived_ms).encode()
        self.counters["withdrawals"] += 1
        needle = msgspec.msgpack.encode(identity)
        for key in {k for k, live in self._live.items() if identity in live.ids} | {k for k, rest in self._rest.items() if needle in rest}:
            live = self._open(key, key[: key.index(":")], 0)
            if live is None or identity not in live.ids:
                continue
            at = live.ids.index(identity)
            rows = self._relive(live, live.log[:at] + live.log[at + 1 :], live.ids[:at] + live.ids[at + 1 :])
            self.rows.add_rows(rows)
            live.corrected = True
            note_corrections(self.corrections, rows, watermark_ms)

    def _refuse(self, event: ev.Event, reason: Reason, detail: str) -> None:
        self.refused.append(Refused(event, reason, detail))

    def _tally(self, event: ev.Event, rows: Rows, first: bool) -> None:
        """Count what is new gross, or that it came too late for that; `first` unless the event corrects one that was known."""
        if event.received_at_ms - event.occurred_at_ms > TALLY_MAX_AGE_MS:
            self.late[event.occurred_at_ms // HOUR * HOUR] += 1
            return
        for tally, n in newly_counted(rows, self.controls.at(event.occurred_at_ms)):
            self.tallies[tally] += n
        if first and type(event) is ev.SurveyResponded:  # about the customer and no case: no row tells of it
            for answer in recommendations(event):
                self.tallies[recommended(answer.score or 0, after(TICKET.nothing(), event))] += 1

    # ---- holding -------------------------------------------------------------------------------

    def _open(self, key: str, kind: str, received_ms: int) -> Live | None:
        """The entity to change; None for one that ended too long before an arrival, whether the sweep has come past it or not."""
        live = self._live.get(key)
        if live is not None:
            return live
        data = self._rest.get(key)
        if data is not None:
            live = self._awake.pop(key, None) or woken(kind, data)
            age_ms = received_ms - live.arrived_ms
            if age_ms >= self._kept_ms[0] and (kept := kept_ms(kind, live, *self._kept_ms)) is not None and age_ms >= kept:
                self._let_go(key)
                return None
        elif self._stubs and identity_of("", key) in self._stubs:
            return None
        else:
            live = Live(kind, LIFE_CYCLES[kind].state())
        self._live[key] = live
        return live

    def changes(self) -> tuple[list[tuple[bytes, bytes | None]], list[AnyFact]]:
        """What one checkpoint writes of the state, (key, value or None for gone), and the facts that changed since the last call."""
        out: list[tuple[bytes, bytes | None]] = list(self._notes.items())
        facts: list[AnyFact] = []
        for key, live in self._live.items():
            if live.sent is not None or live.void:
                self.absorbed += to_primary(live, self._generation)
            changed = changed_facts(key, live)
            facts += (msgspec.structs.replace(fact, newest_ms=self.newest_ms, corrects=live.corrected) for fact in changed)
            live.corrected = False
            data = self._rest[key] = at_rest(live)
            out.append((key.encode(), data))
        if len(self._awake) + len(self._live) > AWAKE_MAX:
            self._awake = {}
        self._awake.update(self._live)
        self._notes, self._live = {}, {}
        return out, facts

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the state topic; the last value of a key wins, None removes it."""
        if key[:1] == b"w" and len(key) == 9:
            if value is None:
                self._withdrawn.pop(int.from_bytes(key[1:], "big"), None)
            else:
                self._withdrawn[int.from_bytes(key[1:], "big")] = int(value)
        elif key[:1] == b"~" and len(key) == 9:
            if value is None:
                self._stubs.pop(int.from_bytes(key[1:], "big"), None)
            else:
                self._stubs[int.from_bytes(key[1:], "big")] = int(value)
        elif value is None:
            self._rest.pop(key.decode(), None)
        else:
            self._rest[key.decode()] = value

    def evict_some(self, most: int = 200) -> int:
        """Let go of ended entities whose last arrival is long ago, looking at a few at a time; a stub remembers each."""
        if not self._sweep:
            self._sweep = list(self._rest)
        gone = 0
        for key in self._sweep[-most:]:
            data = self._rest.get(key)
            if data is None or key in self._live:
                continue
            age_ms = self.arrived_ms - arrived_ms_of(data)
            if age_ms < self._kept_ms[0]:
                continue
            kind = key[: key.index(":")]
            kept = kept_ms(kind, woken(kind, data), *self._kept_ms)
            if kept is None or age_ms < kept:
                continue
            self._let_go(key)
            gone += 1
        del self._sweep[-most:]
        for letter, remembered in ((b"~", self._stubs), (b"w", self._withdrawn)):
            for number in [n for n, at in remembered.items() if self.arrived_ms - at > STUB_KEPT_MS]:
                del remembered[number]
                self._notes[letter + number.to_bytes(8, "big")] = None
        return gone

    def _let_go(self, key: str) -> None:
        del self._rest[key]
        self._awake.pop(key, None)
        stub = identity_of("", key)
        self._stubs[stub] = self.arrived_ms
        self._notes[key.encode()] = None
        self._notes[b"~" + stub.to_bytes(8, "big")] = str(self.arrived_ms).encode()

    def sizes(self) -> list[int]:
        """Bytes of every entity at rest."""
        return [len(value) for value in self._rest.values()]


_REPLAYED = frozenset({ev.TicketDeleted, ev.TicketMerged, ev.TicketAbsorbed, ev.LeadMerged})
_REPLAYED_LATER = _REPLAYED | {ev.TicketCreated}
"""A creation that is not the first event tells of the time before it."""
