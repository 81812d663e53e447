"""The real board with an afternoon of made-up tickets in it, without a Kafka: what a shard would have written is added directly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kpis.contributions import to_columns
from kpis.entities import Entities
from kpis.kpi import Kpi
from kpis.window import HOUR, MINUTE, Levels, Zone
from schemas.differences import Differences
from schemas.events import Event, TicketCreated, TicketEscalated, TicketPublicReply, TicketSolved
from services.api.board import Board
from services.settings import Settings
from tests.services.api.fake_board import CHANNELS, NOON_MS, TEAMS


def afternoon(tickets: int, now_ms: int) -> Iterator[Event]:
    """One ticket a minute up to now: each is answered after 5 to 40 min, most are solved, some escalate."""
    for i in range(tickets):
        at_ms = now_ms - (tickets - i) * MINUTE
        channel, team = CHANNELS[i % len(CHANNELS)], TEAMS[i % len(TEAMS)]
        agent, ticket = f"a-{i % 5}", f"t-{i}"
        yield TicketCreated(
            id=f"{ticket}-1", source="desk", occurred_at_ms=at_ms, ticket_id=ticket, channel=channel, team=team, customer_id=f"c-{i % 90}"
        )
        reply_ms = at_ms + (5 + i * 7 % 36) * MINUTE
        if reply_ms < now_ms:
            yield TicketPublicReply(
                id=f"{ticket}-2", source="desk", occurred_at_ms=reply_ms, ticket_id=ticket, message_id=f"m-{i}", agent_id=agent
            )
        if i % 13 == 0 and reply_ms + MINUTE < now_ms:
            yield TicketEscalated(id=f"{ticket}-3", source="desk", occurred_at_ms=reply_ms + MINUTE, ticket_id=ticket, kind="hierarchic")
        solved_ms = reply_ms + (10 + i * 11 % 90) * MINUTE
        if i % 4 and solved_ms < now_ms:
            yield TicketSolved(id=f"{ticket}-4", source="desk", occurred_at_ms=solved_ms, ticket_id=ticket, agent_id=agent)


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


def filled(tickets: int = 300, now_ms: int = NOON_MS, kpis: tuple[Kpi, ...] | None = None) -> Board:
    """A board that is caught up with so many tickets."""
    settings = Settings()
    board = Board(settings, clock=lambda: now_ms) if kpis is None else Board(settings, clock=lambda: now_ms, kpis=kpis)
    told(board, afternoon(tickets, now_ms), now_ms)
    return board
