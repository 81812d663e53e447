"""Help Scout webhooks: the event's name in a header, the conversation as it stands in the body.

Laws: without the header nothing is known; the body says only the new status and owner, so both are claims and who counts finds
what changed; a message has the time of its thread, and a conversation the newest time it knows, since the time of its last change
by a user lies behind what customers do.
https://developer.helpscout.com/webhooks · https://developer.helpscout.com/mailbox-api/endpoints/conversations/get
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.desk import DONE, DeskOptions, agent_changed, complaint, status_changed, tagged
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, objects_in

STATUSES = {"active": "open", "pending": "pending", "closed": "solved"}
_SCORES = {"great": 3, "okay": 2, "not good": 1}
_MERGED_INTO = ("mergedIntoId", "mergedInto", "targetConversationId", "targetId", "target", "intoConversationId")
_CUSTOMERS, _AGENTS, _NOTES = ("customer", "beaconchat"), ("message", "reply", "chat", "phone"), ("note",)


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One body, with what every translation of it asks for."""

    body: Mapping[str, Any]
    thread: Mapping[str, Any]
    ticket_id: str
    options: DeskOptions

    @property
    def tags(self) -> list[str]:
        """The names of the conversation's tags."""
        tags = objects_in(self.body.get("tags"))
        return [found for each in tags if (found := name_in(each.get("tag")) or name_in(each.get("name")))][:100]

    @property
    def is_spam(self) -> bool:
        """Whether the conversation is taken for spam."""
        return lower_name_in(self.body.get("status")) == "spam"


def translate(delivery: Delivery, options: DeskOptions) -> Translation:
    """The canonical events of one body. Raises Rejected when it should say something but does not."""
    name = delivery.header(b"x-helpscout-event").strip()
    body = object_of(delivery.body)
    if not name:
        raise Rejected(Reason.MISSING_FIELD, "the header X-HelpScout-Event, which names the event, did not come with the body")
    if name not in _KNOWN_NAMES:
        return Translation(items=(), ignored=(name,))
    own = name_in(body.get("id"))
    if own is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id", "/id")
    if name == "customer.created":
        at = iso_time(body.get("createdAt"), "/createdAt", zone_of(options.time_zone))
        return told(name, identity(name, own), {"occurred_at": at, "customer_id": own}, [{"type": name}])
    if name in _SURVEYS:
        return told(name, identity(name, own), *_rated(body, own, options))
    message = Message(body=body, thread=_thread(body, _THREADS.get(name)), ticket_id=own, options=options)
    common = _common(message, name)
    said = _TABLE[name](message)
    message_id = _own_id(name, message, common["occurred_at"])
    return told(name, message_id, common, said) if message_id else unnamed(delivery, name, common, said)


def _own_id(name: str, message: Message, at: str | None) -> str:
    """What a repetition of the same fact has in common with it; "" where only the content tells."""
    if name in _ONCE:
        return identity(name, message.ticket_id)
    if name in _THREADS:
        thread_id = id_in(message.thread.get("id"))
        return identity(name, message.ticket_id, thread_id) if thread_id else ""
    body = message.body
    state = {
        "convo.status": body.get("status"),
        "convo.assigned": object_in(body.get("assignee")).get("id"),
        "convo.moved": body.get("mailboxId"),
    }
    return identity(name, message.ticket_id, at, state.get(name)) if at else ""


def _thread(body: Mapping[str, Any], kinds: tuple[str, ...] | None) -> Mapping[str, Any]:
    """The newest of the threads that the body carries: of these types, or of one that nobody knows, never of another's."""
    threads = objects_in(object_in(body.get("_embedded")).get("threads"))
    strange = [each for each in threads if lower_name_in(each.get("type")) not in (*_CUSTOMERS, *_AGENTS, *_NOTES)]
    fitting = threads if kinds is None else [each for each in threads if lower_name_in(each.get("type")) in kinds] or strange
    return max(fitting, key=lambda each: (id_in(_written_at(each)), id_in(each.get("id")).zfill(20)), default={})


def _written_at(thread: Mapping[str, Any]) -> Any:
    return thread.get("createdAt") or object_in(thread.get("createdBy")).get("createdAt")


def _common(message: Message, name: str) -> Outside:
    body, thread = message.body, message.thread
    zone = zone_of(message.options.time_zone)
    written = iso_time(_written_at(thread), "/_embedded/threads", zone)
    if name in _ONCE:
        at = iso_time(body.get("createdAt"), "/createdAt", zone) if _ONCE[name] else None
    elif name in _THREADS:
        # a user's last change says nothing of when a customer wrote
        at = written or (None if _THREADS[name] is _CUSTOMERS else iso_time(body.get("userUpdatedAt"), "/userUpdatedAt", zone))
    else:
        times = (written, *(iso_time(body.get(field), f"/{field}", zone) for field in ("createdAt", "userUpdatedAt", "closedAt")))
        at = max((found for found in times if found is not None), default=None)
    author = object_in(thread.get("createdBy")) or object_in(thread.get("customer"))
    return {
        "ticket_id": message.ticket_id,
        "occurred_at": at,
        "actor_id": name_in(author.get("id")) if name in _THREADS else None,
        "customer_id": name_in(object_in(body.get("primaryCustomer")).get("id")),
        "agent_id": name_in(object_in(body.get("assignee")).get("id")),
        "team": message.options.team(body.get("mailboxId")),
        "channel": "chat" if name.startswith("beacon.chat") else lower_name_in(body.get("type")),
        "tags": message.tags or None,
    }


def _created(message: Message) -> Iterator[Outside]:
    by = "agent" if lower_name_in(object_in(message.body.get("createdBy")).get("type")) == "user" else "customer"
    yield {"type": "ticket.created", "by": by, "status": message.options.status(message.body.get("status"), STATUSES) or "new"}
    if message.is_spam:
        yield {"type": "ticket.deleted", "reason": "spam"}
    yield from complaint(message.options, message.ticket_id, message.tags)


def _thread_of(kind: str) -> Callable[[Message], Iterator[Outside]]:
    def says(message: Message) -> Iterator[Outside]:
        yield {"type": kind, "message_id": name_in(message.thread.get("id")) or id_in(message.body.get("threads")) or "thread"}

    return says


def _status(message: Message) -> Iterator[Outside]:
    if message.is_spam:
        yield {"type": "ticket.deleted", "reason": "spam"}
        return
    to = message.options.status(message.body.get("status"), STATUSES)
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, f"the status is none of {', '.join(STATUSES)} and spam", "/status")
    closed_by = name_in(message.body.get("closedBy")) if to in DONE else None
    yield from ({**each, "actor_id": closed_by} for each in status_changed(to, None))


def _assigned(message: Message) -> Iterator[Outside]:
    yield from agent_changed(object_in(message.body.get("assignee")).get("id"))


def _moved(message: Message) -> Iterator[Outside]:
    team = message.options.team(message.body.get("mailboxId"))
    if team is None:
        raise Rejected(Reason.MISSING_FIELD, "the conversation was moved, but to which mailbox is not said", "/mailboxId")
    yield {"type": "ticket.transferred", "to_team": team}


def _merged(message: Message) -> Iterator[Outside]:
    places = (message.body.get(name) for name in _MERGED_INTO)
    into = next((found for place in places if (found := name_in(object_in(place).get("id")) or name_in(place))), None)
    if into is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the conversation was merged, but into which is not said", "/mergedIntoId")
    yield {"type": "ticket.merged", "into_ticket_id": into}


def _deleted(message: Message) -> Iterator[Outside]:
    yield {"type": "ticket.deleted"}


def _tags(message: Message) -> Iterator[Outside]:
    yield from tagged(message.tags, [])  # those it has now: which are new is not said
    yield from complaint(message.options, message.ticket_id, message.tags)


def _rated(body: Mapping[str, Any], own: str, options: DeskOptions) -> tuple[Outside, list[Outside]]:
    """A rating of one of three words: what is common to it, and the response."""
    rating = body.get("rating")
    score = _SCORES.get(rating.strip().lower().replace("_", " ")) if isinstance(rating, str) else None
    if score is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the rating is none of Great, Okay and Not Good", "/rating")
    common: Outside = {
        "ticket_id": name_in(body.get("conversationId")),
        "occurred_at": iso_time(body.get("createdAt"), "/createdAt", zone_of(options.time_zone)),
        "customer_id": name_in(body.get("customerId")),
        "agent_id": name_in(body.get("userId")),
        "team": options.team(body.get("mailboxId")),
    }
    answer = {"question": "overall", "metric": "csat", "score": score, "scale_min": 1, "scale_max": 3}
    return common, [{"type": "survey.responded", "response_id": f"csat:{own}", "survey_type": "post_case", "answers": [answer]}]


_ONCE = {"convo.created": True, "beacon.chat.created": True, "convo.deleted": False}
"""What happens once to a conversation, and whether it is its creation, which has a time."""
_THREADS = {
    "convo.customer.reply.created": _CUSTOMERS,
    "beacon.chat.customer.replied": _CUSTOMERS,
    "convo.agent.reply.created": _AGENTS,
    "convo.note.created": _NOTES,
}
_SURVEYS = ("satisfaction.ratings", "message.survey.response.received")
_TABLE: Mapping[str, Callable[[Message], Iterator[Outside]]] = {
    "convo.created": _created,
    "beacon.chat.created": _created,
    "convo.customer.reply.created": _thread_of("ticket.customer_message"),
    "beacon.chat.customer.replied": _thread_of("ticket.customer_message"),
    "convo.agent.reply.created": _thread_of("ticket.public_reply"),
    "convo.note.created": _thread_of("ticket.note"),
    "convo.status": _status,
    "convo.assigned": _assigned,
    "convo.moved": _moved,
    "convo.merged": _merged,
    "convo.deleted": _deleted,
    "convo.tags": _tags,
}
_KNOWN_NAMES = frozenset([*_TABLE, *_SURVEYS, "customer.created"])
_CREATED = Line(("ticket.created", "ticket.deleted", "complaint.raised"), "deleted where it is spam")
_KNOWN = ("convo.ai-answers.created", "convo.custom-fields", "customer.updated", "customer.deleted", "helpscout.test", "user.status")
_OBJECTS = tuple(f"{of}.{what}" for of in ("tag", "organization") for what in ("created", "updated", "deleted"))
LINES: Mapping[str, Line] = {
    "convo.created": _CREATED,
    "beacon.chat.created": _CREATED,
    "convo.customer.reply.created": Line(("ticket.customer_message",)),
    "beacon.chat.customer.replied": Line(("ticket.customer_message",)),
    "convo.agent.reply.created": Line(("ticket.public_reply",)),
    "convo.note.created": Line(("ticket.note",)),
    "convo.status": Line(("ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.deleted"), "deleted where it is spam"),
    "convo.assigned": Line(("ticket.assigned",), "a transfer is found when the ticket is counted"),
    "convo.moved": Line(("ticket.transferred",)),
    "convo.merged": Line(("ticket.merged",)),
    "convo.deleted": Line(("ticket.deleted",)),
    "convo.tags": Line(("ticket.tagged", "complaint.raised")),
    "customer.created": Line(("customer.created",)),
    "satisfaction.ratings": Line(("survey.responded",)),
    "message.survey.response.received": Line(("survey.responded",), "where it holds one of the three ratings"),
    **dict.fromkeys((*_KNOWN, *_OBJECTS), NOTHING),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new conversation."""
    body = {
        "id": unique,
        "type": "email",
        "status": "active",
        "mailboxId": 1,
        "assignee": None,
        "createdBy": {"id": 12, "type": "customer"},
        "primaryCustomer": {"id": 12},
        "createdAt": rfc3339(now_ms),
        "userUpdatedAt": rfc3339(now_ms),
        "tags": [],
    }
    headers = {"content-type": "application/json", "x-helpscout-event": "convo.created"}
    return Sample(body=msgspec.json.encode(body), headers=headers)


GUIDE = Guide(
    clicks=(
        "Open Manage > Apps, install Webhooks, and open it.",
        "Paste {url} as the callback URL.",
        "Type a secret of your own, of at most 40 characters, as the secret key.",
        "Choose the payload version V2 and tick all events of Conversations, Beacon chats and Satisfaction ratings.",
        "Save, and send the test: it is counted as helpscout.test and becomes nothing.",
    ),
    secret="The secret key that you typed there, as it stands.",
    delivery="Seconds late; tried again after failures, and switched off after ten events that were given up or one answer 410.",
    notes=(
        "Help Scout has no priorities and no SLAs: figures of escalations need tags and teams.",
        "A conversation that comes back and another owner are found when the conversation is counted: the body has no previous values.",
        "Teams are mailboxes by their ids; `team_names` gives them names.",
        "Great, Okay and Not Good are told as 3, 2 and 1 of 1 to 3.",
    ),
    unconfirmed=(
        "Where a merged conversation says into which it went; what does not say it is kept in `rejected`.",
        "The body of message.survey.response.received: one of the three ratings is read, anything else is kept in `rejected`.",
        "How often it tries again: five or ten times. Nothing depends on it.",
    ),
    links=("https://developer.helpscout.com/webhooks",),
)

PROVIDER = Provider(
    kind="helpscout",
    title="Help Scout",
    schemes=("helpscout",),
    translate=translate,
    lines=LINES,
    options=DeskOptions,
    headers=("content-type", "x-helpscout-event"),
    guide=GUIDE,
    sample=sample,
)
