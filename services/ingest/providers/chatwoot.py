"""Chatwoot webhooks: conversations and messages of one account.

Laws: a conversation is known by its account and its number, since numbers repeat in other accounts; a change of status is told
by its own message and not by `conversation_updated`, which comes with it; times come as epoch seconds, as text with UTC, or not.
https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.desk import (
    DeskOptions,
    agent_changed,
    complaint,
    priority_changed,
    status_changed,
    tagged,
    team_changed,
)
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import at_path, id_in, lower_name_in, name_in, number_in, object_in, objects_in, tags_in

STATUSES = {
    **{"open": "open", "resolved": "solved", "pending": "pending", "snoozed": "on_hold"},
    **{"0": "open", "1": "solved", "2": "pending", "3": "on_hold"},
}
_RANKS = {"medium": "normal", "0": "low", "1": "normal", "2": "high", "3": "urgent"}
_KINDS = {"0": "incoming", "1": "outgoing", "2": "activity", "3": "template"}
_LABELS = ("label_list", "cached_label_list", "labels")
_RATING = "content_attributes.submitted_values.csat_survey_response"


class ChatwootOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Chatwoot, beside a helpdesk's settings. `account` is the id of the account for bodies that name none."""

    account: str = ""


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One body, with what every translation of it asks for."""

    body: Mapping[str, Any]
    conversation: Mapping[str, Any]
    changed: Mapping[str, Any]
    ticket_id: str
    options: ChatwootOptions

    @property
    def message_id(self) -> str:
        """The id of the chat message. Raises Rejected when there is none."""
        found = name_in(self.body.get("id"))
        if found is None:
            raise Rejected(Reason.MISSING_FIELD, "the message has no id", "/id")
        return found

    def ends(self, *names: str) -> tuple[bool, Any, Any]:
        """Whether an attribute changed, its value after and its value before."""
        change = next((object_in(self.changed[name]) for name in names if name in self.changed), None)
        return (False, None, None) if change is None else (True, change.get("current_value"), change.get("previous_value"))


def translate(delivery: Delivery, options: ChatwootOptions) -> Translation:
    """The canonical events of one body. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event: Chatwoot's webhooks name one", "/event")
    says = _TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    message, common, at = _read(body, name.startswith("message_"), options)
    said = says(message)
    message_id = _own_id(name, message, delivery.header(b"x-chatwoot-delivery").strip(), at)
    return told(name, message_id, common, said) if message_id else unnamed(delivery, name, common, said)


def _own_id(name: str, message: Message, delivery_id: str, at: str | None) -> str:
    """What a repetition of the same fact has in common with it; "" where only the content tells.

    A conversation begins once and a message is written once, also where the webhooks of the account and of its inbox both tell so.
    Anything else is known by its delivery, and in releases that name none by its time.
    """
    if name == "conversation_created":
        return identity(name, message.ticket_id)
    if name == "message_created":
        return identity(name, message.ticket_id, message.message_id)
    if delivery_id:
        return identity(delivery_id)
    return identity(name, message.ticket_id, name_in(message.body.get("id")), at) if at else ""


def _read(body: Mapping[str, Any], is_message: bool, options: ChatwootOptions) -> tuple[Message, Outside, str | None]:
    conversation = object_in(body.get("conversation")) if is_message else body
    last = next(iter(objects_in(conversation.get("messages"))), {})
    number = name_in(conversation.get("id")) or name_in(conversation.get("display_id"))
    if number is None:
        raise Rejected(Reason.MISSING_FIELD, "no conversation is named", "/conversation/id" if is_message else "/id")
    places = (object_in(body.get("account")).get("id"), body.get("account_id"), conversation.get("account_id"), last.get("account_id"))
    account = next((found for place in places if (found := name_in(place))), options.account)
    fields = ("created_at",) if body.get("event") in ("message_created", "conversation_created") else ("updated_at", "timestamp")
    zone = zone_of(options.time_zone)
    at = next((found for field in fields if (found := any_time(body.get(field), f"/{field}", zone))), None)
    changes = body.get("changed_attributes")
    changed = {name: value for each in (objects_in(changes) or [object_in(changes)]) for name, value in each.items()}
    message = Message(
        body=body, conversation=conversation, changed=changed, ticket_id=f"{account}:{number}" if account else number, options=options
    )
    meta = object_in(conversation.get("meta"))
    sender = object_in(body.get("sender"))
    channel = conversation.get("channel")
    common: Outside = {
        "ticket_id": message.ticket_id,
        "occurred_at": at,
        "actor_id": name_in(sender.get("id")) if is_message else None,
        "customer_id": name_in(object_in(meta.get("sender")).get("id")),
        "agent_id": name_in(object_in(meta.get("assignee")).get("id")),
        "team": options.team(object_in(meta.get("team")).get("id")),
        "queue": name_in(conversation.get("inbox_id")) or name_in(object_in(body.get("inbox")).get("id")),
        "channel": lower_name_in(channel.rpartition("::")[2]) if isinstance(channel, str) else None,
        "priority": _priority(conversation.get("priority")),
        "tags": tags_in(conversation.get("labels")) or None,
    }
    return message, common, at


def _priority(value: Any) -> str | None:
    word = id_in(value).strip().lower()
    return _RANKS.get(word, name_in(word))


def _labels(value: Any) -> list[str]:
    """Labels as a list, or as text with commas between."""
    return tags_in([each.strip() for each in value.split(",")] if isinstance(value, str) else value)


def _kind(of: Mapping[str, Any]) -> str:
    word = id_in(of.get("message_type")).lower()
    return _KINDS.get(word, word)


def _created(message: Message) -> Iterator[Outside]:
    first: Mapping[str, Any] = next(iter(objects_in(message.conversation.get("messages"))), {})
    by = "agent" if _kind(first) in ("outgoing", "template") else "customer"
    yield {"type": "ticket.created", "by": by, "status": message.options.status(message.body.get("status"), STATUSES) or "new"}
    yield from complaint(message.options, message.ticket_id, tags_in(message.body.get("labels")))


def _written(message: Message) -> Iterator[Outside]:
    body, kind = message.body, _kind(message.body)
    if kind == "activity":
        return
    said = {"message_id": message.message_id}
    sender = object_in(body.get("sender"))
    by = lower_name_in(sender.get("type")) or lower_name_in(body.get("sender_type"))
    if body.get("private") is True:
        yield {"type": "ticket.note", **said}
    elif kind == "incoming":
        yield {"type": "ticket.customer_message", **said}
    elif kind == "template" and body.get("content_type") == "input_csat":
        yield {"type": "survey.sent", "survey_id": f"csat:{message.message_id}", "survey_type": "post_case"}
    elif kind in ("outgoing", "template"):
        # what rules and bots send has no sender, or one that is no user
        human = kind == "outgoing" and bool(sender or by) and by in (None, "user")
        yield {"type": "ticket.public_reply", "by": "human" if human else "bot", **said}
    else:
        raise Rejected(Reason.UNTRANSLATABLE, "the message is neither incoming nor outgoing, template or activity", "/message_type")


def _status_changed(message: Message) -> Iterator[Outside]:
    is_said, after, before = message.ends("status")
    to = message.options.status(after if is_said else message.body.get("status"), STATUSES)
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the new status is not a known one: map it in options.statuses", "/status")
    yield from status_changed(to, message.options.status(before, STATUSES))


def _updated(message: Message) -> Iterator[Outside]:
    is_said, after, before = message.ends("assignee_id")
    if is_said:
        yield from agent_changed(after, before)
    is_said, after, before = message.ends("team_id")
    if is_said:
        yield from team_changed(message.options, after, before)
    is_said, after, before = message.ends("priority")
    if is_said:
        yield from priority_changed(message.options, _priority(after), _priority(before))
    is_said, after, before = message.ends(*_LABELS)
    if is_said:
        now, earlier = _labels(after), _labels(before)
        added = [label for label in now if label not in earlier]
        yield from tagged(added, [label for label in earlier if label not in now])
        yield from complaint(message.options, message.ticket_id, added)


def _rated(message: Message) -> Iterator[Outside]:
    if message.body.get("content_type") != "input_csat":
        return
    found = at_path(message.body, _RATING)
    if found is None:
        return  # the question was changed, nobody has answered yet
    score = number_in(object_in(found).get("rating", found))
    if score is None or not 1 <= score <= 5:
        raise Rejected(Reason.UNTRANSLATABLE, "the rating is no number between 1 and 5", f"/{_RATING.replace('.', '/')}/rating")
    yield {
        "type": "survey.responded",
        "response_id": f"csat:{message.message_id}",
        "survey_id": f"csat:{message.message_id}",
        "survey_type": "post_case",
        "answers": [{"question": "overall", "metric": "csat", "score": score, "scale_min": 1, "scale_max": 5}],
    }


_TABLE: Mapping[str, Callable[[Message], Iterator[Outside]]] = {
    "conversation_created": _created,
    "conversation_status_changed": _status_changed,
    "conversation_updated": _updated,
    "message_created": _written,
    "message_updated": _rated,
}
_KNOWN = ("webwidget_triggered", "contact_created", "contact_updated", "inbox_created", "inbox_updated")
LINES: Mapping[str, Line] = {
    "conversation_created": Line(("ticket.created", "complaint.raised")),
    "conversation_status_changed": Line(("ticket.status_changed", "ticket.solved", "ticket.reopened", "ticket.closed")),
    "conversation_updated": Line(
        ("ticket.assigned", "ticket.transferred", "ticket.priority_changed", "ticket.escalated", "ticket.tagged", "complaint.raised"),
        "a changed status comes by its own message",
    ),
    "message_created": Line(("ticket.customer_message", "ticket.public_reply", "ticket.note", "survey.sent"), "by author and visibility"),
    "message_updated": Line(("survey.responded",), "the answer to a satisfaction question"),
    **dict.fromkeys((*_KNOWN, "conversation_typing_on", "conversation_typing_off"), NOTHING),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new conversation."""
    body = {
        "event": "conversation_created",
        "account": {"id": 1},
        "id": unique,
        "inbox_id": 1,
        "channel": "Channel::WebWidget",
        "status": "open",
        "labels": [],
        "meta": {"sender": {"id": f"{unique}-c", "type": "contact"}, "assignee": None, "team": None},
        "messages": [],
        "created_at": now_ms // 1000,
        "updated_at": now_ms / 1000,
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "Open Settings > Integrations > Webhooks > Configure > Add new webhook.",
        "Paste {url} as the URL; with an older release, which does not sign, paste {token_url}.",
        "Tick Conversation created, Conversation status changed, Conversation updated, Message created and Message updated.",
        "Save, and copy the secret that is shown with the webhook.",
    ),
    secret="The secret of the webhook as it stands. Older releases have none: use the address with the token.",
    delivery="Seconds late. Older releases try once, for five seconds, and never again.",
    notes=(
        "One source for each account: with `account` set to its id, all conversations have the same form of id even where a body "
        "names no account (a conversation without messages does not).",
        "A change of status comes twice; `conversation_updated` says nothing of it here.",
        "An outgoing message without a sender was sent by a rule, so it counts as a machine's.",
        "A message is known by its id, so the webhooks of an account and of its inbox may send to one address.",
    ),
    unconfirmed=(
        "The signature: headers X-Chatwoot-Signature and X-Chatwoot-Timestamp as seen in newer releases; `scheme` and `signature` "
        "change what is asked for. The secret of an API channel's inbox may differ from the one that is shown.",
        "Priorities low, medium (told as normal), high, urgent; `priorities` ranks others.",
        "The place of the satisfaction rating: content_attributes.submitted_values.csat_survey_response; a rating elsewhere says nothing.",
    ),
    links=("https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks",),
)

PROVIDER = Provider(
    kind="chatwoot",
    title="Chatwoot",
    schemes=("chatwoot",),
    translate=translate,
    lines=LINES,
    options=ChatwootOptions,
    headers=("content-type", "x-chatwoot-delivery"),
    guide=GUIDE,
    sample=sample,
)
