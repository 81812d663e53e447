"""Zammad webhooks of triggers and schedulers: the ticket as it stands, with the article that set the trigger off.

Laws: a trigger whose name is a canonical name says that event; any other delivers a snapshot, which claims, and who counts finds
what changed. What each snapshot repeats (the ticket's birth, an article) has an id of its own and only what never changes, so it
is one event however often it comes: Zammad renders a delivery that is tried again anew.
https://admin-docs.zammad.org/en/latest/manage/webhook.html · https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers import template
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.telling import Outside, events_of, identity, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import lower_name_in, name_in, object_in
from services.ingest.providers.zammad_messages import LINES, NAMES, STATUSES, Snapshot, ZammadOptions, said_by


def translate(delivery: Delivery, options: ZammadOptions) -> Translation:
    """The canonical events of one delivery. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    if template.is_template(body):
        return template.translate(delivery, body, options, STATUSES)
    ticket, article = object_in(body.get("ticket")), object_in(body.get("article"))
    ticket_id = name_in(ticket.get("id"))
    if ticket_id is None:
        raise Rejected(Reason.MISSING_FIELD, "no ticket: the webhook sends a body of its own without ticket.id", "/ticket/id")
    snapshot = _snapshot(ticket, article, ticket_id, options)
    zone = zone_of(options.time_zone)
    created = iso_time(ticket.get("created_at"), "/ticket/created_at", zone)
    updated = iso_time(ticket.get("updated_at"), "/ticket/updated_at", zone)
    written = iso_time(article.get("created_at"), "/article/created_at", zone)
    common = _common(snapshot, updated)
    # of what is repeated only what never changes: else the repetition would say something else under the same id
    birth: Outside = {"ticket_id": ticket_id, "occurred_at": created, "channel": lower_name_in(ticket.get("create_article_type"))}
    letter: Outside = {"ticket_id": ticket_id, "occurred_at": written, "actor_id": name_in(article.get("created_by_id"))}
    trigger = delivery.header(b"x-zammad-trigger").strip().lower()
    births, articles, claims, refused = said_by(trigger, snapshot, created)
    items: list[Any] = [
        *events_of(identity(ticket_id), birth, births),
        *events_of(identity("article", name_in(article.get("id")) or f"of {ticket_id}"), letter, articles),
    ]
    message_id = identity(delivery.header(b"x-zammad-delivery").strip()) or (identity(ticket_id, updated) if updated else "")
    items += events_of(message_id, common, claims) if message_id else unnamed(delivery, "ticket", common, claims).items
    items += refused
    return Translation(items=items, ignored=() if items else (trigger if trigger in NAMES else "ticket",))


def _snapshot(ticket: Mapping[str, Any], article: Mapping[str, Any], ticket_id: str, options: ZammadOptions) -> Snapshot:
    owner_id = name_in(ticket.get("owner_id")) or name_in(object_in(ticket.get("owner")).get("id"))
    group = ticket.get("group")
    priority = ticket.get("priority")
    word = lower_name_in(object_in(priority).get("name", priority))
    return Snapshot(
        ticket=ticket,
        article=article,
        ticket_id=ticket_id,
        agent_id=None if owner_id in options.nobody else owner_id,
        team=name_in(object_in(group).get("name", group)) or name_in(ticket.get("group_id")),
        priority=None if word is None else word.lstrip("0123456789 ") or word,
        options=options,
    )


def _common(snapshot: Snapshot, updated: str | None) -> Outside:
    ticket = snapshot.ticket
    return {
        "ticket_id": snapshot.ticket_id,
        "occurred_at": updated,
        "actor_id": name_in(ticket.get("updated_by_id")),
        "customer_id": name_in(ticket.get("customer_id")),
        "organisation_id": name_in(ticket.get("organization_id")),
        "agent_id": snapshot.agent_id,
        "team": snapshot.options.team(snapshot.team),
        "channel": lower_name_in(ticket.get("create_article_type")),
        "priority": snapshot.priority,
        "tags": snapshot.tags or None,
    }


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    at = rfc3339(now_ms)
    ticket = {
        "id": unique,
        "number": unique,
        "state": "new",
        "priority": {"id": 2, "name": "2 normal"},
        "group": {"id": 1, "name": "Users"},
        "group_id": 1,
        "owner_id": 1,
        "customer_id": 8,
        "create_article_sender": "Customer",
        "create_article_type": "email",
        "article_count": 1,
        "created_at": at,
        "updated_at": at,
    }
    headers = {"content-type": "application/json; charset=utf-8", "x-zammad-trigger": "deskpulse", "x-zammad-delivery": f"{unique}-d"}
    return Sample(body=msgspec.json.encode({"ticket": ticket, "article": None}), headers=headers)


GUIDE = Guide(
    clicks=(
        "Under Manage > Webhook choose New Webhook, and paste {url} as the endpoint.",
        "Fill HMAC SHA1 Signature Token with your secret; leave the custom payload off.",
        "Under Manage > Trigger make one trigger for each event, named as the event: ticket.created, ticket.customer_message, "
        "ticket.public_reply, ticket.note, ticket.solved, ticket.reopened, ticket.assigned, ticket.priority_changed, ticket.escalated.",
        "As the action of each choose Notification > Webhook and the webhook of above.",
        "Or make a single trigger of any other name for every action: it sends snapshots, of which the changes are found.",
    ),
    secret="The signature token, as you typed it. HTTP Basic of the webhook works too: `user:password`.",
    delivery="Seconds late; five attempts 10 to 40 seconds apart, each with the ticket as it then is. Triggers also send mails, which "
    "come first. A redirection loses the body.",
    notes=(
        "A trigger on an escalation is to be named ticket.escalated.",
        "A merged ticket does not say into which: such a snapshot is kept in `rejected` unless a body of your own has "
        '`ticket.merged_into_id`, or `statuses = { merged = "closed" }` says to count it as closed.',
        "Teams are the names of Zammad's groups.",
    ),
    unconfirmed=(
        "The names of states: new, open, pending reminder, pending close, closed; `statuses` maps others, which are refused until then.",
        "Owner 1 means nobody; `nobody` changes that.",
        "The pasted custom payload may be any canonical body: its `event` is a canonical name, then.",
    ),
    links=(
        "https://admin-docs.zammad.org/en/latest/manage/webhook.html",
        "https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html",
    ),
)

PROVIDER = Provider(
    kind="zammad",
    title="Zammad",
    schemes=("hub-sha1-hex", "basic-auth"),
    translate=translate,
    lines={**template.LINES, **LINES},
    options=ZammadOptions,
    methods=("POST", "PUT", "PATCH"),
    headers=("content-type", "x-zammad-trigger", "x-zammad-delivery"),
    guide=GUIDE,
    sample=sample,
)
