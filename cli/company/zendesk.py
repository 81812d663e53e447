"""A ticket of the helpdesk, told as Zendesk tells it: one event-subscription body for each thing that happens.

Bodies follow the vendor's documented shape (developer.zendesk.com/api-reference/webhooks/event-types/ticket-events): all ids
are strings, states are upper case, `detail` is the whole ticket after the event, times have nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from cli.company import people
from cli.company.people import Customer, Issue
from cli.company.world import Message, World

_STATUS = {"on_hold": "HOLD"}
_VIA = {"email": "email", "chat": "chat", "web": "web", "phone": "voice"}


class ZendeskTicket:
    """One ticket of Zendesk: each method makes something happen at an instant and notes the body that Zendesk would post."""

    source: Literal["zendesk"] = "zendesk"

    def __init__(self, world: World, customer: Customer, issue: Issue, channel: str, priority: str) -> None:
        """A ticket that does not exist yet; `created` opens it."""
        self.said: list[Message] = []
        self.id = str(35_000 + world.number("zendesk ticket"))
        self.customer, self.issue, self.channel, self.priority = customer, issue, channel, priority
        self.team: str | None = None
        self.agent: str | None = None
        self.status = "new"
        self._tags = [f"lang_{customer.language}"]
        self._world = world
        self._created_ms = 0
        self._conversation = f"{world.rng.getrandbits(96):024x}"

    def created(self, at_ms: int) -> None:
        """The customer opened it."""
        self._created_ms = at_ms
        self._post(at_ms, "created", {})

    def assigned(self, at_ms: int, team: str, agent: str) -> None:
        """A team, then one of its people, became responsible."""
        if team != self.team:
            before, self.team = self.team, team
            previous_group = before and people.GROUP_IDS[before]
            self._post(at_ms, "group_assignment_changed", {"previous": previous_group, "current": people.GROUP_IDS[team]})
        previous, self.agent = self.agent, agent
        self._post(at_ms + 40, "agent_assignment_changed", {"previous": previous, "current": agent})

    def reply(self, at_ms: int) -> None:
        """The responsible person answered the customer."""
        self._comment(at_ms, self.agent or people.AGENTS[people.TEAMS[0]][0], public=True, staff=True)

    def bot_reply(self, at_ms: int) -> None:
        """A machine answered in the chat."""
        event = {
            "actor": {"id": "zd:answerBot", "name": "bot", "type": "system"},
            "conversation_id": self._conversation,
            "message": {"id": f"{self._world.rng.getrandbits(96):024x}", "body": self._world.text()},
        }
        self._post(at_ms, "message_added", event, family="messaging_ticket", detail={"id": self.id})

    def customer_message(self, at_ms: int) -> None:
        """The customer wrote again."""
        self._comment(at_ms, self.customer.id, public=True, staff=False)

    def note(self, at_ms: int) -> None:
        """A colleague left a note that the customer does not see."""
        self._comment(at_ms, self._world.agent(self.team or people.SPECIALISTS), public=False, staff=True)

    def status_changed(self, at_ms: int, to: str) -> None:
        """The ticket went into another status."""
        if to != self.status:
            before, self.status = self.status, to
            self._post(at_ms, "status_changed", {"previous": _shout(before), "current": _shout(to)})

    def priority_changed(self, at_ms: int, to: str) -> None:
        """Somebody set another priority."""
        before, self.priority = self.priority, to
        self._post(at_ms, "priority_changed", {"previous": before.upper(), "current": to.upper()})

    def tagged(self, at_ms: int, tag: str) -> None:
        """A tag was added."""
        self._tags = [*self._tags, tag]
        self._post(at_ms, "tags_changed", {"tags_added": [tag], "tags_removed": []})

    def escalated(self, at_ms: int, kind: str) -> None:
        """To more skill is a move to the specialists; the helpdesk's word for urgency is a higher priority."""
        if kind == "functional":
            self.assigned(at_ms, people.SPECIALISTS, self._world.agent(people.SPECIALISTS))
        if self.priority != "urgent":
            self.priority_changed(at_ms + 900, "urgent")

    def logged(self, at_ms: int, seconds: int) -> None:
        """Zendesk tells nobody how long somebody worked."""

    def spam(self, at_ms: int) -> None:
        """It was no request at all."""
        self._post(at_ms, "marked_as_spam", {})

    def csat_requested(self, at_ms: int) -> None:
        """The helpdesk itself asked whether the answer was good."""
        self._post(at_ms, "csat_requested", {})

    def csat_received(self, at_ms: int, good: bool) -> None:
        """The customer said whether it was."""
        self._post(at_ms, "csat_received", {"satisfaction_score": {"score": "GOOD" if good else "BAD"}})

    def _comment(self, at_ms: int, author: str, *, public: bool, staff: bool) -> None:
        comment = {
            "id": str(40_000_000 + self._world.number("zendesk comment")),
            "body": self._world.text(),
            "is_public": public,
            "author": {"id": author, "is_staff": staff},
        }
        self._post(at_ms, "comment_added", {"comment": comment})

    def _post(self, at_ms: int, what: str, event: dict[str, Any], *, family: str = "ticket", detail: dict[str, Any] | None = None) -> None:
        uid = self._world.uid()
        body = {
            "type": f"zen:event-type:{family}.{what}",
            "account_id": people.ACCOUNT_ID,
            "id": uid,
            "time": _clock(at_ms, "%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}{self._world.rng.randrange(10**6):06d}Z",
            "zendesk_event_version": "2022-11-06",
            "subject": f"zen:ticket:{self.id}",
            "detail": detail or self._detail(at_ms),
            "event": event,
        }
        self.said.append(Message(at_ms, self.source, uid, body))

    def _detail(self, at_ms: int) -> dict[str, Any]:
        return {
            "actor_id": self.agent or self.customer.id,
            "assignee_id": self.agent,
            "brand_id": people.BRAND_ID,
            "created_at": _clock(self._created_ms, "%Y-%m-%dT%H:%M:%SZ"),
            "custom_status": "8447320465790",
            "description": "",
            "external_id": None,
            "form_id": "8646151517822",
            "group_id": self.team and people.GROUP_IDS[self.team],
            "id": self.id,
            "is_public": True,
            "organization_id": None,
            "priority": self.priority.upper(),
            "requester_id": self.customer.id,
            "status": _shout(self.status),
            "subject": "",
            "submitter_id": self.customer.id,
            "tags": list(self._tags),
            "type": self.issue.name.upper(),
            "updated_at": _clock(at_ms, "%Y-%m-%dT%H:%M:%SZ"),
            "via": {"channel": _VIA[self.channel]},
        }


def _shout(status: str) -> str:
    return _STATUS.get(status, status.upper())


def _clock(at_ms: int, form: str) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime(form)
