"""What each message of Zendesk says, one small function a message and one line in the table.

https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, tags_in

STATUSES = {
    "NEW": "new",
    "OPEN": "open",
    "PENDING": "pending",
    "HOLD": "on_hold",
    "SOLVED": "solved",
    "CLOSED": "closed",
    "ARCHIVED": "closed",  # a closed ticket that was put away
}
PRIORITIES = ("low", "normal", "high", "urgent")
SYSTEM_ID = "-1"
"""The actor of what triggers and automations do."""


_DONE = ("solved", "closed")
_MERGED_INTO = ("target_ticket_id", "merged_into_id", "into_ticket_id", "target_ticket", "merged_into", "target", "current")

Outside = dict[str, Any]


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What a desk may set for its Zendesk.

    `complaint_tags` turn a ticket into a complaint; a move to one of `functional_teams` or `hierarchic_teams` (group ids) is an
    escalation of that kind; `priority_escalates` says whether a rising priority is one.
    """

    complaint_tags: frozenset[str] = frozenset()
    functional_teams: frozenset[str] = frozenset()
    hierarchic_teams: frozenset[str] = frozenset()
    priority_escalates: bool = True


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One message, with what every translation of it asks for."""

    event: Mapping[str, Any]
    detail: Mapping[str, Any]
    id: str
    ticket_id: str
    actor_id: str | None
    options: Options

    @property
    def previous(self) -> Any:
        """The value before the change."""
        return self.event.get("previous")

    @property
    def current(self) -> Any:
        """The value after the change."""
        return self.event.get("current")

    @property
    def automatic(self) -> Outside:
        """That no person did it, where the message says so."""
        return {"automatic": True} if self.actor_id == SYSTEM_ID else {}


def _status(value: Any) -> str | None:
    return STATUSES.get(value.strip().upper()) if isinstance(value, str) else None


def _created(message: Message) -> Iterator[Outside]:
    detail = message.detail
    submitter, requester = id_in(detail.get("submitter_id")), id_in(detail.get("requester_id"))
    by = "customer" if submitter in ("", requester) else "system" if submitter == SYSTEM_ID else "agent"
    status = _status(detail.get("status")) or "new"
    yield {"type": "ticket.created", "by": by, "public": detail.get("is_public") is not False, "status": status}
    yield from _complaint(message, tags_in(detail.get("tags")))


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
    to, previous = _status(message.current), _status(message.previous)
    if word == "SCRUBBED" or (to == previous and to is not None):
        return
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, f"the new status is none of {', '.join(STATUSES)}", "/event/current")
    yield {"type": "ticket.status_changed", "to": to, "from": previous, **message.automatic}
    if to in _DONE:
        yield {"type": f"ticket.{to}", **message.automatic}
    elif previous in _DONE:
        yield {"type": "ticket.reopened", **message.automatic}


def _undeleted(message: Message) -> Iterator[Outside]:
    to = _status(message.current) or _status(message.detail.get("status"))
    if to is None:
        raise Rejected(Reason.UNTRANSLATABLE, "the ticket is back, but its status is not said", "/detail/status")
    yield {"type": "ticket.status_changed", "to": to, **message.automatic}


def _agent_changed(message: Message) -> Iterator[Outside]:
    previous, current = name_in(message.previous), name_in(message.current)
    yield {"type": "ticket.assigned", "agent_id": current, **message.automatic}
    if previous and current and previous != current:
        yield {"type": "ticket.transferred", "agent_id": current, "from_agent_id": previous, "to_agent_id": current}


def _group_changed(message: Message) -> Iterator[Outside]:
    previous, current, options = name_in(message.previous), name_in(message.current), message.options
    yield {"type": "ticket.assigned", "team": current, **message.automatic}
    if previous and current and previous != current:
        yield {"type": "ticket.transferred", "team": current, "from_team": previous, "to_team": current}
    for kind, teams in (("functional", options.functional_teams), ("hierarchic", options.hierarchic_teams)):
        if current in teams and previous not in teams:
            yield {"type": "ticket.escalated", "team": current, "kind": kind, "from": previous, "to": current}


def _priority_changed(message: Message) -> Iterator[Outside]:
    previous, current = lower_name_in(message.previous), lower_name_in(message.current)
    if current is None:
        return  # the priority was cleared, and "absent" never means "empty"
    yield {"type": "ticket.priority_changed", "priority": current, "to": current, "from": previous}
    if message.options.priority_escalates and _rises(previous, current):
        yield {"type": "ticket.escalated", "priority": current, "kind": "priority", "from": previous, "to": current}


def _rises(previous: str | None, current: str) -> bool:
    return previous in PRIORITIES and current in PRIORITIES and PRIORITIES.index(current) > PRIORITIES.index(previous)


def _classified(field: str, read: Callable[[Any], str | None]) -> Callable[[Message], Iterator[Outside]]:
    def says(message: Message) -> Iterator[Outside]:
        if (to := read(message.current)) is not None:
            yield {"type": "ticket.classified", field: to, "field": field, "to": to}

    return says


def _tags_changed(message: Message) -> Iterator[Outside]:
    event = message.event
    before, after = tags_in(message.previous), tags_in(message.current)
    added = tags_in(event.get("tags_added")) or tags_in(event.get("added")) or [tag for tag in after if tag not in before]
    removed = tags_in(event.get("tags_removed")) or tags_in(event.get("removed")) or [tag for tag in before if tag not in after]
    if added or removed:
        yield {"type": "ticket.tagged", "added": added, "removed": removed}
    yield from _complaint(message, added)


def _complaint(message: Message, tags: list[str]) -> Iterator[Outside]:
    if category := next((tag for tag in tags if tag in message.options.complaint_tags), None):
        # the id of the ticket makes it one complaint, however often the ticket is tagged
        yield {"type": "complaint.raised", "complaint_id": message.ticket_id, "category": category}


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

IGNORED = frozenset(
    f"ticket.{name}"
    for name in (
        "custom_status_changed", "comment_made_private", "comment_redacted", "subject_changed", "description_changed", "requester_changed",
        "submitter_changed", "organization_changed", "form_changed", "custom_field_changed", "external_id_changed", "email_ccs_changed",
        "followers_changed", "problem_link_changed", "task_due_at_changed", "attachment_linked_to_comment",
        "attachment_redacted_from_comment", "sla_policy_changed", "ola_policy_changed", "next_sla_breach_changed", "schedule_changed",
    )
)  # fmt: skip
"""Messages that are known and say nothing to a KPI: custom statuses arrive as statuses too, the rest is text or bookkeeping."""
