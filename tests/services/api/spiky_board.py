"""The real board with eight quiet weeks of escalations in it and, on demand, a burst of them just now."""

from __future__ import annotations

import random
from collections.abc import Iterator

from kpis.window import DAY, HOUR, MINUTE
from schemas.events import Event, TicketCreated, TicketEscalated
from services.api.board import Board
from services.settings import Settings
from tests.services.api.fake_board import CHANNELS, NOON_MS, TEAMS
from tests.services.api.filled_board import told


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


def quiet_board(now_ms: int = NOON_MS, weeks: int = 8) -> Board:
    """A board on which nothing is unusual; its clock stands at `now_ms`."""
    board = Board(Settings(), clock=lambda: now_ms)
    told(board, quiet_weeks(now_ms, weeks=weeks), now_ms)
    return board
