"""The real board with eight quiet weeks of escalations in it and, on demand, a burst of them just now."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from kpis.contributions import to_columns
from kpis.entities import Entities
from kpis.window import DAY, HOUR, MINUTE, Levels, Zone
from schemas.differences import Differences
from schemas.events import Event, TicketCreated, TicketEscalated
from services.api.board import Board
from services.settings import Settings
from tests.services.api.fake_board import CHANNELS, NOON_MS, TEAMS


def escalated(name: str, at_ms: int, channel: str, team: str) -> Iterator[Event]:
    """A ticket that was escalated a minute after it came."""
    yield TicketCreated(id=f"{name}-1", source="desk", occurred_at_ms=at_ms - MINUTE, ticket_id=name, channel=channel, team=team)
    yield TicketEscalated(id=f"{name}-2", source="desk", occurred_at_ms=at_ms, ticket_id=name, kind="hierarchic")


def quiet_weeks(now_ms: int, an_hour: float = 4.0, weeks: int = 8, seed: int = 1) -> Iterator[Event]:
    """Escalations by chance alone, fewer at night."""
    draw = random.Random(seed)
    at, number = now_ms - weeks * 7 * DAY - DAY, 0
    while True:
        by_day = 8 <= at // HOUR % 24 < 18
        at += max(1, round(draw.expovariate(an_hour if by_day else an_hour / 8) * HOUR))
        if at >= now_ms - 20 * MINUTE:
            return
        number += 1
        yield from escalated(f"q-{number}", at, draw.choice(CHANNELS), draw.choice(TEAMS))


def burst(now_ms: int, count: int, channel: str, team: str) -> Iterator[Event]:
    """So many escalations in the last ten minutes."""
    for i in range(count):
        yield from escalated(f"b-{i}", now_ms - 10 * MINUTE + i * (9 * MINUTE // count), channel, team)


def told(board: Board, events: Iterable[Event], now_ms: int, *, offset: int = 0, after: Iterable[Event] = (), late: int = 0) -> None:
    """Let a board have what a shard makes of some events, `after` others that it was told before; so many of them came late."""
    entities = Entities()
    for event in after:
        entities.apply(event)
    entities.rows.rows.clear()
    for event in events:
        entities.apply(event)
    entities.changes()
    settings = board.settings
    columns = Differences(shard="events-0", last_offset=offset, newest_ms=now_ms, watermark_ms=now_ms - MINUTE, at_ms=now_ms)
    to_columns(entities.rows.rows.items(), Levels(Zone(settings.time_zone), settings.aggregator.day_level_days), now_ms, columns)
    columns.late = {(now_ms - 24 * HOUR) // HOUR * HOUR: late} if late else {}
    board.folded.add(columns, offset)
    board.version += 1
    board.caught_up = True


def quiet_board(now_ms: int = NOON_MS, weeks: int = 8) -> Board:
    """A board on which nothing is unusual; its clock stands at `now_ms`."""
    board = Board(Settings(), clock=lambda: now_ms)
    told(board, quiet_weeks(now_ms, weeks=weeks), now_ms)
    return board
