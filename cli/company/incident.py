"""A planted incident: chats with the billing team that were settled for the moment all come back within a minute and are made urgent.

Laws: the same seed and instants give the same deliveries, byte for byte; every escalation is of one channel and one team; the
tickets come over a whole day, as busily as the company is, and are answered as fast as others: nothing but escalations is unusual.
"""

from __future__ import annotations

from cli.company import week
from cli.company.deliveries import Delivery, delivered
from cli.company.people import ISSUES
from cli.company.world import World
from cli.company.zendesk import ZendeskTicket

KPI = "escalation_rate"
"""The watched KPI in which it shows."""

CHANNEL, TEAM = "chat", "billing"
ESCALATIONS = 20
WITHIN_MS = 40_000
"""The last escalation comes so long after the first."""

_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_LAST_MINUTES = 30
"""The last ticket comes so long before now that all of them have been answered by then."""

_AFTER = 1_000_000
"""Its tickets have numbers that the company itself does not reach."""


def before(seed: int, now_ms: int, *, ahead_ms: int = 0) -> list[Delivery]:
    """The tickets, as they came and were answered during the day before `now_ms`, in the order in which they arrive."""
    world, tickets = _answered(seed, now_ms, ahead_ms)
    return _posted(world, tickets)


def outbreak(seed: int, now_ms: int, onset_ms: int, *, ahead_ms: int = 0) -> list[Delivery]:
    """What happens to the same tickets from `onset_ms` on: back, made urgent, answered, solved; in the order in which it arrives."""
    world, tickets = _answered(seed, now_ms, ahead_ms)
    world.rng.shuffle(tickets)
    offsets = [0, *sorted(world.rng.randrange(WITHIN_MS) for _ in tickets[2:]), WITHIN_MS]
    for ticket, offset_ms in zip(tickets, offsets, strict=True):
        ticket.said.clear()
        at_ms = onset_ms + offset_ms
        ticket.customer_message(at_ms)
        ticket.status_changed(at_ms + 150, "open")
        ticket.escalated(at_ms + 300, "hierarchic")
        at_ms += world.wait_ms(at_ms, 30)
        ticket.reply(at_ms + 2_000)
        ticket.status_changed(at_ms + world.span_ms(1_200), "solved")
    return _posted(world, tickets)


def _answered(seed: int, now_ms: int, ahead_ms: int) -> tuple[World, list[ZendeskTicket]]:
    """The tickets as they are at `now_ms`: each answered, none solved; and the chance with which their stories go on."""
    world = World(f"incident of {seed}", ahead_ms=ahead_ms, after=_AFTER)
    issue = next(issue for issue in ISSUES if issue.team == TEAM)
    minutes = range(_LAST_MINUTES, _DAY_MS // _MINUTE_MS)
    busy = [week.weight(now_ms + ahead_ms - minute * _MINUTE_MS) for minute in minutes]
    tickets = []
    for minute in sorted(world.rng.choices(minutes, busy, k=ESCALATIONS), reverse=True):
        at_ms = now_ms - minute * _MINUTE_MS + world.rng.randrange(_MINUTE_MS)
        ticket = ZendeskTicket(world, world.customer(), issue, CHANNEL, world.pick(("normal", "high")))
        ticket.created(at_ms)
        at_ms += world.wait_ms(at_ms, 15)
        ticket.assigned(at_ms, TEAM, world.agent(TEAM))
        at_ms += world.wait_ms(at_ms, 50)
        ticket.status_changed(at_ms - 1, "open")
        ticket.reply(at_ms)
        ticket.status_changed(at_ms + 400, "pending")
        tickets.append(ticket)
    return world, tickets


def _posted(world: World, tickets: list[ZendeskTicket]) -> list[Delivery]:
    """Each message a second after it happened."""
    said = [message for ticket in tickets for message in ticket.said]
    return sorted((delivered(message, message.occurred_ms + world.span_ms(1, 0.6)) for message in said), key=lambda d: d.at_ms)
