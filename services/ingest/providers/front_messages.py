"""What each event of Front says, one small function an event and one line in the table.

Front has no event for a new conversation: its first message tells it, by its time beside the conversation's own. Where the body
leaves that open, the creation is claimed with every message of the customer; the ticket's life cycle takes the first claim.
https://dev.frontapp.com/reference/events
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from services.ingest.providers.desk import DeskOptions, agent_changed, complaint, status_changed, tagged
from services.ingest.providers.provider import NOTHING, Line
from services.ingest.providers.telling import Outside, identity
from services.ingest.providers.times import seconds_time
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, objects_in, tags_in

STATUSES = {"unassigned": "open", "assigned": "open", "archived": "solved", "snoozed": "on_hold"}
OPENING_SECONDS = 2.0
"""A message not later than this after its conversation came into being opened it: Front makes the conversation around it."""
MAYBE_SECONDS = 60.0
"""Up to here it may be the opening or a second message; both are told."""
_CONTACT = re.compile(r"(?:crd|ctc|con)_[0-9a-z]{1,64}")


class FrontOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Front, beside what every desk may; its inboxes stand for teams in `team_names` and the tiers.

    `unsigned_replies` says what a reply is that no teammate wrote, such as one sent by a rule.
    """

    unsigned_replies: Literal["bot", "human"] = "bot"


class Happening(Struct, frozen=True, kw_only=True, gc=False):
    """One event of Front, with what every translation of it asks for."""

    event: Mapping[str, Any]
    conversation: Mapping[str, Any]
    target: Mapping[str, Any]
    id: str
    conversation_id: str
    at: str | None
    options: FrontOptions

    @property
    def automatic(self) -> bool:
        """Whether a rule did it."""
        return object_in(object_in(self.event.get("source")).get("_meta")).get("type") == "rule"

    @property
    def after_opening(self) -> float | None:
        """Seconds from the conversation's own beginning to this message; None where the body does not say."""
        opened = number_or_none(self.conversation.get("created_at"))
        written = number_or_none(self.target.get("created_at"))
        written = number_or_none(self.event.get("emitted_at")) if written is None else written
        return None if opened is None or written is None else written - opened


def number_or_none(value: Any) -> float | None:
    """Epoch seconds as Front writes them, None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11 else None


def attributes(happening: Happening) -> Outside:
    """What the event says of its conversation as it is now."""
    conversation, target = happening.conversation, happening.target
    source = object_in(happening.event.get("source"))
    by = object_in(source.get("data")).get("id") if object_in(source.get("_meta")).get("type") == "teammate" else None
    inbox = inbox_in(source)
    links = object_in(object_in(object_in(conversation.get("recipient")).get("_links")).get("related"))
    contact = id_in(links.get("contact")).rpartition("/")[2]
    kind = target.get("type") if "is_inbound" in target else object_in(conversation.get("last_message")).get("type")
    return {
        "ticket_id": happening.conversation_id,
        "occurred_at": happening.at,
        "actor_id": name_in(by),
        "customer_id": contact if _CONTACT.fullmatch(contact) else None,
        "agent_id": name_in(object_in(conversation.get("assignee")).get("id")),
        "queue": happening.options.team(inbox),
        "channel": lower_name_in(kind),
        "tags": _tags(conversation) or None,
    }


def inbox_in(place: Mapping[str, Any]) -> str | None:
    """The inbox that a source or a target is, the first of several; None for anything else."""
    if object_in(place.get("_meta")).get("type") not in ("inbox", "inboxes"):
        return None
    data = place.get("data")
    inboxes = objects_in(data) or ([data] if isinstance(data, dict) else [])
    return name_in(inboxes[0].get("id")) if inboxes else None


def says(name: str, happening: Happening) -> Iterator[Outside]:
    """What the event says, and the rule that looks at every conversation."""
    yield from TABLE[name](happening)
    yield from complaint(happening.options, happening.conversation_id, _tags(happening.conversation))


def _inbound(happening: Happening) -> Iterator[Outside]:
    after = happening.after_opening
    wrote = {"occurred_at": _written(happening, "created_at")}
    if after is None or after <= MAYBE_SECONDS:
        yield {"type": "ticket.created", "by": "customer", "status": "open", **wrote}
    else:
        status = happening.options.status(happening.conversation.get("status"), STATUSES)
        if status == "open":  # a message brings an archived or snoozed conversation back, without a word of it
            yield {"type": "ticket.status_changed", "to": "open", **wrote}
    if after is None or after > OPENING_SECONDS:
        yield {"type": "ticket.customer_message", "message_id": _message_id(happening), **wrote}


def _outbound(happening: Happening) -> Iterator[Outside]:
    after = happening.after_opening
    if after is None or after <= MAYBE_SECONDS:
        author = _author(happening)
        by = {"actor_id": author} if author else {}
        yield {"type": "ticket.created", "by": "agent", "status": "open", "occurred_at": _written(happening, "created_at"), **by}
    else:
        yield from _reply(happening)


def _reply(happening: Happening) -> Iterator[Outside]:
    author = _author(happening)
    unsigned = "author" in happening.target and author is None
    yield {
        "type": "ticket.public_reply",
        "message_id": _message_id(happening),
        "by": "bot" if happening.automatic else happening.options.unsigned_replies if unsigned else "human",
        "occurred_at": _written(happening, "created_at"),
        "actor_id": author,
    }


def _comment(happening: Happening) -> Iterator[Outside]:
    comment_id = _message_id(happening)
    told: Outside = {"type": "ticket.note", "message_id": comment_id, "actor_id": _author(happening)}
    if name_in(happening.target.get("id")) is not None:  # one with mentions comes again as a mention: the comment is what counts
        told["id"] = f"{identity(happening.conversation_id, comment_id)}:ticket.note"
    yield {**told, "occurred_at": _written(happening, "posted_at")}


def _archive(happening: Happening) -> Iterator[Outside]:
    yield from status_changed("solved", None, automatic=happening.automatic)


def _reopen(happening: Happening) -> Iterator[Outside]:
    yield from status_changed("open", "solved", automatic=happening.automatic)


def _snooze(happening: Happening) -> Iterator[Outside]:
    yield from status_changed("on_hold", None, automatic=happening.automatic)


def _wake(happening: Happening) -> Iterator[Outside]:
    yield from status_changed("open", None)


def _trash(happening: Happening) -> Iterator[Outside]:
    yield {"type": "ticket.deleted"}


def _restore(happening: Happening) -> Iterator[Outside]:
    yield from status_changed(happening.options.status(happening.conversation.get("status"), STATUSES) or "open", None)


def _assign(happening: Happening) -> Iterator[Outside]:
    is_person = object_in(object_in(happening.event.get("target")).get("_meta")).get("type") == "teammate"
    now = happening.target.get("id") if is_person else object_in(happening.conversation.get("assignee")).get("id")
    yield from agent_changed(now, automatic=happening.automatic)


def _unassign(happening: Happening) -> Iterator[Outside]:
    yield from agent_changed(None, automatic=happening.automatic)


def _move(happening: Happening) -> Iterator[Outside]:
    options, inbox = happening.options, inbox_in(object_in(happening.event.get("target")))
    to = options.team(inbox)
    yield {"type": "ticket.transferred", "queue": to}
    for kind, inboxes in (("functional", options.functional_teams), ("hierarchic", options.hierarchic_teams)):
        if inbox in inboxes:
            yield {"type": "ticket.escalated", "queue": to, "kind": kind, "to": to}


def _tag(happening: Happening) -> Iterator[Outside]:
    added = tags_in([happening.target.get("name")])
    yield from tagged(added, [])
    if not set(added) & set(_tags(happening.conversation)):  # else the conversation's own tags tell it
        yield from complaint(happening.options, happening.conversation_id, added)


def _untag(happening: Happening) -> Iterator[Outside]:
    yield from tagged([], tags_in([happening.target.get("name")]))


def _message_id(happening: Happening) -> str:
    return name_in(happening.target.get("id")) or happening.id or "message"


def _author(happening: Happening) -> str | None:
    return name_in(object_in(happening.target.get("author")).get("id"))


def _written(happening: Happening, field: str) -> str | None:
    return seconds_time(happening.target.get(field), f"/target/data/{field}") or happening.at


def _tags(conversation: Mapping[str, Any]) -> list[str]:
    """The company's tags; private ones are a teammate's own matter."""
    return tags_in([tag.get("name") for tag in objects_in(conversation.get("tags")) if tag.get("is_private") is not True])


TABLE: Mapping[str, Callable[[Happening], Iterator[Outside]]] = {
    "inbound": _inbound,
    "outbound": _outbound,
    "out_reply": _reply,
    "comment": _comment,
    "mention": _comment,
    "archive": _archive,
    "reopen": _reopen,
    "trash": _trash,
    "restore": _restore,
    "assign": _assign,
    "unassign": _unassign,
    "move": _move,
    "tag": _tag,
    "untag": _untag,
    "conversation_snoozed": _snooze,
    "conversation_snooze_expired": _wake,
}
OUTER: Mapping[str, str] = {
    "inbound_received": "inbound",
    "outbound_sent": "outbound",
    "conversation_moved": "move",
    "conversation_archived": "archive",
    "conversation_reopened": "reopen",
    "conversation_deleted": "trash",
    "conversation_restored": "restore",
    "new_comment_added": "comment",
    "assignee_changed": "assign",
    "tag_added": "tag",
    "tag_removed": "untag",
    "conversation_snoozed": "conversation_snoozed",
    "conversation_snooze_expired": "conversation_snooze_expired",
}
"""What an application calls the event, where the event's own name is none that is known."""

_LINES: Mapping[str, Line] = {
    "inbound": Line(("ticket.created", "ticket.customer_message", "ticket.status_changed"), "by the times of message and conversation"),
    "outbound": Line(("ticket.created", "ticket.public_reply"), "by the times of message and conversation"),
    "out_reply": Line(("ticket.public_reply",)),
    "comment": Line(("ticket.note",)),
    "mention": Line(("ticket.note",), "the same note as its comment"),
    "archive": Line(("ticket.status_changed", "ticket.solved")),
    "reopen": Line(("ticket.status_changed", "ticket.reopened")),
    "trash": Line(("ticket.deleted",)),
    "restore": Line(("ticket.status_changed",)),
    "assign": Line(("ticket.assigned",)),
    "unassign": Line(("ticket.assigned",)),
    "move": Line(("ticket.transferred", "ticket.escalated")),
    "tag": Line(("ticket.tagged",)),
    "untag": Line(("ticket.tagged",)),
    "conversation_snoozed": Line(("ticket.status_changed",)),
    "conversation_snooze_expired": Line(("ticket.status_changed",)),
}
_NOTHING = ("sync", "reminder", "link_added", "link_removed", "message_delivery_failed")
LINES: Mapping[str, Line] = {
    **{name: Line((*line.becomes, "complaint.raised"), line.note) for name, line in _LINES.items()},
    **{outer: Line((*_LINES[inner].becomes, "complaint.raised"), f"as {inner}") for outer, inner in OUTER.items() if outer != inner},
    **dict.fromkeys(_NOTHING, NOTHING),
}
"""Every known name, the event's own and the application's; those that become nothing say nothing that a figure needs."""
