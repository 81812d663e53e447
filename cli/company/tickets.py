"""The story of a ticket, whichever helpdesk tells it: opened, taken, answered, passed on, solved, sometimes reopened, closed."""

from __future__ import annotations

from typing import NamedTuple

from cli.company import generic, surveys
from cli.company.desk import DeskTicket
from cli.company.people import PRIORITIES, TEAMS, Customer, Issue
from cli.company.world import Message, World
from cli.company.zendesk import ZendeskTicket

Ticket = ZendeskTicket | DeskTicket
_HOUR_MS = 3_600_000


class _Pace(NamedTuple):
    """How a channel goes, medians in seconds: taken after, first answered after, the next answer after, the customer writes after."""

    taken: int
    first_reply: int
    next_reply: int
    customer: int


_PACE = {
    "chat": _Pace(15, 50, 35, 30),
    "phone": _Pace(20, 240, 300, 480),
    "email": _Pace(150, 840, 600, 900),
    "web": _Pace(120, 660, 480, 720),
}


def zendesk_story(world: World, at_ms: int, customer: Customer, issue: Issue) -> list[Message]:
    """A ticket that comes by e-mail, chat or the web into Zendesk."""
    channel = world.pick(("email", "chat", "web"), (50, 32, 18))
    return _told(world, at_ms, ZendeskTicket(world, customer, issue, channel, _priority(world)))


def desk_story(world: World, at_ms: int, customer: Customer, issue: Issue) -> list[Message]:
    """A ticket that comes by telephone, the web form or e-mail to the second desk; now and then the customer sends it twice."""
    channel = world.pick(("phone", "web", "email"), (55, 30, 15))
    ticket = DeskTicket(world, customer, issue, channel, _priority(world))
    said = _told(world, at_ms, ticket)
    if world.chance(0.02):
        twin = DeskTicket(world, customer, issue, channel, ticket.priority)
        again_ms = at_ms + world.span_ms(60)
        twin.created(again_ms)
        twin.merged(again_ms + world.span_ms(240), ticket.id)
        said += twin.said
    return said


def _priority(world: World) -> str:
    return world.pick(PRIORITIES, (20, 58, 17, 5))


def _told(world: World, at_ms: int, ticket: Ticket) -> list[Message]:
    pace = _PACE[ticket.channel]
    ticket.created(at_ms)
    if world.chance(0.007):
        ticket.spam(at_ms + world.span_ms(400))
        return ticket.said
    if world.chance(0.3 if ticket.channel == "chat" else 0.06):
        ticket.bot_reply(at_ms + world.span_ms(3, 0.3))
    if world.chance(0.04):
        return _solved_unanswered(world, at_ms, ticket)
    at_ms += world.wait_ms(at_ms, pace.taken)
    ticket.assigned(at_ms, ticket.issue.team, world.agent(ticket.issue.team))
    extra = _before_the_answer(world, at_ms, ticket)
    at_ms += world.wait_ms(at_ms, pace.first_reply)
    at_ms = _conversation(world, at_ms, ticket, pace)
    ticket.logged(at_ms - 10, int(world.span_ms(420) / 1000))
    ticket.status_changed(at_ms, "solved")
    if world.chance(0.08):
        at_ms = _return(world, at_ms, ticket, pace)
    if ticket.source == "zendesk" and world.chance(0.12):
        _own_question(world, at_ms, ticket)
    if world.chance(0.75):
        extra += surveys.after_case(world, at_ms, ticket)
    ticket.status_changed(at_ms + 96 * _HOUR_MS, "closed")
    return ticket.said + extra


def _solved_unanswered(world: World, at_ms: int, ticket: Ticket) -> list[Message]:
    """Settled without a word: a duplicate, a thank-you, somebody who found it out alone."""
    at_ms += world.wait_ms(at_ms, 900)
    ticket.assigned(at_ms, ticket.issue.team, world.agent(ticket.issue.team))
    ticket.status_changed(at_ms + world.span_ms(200), "solved")
    return ticket.said


def _before_the_answer(world: World, at_ms: int, ticket: Ticket) -> list[Message]:
    """What may happen to a ticket once somebody has it: a tag, other urgency, a note, an escalation, a complaint."""
    if world.chance(0.12):
        ticket.tagged(at_ms + world.span_ms(60), world.pick(("refund", "warranty", "first_order")))
    if ticket.priority != "low" and world.chance(0.03):
        ticket.priority_changed(at_ms + world.span_ms(90), "low")
    if world.chance(0.2):
        ticket.note(at_ms + world.span_ms(120))
    if world.chance(0.1):
        ticket.escalated(at_ms + world.span_ms(240), world.pick(("functional", "hierarchic"), (7, 3)))
    if not world.chance(0.08):
        return []
    category = world.pick(("delay", "quality", "price"))
    complaint = {"complaint_id": f"k{world.number('complaint')}", "ticket_id": ticket.id, "category": category}
    source = "feedback" if ticket.source == "zendesk" else ticket.source
    return [generic.message(world, source, at_ms + world.span_ms(300), "complaint.raised", ticket.customer, **complaint)]


def _conversation(world: World, at_ms: int, ticket: Ticket, pace: _Pace) -> int:
    """Answers and questions by turns from the first answer on; the instant at which it is settled."""
    ticket.status_changed(at_ms - 1, "open")
    ticket.reply(at_ms)
    while world.chance(0.42):
        ticket.status_changed(at_ms + 400, "pending")
        at_ms += world.span_ms(pace.customer)
        ticket.customer_message(at_ms)
        ticket.status_changed(at_ms + 150, "open")
        if world.chance(0.09):
            ticket.assigned(at_ms + world.span_ms(80), *_somebody_else(world, ticket))
        elif world.chance(0.04):
            ticket.status_changed(at_ms + world.span_ms(100), "on_hold")
        at_ms += world.wait_ms(at_ms, pace.next_reply)
        ticket.reply(at_ms)
    return at_ms + world.span_ms(60)


def _somebody_else(world: World, ticket: Ticket) -> tuple[str, str]:
    team = ticket.team if ticket.team and world.chance(0.4) else world.pick(TEAMS)
    return team, world.agent(team, but=ticket.agent)


def _return(world: World, at_ms: int, ticket: Ticket, pace: _Pace) -> int:
    """It was not settled after all."""
    at_ms += world.span_ms(2400, 1.3)
    ticket.customer_message(at_ms)
    ticket.status_changed(at_ms + 80, "open")
    at_ms += world.wait_ms(at_ms, pace.next_reply)
    ticket.reply(at_ms)
    at_ms += world.span_ms(30)
    ticket.status_changed(at_ms, "solved")
    return at_ms


def _own_question(world: World, at_ms: int, ticket: ZendeskTicket) -> None:
    at_ms += world.span_ms(300)
    ticket.csat_requested(at_ms)
    if world.chance(0.3):
        ticket.csat_received(at_ms + world.span_ms(900, 1.2), good=world.chance(0.85))
