"""Gorgias HTTP integrations: the event object, or the ticket and the message that the integration's own body holds.

Laws: a body says which trigger it is of (`type`), or it is a snapshot of its ticket; a snapshot claims and who counts finds what
changed; who wrote a message is read or the message is refused, never guessed; times without a zone are UTC.
https://developers.gorgias.com/reference/integrations · https://developers.gorgias.com/reference/tickets
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import form_of, object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers import template
from services.ingest.providers.desk import DeskOptions, complaint, standing, status_changed
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import at_path, flag_in, id_in, lower_name_in, name_in, number_in, object_in, objects_in, whole_in

STATUSES = {"open": "open", "closed": "solved"}
_UNSAID = frozenset({"", "none", "null", "undefined"})
_SCORES = (
    "data.score",
    "data.satisfaction_survey.score",
    "data.ticket.satisfaction_survey.score",
    "ticket.satisfaction_survey.score",
    "score",
)


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One body, with what every translation of it asks for."""

    body: Mapping[str, Any]
    ticket: Mapping[str, Any]
    message: Mapping[str, Any]
    ticket_id: str
    options: DeskOptions

    @property
    def tags(self) -> list[str]:
        """The names of the ticket's tags."""
        return [tag for each in objects_in(self.ticket.get("tags")) if (tag := _said(each.get("name")))][:100]


def translate(delivery: Delivery, options: DeskOptions) -> Translation:
    """The canonical events of one body. Raises Rejected when it should say something but does not."""
    body = form_of(delivery.body) if delivery.media_type == "application/x-www-form-urlencoded" else object_of(delivery.body)
    if template.is_template(body):
        return template.translate(delivery, body, options, STATUSES)
    name = _name_of(body)
    says = _TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    message, common = _read(body, options)
    said = says(message)
    event_id = id_in(body.get("id"))
    if event_id in ("", message.ticket_id):  # a ticket's id in the place of the event's would make all its changes one
        event_id = ""
    message_id = identity(event_id) or _own_id(name, message)
    return told(name, message_id, common, said) if message_id else unnamed(delivery, name, common, said)


def _name_of(body: Mapping[str, Any]) -> str:
    found = next((body[field] for field in ("type", "event", "trigger") if isinstance(body.get(field), str)), "")
    name: str = found.strip().lower().replace("_", "-")
    return name or ("ticket-updated" if _said(object_in(body.get("ticket")).get("id")) else "no type")


def _own_id(name: str, message: Message) -> str:
    if name == "ticket-created":
        return identity(name, message.ticket_id)
    own = _said(message.message.get("id")) if name == "ticket-message-created" else None
    return identity(name, own) if own else ""


def _said(value: Any) -> str | None:
    """An id or a name; None for what a placeholder leaves where there is nothing."""
    found = name_in(value.strip() if isinstance(value, str) else value)
    return None if found is None or found.lower() in _UNSAID else found


def _id_of(value: Any) -> str | None:
    return _said(object_in(value).get("id")) or _said(value)


def _read(body: Mapping[str, Any], options: DeskOptions) -> tuple[Message, Outside]:
    data = object_in(body.get("data"))
    ticket = object_in(data.get("ticket")) or object_in(body.get("ticket")) or (data if "status" in data else {})
    of_ticket = lower_name_in(body.get("object_type")) == "ticket"
    places = (ticket.get("id"), data.get("ticket_id"), body.get("ticket_id"), body.get("object_id") if of_ticket else None)
    ticket_id = next((found for place in places if (found := _said(place))), None)
    if ticket_id is None:
        raise Rejected(Reason.MISSING_FIELD, "no ticket: put the ticket's id into the body of the integration", "/data/ticket/id")
    message = object_in(data.get("message")) or object_in(body.get("message")) or _listed(ticket, body.get("object_id"))
    zone = zone_of(options.time_zone)
    times = ((message, "created_datetime"), (body, "created_datetime"), (ticket, "updated_datetime"))
    common: Outside = {
        "ticket_id": ticket_id,
        "occurred_at": next((at for of, field in times if (at := iso_time(of.get(field), f"/{field}", zone))), None),
        "actor_id": _id_of(message.get("sender")) or _said(body.get("user_id")),
        "customer_id": _id_of(ticket.get("customer")) or _said(data.get("customer_id")),
        "agent_id": _id_of(ticket.get("assignee_user")),
        "team": options.team(_id_of(ticket.get("assignee_team"))),
        "channel": lower_name_in(_said(ticket.get("channel"))),
        "priority": lower_name_in(_said(ticket.get("priority"))),
        "language": lower_name_in(_said(ticket.get("language"))),
    }
    whole = Message(body=body, ticket=ticket, message=message, ticket_id=ticket_id, options=options)
    return whole, {**common, "tags": whole.tags or None}


def _listed(ticket: Mapping[str, Any], object_id: Any) -> Mapping[str, Any]:
    """The message of a ticket's own list that the event is about."""
    wanted = id_in(object_id)
    return next((each for each in objects_in(ticket.get("messages")) if wanted and id_in(each.get("id")) == wanted), {})


def _created(message: Message) -> Iterator[Outside]:
    by = "agent" if flag_in(message.ticket.get("from_agent")) else "customer"
    yield {"type": "ticket.created", "by": by, "status": message.options.status(message.ticket.get("status"), STATUSES) or "new"}
    yield from complaint(message.options, message.ticket_id, message.tags)


def _written(message: Message) -> Iterator[Outside]:
    words = message.message
    said = {"message_id": _said(words.get("id")) or _said(message.body.get("object_id")) or _said(message.body.get("id")) or "message"}
    channel, source = lower_name_in(words.get("channel")), lower_name_in(object_in(words.get("source")).get("type"))
    if "internal-note" in (channel, source):
        yield {"type": "ticket.note", **said}
        return
    by_agent = flag_in(words.get("from_agent"))
    if by_agent is None:
        detail = "who wrote the message is not said: put message.from_agent and message.channel into the body of the integration"
        raise Rejected(Reason.UNTRANSLATABLE, detail, "/message/from_agent")
    listed = objects_in(message.ticket.get("messages"))
    is_opening = bool(listed) and id_in(listed[0].get("id")) == said["message_id"]
    if is_opening or whole_in(message.ticket.get("messages_count")) == 1:
        return  # it came with the ticket
    if by_agent:
        yield {"type": "ticket.public_reply", "by": "bot" if _said(words.get("rule_id")) else "human", **said}
    else:
        yield {"type": "ticket.customer_message", **said}


def _closed(message: Message) -> Iterator[Outside]:
    yield from status_changed("solved", None)


def _updated(message: Message) -> Iterator[Outside]:
    ticket, options = message.ticket, message.options
    if not ticket:
        raise Rejected(Reason.UNTRANSLATABLE, "the ticket is not in the body: put it into the body of the integration", "/data/ticket")
    if _said(ticket.get("trashed_datetime")) or flag_in(ticket.get("spam")):
        yield {"type": "ticket.deleted", "reason": "spam" if flag_in(ticket.get("spam")) else "deleted"}
        return
    status = options.status(ticket.get("status"), STATUSES)
    if status is None and _said(ticket.get("status")):
        raise Rejected(Reason.UNTRANSLATABLE, "the status is neither open nor closed: map it in options.statuses", "/data/ticket/status")
    owners = {
        ours: _id_of(ticket[theirs]) for ours, theirs in (("agent_id", "assignee_user"), ("team", "assignee_team")) if theirs in ticket
    }
    yield from standing(options, status, _said(ticket.get("priority")), owners)
    yield from complaint(options, message.ticket_id, message.tags)


def _rated(message: Message) -> Iterator[Outside]:
    score = next((found for place in _SCORES if (found := number_in(at_path(message.body, place))) is not None), None)
    if score is None or not 1 <= score <= 5:
        raise Rejected(Reason.UNTRANSLATABLE, "no score between 1 and 5: the event only names the survey", "/data/score")
    survey = _said(at_path(message.body, "data.satisfaction_survey.id")) or _said(message.body.get("object_id")) or message.ticket_id
    yield {
        "type": "survey.responded",
        "response_id": f"csat:{survey}",
        "survey_type": "post_case",
        "answers": [{"question": "overall", "metric": "csat", "score": score, "scale_min": 1, "scale_max": 5}],
    }


_TABLE: Mapping[str, Callable[[Message], Iterator[Outside]]] = {
    "ticket-created": _created,
    "ticket-message-created": _written,
    "ticket-closed": _closed,
    "ticket-updated": _updated,
    "satisfaction-survey-responded": _rated,
}
_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed")
LINES: Mapping[str, Line] = {
    "ticket-created": Line(("ticket.created", "complaint.raised")),
    "ticket-message-created": Line(("ticket.public_reply", "ticket.customer_message", "ticket.note"), "by the author's side"),
    "ticket-closed": Line(("ticket.status_changed", "ticket.solved")),
    "ticket-updated": Line(
        (*_STATUS, "ticket.assigned", "ticket.priority_changed", "ticket.escalated", "ticket.deleted", "complaint.raised"),
        "how the ticket stands, what changed is found when it is counted",
    ),
    "satisfaction-survey-responded": Line(("survey.responded",), "where the body holds the score"),
    **dict.fromkeys(("ticket-self-unsnoozed", "ticket-message-failed", "ticket-handed-over"), NOTHING),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    at = rfc3339(now_ms)
    ticket = {"id": unique, "status": "open", "priority": "normal", "channel": "email", "from_agent": False, "created_datetime": at}
    body = {
        "id": f"{unique}-e",
        "type": "ticket-created",
        "object_id": unique,
        "object_type": "Ticket",
        "created_datetime": at,
        "data": {"ticket": ticket},
    }
    return Sample(body=msgspec.json.encode(body))


_TEMPLATE = {
    "type": "ticket-updated",
    "ticket": {
        "id": "{{ticket.id}}",
        "status": "{{ticket.status}}",
        "priority": "{{ticket.priority}}",
        "channel": "{{ticket.channel}}",
        "from_agent": "{{ticket.from_agent}}",
        "messages_count": "{{ticket.messages_count}}",
        "customer": {"id": "{{ticket.customer.id}}"},
        "assignee_user": {"id": "{{ticket.assignee_user.id}}"},
        "assignee_team": {"id": "{{ticket.assignee_team.id}}"},
        "updated_datetime": "{{ticket.updated_datetime}}",
    },
    "message": {
        "id": "{{message.id}}",
        "from_agent": "{{message.from_agent}}",
        "channel": "{{message.channel}}",
        "created_datetime": "{{message.created_datetime}}",
    },
}
GUIDE = Guide(
    clicks=(
        "In Settings open Apps & Integrations > HTTP integration > Add HTTP integration; make one for each trigger that you want.",
        "Paste {url} as the URL, choose the method POST and the request content type JSON.",
        "Add a header, such as X-Webhook-Secret, with your secret as its value.",
        "Tick one trigger: ticket created, ticket updated or ticket message created.",
        "Paste the template as the request body, with that trigger's name in `type`.",
    ),
    secret="Your own: `X-Webhook-Secret: value`, as the header of the integration says. Gorgias signs nothing.",
    delivery="Gorgias does not say how often it tries again; it may switch an integration off after failures.",
    template=msgspec.json.format(msgspec.json.encode(_TEMPLATE), indent=2).decode(),
    notes=(
        "The names for `type` are ticket-created, ticket-updated and ticket-message-created; leave `message` out of the first two.",
        "A message whose author's side the body does not say is kept in `rejected`: it needs message.from_agent.",
        "Gorgias sends no previous values: a ticket that comes back, another owner or priority is found when the ticket is counted.",
    ),
    unconfirmed=(
        "The id of the event in the body: it identifies the event unless it is the ticket's own; without one the content does.",
        "Times without a zone are UTC; `time_zone` changes that.",
        "Scores of the satisfaction survey: 1 to 5, and only where the body holds them; else the answer is kept in `rejected`.",
        "A message with a `rule_id` was sent by a machine.",
    ),
    links=("https://developers.gorgias.com/reference/integrations", "https://developers.gorgias.com/reference/tickets"),
)

PROVIDER = Provider(
    kind="gorgias",
    title="Gorgias",
    schemes=("static-header", "basic-auth"),
    translate=translate,
    lines={**template.LINES, **LINES},
    options=DeskOptions,
    methods=("POST", "PUT"),
    guide=GUIDE,
    sample=sample,
)
