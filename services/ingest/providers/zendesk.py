"""Zendesk event subscriptions, tickets and messaging tickets: one message, the canonical events that it says.

Laws: only what the body says is emitted; no subject, description, comment text, name or address is read; the same body gives
the same events with the same ids. Messages that mean nothing to a KPI are ignored by name.
https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events ·
https://developer.zendesk.com/documentation/webhooks/verifying
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
from services.ingest.providers.desk import DeskOptions
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, tags_in
from services.ingest.providers.zendesk_messages import LINES, STATUSES, TABLE, Message
from services.ingest.signatures import ZENDESK_TESTS_SECRET

_PREFIX = "zen:event-type:"


def translate(delivery: Delivery, options: DeskOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    if template.is_template(body):
        return template.translate(delivery, body, options, STATUSES)
    kind = body.get("type")
    if not isinstance(kind, str):
        raise Rejected(Reason.MISSING_FIELD, "no type: subscribe the webhook to ticket events, which have one", "/type")
    name = kind.removeprefix(_PREFIX)
    says = TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    message, common = _read(body, name, options)
    return told(name, message.id, common, says(message))


def _read(body: Mapping[str, Any], name: str, options: DeskOptions) -> tuple[Message, Outside]:
    detail, event = object_in(body.get("detail")), object_in(body.get("event"))
    ticket_id = id_in(detail.get("id")) or id_in(body.get("subject")).rpartition(":")[2]
    if not ticket_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no ticket", "/detail/id")
    message_id = id_in(body.get("id"))
    if not message_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id, so its repetitions could not be told apart", "/id")
    actor_id = name_in(detail.get("actor_id")) or name_in(object_in(event.get("actor")).get("id"))
    message = Message(event=event, detail=detail, id=message_id, ticket_id=ticket_id, actor_id=actor_id, options=options)
    sequence = object_in(object_in(event.get("meta")).get("sequence")).get("position")
    common: Outside = {
        "ticket_id": ticket_id,
        "occurred_at": body.get("time"),
        "sequence": sequence if isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 2**53 else None,
        "actor_id": actor_id,
        "customer_id": name_in(detail.get("requester_id")),
        "organisation_id": name_in(detail.get("organization_id")),
        "agent_id": name_in(detail.get("assignee_id")),
        "team": options.team(detail.get("group_id")),
        "brand": name_in(detail.get("brand_id")),
        "channel": lower_name_in(object_in(detail.get("via")).get("channel")),
        "priority": lower_name_in(detail.get("priority")),
        "issue_type": lower_name_in(detail.get("type")),
        "tags": tags_in(detail.get("tags")) or None,
    }
    return message, common


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    at = rfc3339(now_ms)
    detail = {
        "id": unique,
        "status": "NEW",
        "priority": "NORMAL",
        "requester_id": f"{unique}-c",
        "submitter_id": f"{unique}-c",
        "is_public": True,
        "via": {"channel": "email"},
        "created_at": at,
        "updated_at": at,
    }
    body = {
        "type": f"{_PREFIX}ticket.created",
        "id": f"{unique}-m",
        "time": at,
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{unique}",
        "detail": detail,
        "event": {},
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "In Admin Center open Apps and integrations > Webhooks > Create webhook.",
        "Choose Zendesk events, and of them all of Ticket and Messaging ticket.",
        "Paste {url} as the endpoint, with method POST and format JSON.",
        "Save, open the webhook again and choose Reveal secret: that is the secret.",
    ),
    secret="The signing secret that the webhook's page reveals, as it stands: it looks like base64 and is not decoded.",
    delivery="Seconds late, at times twice, in no promised order; events are lost while Zendesk's circuit breaker is open.",
    template=template.text(
        event="ticket.status_changed",
        ticket_id="{{ticket.id}}",
        status="{{ticket.status}}",
        priority="{{ticket.priority}}",
        team="{{ticket.group.id}}",
        agent_id="{{ticket.assignee.id}}",
        customer_id="{{ticket.requester.id}}",
        tags="{{ticket.tags}}",
        channel="{{ticket.via}}",
        occurred_at="{{ticket.updated_at_with_timestamp}}",
    ),
    notes=(
        "Old accounts connect a webhook to triggers instead of events: one trigger for each canonical event, with this body "
        "and that name in `event`.",
        "Zendesk signs the sends of its Test webhook button with a public secret, before the webhook exists. It counts only with "
        "`tests_secret = true`; leave that off in production.",
        "A sender set up with HTTP Basic instead of the signature is let in with a secret of the form `user:password`.",
    ),
    unconfirmed=(
        "The body of ticket.csat_received: a score of GOOD or BAD is looked for where it was seen; anything else is kept in `rejected`.",
    ),
    links=(
        "https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events",
        "https://developer.zendesk.com/documentation/webhooks/verifying",
    ),
)

PROVIDER = Provider(
    kind="zendesk",
    title="Zendesk",
    schemes=("zendesk", "basic-auth"),
    tests_secret=ZENDESK_TESTS_SECRET,
    translate=translate,
    lines={**template.LINES, **LINES},
    options=DeskOptions,
    methods=("POST", "PUT", "PATCH"),
    guide=GUIDE,
    sample=sample,
)
