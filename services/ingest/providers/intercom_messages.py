"""What each topic of Intercom says, one small function a topic and one line in the table.

Laws: the topic decides, never the type of the part; a message of the conversation is named by its part, so a part that comes with
two topics is one message; a rating is named by itself, so it is one however many notifications carry it.
https://developers.intercom.com/docs/references/webhooks/webhook-models
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from services.ingest.providers.desk import DeskOptions, agent_changed, complaint, priority_changed, status_changed, tagged, team_changed
from services.ingest.providers.provider import NOTHING, Line
from services.ingest.providers.telling import Outside, events_of, first_telling, identity
from services.ingest.providers.times import any_time
from services.ingest.providers.values import id_in, lower_name_in, name_in, number_in, object_in, objects_in, tags_in

STATUSES = {"open": "open", "closed": "solved", "snoozed": "on_hold"}
_PEOPLE = ("user", "lead", "contact")
_MACHINES = ("bot", "operator")


class IntercomOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Intercom, beside what every desk may.

    `leads` makes a lead of every new contact that Intercom calls one. `updates_tell_sla` reads a missed SLA from
    `conversation.updated` too, which shows how things stand and does not say what is new.
    """

    leads: bool = False
    updates_tell_sla: bool = False


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One notification about a conversation, with what every translation of it asks for. `part` is the one that caused it."""

    topic: str
    item: Mapping[str, Any]
    part: Mapping[str, Any]
    id: str
    conversation_id: str
    at: str | None
    options: IntercomOptions

    @property
    def author(self) -> Mapping[str, Any]:
        """Who wrote or did the part."""
        return object_in(self.part.get("author"))

    @property
    def automatic(self) -> bool:
        """Whether the notification says that no person did it."""
        return self.author.get("type") in _MACHINES


def attributes(message: Message) -> Outside:
    """What the item says of the conversation as it is now, in the form of either version of the API."""
    item = message.item
    assignee = object_in(item.get("assignee"))
    agent = item.get("admin_assignee_id") or (assignee.get("id") if assignee.get("type") == "admin" else None)
    team = item.get("team_assignee_id") or (assignee.get("id") if assignee.get("type") == "team" else None)
    listed = item.get("contacts")
    contacts = objects_in(listed) or objects_in(object_in(listed).get("contacts"))
    author = object_in(object_in(item.get("source")).get("author"))
    customer = contacts[0] if contacts else object_in(item.get("user")) or (author if author.get("type") in _PEOPLE else {})
    part_id = id_in(message.part.get("id"))
    return {
        "ticket_id": message.conversation_id,
        "occurred_at": message.at,
        "sequence": int(part_id) if part_id.isdecimal() and len(part_id) < 16 else None,  # parts are numbered as they are made
        "actor_id": name_in(message.author.get("id")),
        "customer_id": name_in(customer.get("id")),
        "agent_id": assigned(agent),
        "team": message.options.team(assigned(team)),
        "channel": lower_name_in(object_in(item.get("source")).get("type")),
        "priority": lower_name_in(item.get("priority")),
        "tags": _tags(item.get("tags")) or None,
    }


def facts(message: Message) -> Iterator[Outside]:
    """What the item carries beside its topic, with ids of their own: a missed promise, the rating and its request.

    Later notifications repeat them, so nothing stands in them that changes between notifications.
    """
    sla, rating = object_in(message.item.get("sla_applied")), object_in(message.item.get("conversation_rating"))
    is_told = message.topic != "conversation.updated" or message.options.updates_tell_sla
    about: Outside = {"ticket_id": message.conversation_id}
    first: Outside = {**about, "occurred_at": message.at, "version": first_telling(message.at)}
    if is_told and sla.get("sla_status") == "missed":
        name = name_in(sla.get("sla_name"))
        yield from events_of(
            identity(message.conversation_id, "sla", name), first, [{"type": "ticket.escalated", "kind": "sla", "to": name}]
        )
    survey_id = identity("csat", message.conversation_id)
    asked = any_time(rating.get("created_at"), "/data/item/conversation_rating/created_at")
    if asked is not None:
        sent = {"type": "survey.sent", "survey_id": survey_id, "survey_type": "post_case"}
        yield from events_of(identity(survey_id, asked), {**about, "occurred_at": asked}, [sent])
    score = number_in(rating.get("rating"))
    if score is not None and 1 <= score <= 5:
        answered = any_time(rating.get("updated_at"), "/data/item/conversation_rating/updated_at")
        answer = {"question": "overall", "metric": "csat", "score": score, "scale_min": 1, "scale_max": 5}
        said = {
            "type": "survey.responded",
            "response_id": survey_id,
            "survey_id": survey_id,
            "survey_type": "post_case",
            "answers": [answer],
        }
        told = first if answered is None else {**about, "occurred_at": answered}
        yield from events_of(identity(survey_id, answered or asked, f"{score:g}"), told, [said])


def says(message: Message) -> Iterator[Outside]:
    """What the topic says, and the rules that look at every conversation."""
    yield from TABLE[message.topic](message)
    yield from complaint(message.options, message.conversation_id, _tags(message.item.get("tags")))


def _created(by: str) -> Callable[[Message], Iterator[Outside]]:
    def told(message: Message) -> Iterator[Outside]:
        status = _status(message)
        yield {"type": "ticket.created", "by": by, "status": "open" if status in (None, "solved", "closed") else status}

    return told


def _customer_wrote(message: Message) -> Iterator[Outside]:
    if _status(message) == "open":
        yield {"type": "ticket.status_changed", "to": "open"}  # an answer opens what was closed or snoozed, without a word of it
    yield _text(message, "ticket.customer_message")


def _company_wrote(message: Message) -> Iterator[Outside]:
    yield {**_text(message, "ticket.public_reply"), "by": "bot" if message.automatic else "human"}


def _noted(message: Message) -> Iterator[Outside]:
    yield _text(message, "ticket.note")


def _text(message: Message, kind: str) -> Outside:
    part_id = name_in(message.part.get("id"))
    if part_id is None:
        return {"type": kind, "message_id": message.id}
    return {"type": kind, "message_id": part_id, "id": f"{identity(message.conversation_id, part_id)}:{kind}"}


def _assignment(message: Message) -> Iterator[Outside]:
    to, item = object_in(message.part.get("assigned_to")), message.item
    kind = to.get("type")
    if kind == "team":
        yield from team_changed(message.options, assigned(to.get("id")), automatic=message.automatic)
    elif kind in ("admin", "nobody_admin", "nobody"):
        yield from agent_changed(assigned(to.get("id")) if kind == "admin" else None, automatic=message.automatic)
    else:
        assignee = object_in(item.get("assignee"))
        v1 = assignee.get("id") if assignee.get("type") == "admin" else None
        yield from agent_changed(assigned(item.get("admin_assignee_id", v1)), automatic=message.automatic)
        if assigned(item.get("team_assignee_id")):
            yield from team_changed(message.options, assigned(item.get("team_assignee_id")), automatic=message.automatic)


def _to(status: str, previous: str | None = None) -> Callable[[Message], Iterator[Outside]]:
    def told(message: Message) -> Iterator[Outside]:
        yield from status_changed(status, previous, automatic=message.automatic)

    return told


def _deleted(message: Message) -> Iterator[Outside]:
    yield {"type": "ticket.deleted"}


def _priority(message: Message) -> Iterator[Outside]:
    yield from priority_changed(message.options, message.item.get("priority"))


def _tag(message: Message) -> Iterator[Outside]:
    added = _tags(message.item.get("tags_added"))
    yield from tagged(added, [])
    yield from complaint(message.options, message.conversation_id, added)


def _nothing_more(message: Message) -> Iterator[Outside]:
    return iter(())


def _status(message: Message) -> str | None:
    return message.options.status(message.item.get("state"), STATUSES)


def assigned(value: Any) -> str | None:
    """Who an id of an owner means; 0 is nobody."""
    found = name_in(value)
    return None if found == "0" else found


def _tags(value: Any) -> list[str]:
    tags = value if isinstance(value, list) else object_in(value).get("tags")
    return tags_in([tag.get("name") for tag in objects_in(tags)])


TABLE: Mapping[str, Callable[[Message], Iterator[Outside]]] = {
    "conversation.user.created": _created("customer"),
    "conversation.admin.single.created": _created("agent"),
    "conversation.user.replied": _customer_wrote,
    "conversation.admin.replied": _company_wrote,
    "conversation.operator.replied": _company_wrote,
    "conversation.admin.noted": _noted,
    "conversation.admin.assigned": _assignment,
    "conversation.admin.closed": _to("solved"),
    "conversation.admin.opened": _to("open", "solved"),
    "conversation.admin.snoozed": _to("on_hold"),
    "conversation.admin.unsnoozed": _to("open"),
    "conversation.deleted": _deleted,
    "conversation.updated": _nothing_more,
    "conversation.rating.added": _nothing_more,
    "conversation.priority.updated": _priority,
    "conversation_part.tag.created": _tag,
}

_CARRIED = ("complaint.raised", "ticket.escalated", "survey.sent", "survey.responded")
_SAYS: Mapping[str, tuple[str, ...]] = {
    "conversation.user.created": ("ticket.created",),
    "conversation.admin.single.created": ("ticket.created",),
    "conversation.user.replied": ("ticket.customer_message", "ticket.status_changed"),
    "conversation.admin.replied": ("ticket.public_reply",),
    "conversation.operator.replied": ("ticket.public_reply",),
    "conversation.admin.noted": ("ticket.note",),
    "conversation.admin.assigned": ("ticket.assigned",),
    "conversation.admin.closed": ("ticket.status_changed", "ticket.solved"),
    "conversation.admin.opened": ("ticket.status_changed", "ticket.reopened"),
    "conversation.admin.snoozed": ("ticket.status_changed",),
    "conversation.admin.unsnoozed": ("ticket.status_changed",),
    "conversation.deleted": ("ticket.deleted",),
    "conversation.updated": (),
    "conversation.rating.added": (),
    "conversation.priority.updated": ("ticket.priority_changed",),
    "conversation_part.tag.created": ("ticket.tagged",),
}
_KNOWN = (
    "ping", "conversation.read", "conversation.contact.attached", "conversation.contact.detached",
    "contact.added_email", "contact.archived", "contact.deleted", "contact.signed_up", "contact.subscribed", "contact.unsubscribed",
    "contact.tag.created", "contact.tag.deleted", "contact.updated", "contact.user.created", "contact.user.updated",
    "contact.lead.updated", "user.created", "user.deleted", "user.updated", "user.tag.created", "user.tag.deleted", "company.created",
    "company.updated", "company.deleted", "event.created", "call.recording_available", "call.transcription_available", "ticket.created",
    "ticket.state.updated", "ticket.note.created", "ticket.team.assigned", "ticket.admin.assigned", "ticket.contact.attached",
    "ticket.contact.detached",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    **{
        topic: Line((*names, *_CARRIED), "a missed SLA, a rating and a tag of a complaint are read from every conversation")
        for topic, names in _SAYS.items()
    },
    "contact.created": Line(("lead.created",), "with `leads`"),
    "contact.lead.created": Line(("lead.created",), "with `leads`"),
    "call.started": Line(("call.answered",)),
    "call.ended": Line(("call.ended",)),
    **dict.fromkeys(("admin.away_mode_updated", "admin.logged_in", "admin.logged_out"), Line(("agent.status_changed",))),
    **dict.fromkeys(_KNOWN, NOTHING),
}
"""Every known topic; those that become nothing are about contacts and companies, or say nothing that a figure needs."""
