"""Intercom notifications about conversations: one notification, the canonical events that it says.

Laws: only what the body says is emitted; no text, subject, name or address is read; the same notification gives the same events
with the same ids, however often it was attempted; bodies of API 1.x and 2.x are read alike. Other topics are ignored by name.
https://developers.intercom.com/docs/webhooks/webhook-notifications ·
https://developers.intercom.com/docs/references/webhooks/webhook-models
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.intercom_messages import LINES, TABLE, IntercomOptions, Message, assigned, attributes, facts, says
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.telling import Outside, events_of, identity, unnamed
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import flag_in, id_in, name_in, object_in, objects_in

_Says = Callable[[Mapping[str, Any], str | None, IntercomOptions], Iterator[Outside]]


def translate(delivery: Delivery, options: IntercomOptions) -> Translation:
    """The canonical events of one notification. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    topic = body.get("topic")
    if not isinstance(topic, str) or not topic:
        raise Rejected(Reason.MISSING_FIELD, "no topic: this is no notification of Intercom, which names its topic", "/topic")
    item = object_in(object_in(body.get("data")).get("item"))
    if topic in TABLE:
        return _of_conversation(delivery, body, topic, item, options)
    if topic in _OTHERS:
        at = any_time(body.get("created_at"), "/created_at", zone_of(options.time_zone))
        return _told(delivery, topic, _named(body, topic, item, {}), {}, list(_OTHERS[topic](item, at, options)), ())
    return Translation(items=(), ignored=(topic,))


def _of_conversation(
    delivery: Delivery, body: Mapping[str, Any], topic: str, item: Mapping[str, Any], options: IntercomOptions
) -> Translation:
    conversation_id = name_in(item.get("id")) or name_in(item.get("conversation_id"))
    if conversation_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{topic} names no conversation", "/data/item/id")
    parts = objects_in(object_in(item.get("conversation_parts")).get("conversation_parts"))
    part = parts[-1] if parts else {}
    message_id = _named(body, topic, item, part)
    message = Message(
        topic=topic,
        item=item,
        part=part,
        id=message_id,
        conversation_id=conversation_id,
        at=_time(body, topic, item, part, options),
        options=options,
    )
    return _told(delivery, topic, message_id, attributes(message), list(says(message)), facts(message))


def _named(body: Mapping[str, Any], topic: str, item: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """The id of the notification; without one, of what it is about. "" when nothing tells it from another of its topic."""
    which = id_in(part.get("id")) or id_in(body.get("created_at"))
    return identity(body.get("id")) or (identity(topic, item.get("id") or item.get("conversation_id"), which) if which else "")


def _time(body: Mapping[str, Any], topic: str, item: Mapping[str, Any], part: Mapping[str, Any], options: IntercomOptions) -> str | None:
    zone = zone_of(options.time_zone)
    told = any_time(body.get("created_at"), "/created_at", zone)
    if topic.endswith(".created") and topic.startswith("conversation."):
        return any_time(item.get("created_at"), "/data/item/created_at", zone) or told
    if topic in ("conversation.updated", "conversation.rating.added", "conversation.priority.updated"):
        return told
    return any_time(part.get("created_at"), "/data/item/conversation_parts/conversation_parts/0/created_at", zone) or told


def _told(delivery: Delivery, topic: str, message_id: str, common: Outside, said: list[Outside], beside: Iterable[Outside]) -> Translation:
    events = events_of(message_id, common, said) if message_id else unnamed(delivery, topic, common, said).items
    items = [*events, *beside]
    return Translation(items=items, ignored=() if items else (topic,))


def _lead(item: Mapping[str, Any], at: str | None, options: IntercomOptions) -> Iterator[Outside]:
    """A new contact, where the source counts them as leads."""
    if options.leads and item.get("role") in (None, "lead"):
        yield {"type": "lead.created", "lead_id": _needed(item), "occurred_at": at}


def _call_started(item: Mapping[str, Any], at: str | None, options: IntercomOptions) -> Iterator[Outside]:
    """A call that a person took."""
    began = any_time(item.get("answered_at") or item.get("started_at"), "/data/item/answered_at")
    yield {**_call(item, "call.answered"), "occurred_at": began or at}


def _call_ended(item: Mapping[str, Any], at: str | None, options: IntercomOptions) -> Iterator[Outside]:
    """A call that is over."""
    ended = any_time(item.get("ended_at"), "/data/item/ended_at")
    yield {**_call(item, "call.ended"), "talk_seconds": _talked(item), "occurred_at": ended or at}


def _call(item: Mapping[str, Any], kind: str) -> Outside:
    return {"type": kind, "call_id": _needed(item), "agent_id": assigned(item.get("admin_id"))}


def _talked(item: Mapping[str, Any]) -> float | None:
    ended, answered = item.get("ended_at"), item.get("answered_at")
    whole = isinstance(ended, int) and isinstance(answered, int) and not isinstance(ended, bool) and not isinstance(answered, bool)
    return ended - answered if whole and 0 < answered <= ended <= answered + 10**9 else None  # type: ignore[operator]


def _presence(to: str) -> _Says:
    def told(item: Mapping[str, Any], at: str | None, options: IntercomOptions) -> Iterator[Outside]:
        status = to
        if not to:
            away = flag_in(item.get("away_mode_enabled"))
            if away is None:
                return
            status = "away" if away else "available"
        yield {"type": "agent.status_changed", "agent_id": _needed(item), "to": status, "occurred_at": at}

    return told


def _needed(item: Mapping[str, Any]) -> str:
    found = name_in(item.get("id"))
    if found is None:
        raise Rejected(Reason.MISSING_FIELD, "the item has no id, so nobody knows what this is about", "/data/item/id")
    return found


_OTHERS: Mapping[str, _Says] = {
    "contact.created": _lead,
    "contact.lead.created": _lead,
    "call.started": _call_started,
    "call.ended": _call_ended,
    "admin.away_mode_updated": _presence(""),
    "admin.logged_in": _presence("available"),
    "admin.logged_out": _presence("offline"),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new conversation."""
    now = now_ms // 1000
    item = {
        "type": "conversation",
        "id": unique,
        "created_at": now,
        "updated_at": now,
        "source": {"type": "conversation", "author": {"type": "user", "id": f"{unique}-c"}, "delivered_as": "customer_initiated"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": f"{unique}-c"}]},
        "admin_assignee_id": None,
        "team_assignee_id": None,
        "open": True,
        "state": "open",
        "priority": "not_priority",
        "tags": {"type": "tag.list", "tags": []},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [], "total_count": 0},
    }
    body = {
        "type": "notification_event",
        "data": {"type": "notification_event_data", "item": item},
        "id": f"notif_{unique}",
        "topic": "conversation.user.created",
        "delivery_status": "pending",
        "delivery_attempts": 1,
        "first_sent_at": now,
        "created_at": now,
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "Open Intercom's Developer Hub > Your apps, and choose your app or make one for your workspace.",
        "Under Configure > Authentication give it the permission to read conversations.",
        "Under Configure > Webhooks paste {url} as the endpoint.",
        "Select the topics conversation.user.created, user.replied, admin.replied, admin.single.created, admin.assigned, "
        "admin.noted, admin.closed, admin.opened, admin.snoozed, admin.unsnoozed, conversation.rating.added and conversation.deleted; "
        "then save.",
        "Under Configure > Basic information copy the client secret: that is the secret.",
    ),
    secret="The app's client secret, as it stands.",
    delivery="Seconds late, at times twice, in no promised order. After 1000 errors in 15 min Intercom pauses for 15 min; an endpoint "
    "that fails for 7 days is suspended.",
    notes=(
        "One reply that also assigns comes as two notifications; it counts as one reply and one assignment.",
        "A snoozed conversation is on hold; closed counts as solved, which is the only end that Intercom has.",
        "An SLA shows as missed when a teammate writes next, not when it runs out: escalations come that much later.",
        "A tag of a conversation makes it a complaint once `complaint_tags` names the tag.",
        "Intercom's own tickets (topics ticket.*) are ignored; a conversation behind one is counted by its conversation topics.",
    ),
    unconfirmed=(
        "A missed SLA in conversation.updated is taken for a picture of how things stand; `updates_tell_sla = true` counts it.",
        "The names conversation.rating.added, conversation.priority.updated and conversation.operator.replied: a rating is read from "
        "whatever conversation notification carries it, so nothing is lost if they are called otherwise.",
        "The bodies of call.started and call.ended: item.id is the call, admin_id the agent, answered_at and ended_at its times; a call "
        "without an id is kept in `rejected`.",
        "A new contact is no lead unless `leads = true`.",
    ),
    links=(
        "https://developers.intercom.com/docs/webhooks/webhook-notifications",
        "https://developers.intercom.com/docs/references/webhooks/webhook-models",
    ),
)

PROVIDER = Provider(
    kind="intercom",
    title="Intercom",
    schemes=("hub-sha1-hex",),
    translate=translate,
    lines=LINES,
    options=IntercomOptions,
    probes=("HEAD",),
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
