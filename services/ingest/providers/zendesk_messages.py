"""What each message of Zendesk says, one small function a message and one line in the table.

https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.desk import (
    DeskOptions,
    agent_changed,
    complaint,
    priority_changed,
    status_changed,
    tagged,
    team_changed,
)
from services.ingest.providers.provider import NOTHING, Line
from services.ingest.providers.telling import Outside
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, tags_in

STATUSES = {
    "new": "new",
    "open": "open",
    "pending": "pending",
    "hold": "on_hold",
    "solved": "solved",
    "closed": "closed",
    "archived": "closed",  # a closed ticket that was put away
}
SYSTEM_ID = "-1"
"""The actor of what triggers and automations do."""

_MERGED_INTO = ("target_ticket_id", "merged_into_id", "into_ticket_id", "target_ticket", "merged_into", "target", "current")


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One message, with what every translation of it asks for."""

    event: Mapping[str, Any]
    detail: Mapping[str, Any]
    id: str
    ticket_id: str
    actor_id: str | None
    options: DeskOptions

    @property
    def previous(self) -> Any:
        """The value before the change."""
        return self.event.get("previous")

    @property
    def current(self) -> Any:
        """The value after the change."""
        return self.event.get("current")

    @property
    def automatic(self) -> bool:
        """Whether the message says that no person did it."""
        return self.actor_id == SYSTEM_ID

    def status(self, value: Any) -> str | None:
        """Our status for Zendesk's."""
        return self.options.status(value, STATUSES)


def _created(message: Message) -> Iterator[Outside]:
    detail = message.detail
    submitter, requester = id_in(detail.get("submitter_id")), id_in(detail.get("requester_id"))
    by = "customer" if submitter in ("", requester) else "system" if submitter == SYSTEM_ID else "agent"
    status = message.status(detail.get("status")) or "new"
    yield {"type": "ticket.created", "by": by, "public": detail.get("is_public") is not False, "status": status}
    yield from complaint(message.options, message.ticket_id, tags_in(detail.get("tags")), lower_name_in(detail.get("type")))


def _comment(message: Message) -> Iterator[Outside]:
    comment = object_in(message.event.get("comment"))
    author = object_in(comment.get("author"))
    author_id = name_in(author.get("id")) or name_in(comment.get("author_id")) or message.actor_id
    said = {"message_id": name_in(comment.get("id")) or message.id} | ({"actor_id": author_id} if author_id else {})
    staff = author.get("is_staff")
    if not isinstance(staff, bool):
        staff = author_id != name_in(message.detail.get("requester_id"))
    if comment.get("is_public") is False:
        yield {"type": "ticket.note", **said}
    elif staff:
        yield {"type": "ticket.public_reply", "by": "bot" if author_id == SYSTEM_ID else "human", **said}
    else:
        yield {"type": "ticket.customer_message", **said}


def _messaging(message: Message) -> Iterator[Outside]:
    actor = object_in(message.event.get("actor"))
    actor_id, kind = name_in(actor.get("id")), actor.get("type")
    message_id = name_in(object_in(message.event.get("message")).get("id")) or message.id
    said = {"message_id": message_id} | ({"actor_id": actor_id} if actor_id else {})
    if kind == "end_user":
        yield {"type": "ticket.customer_message", **said}
    elif kind in ("agent", "bot", "system"):  # the answer bot is seen as "system"
        is_person = kind == "agent" and not (actor_id or "").startswith("zd:")
        yield {"type": "ticket.public_reply", "by": "human" if is_person else "bot", **said}
    else:
        raise Rejected(Reason.UNTRANSLATABLE, "the actor is none of end_user, agent, bot and system", "/event/actor/type")


def _status_changed(message: Message) -> Iterator[Outside]:
    word = message.current.strip().upper() if isinstance(message.current, str) else ""
    if word == "DELETED":
        yield {"type": "ticket.deleted"}
        return
    to, previous = message.status(message.current), message.status(message.previous)
    if word == "SCRUBBED":
        return
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, f"the new status is none of {', '.join(STATUSES)}", "/event/current")
    yield from status_changed(to, previous, automatic=message.automatic)


def _undeleted(message: Message) -> Iterator[Outside]:
    to = message.status(message.current) or message.status(message.detail.get("status"))
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the ticket is back, but its status is not said", "/detail/status")
    yield {"type": "ticket.status_changed", "to": to, **({"automatic": True} if message.automatic else {})}


def _agent_changed(message: Message) -> Iterator[Outside]:
    yield from agent_changed(message.current, message.previous, automatic=message.automatic)


def _group_changed(message: Message) -> Iterator[Outside]:
    yield from team_changed(message.options, message.current, message.previous, automatic=message.automatic)


def _priority_changed(message: Message) -> Iterator[Outside]:
    yield from priority_changed(message.options, message.current, message.previous)


def _classified(field: str, read: Callable[[Any], str | None]) -> Callable[[Message], Iterator[Outside]]:
    def says(message: Message) -> Iterator[Outside]:
        if (to := read(message.current)) is not None:
            yield {"type": "ticket.classified", field: to, "field": field, "to": to}
            if field == "issue_type":
                yield from complaint(message.options, message.ticket_id, (), to)

    return says


def _tags_changed(message: Message) -> Iterator[Outside]:
    event = message.event
    before, after = tags_in(message.previous), tags_in(message.current)
    added = tags_in(event.get("tags_added")) or tags_in(event.get("added")) or [tag for tag in after if tag not in before]
    removed = tags_in(event.get("tags_removed")) or tags_in(event.get("removed")) or [tag for tag in before if tag not in after]
    yield from tagged(added, removed)
    yield from complaint(message.options, message.ticket_id, added)


def _merged(message: Message) -> Iterator[Outside]:
    places = (message.event.get(name) for name in _MERGED_INTO)
    into = next((found for place in places if (found := id_in(object_in(place).get("id")) or id_in(place))), "")
    if not into:
        raise Rejected(Reason.UNTRANSLATABLE, "the ticket was merged, but into which is not said", "/event")
    yield {"type": "ticket.merged", "into_ticket_id": into}


def _deleted(reason: str) -> Callable[[Message], Iterator[Outside]]:
    def says(message: Message) -> Iterator[Outside]:
        yield {"type": "ticket.deleted", "reason": reason}

    return says


def _csat_requested(message: Message) -> Iterator[Outside]:
    yield {"type": "survey.sent", "survey_id": f"csat:{message.ticket_id}", "survey_type": "post_case"}


def _csat_received(message: Message) -> Iterator[Outside]:
    event = message.event
    places = (event.get("satisfaction_score"), event.get("satisfaction_rating"), event.get("current"), event)
    word = next((found for place in places if isinstance(found := object_in(place).get("score", place), str)), "").upper()
    score = 1 if word.startswith("GOOD") else 0 if word.startswith("BAD") else None
    if score is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the score is neither GOOD nor BAD", "/event/satisfaction_score/score")
    yield {
        "type": "survey.responded",
        "response_id": f"csat:{message.ticket_id}",
        "survey_id": f"csat:{message.ticket_id}",
        "survey_type": "post_case",
        "answers": [{"question": "overall", "metric": "csat", "score": score, "scale_min": 0, "scale_max": 1}],
    }


TABLE: Mapping[str, Callable[[Message], Iterator[Outside]]] = {
    "ticket.created": _created,
    "ticket.comment_added": _comment,
    "ticket.status_changed": _status_changed,
    "ticket.agent_assignment_changed": _agent_changed,
    "ticket.group_assignment_changed": _group_changed,
    "ticket.priority_changed": _priority_changed,
    "ticket.type_changed": _classified("issue_type", lower_name_in),
    "ticket.brand_changed": _classified("brand", name_in),
    "ticket.tags_changed": _tags_changed,
    "ticket.merged": _merged,
    "ticket.soft_deleted": _deleted("deleted"),
    "ticket.permanently_deleted": _deleted("deleted"),
    "ticket.marked_as_spam": _deleted("spam"),
    "ticket.undeleted": _undeleted,
    "ticket.csat_requested": _csat_requested,
    "ticket.csat_received": _csat_received,
    "messaging_ticket.message_added": _messaging,
}

_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.reopened", "ticket.deleted")
_KNOWN = (
    "custom_status_changed", "comment_made_private", "comment_redacted", "subject_changed", "description_changed", "requester_changed",
    "submitter_changed", "organization_changed", "form_changed", "custom_field_changed", "external_id_changed", "email_ccs_changed",
    "followers_changed", "problem_link_changed", "task_due_at_changed", "attachment_linked_to_comment",
    "attachment_redacted_from_comment", "sla_policy_changed", "ola_policy_changed", "next_sla_breach_changed", "schedule_changed",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    "ticket.created": Line(("ticket.created", "complaint.raised")),
    "ticket.comment_added": Line(("ticket.public_reply", "ticket.customer_message", "ticket.note"), "by author and visibility"),
    "ticket.status_changed": Line(_STATUS),
    "ticket.agent_assignment_changed": Line(("ticket.assigned", "ticket.transferred")),
    "ticket.group_assignment_changed": Line(("ticket.assigned", "ticket.transferred", "ticket.escalated")),
    "ticket.priority_changed": Line(("ticket.priority_changed", "ticket.escalated")),
    "ticket.type_changed": Line(("ticket.classified", "complaint.raised")),
    "ticket.brand_changed": Line(("ticket.classified",)),
    "ticket.tags_changed": Line(("ticket.tagged", "complaint.raised")),
    "ticket.merged": Line(("ticket.merged",)),
    "ticket.soft_deleted": Line(("ticket.deleted",)),
    "ticket.permanently_deleted": Line(("ticket.deleted",)),
    "ticket.marked_as_spam": Line(("ticket.deleted",)),
    "ticket.undeleted": Line(("ticket.status_changed",)),
    "ticket.csat_requested": Line(("survey.sent",)),
    "ticket.csat_received": Line(("survey.responded",)),
    "messaging_ticket.message_added": Line(("ticket.customer_message", "ticket.public_reply")),
    **{f"ticket.{name}": NOTHING for name in _KNOWN},
}
"""Every known message; those that become nothing are text or bookkeeping, or arrive as another message too (custom statuses)."""
