"""What each webhook of Jira says: the change log of an issue item by item, comments, promises that were broken, ratings.

Laws: the id of an issue is its ticket's, since the key changes when an issue moves; a comment is named by itself, so it is one in
either family; a broken promise is named by its cycle; text is never read, people are their ids.
https://developer.atlassian.com/server/jira/platform/webhooks/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.desk import (
    DONE,
    DeskOptions,
    agent_changed,
    priority_changed,
    status_changed,
    tagged,
    team_changed,
)
from services.ingest.providers.provider import NOTHING, Line
from services.ingest.providers.telling import Outside, identity
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import email_hash, id_in, lower_name_in, name_in, object_in, objects_in, tags_in

_WORDS = {
    "new": ("new", "to do", "backlog"),
    "open": (
        "open", "reopened", "in progress", "in review", "escalated", "work in progress", "under investigation", "waiting for support",
    ),
    "pending": ("pending", "waiting for customer", "waiting for approval"),
    "on_hold": ("on hold", "blocked"),
    "solved": ("resolved", "closed", "done", "completed", "canceled", "cancelled", "declined", "won't do"),
}  # fmt: skip
STATUSES = {word: status for status, words in _WORDS.items() for word in words}
"""The words of Jira's own workflows; where a body has the category of a status, that decides what is new and what is done."""
PRIORITIES = ("lowest", "trivial", "low", "minor", "medium", "major", "high", "critical", "highest", "blocker")
"""Jira's two usual scales in one order; a site uses one of them."""
_ID_OF_PERSON = re.compile(r"JIRAUSER\d{1,20}|[0-9a-f]{24}|(?:\d{1,12}|qm):[\w:.-]{1,128}", re.ASCII)
"""An account of Jira Cloud or a key of Data Center. Older keys are user names."""
_NO_COMMENT = ("issue_comment_edited", "issue_comment_deleted")


class JiraOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Jira, beside what every desk may; fields are named by their ids (`customfield_10010`).

    `comments` is the family of webhooks that tells comments: every comment comes in both where both are sent. `done_statuses` are
    names or ids of statuses that mean done, whatever Jira's category says. `customer_accounts` takes whoever has an account of type
    customer for the customer, though another person reported the issue. `request_type_field` and `channel_field` are the fields
    that hold the request type (which stands before the issue type) and the channel, `team_field` the one that holds the team.
    `satisfaction_field` holds the customer's rating, `satisfaction_date_field` when it was given.
    """

    priorities: tuple[str, ...] = PRIORITIES
    comments: Literal["comment_events", "issue_updated"] = "comment_events"
    done_statuses: frozenset[str] = frozenset()
    customer_accounts: bool = True
    request_type_field: str = ""
    channel_field: str = ""
    team_field: str = ""
    satisfaction_field: str = ""
    satisfaction_date_field: str = ""


class Told(Struct, frozen=True, kw_only=True, gc=False):
    """One webhook about an issue, with what every translation of it asks for."""

    body: Mapping[str, Any]
    fields: Mapping[str, Any]
    issue_id: str
    id: str
    at: str | None
    options: JiraOptions

    def status(self, name: Any, status_id: Any = None) -> str | None:
        """Our status for Jira's, by the desk's own words, the category where this body has it, then Jira's usual words."""
        options, now = self.options, object_in(self.fields.get("status"))
        own = options.status(status_id, {}) or options.status(name, {})
        if own is not None:
            return own
        if id_in(name) in options.done_statuses or id_in(status_id) in options.done_statuses:
            return "solved"
        is_now = id_in(name) == id_in(now.get("name")) != "" or id_in(status_id) == id_in(now.get("id")) != ""
        category = object_in(now.get("statusCategory")).get("key") if is_now else None
        word = options.status(name, STATUSES)
        if category == "done":
            return "solved"
        if category in ("new", "indeterminate") and (word is None or word in DONE):
            return "new" if category == "new" else "open"
        return word

    def issue_type(self) -> str | None:
        """The request type where the source names its field, else the type of the issue."""
        wanted = self.options.request_type_field
        return (_word(self.fields.get(wanted)) if wanted else None) or lower_name_in(object_in(self.fields.get("issuetype")).get("name"))


def person(value: Any) -> str | None:
    """Who a user is: the account's id; on servers without accounts the key or a hash of the user name."""
    user = object_in(value)
    return name_in(user.get("accountId")) or known(user.get("key")) or known(user.get("name"))


def known(value: Any) -> str | None:
    """The id of a person as a change log names it; a user name may be a name or an e-mail address, so it is kept as a hash."""
    found = id_in(value)
    if not found or _ID_OF_PERSON.fullmatch(found):
        return name_in(found)
    return email_hash(found)


def attributes(told: Told) -> Outside:
    """What the body says of its issue as it is now."""
    fields, options = told.fields, told.options
    return {
        "ticket_id": told.issue_id,
        "occurred_at": told.at,
        "actor_id": person(told.body.get("user")),
        "customer_id": person(fields.get("reporter")),
        "agent_id": person(fields.get("assignee")),
        "team": options.team(_raw(fields.get(options.team_field))) if options.team_field else None,
        "queue": name_in(object_in(fields.get("project")).get("key")),
        "channel": _word(fields.get(options.channel_field)) if options.channel_field else None,
        "priority": lower_name_in(object_in(fields.get("priority")).get("name")),
        "issue_type": told.issue_type(),
        "tags": tags_in(fields.get("labels")) or None,
    }


def created(told: Told) -> Iterator[Outside | Rejected]:
    """A new issue."""
    fields = told.fields
    creator, reporter = person(fields.get("creator")), person(fields.get("reporter"))
    is_app = object_in(fields.get("creator")).get("accountType") == "app"
    status = object_in(fields.get("status"))
    zone = zone_of(told.options.time_zone)
    yield {
        "type": "ticket.created",
        "by": "customer" if creator is None or creator == reporter or reporter is None else "system" if is_app else "agent",
        "status": told.status(status.get("name"), status.get("id")) or "new",
        "occurred_at": iso_time(fields.get("created"), "/issue/fields/created", zone) or told.at,
    }


def updated(told: Told) -> Iterator[Outside | Rejected]:
    """What the change log says, and a comment where this family of webhooks tells comments."""
    items = objects_in(object_in(told.body.get("changelog")).get("items"))
    yield from _status_and_resolution(told, items)
    for item in items:
        field = _field(item)
        if field in _CHANGES:
            yield from _CHANGES[field](told, item)
        elif told.options.team_field and told.options.team_field in (field, item.get("fieldId")):
            yield from team_changed(told.options, item.get("to") or item.get("toString"), item.get("from") or item.get("fromString"))
    if told.options.comments == "issue_updated" and told.body.get("issue_event_type_name") not in _NO_COMMENT:
        yield from comment(told)


def moved_on(told: Told) -> Iterator[Outside | Rejected]:
    """A transition, of a webhook that a workflow calls."""
    transition = object_in(told.body.get("transition"))
    yield from _status(told, transition.get("to_status"), None, told.status(transition.get("from_status")), "/transition/to_status")


def deleted(told: Told) -> Iterator[Outside | Rejected]:
    """The issue is gone."""
    yield {"type": "ticket.deleted"}


def commented(told: Told) -> Iterator[Outside | Rejected]:
    """A new comment, where this family of webhooks tells comments."""
    if told.options.comments == "comment_events":
        yield from comment(told)


def comment(told: Told) -> Iterator[Outside]:
    """The comment of the body: internal, the customer's or the company's."""
    said = object_in(told.body.get("comment"))
    comment_id = name_in(said.get("id"))
    if comment_id is None:
        return
    author = object_in(said.get("author"))
    actor_id, reporter, account = person(author), person(told.fields.get("reporter")), author.get("accountType")
    by_customer = (actor_id is not None and actor_id == reporter) or (told.options.customer_accounts and account == "customer")
    internal = said.get("jsdPublic") is False
    kind = "ticket.note" if internal else "ticket.customer_message" if by_customer else "ticket.public_reply"
    event: Outside = {
        "type": kind,
        "id": f"{identity(told.issue_id, 'comment', comment_id)}:{kind}",
        "message_id": comment_id,
        "actor_id": actor_id,
        "occurred_at": iso_time(said.get("created"), "/comment/created", zone_of(told.options.time_zone)) or told.at,
    }
    yield event | ({"by": "bot" if account == "app" else "human"} if kind == "ticket.public_reply" else {})


def _status_and_resolution(told: Told, items: list[Mapping[str, Any]]) -> Iterator[Outside | Rejected]:
    status = next((item for item in items if _field(item) == "status"), None)
    resolution = next((item for item in items if _field(item) == "resolution"), None)
    was, is_now = (bool(resolution.get("from")), bool(resolution.get("to"))) if resolution is not None else (False, False)
    solved = resolution is not None and is_now and not was
    cleared = resolution is not None and was and not is_now
    if status is not None:
        before = told.status(status.get("fromString"), status.get("from"))
        previous = "solved" if cleared and before not in DONE else before
        for event in _status(told, status.get("toString"), status.get("to"), previous, "/changelog/items"):
            yield event
            if not isinstance(event, Rejected):
                solved = solved and event["type"] != "ticket.solved"
                cleared = cleared and event["type"] != "ticket.reopened"
    if solved:
        yield {"type": "ticket.solved"}
    if cleared:
        yield {"type": "ticket.reopened"}


def _status(told: Told, name: Any, status_id: Any, previous: str | None, pointer: str) -> Iterator[Outside | Rejected]:
    to = told.status(name, status_id)
    if to is None:
        yield Rejected(Reason.UNTRANSLATABLE, "the new status is not known: map it in options.statuses or options.done_statuses", pointer)
    else:
        yield from status_changed(to, previous)


def _assignee(told: Told, item: Mapping[str, Any]) -> Iterator[Outside]:
    yield from agent_changed(known(item.get("to")), known(item.get("from")))


def _priority(told: Told, item: Mapping[str, Any]) -> Iterator[Outside]:
    yield from priority_changed(told.options, item.get("toString"), item.get("fromString"))


def _type(told: Told, item: Mapping[str, Any]) -> Iterator[Outside]:
    to = lower_name_in(item.get("toString"))
    if to is not None and not told.options.request_type_field:
        yield {"type": "ticket.classified", "field": "issue_type", "to": to, "issue_type": to}


def _labels(told: Told, item: Mapping[str, Any]) -> Iterator[Outside]:
    before, after = tags_in(id_in(item.get("fromString")).split()), tags_in(id_in(item.get("toString")).split())
    yield from tagged([tag for tag in after if tag not in before], [tag for tag in before if tag not in after])


def _project(told: Told, item: Mapping[str, Any]) -> Iterator[Outside]:
    yield {"type": "ticket.transferred"}


def _field(item: Mapping[str, Any]) -> str:
    return id_in(item.get("field")).lower()


def _raw(value: Any) -> Any:
    """The id or the word that a field holds, whatever kind of field it is."""
    if isinstance(value, dict):
        return next((value[name] for name in ("id", "value", "name", "key") if id_in(value.get(name))), None)
    return value


def _word(value: Any) -> str | None:
    inner = object_in(value)
    inner = object_in(inner.get("requestType")) or inner
    return lower_name_in(inner.get("name") or inner.get("value") if inner else value)


_CHANGES: Mapping[str, Callable[[Told, Mapping[str, Any]], Iterator[Outside]]] = {
    "assignee": _assignee,
    "priority": _priority,
    "issuetype": _type,
    "labels": _labels,
    "project": _project,
}
TABLE: Mapping[str, Callable[[Told], Iterator[Outside | Rejected]]] = {
    "jira:issue_created": created,
    "jira:issue_updated": updated,
    "jira:issue_deleted": deleted,
    "comment_created": commented,
    "transition": moved_on,
}
_CARRIED = ("complaint.raised", "ticket.escalated", "survey.responded")
_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.reopened", "ticket.closed")
_COMMENT = ("ticket.public_reply", "ticket.customer_message", "ticket.note")
_CHANGE = ("ticket.assigned", "ticket.transferred", "ticket.priority_changed", "ticket.classified", "ticket.tagged")
LINES: Mapping[str, Line] = {
    "jira:issue_created": Line(("ticket.created", *_CARRIED)),
    "jira:issue_updated": Line((*_STATUS, *_CHANGE, *_COMMENT, *_CARRIED), "by the change log; comments only with `comments`"),
    "jira:issue_deleted": Line(("ticket.deleted",)),
    "comment_created": Line((*_COMMENT, *_CARRIED), "by visibility and author"),
    "transition": Line((*_STATUS, *_CARRIED), "a webhook that a workflow calls"),
    **dict.fromkeys(
        ("comment_updated", "comment_deleted", "jira:issue_unknown", "jira:worklog_updated", "worklog_created", "worklog_updated",
         "worklog_deleted", "issuelink_created", "issuelink_deleted", "attachment_created", "attachment_deleted", "issue_property_set"),
        NOTHING,
    ),
}  # fmt: skip
"""Every known webhook; those that become nothing change texts, or say nothing that a figure needs."""
