"""A ticket of the second helpdesk, which posts canonical events itself (Standard Webhooks): contacts by telephone and the web form."""

from __future__ import annotations

from typing import Any, Literal

from cli.company import generic, people
from cli.company.people import Customer, Issue
from cli.company.world import Message, World


class DeskTicket:
    """One ticket of the desk: the same happenings as `ZendeskTicket`, in canonical words."""

    source: Literal["desk"] = "desk"

    def __init__(self, world: World, customer: Customer, issue: Issue, channel: str, priority: str) -> None:
        """A ticket that does not exist yet; `created` opens it."""
        self.said: list[Message] = []
        self.id = f"D{10_000 + world.number('desk ticket')}"
        self.customer, self.issue, self.channel, self.priority = customer, issue, channel, priority
        self.team: str | None = None
        self.agent: str | None = None
        self.status = "new"
        self._world = world

    def created(self, at_ms: int) -> None:
        """The customer opened it."""
        product = self._world.pick(people.PRODUCTS)
        said = {"channel": self.channel, "priority": self.priority, "issue_type": self.issue.name, "product": product}
        self._post(at_ms, "ticket.created", **generic.about(self.customer), **said)

    def assigned(self, at_ms: int, team: str, agent: str) -> None:
        """A team and one of its people became responsible; from somebody else this is a transfer as well."""
        if self.agent is not None:
            moved = {"from_team": self.team, "to_team": team, "from_agent_id": self.agent, "to_agent_id": agent}
            self._post(at_ms, "ticket.transferred", mode="warm" if self._world.chance(0.3) else "cold", **moved)
        self.team, self.agent = team, agent
        self._post(at_ms + 25, "ticket.assigned", agent_id=agent, team=team)

    def reply(self, at_ms: int) -> None:
        """The responsible person answered the customer."""
        self._post(at_ms, "ticket.public_reply", message_id=self._message(), actor_id=self.agent)

    def bot_reply(self, at_ms: int) -> None:
        """A machine answered first."""
        self._post(at_ms, "ticket.public_reply", message_id=self._message(), by="bot")

    def customer_message(self, at_ms: int) -> None:
        """The customer wrote again."""
        self._post(at_ms, "ticket.customer_message", message_id=self._message())

    def note(self, at_ms: int) -> None:
        """A colleague left a note that the customer does not see."""
        self._post(at_ms, "ticket.note", message_id=self._message())

    def status_changed(self, at_ms: int, to: str) -> None:
        """The ticket went into another status; this system has words of its own for the end and the return."""
        if to != self.status:
            before, self.status = self.status, to
            if to == "solved":
                self._post(at_ms, "ticket.solved")
            elif to == "open" and before in ("solved", "closed"):
                self._post(at_ms, "ticket.reopened")
            else:
                self._post(at_ms, "ticket.status_changed", to=to, **{"from": before})

    def priority_changed(self, at_ms: int, to: str) -> None:
        """Somebody set another priority."""
        before, self.priority = self.priority, to
        self._post(at_ms, "ticket.priority_changed", to=to, **{"from": before})

    def tagged(self, at_ms: int, tag: str) -> None:
        """A tag was added."""
        self._post(at_ms, "ticket.tagged", added=[tag])

    def escalated(self, at_ms: int, kind: str) -> None:
        """To more skill, which moves it to the specialists, or to more authority."""
        self._post(at_ms, "ticket.escalated", kind=kind, to=people.SPECIALISTS if kind == "functional" else None)
        if kind == "functional":
            self.assigned(at_ms + 500, people.SPECIALISTS, self._world.agent(people.SPECIALISTS))

    def logged(self, at_ms: int, seconds: int) -> None:
        """The agent booked the time worked."""
        if self.agent is not None:
            self._post(at_ms, "agent.time_logged", activity="ticket", seconds=seconds, agent_id=self.agent)

    def spam(self, at_ms: int) -> None:
        """It was no request at all."""
        self._post(at_ms, "ticket.deleted", reason="spam")

    def merged(self, at_ms: int, into: str) -> None:
        """It was the same request as another ticket."""
        self._post(at_ms, "ticket.merged", into_ticket_id=into)

    def _message(self) -> str:
        return f"m{self._world.number('desk message')}"

    def _post(self, at_ms: int, kind: str, /, **fields: Any) -> None:
        self.said.append(generic.message(self._world, self.source, at_ms, kind, ticket_id=self.id, **fields))
