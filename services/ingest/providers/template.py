"""Bodies that an administrator writes by pasting our template: canonical names, values rendered for humans.

Several helpdesks let their administrator write the body of a webhook. The template is one flat JSON object whose `event` is a
canonical name; every value is text, blank means "not said", words come in any case, tags with spaces or commas between.
Laws: only fields of the canonical event are read; the id is the sender's where the template has one, else the content's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.events import BY_TYPE
from schemas.rejections import Reason, Rejected
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.desk import (
    DONE,
    STATUSES,
    DeskOptions,
    agent_changed,
    complaint,
    priority_changed,
    status_changed,
    team_changed,
)
from services.ingest.providers.provider import Line
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import lower_name_in, name_in

FAMILIES = ("ticket.", "complaint.", "survey.")
NAMES = tuple(name for name in BY_TYPE if name.startswith(FAMILIES) and name not in ("ticket.absorbed", "ticket.merged"))
"""The canonical names that a template may say."""
_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.reopened")
_BECOMES: Mapping[str, tuple[str, ...]] = {
    "ticket.created": ("ticket.created", "complaint.raised"),
    **dict.fromkeys(_STATUS, _STATUS),
    "ticket.assigned": ("ticket.assigned", "ticket.transferred", "ticket.escalated"),
    "ticket.priority_changed": ("ticket.priority_changed", "ticket.escalated"),
}
LINES: Mapping[str, Line] = {name: Line(_BECOMES.get(name, (name,)), "with the template") for name in NAMES}

_PLAIN = ("ticket_id", "message_id", "customer_id", "organisation_id", "actor_id", "channel", "brand", "product", "language", "region")
_TO = {"ticket.solved": "solved", "ticket.closed": "closed", "ticket.reopened": "open"}
_SPLIT = re.compile(r"[,\s]+")


def is_template(body: Any) -> bool:
    """Whether a body is one of the template: an object whose `event` is a canonical name of a helpdesk."""
    return isinstance(body, dict) and isinstance(body.get("event"), str) and body["event"].strip() in NAMES


def translate(delivery: Delivery, body: Mapping[str, Any], options: DeskOptions, known: Mapping[str, str]) -> Translation:
    """The events of one body of the template; `known` maps the provider's statuses to ours. Raises Rejected."""
    name = body["event"].strip()
    if name_in(body.get("ticket_id")) is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no ticket: the template's ticket_id came out blank", "/ticket_id")
    common: Outside = {field: name_in(_text(body.get(field))) for field in _PLAIN}
    common |= {
        "occurred_at": any_time(_text(body.get("occurred_at")), "/occurred_at", zone_of(options.time_zone)),
        "agent_id": name_in(_text(body.get("agent_id"))),
        "team": options.team(_text(body.get("team"))),
        "priority": lower_name_in(body.get("priority")),
        "issue_type": lower_name_in(body.get("issue_type")),
        "tags": _tags(body.get("tags")) or None,
    }
    items = _says(name, body, options, known, common)
    message_id = identity(_text(body.get("id")))
    return told(name, message_id, common, items) if message_id else unnamed(delivery, name, common, items)


def text(*, event: str, ticket_id: str, **fields: str) -> str:
    """A template as an administrator pastes it: `fields` are the provider's placeholders by our names."""
    return json.dumps({"event": event, "ticket_id": ticket_id, **fields}, indent=2, ensure_ascii=False)


def _says(name: str, body: Mapping[str, Any], options: DeskOptions, known: Mapping[str, str], common: Outside) -> Iterator[Outside]:
    previous = options.status(_text(body.get("previous_status")), {**known, **{word: word for word in STATUSES}})
    status = options.status(_text(body.get("status")), {**known, **{word: word for word in STATUSES}})
    if name == "ticket.created":
        by = lower_name_in(body.get("by"))
        yield {"type": name, "status": status or "new", "by": by if by in ("agent", "system") else "customer"}
        yield from complaint(options, common["ticket_id"], common["tags"] or (), common["issue_type"])
    elif name == "ticket.status_changed" or name in _TO:
        to = _TO.get(name) or status
        if to is None:
            raise Rejected(Reason.UNTRANSLATABLE, f"the status is none of {', '.join(STATUSES)}: map it in options.statuses", "/status")
        yield from status_changed(to, previous)
        if name == "ticket.reopened" and previous not in DONE:
            yield {"type": name}
    elif name == "ticket.assigned":
        if "agent_id" in body:
            yield from agent_changed(common["agent_id"], _text(body.get("previous_agent_id")))
        if "team" in body:
            yield from team_changed(options, _text(body.get("team")), _text(body.get("previous_team")))
    elif name == "ticket.priority_changed":
        yield from priority_changed(options, body.get("priority"), body.get("previous_priority"))
    elif name in ("ticket.customer_message", "ticket.public_reply", "ticket.note"):
        yield {"type": name, "message_id": common.get("message_id") or common["occurred_at"] or "message"}
    else:
        yield {"type": name, **{field: _text(value) for field, value in body.items() if field in BY_TYPE[name].__struct_fields__}}


def _text(value: Any) -> Any:
    """The value without blanks around it; None when nothing is left, as placeholders of missing things leave nothing."""
    return (value.strip() or None) if isinstance(value, str) else value


def _tags(value: Any) -> list[str]:
    if isinstance(value, list):
        value = " ".join(each for each in value if isinstance(each, str))
    return [tag for tag in _SPLIT.split(value) if 0 < len(tag) <= 200][:100] if isinstance(value, str) else []
