"""What a ticket of Zammad's webhooks says: its birth, the article that set the trigger off, and how it stands.

https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers import template
from services.ingest.providers.desk import DeskOptions, complaint, priority_changed, standing, status_changed
from services.ingest.providers.provider import Line
from services.ingest.providers.telling import Outside
from services.ingest.providers.values import flag_in, id_in, lower_name_in, name_in, object_in, tags_in, whole_in

STATUSES = {
    **{"new": "new", "open": "open", "pending reminder": "pending", "pending close": "pending", "closed": "solved"},
    **{"pending_reminder": "pending", "pending_close": "pending"},
}
_CLAIMS = ("ticket.solved", "ticket.closed", "ticket.reopened")
_ARTICLES = ("ticket.customer_message", "ticket.public_reply", "ticket.note")
_MERGED_INTO = ("merged_into_id", "into_ticket_id", "merged_into")


class ZammadOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for Zammad, beside a helpdesk's settings. `nobody` are the ids of owners who stand for nobody."""

    nobody: frozenset[str] = frozenset({"1"})


class Snapshot(Struct, frozen=True, kw_only=True, gc=False):
    """One ticket as it stands, with what every translation of it asks for."""

    ticket: Mapping[str, Any]
    article: Mapping[str, Any]
    ticket_id: str
    agent_id: str | None
    team: str | None
    priority: str | None
    options: ZammadOptions

    @property
    def state(self) -> Any:
        """Zammad's word for the status."""
        found = self.ticket.get("state")
        return object_in(found).get("name", found)

    @property
    def tags(self) -> list[str]:
        """The ticket's tags, where a body of the administrator's own has them."""
        return tags_in(self.ticket.get("tags"))

    def status(self) -> str | None:
        """Our status; None when none is said. Raises Rejected for one that is not known."""
        found = self.options.status(self.state, STATUSES)
        if found is None and id_in(self.state):
            raise Rejected(Reason.UNTRANSLATABLE, "the state is not a known one: map it in options.statuses", "/ticket/state")
        return found


def said_by(trigger: str, snapshot: Snapshot, created: str | None) -> tuple[list[Outside], list[Outside], list[Outside], list[Rejected]]:
    """What is told of the ticket's birth, of the article, and of how the ticket stands; and what could not be told."""
    if trigger in NAMES:
        births, articles = [], []
        if trigger == "ticket.created":
            births = list(_birth(snapshot))
        elif trigger in _ARTICLES:
            articles = list(_named_article(trigger, snapshot))
        return births, articles, [] if births or articles else list(_named(trigger, snapshot)), []
    claims: list[Outside] = []
    refused: list[Rejected] = []
    try:
        claims.extend(_standing(snapshot))
    except Rejected as rejected:  # the rest of the snapshot still counts
        refused.append(rejected)
    return list(_birth(snapshot)) if created is not None else [], list(_article(snapshot)), claims, refused


def _birth(snapshot: Snapshot) -> Iterator[Outside]:
    sender = lower_name_in(snapshot.ticket.get("create_article_sender"))
    yield {"type": "ticket.created", "by": sender if sender in ("agent", "system") else "customer"}


def _standing(snapshot: Snapshot) -> Iterator[Outside]:
    if lower_name_in(snapshot.state) == "merged" and "merged" not in snapshot.options.statuses:
        yield from _merged(snapshot)
        return
    ticket = snapshot.ticket
    owners = {"agent_id": snapshot.agent_id} if "owner_id" in ticket or "owner" in ticket else {}
    owners |= {"team": snapshot.team} if "group_id" in ticket or "group" in ticket else {}
    yield from standing(snapshot.options, snapshot.status(), snapshot.priority, owners)
    yield from complaint(snapshot.options, snapshot.ticket_id, snapshot.tags)


def _merged(snapshot: Snapshot) -> Iterator[Outside]:
    into = next((found for name in _MERGED_INTO if (found := name_in(snapshot.ticket.get(name)))), None)
    if into is None:
        detail = "the ticket was merged, but into which is not said: add merged_into_id to the body, or map merged in options.statuses"
        raise Rejected(Reason.UNTRANSLATABLE, detail, "/ticket/merged_into_id")
    yield {"type": "ticket.merged", "into_ticket_id": into}


def _is_opening(snapshot: Snapshot) -> bool:
    """Whether the article is the first one, which came with the ticket."""
    article_id = whole_in(snapshot.article.get("id"))
    listed = snapshot.ticket.get("article_ids")
    ids = [found for each in listed if (found := whole_in(each)) is not None] if isinstance(listed, list) else []
    return min(ids) == article_id if ids else whole_in(snapshot.ticket.get("article_count")) == 1


def _article(snapshot: Snapshot) -> Iterator[Outside]:
    article = snapshot.article
    message_id = name_in(article.get("id"))
    if message_id is None or _is_opening(snapshot):
        return
    sender = lower_name_in(object_in(article.get("sender")).get("name", article.get("sender")))
    kind = lower_name_in(object_in(article.get("type")).get("name", article.get("type")))
    internal = flag_in(article.get("internal")) is True
    if sender == "customer" and not internal:
        yield {"type": "ticket.customer_message", "message_id": message_id}
    elif internal or kind == "note":
        yield {"type": "ticket.note", "message_id": message_id}
    elif sender in ("agent", "system"):
        yield {"type": "ticket.public_reply", "message_id": message_id, "by": "human" if sender == "agent" else "bot"}


def _named_article(trigger: str, snapshot: Snapshot) -> Iterator[Outside]:
    message_id = name_in(snapshot.article.get("id"))
    if message_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{trigger} names no article: let the trigger react to an article", "/article/id")
    sender = lower_name_in(object_in(snapshot.article.get("sender")).get("name", snapshot.article.get("sender")))
    by: Outside = {"by": "bot" if sender == "system" else "human"} if trigger == "ticket.public_reply" else {}
    yield {"type": trigger, "message_id": message_id, **by}


def _named(trigger: str, snapshot: Snapshot) -> Iterator[Outside]:
    """The event that the trigger is named after."""
    team = snapshot.options.team(snapshot.team)
    if trigger == "ticket.status_changed":
        to = snapshot.status()
        if to is None:
            raise Rejected(Reason.UNTRANSLATABLE, "no state: the webhook sends a body of its own without ticket.state", "/ticket/state")
        yield from status_changed(to, None)
    elif trigger in _CLAIMS:
        yield {"type": trigger}
    elif trigger == "ticket.assigned":
        yield {"type": trigger, "agent_id": snapshot.agent_id, "team": team}
    elif trigger == "ticket.transferred":
        yield {"type": trigger, "to_agent_id": snapshot.agent_id, "to_team": team}
    elif trigger == "ticket.priority_changed":
        yield from priority_changed(snapshot.options, snapshot.priority)
    elif trigger == "ticket.escalated":
        yield {"type": trigger, "kind": "sla"}
    elif trigger == "ticket.merged":
        yield from _merged(snapshot)
    elif trigger == "ticket.deleted":
        yield {"type": trigger}
    else:
        yield {"type": "complaint.raised", "complaint_id": snapshot.ticket_id}


_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed")
_OTHERS = ("ticket.assigned", "ticket.transferred", "ticket.priority_changed", "ticket.escalated", "ticket.merged", "ticket.deleted")
NAMES = frozenset(["ticket.created", *_ARTICLES, "ticket.status_changed", *_CLAIMS, *_OTHERS, "complaint.raised"])
"""The canonical names that a trigger may have."""


def _named_line(name: str) -> Line:
    """A trigger of a canonical name says that, and so does a body of the template, which may say more."""
    said = template.LINES[name].becomes if name in template.LINES else ()
    more = _STATUS if name == "ticket.status_changed" else ()
    return Line(tuple(dict.fromkeys((name, *more, *said))), "a trigger of this name")


LINES: Mapping[str, Line] = {
    **{name: _named_line(name) for name in sorted(NAMES)},
    "ticket": Line(
        ("ticket.created", *_ARTICLES, *_STATUS, *_OTHERS[:1], *_OTHERS[2:5], "complaint.raised"),
        "any other trigger: the article, and how the ticket stands",
    ),
}
