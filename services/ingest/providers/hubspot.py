"""HubSpot's webhook subscriptions: contacts, deals and tickets, many thin notifications in one array.

A notification says which property of which object has which value now, and nothing else: neither the value before nor whose
deal it is. Laws: one notification that cannot be used costs none of the others; the attempt's number is in no id, so a delivery
that comes again is the same events; the value of a property that has no meaning here is not read.
https://developers.hubspot.com/docs/api/webhooks ·
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import elements_of, value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.batches import together
from services.ingest.providers.hubspot_messages import LINES, TABLE, HubSpotOptions, Notification, named
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import millis_time
from services.ingest.providers.values import id_in, name_in

_OBJECTS = {"0-1": "contact", "0-2": "company", "0-3": "deal", "0-5": "ticket"}


def translate(delivery: Delivery, options: HubSpotOptions) -> Translation:
    """The events of a batch; an object alone is a batch of one. Raises Rejected when the body is not JSON."""
    value = value_of(delivery.body)
    if isinstance(value, list):
        return together(value, lambda _, one: _told(one, options), elements_of(delivery.body))
    return _told(value, options)


def _told(one: Any, options: HubSpotOptions) -> Translation:
    if not isinstance(one, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "HubSpot sends an array of notifications, each an object")
    name = one.get("subscriptionType") or one.get("eventType")
    if not isinstance(name, str):
        if isinstance(one.get("properties"), dict):
            return Translation(items=(), ignored=("object",))
        raise Rejected(Reason.MISSING_FIELD, "no subscriptionType: let the app's webhook subscriptions send here", "/subscriptionType")
    kind, _, what = name.partition(".")
    if kind == "object":
        kind = _OBJECTS.get(id_in(one.get("objectTypeId")), kind)
        name = f"{kind}.{what}"
    says = TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    notification = _notification(one, name, kind, options)
    return told(name, _message_id(one, name), _common(one), named(notification, says(notification)))


def _notification(one: Mapping[str, Any], name: str, kind: str, options: HubSpotOptions) -> Notification:
    object_id = id_in(one.get("objectId"))
    if not object_id and not name.endswith((".merge", ".associationChange")):
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no object", "/objectId")
    return Notification(said=one, kind=kind, id=object_id, options=options)


def _message_id(one: Mapping[str, Any], name: str) -> str:
    """The event's id alone is not unique, so all of the notification's coordinates are; the number of the attempt is not."""
    if not id_in(one.get("eventId")) and not id_in(one.get("occurredAt")):
        raise Rejected(Reason.MISSING_FIELD, f"{name} has neither eventId nor time, so its repetitions could not be told apart", "/eventId")
    coordinates = [one.get(part) for part in ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt")]
    merged = one.get("mergedObjectIds")
    ends = [one.get(part) for part in ("fromObjectId", "toObjectId", "primaryObjectId")] + (merged if isinstance(merged, list) else [])
    return identity(*coordinates, *[end for end in ends if id_in(end)])


def _common(one: Mapping[str, Any]) -> Outside:
    source = id_in(one.get("sourceId"))
    user = source.removeprefix("userId:") if source.startswith("userId:") else None
    return {"occurred_at": millis_time(one.get("occurredAt"), "/occurredAt"), "actor_id": name_in(user)}


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket."""
    one = {
        "attemptNumber": 0,
        "eventId": unique,
        "subscriptionId": 1,
        "portalId": 1,
        "appId": 1,
        "occurredAt": now_ms,
        "subscriptionType": "ticket.creation",
        "changeFlag": "CREATED",
        "changeSource": "CRM_UI",
        "objectId": unique,
    }
    return Sample(body=msgspec.json.encode([one]))


GUIDE = Guide(
    clicks=(
        "In your developer account open Apps, your app (or create one with the scopes of contacts, deals and tickets), then Webhooks.",
        "Paste {url} as the target URL.",
        "Create subscriptions: contact, deal and ticket, for created, deleted, merged, association changed, and for changes of the "
        "properties lifecyclestage and hs_lead_status (contact), dealstage and amount (deal), hs_pipeline_stage, hubspot_owner_id, "
        "hs_ticket_priority and hs_ticket_category (ticket). Activate them.",
        "On the app's Auth page choose Show client secret: that is the secret.",
    ),
    secret="The client secret of the app, as it stands.",
    delivery="Seconds late, sent again up to 10 times within 24 h, in no promised order, at times twice.",
    notes=(
        "The address is part of what is signed: behind a proxy set `url` of the source to exactly what you pasted.",
        "The stages of your ticket pipelines are mapped by their ids: "
        '`options.statuses = {"123" = "pending", "124" = "solved"}`; a stage that is not mapped waits in `rejected` and can be replayed.',
        'Deal stages that mean a quote or another won stage: `options.stages = {"presentationscheduled" = "quote.sent"}`.',
        "A new contact counts as a lead only with `options.leads = true`; a contact that reaches the life-cycle stage lead or "
        "marketing qualified lead counts as one anyway.",
        "HubSpot names no currency beside an amount: set `options.currency`.",
        "The webhook action of a workflow sends an object without saying what changed: use subscriptions.",
    ),
    unconfirmed=(
        "The default ticket stages are 1 new, 2 waiting on the contact, 3 waiting on us, 4 closed: change them with options.statuses.",
        "The names of the properties for owner, priority, category, lead status and last contact: give others a meaning with "
        'options.properties = {"ticket.my_priority" = "priority"}.',
        "closedlost as the lost stage, and which lead statuses are a contact: change them with options.stages.",
    ),
    links=(
        "https://developers.hubspot.com/docs/api/webhooks",
        "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
    ),
)

PROVIDER = Provider(
    kind="hubspot",
    title="HubSpot",
    schemes=("hubspot-v3", "hubspot-v2", "hubspot-v1"),
    translate=translate,
    lines=LINES,
    options=HubSpotOptions,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
