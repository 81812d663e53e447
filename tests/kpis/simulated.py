"""The way of events through partitions, checkpoints and restarts, without Kafka: what the services do, in a few lines."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from kpis.calendar import Calendar, Definition, Hours
from kpis.cells import BASE, Cells
from kpis.contributions import Contributions, to_columns
from kpis.controls import DEFAULT, Controls, InForce, Timeline
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.window import DAY, Levels, Zone
from schemas import keys
from schemas.differences import Differences
from schemas.events import Event

Pairs = tuple[tuple[str, str], ...]
PAIRS: Pairs = (("channel", "team"),)


def levels(zone: str = "UTC") -> Levels:
    """The levels of a zone."""
    return Levels(Zone(zone))


MONDAY_MS = 1_789_344_000_000
"""Midnight of Monday 2026-09-14 UTC."""
_OFFICE = Definition(zone="Europe/Helsinki", hours=tuple(Hours(day, 540, 1020) for day in range(5)), holidays=("2026-09-16",))
_NIGHT = Definition(zone="UTC", hours=tuple(Hours(day, 0, 360) for day in range(7)))
_LATER = msgspec.structs.replace(_OFFICE, hours=tuple(Hours(day, 480, 960) for day in range(6)), valid_from_ms=MONDAY_MS + DAY // 2)
IN_FORCE = Timeline(
    [
        (0, Controls(calendars={"default": Calendar([_OFFICE])})),
        (
            MONDAY_MS + DAY // 2,
            Controls(
                answer_within_ms=30_000,
                escalation_kinds=frozenset({"functional", "sla"}),
                calendars={"default": Calendar([_OFFICE, _LATER]), "night": Calendar([_NIGHT])},
            ),
        ),
    ]
)
"""Decisions that change at noon of a Monday, with two schedules of business hours, one of which is changed too."""


class Company:
    """All partitions of a company, and the cells that readers hold."""

    def __init__(self, partitions: int, now_ms: int, zone: str = "UTC", restarts: bool = False, in_force: InForce = DEFAULT) -> None:
        self.in_force = in_force
        self.levels = levels(zone)
        self.cells = Cells(self.levels, PAIRS)
        self.rules = Rules(self.levels.zone, PAIRS)
        self.now_ms = now_ms
        self.restarts = restarts
        self.entities = [Entities(in_force) for _ in range(partitions)]
        self.ledgers = [Ledgers(self.rules) for _ in range(partitions)]
        self._entity_state: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
        self._ledger_state: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]

    def take(self, event: Event) -> None:
        """One event, to the partition of its key; a withdrawal to all."""
        key = keys.of(event)
        if key == keys.EVERYWHERE:
            for entities in self.entities:
                entities.apply(event)
        else:
            self.entities[self._partition_of(key)].apply(event)

    def checkpoint(self) -> bool:
        """One checkpoint of every partition; whether anything was passed on."""
        moved = False
        for number, entities in enumerate(self.entities):
            state, facts = entities.changes()
            _keep(self._entity_state[number], state)
            self._fold(entities.rows)
            entities.rows = Contributions()
            absorbed, entities.absorbed = entities.absorbed, []
            for fact in facts:
                self.ledgers[self._partition_of(fact.key)].apply(fact)
            for event in absorbed:
                self.take(event)
            moved = moved or bool(facts) or bool(absorbed)
        for number, ledgers in enumerate(self.ledgers):
            _keep(self._ledger_state[number], ledgers.changes())
            self._fold(ledgers.rows)
            ledgers.rows = Contributions()
        if self.restarts and not moved:
            self._restart()
        return moved

    def settle(self) -> None:
        """Checkpoints until nothing moves any more."""
        for _ in range(50):
            if not self.checkpoint():
                return
        raise AssertionError("the partitions go on telling each other something for ever")

    def _restart(self) -> None:
        for number in range(len(self.entities)):
            self.entities[number], self.ledgers[number] = Entities(self.in_force), Ledgers(self.rules)
            for key, value in self._entity_state[number].items():
                self.entities[number].restore(key, value)
            for key, value in self._ledger_state[number].items():
                self.ledgers[number].restore(key, value)

    def _fold(self, rows: Contributions) -> None:
        columns = Differences(shard="x", last_offset=0)
        to_columns(rows.rows.items(), self.levels, self.now_ms, columns)
        self.cells.add(columns)

    def _partition_of(self, key: str) -> int:
        return zlib.crc32(key.encode()) % len(self.entities)


def _keep(state: dict[bytes, bytes], changes: Iterable[tuple[bytes, bytes | None]]) -> None:
    for key, value in changes:
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def simulated(
    events: Sequence[Event], *, now_ms: int, partitions: int = 1, checkpoints: Iterable[int] = (), restarts: bool = False,
    zone: str = "UTC",
    in_force: InForce = DEFAULT,
) -> Company:  # fmt: skip
    """A company after these events in this order, with a checkpoint after each of the numbered ones."""
    company = Company(partitions, now_ms, zone, restarts, in_force)
    at = set(checkpoints)
    for number, event in enumerate(events):
        company.take(event)
        if number in at:
            company.checkpoint()
    company.settle()
    return company


def at_rest(cells: Cells) -> dict[bytes, bytes]:
    """Every bucket of every level, as it would stand in `cells`."""
    out: dict[bytes, bytes] = dict(cells.at_rest(BASE, 0))
    for level, buckets in enumerate(cells.buckets):
        for start in buckets:
            out |= cells.at_rest(level, start)
    return out


def cells_of(rows: Contributions, now_ms: int, zone: str = "UTC") -> Cells:
    """The cells of some contributions."""
    cells = Cells(levels(zone), PAIRS)
    columns = Differences(shard="x", last_offset=0)
    to_columns(rows.rows.items(), cells.levels, now_ms, columns)
    cells.add(columns)
    return cells
