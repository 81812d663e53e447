"""Zendesk event subscriptions, tickets and messaging tickets: one message, the canonical events that it says.

Laws: only what the body says is emitted; no subject, description, comment text, name or address is read; the same body gives
the same events with the same ids. Messages that mean nothing to a KPI are ignored by name.
https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events ·
https://developer.zendesk.com/documentation/webhooks/verifying
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Credentials, Provider, Verify, signed_by
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, tags_in
from services.ingest.providers.zendesk_messages import IGNORED, TABLE, Message, Options, Outside
from services.ingest.signatures import SCHEMES, ZENDESK_TESTS_SECRET

_PREFIX = "zen:event-type:"


def verifier(credentials: Credentials) -> Verify:
    """The check of Zendesk's signature; with `accept_tests` the public secret of test sends counts as well."""
    tests = (ZENDESK_TESTS_SECRET,) if credentials.accept_tests else ()
    return signed_by(SCHEMES["zendesk"], (*credentials.secrets, *tests))


def translate(delivery: Delivery, options: Options) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = value_of(delivery.body)
    if not isinstance(body, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "a message of Zendesk is a JSON object")
    kind = body.get("type")
    if not isinstance(kind, str):
        raise Rejected(Reason.MISSING_FIELD, "no type: subscribe the webhook to ticket events, which have one", "/type")
    name = kind.removeprefix(_PREFIX)
    says = TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    message, common = _read(body, name, options)
    seen: dict[str, int] = {}
    items = []
    for fields in says(message):
        event = fields["type"]
        ordinal = seen[event] = seen.get(event, -1) + 1
        items.append({**common, "id": f"{message.id}:{event}" + (f":{ordinal}" if ordinal else ""), **fields})
    return Translation(items=items, ignored=() if items else (name,))


def _read(body: Mapping[str, Any], name: str, options: Options) -> tuple[Message, Outside]:
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
    common = {
        "ticket_id": ticket_id,
        "occurred_at": body.get("time"),
        "sequence": sequence if isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 2**53 else None,
        "actor_id": actor_id,
        "customer_id": name_in(detail.get("requester_id")),
        "organisation_id": name_in(detail.get("organization_id")),
        "agent_id": name_in(detail.get("assignee_id")),
        "team": name_in(detail.get("group_id")),
        "brand": name_in(detail.get("brand_id")),
        "channel": lower_name_in(object_in(detail.get("via")).get("channel")),
        "priority": lower_name_in(detail.get("priority")),
        "issue_type": lower_name_in(detail.get("type")),
        "tags": tags_in(detail.get("tags")) or None,
    }
    return message, {field: said for field, said in common.items() if said is not None}


PROVIDER = Provider(kind="zendesk", verifier=verifier, translate=translate, options=Options, names=frozenset(TABLE) | IGNORED)
