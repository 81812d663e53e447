"""The lineage of one figure: which entities count and by which events, which are left out and why, what corrected it.

Logs are handed in one by one, from wherever they are kept; a `Trail` keeps what the figure was read from.
Law: what is listed adds up exactly to the sums the figure was read from, for every KPI, window and cut; where it does not (a log
that is gone), the answer says `complete: false`.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kpis.contributions import Row
from kpis.controls import InForce
from kpis.entities import TALLY_MAX_AGE_MS
from kpis.kpi import Targets
from kpis.lifecycles.ledger import Rules
from kpis.lifecycles.table import LIFE_CYCLES
from kpis.lineage_answer import Counted, EventLine, LateEvent, LeftOut, Lineage, Revisions
from kpis.lineage_left_out import of_history, of_ledger, without_outcome
from kpis.lineage_lines import Found, Received, found_of, is_sum, line_of, made
from kpis.lineage_logs import (
    LEDGER_OF,
    TOLD_BY,
    History,
    entity_of,
    facts_behind,
    facts_that_ended,
    history,
    kind_in,
    kinds_of,
    ledger,
    may_lack_a_purchase_or_customer,
    newest_ms,
    shows,
)
from kpis.lineage_reads import Reads, Sum, reads_of
from kpis.lineage_words import filled
from kpis.measures import BY_KEY, SLOTS
from kpis.query import Query, Unanswerable
from kpis.reading import Reader
from schemas import keys
from schemas.canonical import rfc3339
from schemas.events import Event
from schemas.figures import Figure

LIMIT, LIMIT_MAX = 100, 1000
"""How many entities are listed unless told, and at most; what is counted is always counted whole."""
EVENTS_MAX = 50
"""Events listed of one entity: those that made it count, then the newest others."""
SEEN_MAX = 200
"""Readings of a figure that moves that are remembered while logs are read."""


class Trail:
    """Follows one figure through logs at rest: ledgers first, then entities, then `answer`.

    `ledgers` and `kinds` are the kinds of ledgers and entities that are wanted; others may be handed in and change nothing.
    """

    def __init__(self, reader: Reader, query: Query, *, controls: InForce, rules: Rules, limit: int = LIMIT) -> None:
        """Raises Unanswerable for a question that is not one figure, or that the reader refuses."""
        if len(query.kpis) != 1 or query.by:
            raise Unanswerable(
                "a lineage is of one figure: name one KPI, and a dimension's value instead of by", "by" if query.by else "kpi"
            )
        if len(query.windows) != 1 and query.span is None:
            raise Unanswerable("a lineage is of one figure: name one window, or from and to", "window")
        self.query = query
        self.limit = max(1, min(limit, LIMIT_MAX))
        self._reader = reader
        self.reads, self.figure = self._read(reader)
        self.kpi = reader.kpi(query.kpis[0])
        self._seen: deque[tuple[Reads, Figure]] = deque([(self.reads, self.figure)], maxlen=SEEN_MAX)
        read = self.reads.measures
        self.ledgers = frozenset(LEDGER_OF[name] for key in read if (name := BY_KEY[key].name) in LEDGER_OF)
        self._own = frozenset(kind for key in read for kind in kinds_of(key))
        self.kinds = self._own | {kind for ledger_kind in self.ledgers for kind in TOLD_BY[ledger_kind]}
        self.sums: Counter[Sum] = Counter()
        self.levels: Counter[tuple[str, str, int]] = Counter()
        self.counted = 0
        self.beside = 0
        self.left_out_counts: Counter[str] = Counter()
        self._controls = controls
        self._wants = lru_cache(maxsize=None)(self.reads.wants)
        self._rules = rules
        self._found: list[Found] = []
        self._left_out: list[tuple[str, str, LeftOut]] = []
        self._late: list[LateEvent] = []
        self._logs: dict[str, bytes] = {}
        self._awaited: set[str] | None = None

    def _read(self, reader: Reader) -> tuple[Reads, Figure]:
        kpi, formula, cells, cut = reader.opened(self.query)[0]
        return reads_of(formula, cells, cut, reader.targets.get(kpi.id, Targets())), reader.read(self.query)[0]

    def look_again(self) -> None:
        """Read the figure of the same instant anew: logs that are read while it moves add up to one of the readings."""
        reads, figure = self._read(self._reader.again())
        if (reads.sums, reads.levels) != (self._seen[-1][0].sums, self._seen[-1][0].levels):
            self._seen.append((reads, figure))

    # ---- what to hand in -----------------------------------------------------------------------

    def ledger(self, name: bytes, data: bytes) -> None:
        """Take one record of ledgers at rest."""
        if kind_in(name) not in self.ledgers:
            return
        key = name.decode()
        held = ledger(key, data, self._rules, (lambda at_ms: True) if self.reads.gauges else self.reads.in_span)
        if held is None:
            return
        counted = {row: n for row, n in held.rows.items() if self.reads.counts(row)}
        if not counted:
            return
        self._leave_out(of_ledger(held, self.reads))
        self._add_up(counted)
        by_entity: dict[str, dict[Row, int]] = defaultdict(dict)
        related: dict[str, set[str]] = defaultdict(set)
        for row, n in counted.items():
            began = [entity_of(fact) for fact in facts_behind(row, held.facts)]
            ended = [entity_of(fact) for fact in facts_that_ended(row, held.facts)]
            as_a_whole = BY_KEY[SLOTS[row[0]][0]].kind in ("gauge", "distinct") or len(began) < n
            for number, entity in enumerate([key] if as_a_whole else began[:n]):
                by_entity[entity][row] = n if as_a_whole else by_entity[entity].get(row, 0) + 1
                related[entity].update(began if as_a_whole else ended[number : number + 1])
        for entity, rows in by_entity.items():
            self._list(found_of(entity, rows, self.reads, through=None if entity == key else key, related=related[entity]))
            self._leave_out(without_outcome(entity, list(rows), held.rows, self.reads))

    def entity(self, name: bytes, data: bytes, received: Received = lambda event: None) -> None:
        """Take one record of entities at rest, their notes included; `received` tells when an event came, where that is known."""
        kind = kind_in(name)
        if kind not in LIFE_CYCLES:
            return
        key = name.decode()
        if self._awaited is None:
            self._awaited = {name for found in self._found for name in (found.entity, *found.related)}
        if key in self._awaited:
            self._logs[key] = data
        if kind not in self.kinds or not self._may_count(kind, data):
            return
        if kind not in self._own and not may_lack_a_purchase_or_customer(kind, data):
            return
        past = history(key, data, self._controls, self._wants)
        self._leave_out(of_history(past, self.reads))
        self._late += self._came_late(past, received)
        counted = {} if past.void else {row: n for row, n in past.rows.items() if self.reads.counts(row)}
        if counted:
            self._add_up(counted)
            self._list(found_of(key, counted, self.reads, data=data))

    def refused(self, event: Event, reason: str, detail: str) -> None:
        """Take one event that was kept out; it is told where it would belong to an entity and the span of this figure."""
        key = keys.of(event)
        if key.split(":", 1)[0] in self.kinds and self.reads.start_ms <= event.occurred_at_ms < self.reads.end_ms:
            at = rfc3339(event.occurred_at_ms)
            self._leave_out([LeftOut(entity=key, reason=reason, detail=f"{event.type} {event.id}: {detail}", at=at)])

    def _may_count(self, kind: str, data: bytes) -> bool:
        return newest_ms(data) >= self.reads.start_ms or (self.reads.gauges and shows(kind, data))

    # ---- adding up -----------------------------------------------------------------------------

    def _add_up(self, rows: dict[Row, int]) -> None:
        for row, n in rows.items():
            key, cls = SLOTS[row[0]]
            measure = BY_KEY[key]
            if measure.kind == "gauge":
                for of, asked, at_ms in self.reads.levels:
                    if of == key and asked == cls and row[1] < at_ms:
                        self.levels[of, asked, at_ms] += n
                continue
            for one in self.reads.sums_of(row):
                self.sums[one] += n * row[3] if is_sum(measure, one[1]) else n

    def adds_up(self) -> bool:
        """Whether what was handed in is exactly what the figure was read from, in one of its readings: the answer tells that one."""
        for reads, figure in reversed(self._seen):
            if _held(self.sums) == _held(reads.sums) and _held(self.levels) == _held(reads.levels):
                self.reads, self.figure = reads, figure
                return True
        return False

    def _list(self, found: Found | None) -> None:
        if found is None:
            return
        if all(line.beside for line in found.counts):
            self.beside += 1
        else:
            self.counted += 1
        if len(self._found) < self.limit:
            heapq.heappush(self._found, found)
        else:
            heapq.heappushpop(self._found, found)

    def _leave_out(self, found: Iterable[LeftOut]) -> None:
        for one in found:
            self.left_out_counts[one.reason] += 1
            self._left_out.append((one.at, one.entity, one))
            if len(self._left_out) > 4 * LIMIT_MAX:
                self._left_out = heapq.nlargest(LIMIT_MAX, self._left_out, key=lambda three: three[:2])

    def _came_late(self, past: History, received: Received) -> Iterable[LateEvent]:
        for event, step in zip(past.events, past.steps, strict=True):
            at = received(event)
            if at is None or at - event.occurred_at_ms <= TALLY_MAX_AGE_MS:
                continue
            if measures := made(step, self.reads):
                yield LateEvent(
                    entity=past.key, source=event.source, id=event.id, type=event.type, occurred_at=rfc3339(event.occurred_at_ms),
                    received_at=rfc3339(at), late_by_seconds=(at - event.occurred_at_ms) / 1000, measures=measures,
                )  # fmt: skip

    # ---- the answer ----------------------------------------------------------------------------

    def answer(
        self, *, read_at: dict[str, int] | None = None, missing: str | None = None, received: Received = lambda event: None
    ) -> Lineage:
        """The lineage. `missing` says why logs may be gone, None when none can be."""
        listed = sorted(self._found, reverse=True)
        left_out = sorted(self._left_out, key=lambda three: three[:2], reverse=True)[: self.limit]
        adds_up = self.adds_up()
        reason = missing
        if not adds_up:
            reason = f"the logs that were read add up to another figure: {missing or 'some had moved on, or are gone'}"
        return Lineage(
            figure=self.figure,
            formula=self.kpi.formula,
            filled=filled(self.reads.formula, self.figure, self.reads),
            entities=[self._told(found, received) for found in listed],
            counted=self.counted,
            beside=self.beside,
            more=self.counted + self.beside - len(listed),
            left_out=[one for _, _, one in left_out],
            left_out_counts=dict(self.left_out_counts.most_common()),
            revisions=Revisions(
                total=self.figure.revision,
                late_applied=self.figure.late_applied,
                late_events=sorted(self._late, key=lambda event: event.received_at, reverse=True)[: self.limit],
            ),
            complete=adds_up and missing is None,
            reason=reason,
            read_at=read_at or {},
        )

    def _told(self, found: Found, received: Received) -> Counted:
        lines: list[tuple[int, EventLine]] = []
        for name in (found.entity, *found.related):
            data = found.data if found.data is not None and name == found.entity else self._logs.get(name)
            if data is not None:
                past = history(name, data, self._controls, self._wants)
                for event, step in zip(past.events, past.steps, strict=True):
                    measures = made(step, self.reads) or sorted(found.moments.get(event.occurred_at_ms, ()))
                    lines.append((event.occurred_at_ms, line_of(event, measures, received)))
        lines.sort(key=lambda pair: pair[0])
        chosen = heapq.nlargest(EVENTS_MAX, range(len(lines)), key=lambda i: (bool(lines[i][1].made), i))
        return Counted(
            entity=found.entity, counts=found.counts, attributes=found.attributes, through=found.through, related=found.related,
            events=[lines[i][1] for i in sorted(chosen)], more_events=len(lines) - len(chosen),
        )  # fmt: skip


def _held(sums: Mapping[Any, int]) -> dict[Any, int]:
    return {name: amount for name, amount in sums.items() if amount}
