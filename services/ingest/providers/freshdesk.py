"""Freshdesk automation rules ("Trigger Webhook"): what the placeholder of the change says, or a body of our template.

Freshdesk sends whatever the administrator of a rule wrote: every value is text, there is no id and no time unless the body was
given them, and `triggered_event` is a notation of its own, `{status:{from:2,to:4}}`.
Laws: only the change that is said is told; a status that nobody mapped is an open one; names and addresses are never read, so an
agent or a requester counts only by a number.
https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import form_of, object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers import template
from services.ingest.providers.desk import DeskOptions, agent_changed, complaint, priority_changed, status_changed, team_changed
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import at_path, id_in, lower_name_in, name_in, object_in

STATUSES = {
    **{"2": "open", "3": "pending", "4": "solved", "5": "closed", "6": "pending", "7": "on_hold"},
    **{"resolved": "solved", "pending": "pending", "closed": "closed"},
    **{"waiting on customer": "pending", "waiting on third party": "on_hold"},
}
_RANKS = {**{"1": "low", "2": "normal", "3": "high", "4": "urgent"}, "medium": "normal"}
_FIELDS = {
    "event": "triggered_event",
    "status": "ticket_status",
    "priority": "ticket_priority",
    "issue_type": "ticket_type",
    "team": "ticket_group",
    "channel": "ticket_source",
    "tags": "ticket_tags",
    "agent_id": "ticket_agent_id",
    "customer_id": "requester_id",
}
_NOTATION_MAX_CHARS = 2000
_PAIR = re.compile(r"(?<!\w)(\w{1,60}+)\s*+:\s*+(?:\{([^{}]*+)\}|([^,{}]*+))")
_UNSAID = frozenset({"", "null", "nil", "none", "-"})


class FreshdeskOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Freshdesk.

    `fields` gives our names the ones of the rule's body, where they differ: `event`, `ticket_id`, `status`, `priority`,
    `issue_type`, `team`, `channel`, `tags`, `agent_id`, `customer_id`, `message_id`, `by`, `occurred_at`, `id`. `public_notes_by`
    says who writes what comes as a public note, where the body does not: a rule for customers' replies gets a source of its own.
    """

    fields: Mapping[str, str] = {}
    public_notes_by: Literal["agent", "customer"] = "agent"

    def status(self, value: Any, known: Mapping[str, str]) -> str | None:
        """Our status for Freshdesk's code or label; one that the desk added itself is an open one."""
        return DeskOptions.status(self, value, known) or (None if _unsaid(value) else "open")


def translate(delivery: Delivery, options: FreshdeskOptions) -> Translation:
    """The canonical events of one body. Raises Rejected when it should say something but does not."""
    sent = form_of(delivery.body) if delivery.media_type == "application/x-www-form-urlencoded" else object_of(delivery.body)
    body = object_in(sent.get("freshdesk_webhook")) or sent
    if template.is_template(body):
        ranked = {name: _priority(body[name]) for name in ("priority", "previous_priority") if name in body}
        return template.translate(delivery, {**body, **ranked}, options, STATUSES)

    def field(name: str) -> Any:
        found = at_path(body, options.fields.get(name, _FIELDS.get(name, name)))
        return (found.strip() or None) if isinstance(found, str) else found

    changes = changes_in(field("event"))
    known = [name for name in changes if name in _TABLE]
    if not known:
        return Translation(items=(), ignored=tuple(changes)[:5] or ("no triggered_event",))
    ticket_id = name_in(field("ticket_id"))
    if ticket_id is None:
        raise Rejected(
            Reason.MISSING_FIELD, "no ticket_id: add the ticket's id to the content of the webhook", "/freshdesk_webhook/ticket_id"
        )
    common: Outside = {
        "ticket_id": ticket_id,
        "occurred_at": any_time(field("occurred_at"), "/freshdesk_webhook/occurred_at", zone_of(options.time_zone)),
        "agent_id": _number(field("agent_id")),
        "customer_id": _number(field("customer_id")),
        "team": options.team(field("team")),
        "channel": lower_name_in(field("channel")),
        "priority": _priority(field("priority")),
        "issue_type": lower_name_in(field("issue_type")),
        "tags": _tags(field("tags")),
    }
    said = (event for name in known for event in _TABLE[name](changes[name], field, common, options))
    message_id = identity(field("id"))
    return told(known[0], message_id, common, said) if message_id else unnamed(delivery, known[0], common, said)


def changes_in(value: Any) -> dict[str, Any]:
    """What changed, by name: a word, or an object of `from` and `to`; empty when the notation says nothing."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        return {}
    text = value[:_NOTATION_MAX_CHARS].replace('"', "").replace("'", "")
    return {found[1]: _pair(found[2]) if found[2] is not None else found[3].strip() for found in _PAIR.finditer(text)}


def _pair(text: str) -> dict[str, str]:
    return {found[1]: (found[3] or "").strip() for found in _PAIR.finditer(text)}


def _unsaid(value: Any) -> bool:
    return id_in(value).strip().lower() in _UNSAID


def _ends(change: Any) -> tuple[Any, Any]:
    """The value after and the value before, None where there is none."""
    ends = object_in(change)
    after, before = (None if _unsaid(ends.get(name)) else ends.get(name) for name in ("to", "from"))
    return after, before


def _priority(value: Any) -> str | None:
    word = id_in(value).strip().lower()
    return None if word in _UNSAID else _RANKS.get(word, name_in(word))


def _number(value: Any) -> str | None:
    found = name_in(value)
    return found if found is not None and found.isascii() and found.isdigit() else None


def _tags(value: Any) -> list[str] | None:
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [tag for each in listed if (tag := name_in(each.strip() if isinstance(each, str) else None))][:100] or None


Read = Callable[[str], Any]


def _created(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    if change != "created":
        return
    by = lower_name_in(field("by"))
    status = options.status(field("status"), STATUSES) or "new"
    yield {"type": "ticket.created", "status": status, "by": by if by in ("agent", "system") else "customer"}
    yield from complaint(options, common["ticket_id"], common["tags"] or (), common["issue_type"])


def _status(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    after, before = _ends(change)
    to = options.status(after, STATUSES)
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the change of the status does not say to which", "/freshdesk_webhook/triggered_event")
    yield from status_changed(to, options.status(before, STATUSES))


def _ranked(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    after, before = _ends(change)
    yield from priority_changed(options, _priority(after), _priority(before))


def _note(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    said = {"message_id": name_in(field("message_id")) or name_in(field("id")) or common["occurred_at"] or "note"}
    by = lower_name_in(field("by")) or options.public_notes_by
    if change == "private":
        yield {"type": "ticket.note", **said}
    elif change == "public" and by == "customer":
        yield {"type": "ticket.customer_message", **said}
    elif change == "public":
        yield {"type": "ticket.public_reply", "by": "bot" if by in ("system", "bot") else "human", **said}


def _agent(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    after, before = _ends(change)
    now = _number(after)
    if now is None and after is not None:
        raise Rejected(
            Reason.UNTRANSLATABLE, "the agent is not named by a number, and names are not kept", "/freshdesk_webhook/triggered_event"
        )
    yield from agent_changed(now, _number(before))


def _group(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    yield from team_changed(options, *_ends(change))


def _type(change: Any, field: Read, common: Outside, options: FreshdeskOptions) -> Iterator[Outside]:
    to = lower_name_in(_ends(change)[0])
    if to is not None:
        yield {"type": "ticket.classified", "issue_type": to, "field": "issue_type", "to": to}
        yield from complaint(options, common["ticket_id"], (), to)


_TABLE: Mapping[str, Callable[[Any, Read, Outside, FreshdeskOptions], Iterator[Outside]]] = {
    "ticket_action": _created,
    "status": _status,
    "priority": _ranked,
    "note_type": _note,
    "responder_id": _agent,
    "group_id": _group,
    "ticket_type": _type,
}
LINES: Mapping[str, Line] = {
    "ticket_action": Line(("ticket.created", "complaint.raised"), "`{ticket_action:created}`"),
    "status": Line(("ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.reopened"), "`{status:{from:2,to:4}}`"),
    "priority": Line(("ticket.priority_changed", "ticket.escalated"), "`{priority:{from:1,to:3}}`"),
    "note_type": Line(("ticket.public_reply", "ticket.customer_message", "ticket.note"), "`{note_type:public}`, by `public_notes_by`"),
    "responder_id": Line(("ticket.assigned", "ticket.transferred"), "where the rule says it"),
    "group_id": Line(("ticket.assigned", "ticket.transferred", "ticket.escalated"), "where the rule says it"),
    "ticket_type": Line(("ticket.classified", "complaint.raised"), "where the rule says it"),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    fields = {
        "triggered_event": "{ticket_action:created}",
        "ticket_id": unique,
        "ticket_type": "Question",
        "ticket_status": "Open",
        "ticket_priority": "Medium",
        "occurred_at": rfc3339(now_ms),
    }
    return Sample(body=msgspec.json.encode({"freshdesk_webhook": fields}))


GUIDE = Guide(
    clicks=(
        "In Admin open Workflows > Automations; make one rule under Ticket Creation and one under Ticket Updates.",
        "In the rule for updates watch for: status is changed, priority is changed, note is added (public and private).",
        "As the action choose Trigger webhook, with the request type POST and {url} as the URL.",
        "Tick Requires authentication for a user and a password, or add a custom header such as X-Webhook-Secret with your secret.",
        "Choose JSON and Simple, and tick triggered event, ticket ID, type, status, priority, group, source and tags, nothing else.",
    ),
    secret="Your own: `X-Webhook-Secret: value` for the custom header, `user:password` for the authentication. Freshdesk signs nothing.",
    delivery="Seconds late as a rule; after a failure again at 5, 30 and 60 minutes. Calls over the account's limit wait for the next "
    "hour and are dropped after a day. The order is not promised.",
    template=template.text(
        event="ticket.status_changed",
        ticket_id="{{ticket.id}}",
        status="{{ticket.status}}",
        priority="{{ticket.priority}}",
        team="{{ticket.group.name}}",
        issue_type="{{ticket.ticket_type}}",
        channel="{{ticket.source}}",
        tags="{{ticket.tags}}",
    ),
    notes=(
        "The template is for Advanced content, which is free: one rule for each canonical event, with its name in `event`. It serves "
        "what the simple content does not say: ticket.assigned, ticket.escalated (with `kind`), ticket.customer_message.",
        "Without a time in the body the time of receipt counts, and two bodies that are equal byte for byte are one event. Add "
        "`occurred_at` wherever your Freshdesk offers a placeholder for the time of the change.",
        "A public note does not say who wrote it and counts as a reply of the company. Let a rule for customers' replies send to a "
        'second source with `public_notes_by = "customer"`, or add `by`.',
        'Own names of fields: `fields = { ticket_id = "my_id" }`. Own statuses count as open until `statuses` says otherwise.',
        "Agents and requesters count only by their numbers: names and addresses are not read.",
    ),
    unconfirmed=(
        "The names of responder, group and type in `triggered_event`: responder_id, group_id and ticket_type are understood; anything "
        "else comes by a rule of its own with the template.",
        "Timeout and order of deliveries: nothing depends on them.",
    ),
    links=("https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules",),
)

PROVIDER = Provider(
    kind="freshdesk",
    title="Freshdesk",
    schemes=("static-header", "basic-auth"),
    translate=translate,
    lines={**template.LINES, **LINES},
    options=FreshdeskOptions,
    methods=("POST", "PUT"),
    guide=GUIDE,
    sample=sample,
)
