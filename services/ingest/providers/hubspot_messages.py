"""What each notification of HubSpot says, one small function a message and one line in the table.

https://developers.hubspot.com/docs/api/webhooks
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.desk import agent_changed, complaint, priority_changed, status_changed
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Line
from services.ingest.providers.stages import SaleDeskOptions
from services.ingest.providers.telling import Outside
from services.ingest.providers.values import flag_in, id_in, lower_name_in

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


def named(one: Notification, said: Iterable[Outside]) -> Iterator[Outside]:
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
