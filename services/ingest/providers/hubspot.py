"""HubSpot's webhook subscriptions: contacts, deals and tickets, many thin notifications in one array.

A notification says which property of which object has which value now, and nothing else: neither the value before nor whose
deal it is. Laws: one notification that cannot be used costs none of the others; the attempt's number is in no id, so a delivery
that comes again is the same events; the value of a property that has no meaning here is not read.
https://developers.hubspot.com/docs/api/webhooks ·
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import elements_of, value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.batches import together
from services.ingest.providers.desk import agent_changed, complaint, priority_changed, status_changed
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.stages import SaleDeskOptions
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import millis_time
from services.ingest.providers.values import flag_in, id_in, lower_name_in, name_in

Means = Literal["stage", "amount", "lead_stage", "lead_status", "contacted", "status", "owner", "priority", "issue_type"]

PROPERTIES: Mapping[str, Means] = {
    "deal.dealstage": "stage",
    "deal.amount": "amount",
    "contact.lifecyclestage": "lead_stage",
    "contact.hs_lead_status": "lead_status",
    "contact.notes_last_contacted": "contacted",
    "ticket.hs_pipeline_stage": "status",
    "ticket.hubspot_owner_id": "owner",
    "ticket.hs_ticket_priority": "priority",
    "ticket.hs_ticket_category": "issue_type",
}
STATUSES = {"1": "new", "2": "pending", "3": "open", "4": "solved"}
STAGES = {"closedwon": "deal.won", "closedlost": "deal.lost"}
LEAD_STAGES = {"lead": "lead.created", "marketingqualifiedlead": "lead.created"}
LEAD_STATUSES = {"attempted_to_contact": "lead.contacted", "connected": "lead.contacted"}
_OBJECTS = {"0-1": "contact", "0-2": "company", "0-3": "deal", "0-5": "ticket"}
_FIELDS = {"ticket": "ticket_id", "complaint": "ticket_id", "deal": "deal_id", "lead": "lead_id"}
_STAYS = "unchanged"
"""The stage of a deal of which only the amount is told."""


class HubSpotOptions(SaleDeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of HubSpot may set.

    `stages` maps the ids of deal stages, life-cycle stages and lead statuses, `statuses` the ids of ticket stages. `properties`
    gives further properties (`ticket.my_owner`) one of our meanings. `currency` is that of amounts, since HubSpot names none.
    """

    properties: Mapping[str, Means] = {}
    currency: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.currency is not None and currency_in(self.currency) != self.currency:
            raise ValueError("currency: a code of three capital letters, such as EUR")


class Notification(Struct, frozen=True, kw_only=True, gc=False):
    """One element of the array; `id` is that of the object."""

    said: Mapping[str, Any]
    kind: str
    id: str
    options: HubSpotOptions

    @property
    def value(self) -> Any:
        """The property's value after the change."""
        return self.said.get("propertyValue")


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
    return told(name, _message_id(one, name), _common(one), _named(notification, says(notification)))


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


def _named(one: Notification, said: Iterable[Outside]) -> Iterator[Outside]:
    """What is said, with the object as the thing that it is said of."""
    for fields in said:
        field = _FIELDS.get(fields["type"].partition(".")[0])
        of = {field: one.id} if field is not None and one.id else {}
        yield {**of, **({"customer_id": one.id} if field == "lead_id" else {}), **fields}


def _ticket_created(one: Notification) -> Iterator[Outside]:
    yield {"type": "ticket.created"}


def _ticket_deleted(one: Notification) -> Iterator[Outside]:
    yield {"type": "ticket.deleted"}


def _contact_created(one: Notification) -> Iterator[Outside]:
    if one.options.leads:
        yield {"type": "lead.created"}


def _company_created(one: Notification) -> Iterator[Outside]:
    yield {"type": "customer.created", "customer_id": one.id}


def _deal_created(one: Notification) -> Iterator[Outside]:
    yield {"type": "deal.created"}


def _merged(one: Notification) -> Iterator[tuple[str, str]]:
    """Each object that is gone with the one it went into, which may be a new one."""
    primary = id_in(one.said.get("primaryObjectId"))
    into = id_in(one.said.get("newObjectId")) or primary
    others = one.said.get("mergedObjectIds")
    gone = [primary, *(id_in(other) for other in others)] if isinstance(others, list) else [primary]
    gone = [each for each in dict.fromkeys(gone) if each not in ("", into)]
    if not into or not gone:
        raise Rejected(Reason.UNTRANSLATABLE, "the objects were merged, but which into which is not said", "/primaryObjectId")
    for each in gone:
        yield each, into


def _tickets_merged(one: Notification) -> Iterator[Outside]:
    for gone, into in _merged(one):
        yield {"type": "ticket.merged", "ticket_id": gone, "into_ticket_id": into}


def _contacts_merged(one: Notification) -> Iterator[Outside]:
    for gone, into in _merged(one):
        yield {"type": "customer.merged", "customer_id": gone, "into_customer_id": into}
        if one.options.leads:
            yield {"type": "lead.merged", "lead_id": gone, "customer_id": gone, "into_lead_id": into}


def _associated(one: Notification) -> Iterator[Outside]:
    ends = id_in(one.said.get("fromObjectId")), id_in(one.said.get("toObjectId"))
    way = id_in(one.said.get("associationType")).upper()
    if way not in ("DEAL_TO_CONTACT", "CONTACT_TO_DEAL") or flag_in(one.said.get("associationRemoved")) is True:
        return
    if not all(ends):
        raise Rejected(Reason.MISSING_FIELD, "the association names only one of its objects", "/fromObjectId")
    deal, contact = ends if way == "DEAL_TO_CONTACT" else ends[::-1]
    yield {"type": "deal.created", "deal_id": deal, "lead_id": contact, "customer_id": contact}


def _property_changed(one: Notification) -> Iterator[Outside]:
    name = f"{one.kind}.{id_in(one.said.get('propertyName'))}"
    means = one.options.properties.get(name) or PROPERTIES.get(name)
    if means is not None and one.kind == _KINDS[means]:
        yield from MEANINGS[means](one)


def _stage(one: Notification) -> Iterator[Outside]:
    meaning = one.options.meaning(one.value, STAGES)
    if meaning is not None and meaning.startswith("deal."):
        yield {"type": meaning}
    elif meaning is not None and meaning.startswith("quote."):
        yield {"type": meaning, "quote_id": one.id}


def _amount(one: Notification) -> Iterator[Outside]:
    currency = one.options.currency
    if (amount := from_major(one.value, currency)) is not None:
        yield {"type": "deal.stage_changed", "to": _STAYS, "amount_minor": amount, "currency": currency}


def _lead(known: Mapping[str, str]) -> Callable[[Notification], Iterator[Outside]]:
    def says(one: Notification) -> Iterator[Outside]:
        meaning = one.options.meaning(one.value, known)
        if meaning is not None and meaning.startswith("lead."):
            yield {"type": meaning}

    return says


def _contacted(one: Notification) -> Iterator[Outside]:
    if id_in(one.value).strip():
        yield {"type": "lead.contacted"}


def _status(one: Notification) -> Iterator[Outside]:
    to = one.options.status(one.value, STATUSES)
    if to is None:
        raise Rejected(
            Reason.UNTRANSLATABLE, "this stage of the ticket pipeline is not known: map its id in options.statuses", "/propertyValue"
        )
    yield from status_changed(to, None)


def _owner(one: Notification) -> Iterator[Outside]:
    yield from agent_changed(one.value)


def _priority(one: Notification) -> Iterator[Outside]:
    yield from priority_changed(one.options, one.value)


def _issue_type(one: Notification) -> Iterator[Outside]:
    chosen = [word for part in id_in(one.value).split(";") if (word := lower_name_in(part))]  # a category may be several
    if chosen:
        yield {"type": "ticket.classified", "issue_type": chosen[0], "field": "issue_type", "to": chosen[0]}
        category = next((word for word in chosen if word in one.options.complaint_types), None)
        yield from complaint(one.options, one.id, (), category)


MEANINGS: Mapping[str, Callable[[Notification], Iterator[Outside]]] = {
    "stage": _stage,
    "amount": _amount,
    "lead_stage": _lead(LEAD_STAGES),
    "lead_status": _lead(LEAD_STATUSES),
    "contacted": _contacted,
    "status": _status,
    "owner": _owner,
    "priority": _priority,
    "issue_type": _issue_type,
}
_KINDS = {means: name.partition(".")[0] for name, means in PROPERTIES.items()}
TABLE: Mapping[str, Callable[[Notification], Iterator[Outside]]] = {
    "contact.creation": _contact_created,
    "contact.propertyChange": _property_changed,
    "contact.merge": _contacts_merged,
    "contact.associationChange": _associated,
    "company.creation": _company_created,
    "deal.creation": _deal_created,
    "deal.propertyChange": _property_changed,
    "deal.associationChange": _associated,
    "ticket.creation": _ticket_created,
    "ticket.propertyChange": _property_changed,
    "ticket.deletion": _ticket_deleted,
    "ticket.merge": _tickets_merged,
}
_QUOTES = ("quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired")
_KNOWN = (
    "contact.deletion", "contact.restore", "contact.privacyDeletion", "company.propertyChange", "company.deletion", "company.merge",
    "company.restore", "company.associationChange", "deal.deletion", "deal.merge", "deal.restore", "ticket.restore",
    "ticket.associationChange",
)  # fmt: skip
_CONVERSATIONS = ("creation", "newMessage", "propertyChange", "deletion", "privacyDeletion")
LINES: Mapping[str, Line] = {
    "contact.creation": Line(("lead.created",), "with leads = true"),
    "contact.propertyChange": Line(("lead.created", "lead.contacted", "lead.lost"), "by life-cycle stage, lead status, last contact"),
    "contact.merge": Line(("customer.merged", "lead.merged"), "leads with leads = true"),
    "contact.associationChange": Line(("deal.created",), "with a deal: the same deal, with its lead"),
    "company.creation": Line(("customer.created",)),
    "deal.creation": Line(("deal.created",)),
    "deal.propertyChange": Line(("deal.won", "deal.lost", "deal.stage_changed", *_QUOTES), "by stage and amount"),
    "deal.associationChange": Line(("deal.created",), "with a contact: the same deal, with its lead"),
    "ticket.creation": Line(("ticket.created",)),
    "ticket.propertyChange": Line(
        (
            "ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.assigned", "ticket.priority_changed", "ticket.classified",
            "complaint.raised",
        ),
        "by stage, owner, priority and category",
    ),
    "ticket.deletion": Line(("ticket.deleted",)),
    "ticket.merge": Line(("ticket.merged",)),
    **{name: NOTHING for name in _KNOWN},
    **{f"conversation.{name}": Line((), "thin: who wrote is not said") for name in _CONVERSATIONS},
    "object": Line((), "an object of a workflow's webhook action, which says no change"),
}  # fmt: skip
"""Every known message; what else there is has the same shape and is ignored by its name."""


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
