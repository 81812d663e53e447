"""What a record of Salesforce says: as it is now, as it came to be, and as it changed; by the type of the object.

Ids tell what they are the id of by their first three characters: 005 a user, 00G a queue, 00Q a lead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.desk import agent_changed, complaint, priority_changed, status_changed, team_changed
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.telling import Outside
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import flag_in, id_in, lower_name_in, name_in

if TYPE_CHECKING:
    from services.ingest.providers.salesforce import SalesforceOptions

STATUSES = {
    "new": "new",
    "open": "open",
    "working": "open",
    "in progress": "open",
    "escalated": "open",
    "waiting on customer": "pending",
    "on hold": "on_hold",
    "closed": "solved",
}
STAGES = {"closed won": "deal.won", "closed lost": "deal.lost"}
LEAD_STATUSES = {"working - contacted": "lead.contacted", "contacted": "lead.contacted", "closed - not converted": "lead.lost"}
QUOTE_STATUSES = {"presented": "quote.sent", "accepted": "quote.accepted", "denied": "quote.declined"}

_FIELDS: Mapping[str, str] = {
    "ticket": "ticket_id",
    "complaint": "complaint_id",
    "lead": "lead_id",
    "deal": "deal_id",
    "quote": "quote_id",
    "order": "order_id",
    "invoice": "invoice_id",
    "booking": "booking_id",
    "job": "job_id",
    "customer": "customer_id",
}
_ACTIONS = (
    "ticket.created", "ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.reopened", "ticket.assigned", "ticket.escalated",
    "ticket.priority_changed", "ticket.customer_message", "ticket.public_reply", "ticket.note", "ticket.deleted", "complaint.raised",
    "lead.created", "lead.contacted", "lead.lost", "deal.created", "deal.won", "deal.lost", "quote.requested", "quote.sent",
    "quote.accepted", "quote.declined", "quote.expired", "order.entered", "order.processed", "order.delivered", "invoice.issued",
    "booking.created", "booking.moved", "booking.cancelled", "booking.no_show", "job.started", "job.completed", "customer.created",
)  # fmt: skip


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """One record: its fields that have a value.

    `whole` says that all of the fields that were asked for are there, not only those that changed.
    """

    id: str
    message_id: str
    values: Mapping[str, Any]
    options: SalesforceOptions
    whole: bool

    def get(self, field: str) -> Any:
        """The value of a field; None when nothing is said of it."""
        return self.values.get(field)


def actions() -> tuple[str, ...]:
    """The canonical names that an ActionId may be mapped to."""
    return _ACTIONS


def says_action(record: Record, name: str) -> Iterator[Outside]:
    """What a record says whose message means `name`."""
    family = name.partition(".")[0]
    of: Outside = {_FIELDS[family]: record.id}
    if family in ("ticket", "complaint"):
        ticket_id = name_in(record.get("ParentId")) or name_in(record.get("CaseId")) or record.id
        of |= {"ticket_id": ticket_id, **_case_attributes(record)}
    elif family in ("deal", "quote", "invoice", "job"):
        of |= _money(record)
    if name in ("ticket.customer_message", "ticket.public_reply", "ticket.note"):
        yield {"type": name, **of, "message_id": record.id if of["ticket_id"] != record.id else record.message_id}
    elif name == "ticket.created":
        yield from _created_case(record, of)
    elif name == "ticket.status_changed":
        yield from _each(of, status_changed(_status(record, needed=True) or "", None))
    elif name == "ticket.assigned":
        yield from _each(of, _owner(record, needed=True))
    elif name == "ticket.priority_changed":
        if lower_name_in(record.get("Priority")) is None:
            raise Rejected(Reason.MISSING_FIELD, "the message has no Priority: add the field to it", "/Notification/sObject/Priority")
        yield from _each(of, priority_changed(record.options, record.get("Priority")))
    elif name == "ticket.escalated":
        yield {"type": name, **of, "kind": "functional"}
    else:
        yield {"type": name, **of}


def _each(of: Outside, said: Iterator[Outside]) -> Iterator[Outside]:
    for fields in said:
        yield {**of, **fields}


def _case_attributes(record: Record) -> Outside:
    owner = id_in(record.get("OwnerId"))
    return {
        "agent_id": name_in(owner) if owner.startswith("005") else None,
        "team": record.options.team(owner) if owner.startswith("00G") else None,
        "priority": lower_name_in(record.get("Priority")),
        "channel": lower_name_in(record.get("Origin")),
        "issue_type": lower_name_in(record.get("Type")) or lower_name_in(record.get("Reason")),
        "customer_id": name_in(record.get("ContactId")),
        "organisation_id": name_in(record.get("AccountId")),
    }


def _status(record: Record, *, needed: bool = False) -> str | None:
    said = record.get("Status")
    status = record.options.status(said, STATUSES)
    if status is None and (id_in(said) or needed):
        detail = (
            "this status of a case is not known: map it in options.statuses" if id_in(said) else "the message has no Status: add the field"
        )
        raise Rejected(Reason.UNTRANSLATABLE if id_in(said) else Reason.MISSING_FIELD, detail, "/Status")
    return status


def _owner(record: Record, *, needed: bool = False) -> Iterator[Outside]:
    owner = id_in(record.get("OwnerId"))
    if owner.startswith("00G"):
        yield from team_changed(record.options, owner)
    elif owner:
        yield from agent_changed(owner)
    elif needed:
        raise Rejected(Reason.MISSING_FIELD, "the message has no OwnerId: add the field to it", "/Notification/sObject/OwnerId")


def _complaint(record: Record) -> Iterator[Outside]:
    for field in ("Type", "Reason"):
        if (word := lower_name_in(record.get(field))) in record.options.complaint_types:
            yield from complaint(record.options, record.id, (), word)
            return


def _is_new(record: Record) -> bool:
    """Whether the record has not been changed since it was made."""
    zone = zone_of(record.options.time_zone)
    made = iso_time(record.get("CreatedDate"), "/Notification/sObject/CreatedDate", zone)
    return made is not None and made == iso_time(record.get("LastModifiedDate"), "/Notification/sObject/LastModifiedDate", zone)


def _created_case(record: Record, of: Outside) -> Iterator[Outside]:
    yield {"type": "ticket.created", **of, "status": _status(record) or "new"}
    yield from _each(of, _complaint(record))


def _case_now(record: Record) -> Iterator[Outside]:
    of = {"ticket_id": record.id, **_case_attributes(record)}
    if _is_new(record):
        yield from _created_case(record, of)
        return
    if (status := _status(record)) is not None:
        yield from _each(of, status_changed(status, None))
    yield from _each(of, _complaint(record))


def _case_created(record: Record) -> Iterator[Outside]:
    yield from _created_case(record, {"ticket_id": record.id, **_case_attributes(record)})


def _case_changed(record: Record) -> Iterator[Outside]:
    of = {"ticket_id": record.id, **_case_attributes(record)}
    if (status := _status(record)) is not None:
        yield from _each(of, status_changed(status, None))
    yield from _each(of, _owner(record))
    yield from _each(of, priority_changed(record.options, record.get("Priority")))
    if flag_in(record.get("IsEscalated")) is True:
        yield {"type": "ticket.escalated", **of, "kind": "functional"}
    if (issue_type := of["issue_type"]) is not None:
        yield {"type": "ticket.classified", **of, "field": "issue_type", "to": issue_type}
    yield from _each(of, _complaint(record))


def _case_deleted(record: Record) -> Iterator[Outside]:
    yield {"type": "ticket.deleted", "ticket_id": record.id}


def _lead_now(record: Record) -> Iterator[Outside]:
    if _is_new(record):
        yield from _lead_created(record)
    else:
        yield from _lead_changed(record)


def _lead_created(record: Record) -> Iterator[Outside]:
    owner = id_in(record.get("OwnerId"))
    yield {"type": "lead.created", "lead_id": record.id, "agent_id": name_in(owner) if owner.startswith("005") else None}
    yield from _lead_changed(record)


def _lead_changed(record: Record) -> Iterator[Outside]:
    owner = id_in(record.get("OwnerId"))
    meaning = record.options.meaning(record.get("Status"), LEAD_STATUSES)
    if meaning in ("lead.contacted", "lead.lost"):
        yield {"type": meaning, "lead_id": record.id, "agent_id": name_in(owner) if owner.startswith("005") else None}


def _money(record: Record) -> Outside:
    currency = currency_in(record.get("CurrencyIsoCode")) or record.options.currency
    amounts = (record.get("Amount"), record.get("GrandTotal"), record.get("TotalPrice"), record.get("TotalAmount"))
    amount = next((found for each in amounts if (found := from_major(each, currency)) is not None), None)
    return {"amount_minor": amount, "currency": currency}


def _opportunity(record: Record) -> Iterator[Outside]:
    owner, won, closed = id_in(record.get("OwnerId")), flag_in(record.get("IsWon")), flag_in(record.get("IsClosed"))
    of: Outside = {
        **_money(record),
        "agent_id": name_in(owner) if owner.startswith("005") else None,
        "customer_id": name_in(record.get("ContactId")),
        "organisation_id": name_in(record.get("AccountId")),
    }
    meaning = record.options.meaning(record.get("StageName"), STAGES)
    if won is True:
        meaning = "deal.won"
    elif meaning is None and closed is True:
        if won is None and record.whole:
            raise Rejected(
                Reason.MISSING_FIELD,
                "the opportunity is closed, but IsWon is not said: add the field to the message",
                "/Notification/sObject/IsWon",
            )
        meaning = "deal.lost"
    if meaning in ("deal.won", "deal.lost"):
        yield {"type": meaning, "deal_id": record.id, **of}
    elif meaning is not None and meaning.startswith("quote."):
        yield {"type": meaning, "quote_id": record.id, **of}


def _quote(*, is_new: Callable[[Record], bool]) -> Callable[[Record], Iterator[Outside]]:
    def says(record: Record) -> Iterator[Outside]:
        of: Outside = {"quote_id": record.id, **_money(record), "customer_id": name_in(record.get("ContactId"))}
        if is_new(record):
            yield {"type": "quote.requested", **of}
        meaning = record.options.meaning(record.get("Status"), QUOTE_STATUSES)
        if meaning is not None and meaning.startswith("quote.") and meaning != "quote.requested":
            yield {"type": meaning, **of}

    return says


def _task(record: Record) -> Iterator[Outside]:
    who, done = id_in(record.get("WhoId")), lower_name_in(record.get("Status")) == "completed"
    if record.options.task_contacts and who.startswith("00Q") and done:
        owner = id_in(record.get("OwnerId"))
        yield {"type": "lead.contacted", "lead_id": who, "agent_id": name_in(owner) if owner.startswith("005") else None}


Says = Callable[[Record], Iterator[Outside]]
SNAPSHOTS: Mapping[str, Says] = {
    "Case": _case_now,
    "Lead": _lead_now,
    "Opportunity": _opportunity,
    "Quote": _quote(is_new=_is_new),
    "Task": _task,
}
CREATED: Mapping[str, Says] = {
    "Case": _case_created,
    "Lead": _lead_created,
    "Opportunity": _opportunity,
    "Quote": _quote(is_new=lambda record: True),
    "Task": _task,
}
CHANGED: Mapping[str, Says] = {
    "Case": _case_changed,
    "Lead": _lead_changed,
    "Opportunity": _opportunity,
    "Quote": _quote(is_new=lambda record: False),
    "Task": _task,
}
DELETED: Mapping[str, Says] = {"Case": _case_deleted}
"""What the records of each object say, by how they came."""
