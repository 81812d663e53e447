"""ServiceMonster: accounts, appointments and orders, each whole at the top of the body; which event it is stands in no body.

Laws: a thing is known by its members, and what it says of itself is a claim: told in every message, counted once, as the first
message had it (leads, bookings, orders) or the last (amounts). A time that ends in Z and the same one without are one time, since
both are sent of the same moment: both are read in `time_zone`. Uuids of all zeros or all ones say nothing.
https://developer.servicemonster.net
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, first_telling, identity, last_telling, told, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, name_in

Event = Literal["", "OnCreated", "OnUpdated", "OnDeleted", "OnInvoiced"]
EVENTS: Mapping[str, Event] = {"oncreated": "OnCreated", "onupdated": "OnUpdated", "ondeleted": "OnDeleted", "oninvoiced": "OnInvoiced"}


class ServiceMonsterOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of kind servicemonster may set.

    `event` is the event of the subscriptions whose address does not say it (`?event=OnDeleted`); "" reads the body alone, which
    cannot show a deletion.
    A new account of `account_types` is a lead. With `moves` each start of a booked appointment is told as a move too, the first
    one included, since no message says what was before. `time_zone` is that of times that name no offset, `currency` that of all
    amounts.
    """

    event: Event = ""
    account_types: frozenset[str] = frozenset({"Prospect"})
    moves: bool = False
    time_zone: str = "UTC"
    currency: str = "USD"

    def __post_init__(self) -> None:
        zone_of(self.time_zone)
        if currency_in(self.currency) != self.currency:
            raise ValueError("currency: a currency is three capital letters, such as USD")


def translate(delivery: Delivery, options: ServiceMonsterOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    if "jobStatus" in body:
        thing, read = "appointment", _appointment
    elif "orderType" in body:
        thing, read = "order", _order
    elif "accountType" in body:
        thing, read = "account", _account
    else:
        return Translation(items=(), ignored=("other",))
    event = _event(delivery, options)
    name = f"{thing} {event}" if event else thing
    if LINES.get(name, NOTHING) is NOTHING:
        return Translation(items=(), ignored=(name,))
    return read(delivery, name, body, options)


def _event(delivery: Delivery, options: ServiceMonsterOptions) -> str:
    """What the address says that happened, else the options."""
    if b"event=" not in delivery.query:
        return options.event
    said = parse_qs(delivery.query.decode("latin-1")).get("event", [""])[0]
    return EVENTS.get(said.lower(), options.event)


def _account(delivery: Delivery, name: str, body: Mapping[str, Any], options: ServiceMonsterOptions) -> Translation:
    if id_in(body.get("accountType")).strip().lower() not in {each.lower() for each in options.account_types}:
        return Translation(items=(), ignored=(name,))
    account_id, updated = _id(name, body, "accountID"), _time(body, "updatedOn", options)
    common: Outside = {
        "lead_id": account_id,
        "customer_id": account_id,
        "agent_id": name_in(body.get("salesRepID")),
        "occurred_at": _time(body, "createdOn", options),
        "version": first_telling(updated),
    }
    return told(name, identity("account", account_id), common, [{"type": "lead.created"}])


def _appointment(delivery: Delivery, name: str, body: Mapping[str, Any], options: ServiceMonsterOptions) -> Translation:
    job_id, account_id = _id(name, body, "jobID"), name_in(body.get("accountID"))
    status, updated = id_in(body.get("jobStatus")).strip().lower(), _time(body, "updatedOn", options)
    employees = body.get("assignedEmployeeIDs")
    start = _time(body, "estDateTimeStart", options)
    common: Outside = {
        "booking_id": job_id,
        "lead_id": account_id,
        "customer_id": account_id,
        "quote_id": name_in(body.get("orderID")),
        "agent_id": name_in(employees[0]) if isinstance(employees, list) and employees else None,
        "occurred_at": updated,
    }
    if name.endswith(" OnDeleted") or status.startswith("cancel"):
        said: list[Outside] = [{"type": "booking.cancelled"}]
        message_id = identity(body.get("event_id")) or identity(job_id, updated)
        if not id_in(body.get("event_id")) and updated is None:
            return unnamed(delivery, name, common, said)
        return told(name, message_id, common, said)
    if status != "scheduled":
        return Translation(items=(), ignored=(name,))  # waits for its time, so it is no booking yet
    is_new = name.endswith(" OnCreated")
    if is_new:
        common["occurred_at"] = _time(body, "createdOn", options) or updated
    common |= {"starts_at": start, "version": first_telling(updated)}
    booked = told(name, identity("appointment", job_id), common, [{"type": "booking.created"}])
    if not options.moves or is_new:
        return booked
    moved = told(name, identity("appointment", job_id, start), common, [{"type": "booking.moved"}])
    return Translation(items=[*booked.items, *moved.items])


def _order(delivery: Delivery, name: str, body: Mapping[str, Any], options: ServiceMonsterOptions) -> Translation:
    order_id, account_id = _id(name, body, "orderID"), name_in(body.get("accountID"))
    kind, updated = id_in(body.get("orderType")).strip().lower(), _time(body, "updatedOn", options)
    created = _time(body, "createdOn", options)
    total = from_major(body.get("grandTotal"), options.currency)
    value: Outside = {} if total is None else {"amount_minor": total, "currency": options.currency}
    quote: Outside = {"quote_id": order_id, "lead_id": account_id}
    common: Outside = {"customer_id": account_id, "agent_id": name_in(body.get("salesRepID"))}
    said: list[Outside] = []
    if kind == "estimate":
        said = [{"type": "quote.sent", "occurred_at": created, "version": last_telling(updated), **quote, **value}]
    elif kind == "work order":
        entered: Outside = {
            "occurred_at": _time(body, "workOrderCreatedDate", options) or created,
            "version": first_telling(updated),
        }
        if id_in(body.get("originalType")).strip().lower() == "estimate":
            said.append({"type": "quote.accepted", **entered, **quote})
        said.append({"type": "order.entered", "order_id": order_id, **entered})
    elif kind == "invoice":
        at = _time(body, "invoiceCreatedDate", options) or created
        issued: Outside = {"type": "invoice.issued", "invoice_id": order_id, "order_id": order_id}
        said = [{**issued, "occurred_at": at, "version": last_telling(updated), **value}]
    return told(name, identity("order", order_id), common, said)


def _id(name: str, body: Mapping[str, Any], member: str) -> str:
    found = name_in(body.get(member))
    if found is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names nothing it is about", f"/{member}")
    return found


def _time(body: Mapping[str, Any], member: str, options: ServiceMonsterOptions) -> str | None:
    value = body.get(member)
    return iso_time(value.removesuffix("Z") if isinstance(value, str) else value, f"/{member}", zone_of(options.time_zone))


def sample(unique: str, now_ms: int) -> Sample:
    """A new account."""
    at = rfc3339(now_ms)
    body = {
        "accountID": unique,
        "companyID": "sample",
        "accountType": "Prospect",
        "salesRepID": "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "createdOn": at.removesuffix("Z"),
        "updatedOn": at,
    }
    return Sample(body=msgspec.json.encode(body))


_ACCOUNT = Line(("lead.created",), "of the `account_types`, by default Prospect")
_ORDER = Line(("quote.sent", "quote.accepted", "order.entered", "invoice.issued"), "by orderType and originalType, each once per order")
LINES: Mapping[str, Line] = {
    "account": _ACCOUNT,
    "account OnCreated": _ACCOUNT,
    "account OnUpdated": NOTHING,
    "account OnDeleted": NOTHING,
    "order": _ORDER,
    "order OnCreated": _ORDER,
    "order OnUpdated": _ORDER,
    "order OnInvoiced": _ORDER,
    "order OnDeleted": NOTHING,
    "appointment": Line(("booking.created", "booking.moved", "booking.cancelled"), "booking.moved with `moves`"),
    "appointment OnCreated": Line(("booking.created", "booking.cancelled"), "when it is scheduled"),
    "appointment OnUpdated": Line(("booking.created", "booking.moved", "booking.cancelled"), "booking.moved with `moves`"),
    "appointment OnDeleted": Line(("booking.cancelled",)),
    "other": NOTHING,
}

GUIDE = Guide(
    clicks=(
        "In ServiceMonster add one webhook for each event of accounts, orders and appointments that should count.",
        "Paste {url} as the address of each, followed by `?event=OnCreated`, `?event=OnUpdated`, `?event=OnInvoiced` or "
        "`?event=OnDeleted`, as the webhook is.",
        "Add a header X-Webhook-Secret of your own; where no header can be set, paste {token_url} and the same ending instead.",
    ),
    secret="`Header-Name: value`, or the value alone for X-Webhook-Secret; make it with `openssl rand -hex 32`.",
    delivery="Not described by ServiceMonster; watch the source's silence.",
    notes=(
        "No body names its event, so one address takes created and updated things alike: leads, bookings and orders are told by every "
        "message and counted once.",
        "The first message that shows an appointment Scheduled is its booking, at the time of that change.",
        "Without the ending `?event=` a deleted appointment looks like any other: it is not told as cancelled.",
    ),
    unconfirmed=(
        "Where your account sets webhooks up: ServiceMonster does not describe it in public, so ask its support if you do not find it.",
        "How ServiceMonster proves itself: by default a fixed header or {token_url}. For a signature set `signature`.",
        "The zone of its times, which come with Z and without for the same moment: `time_zone`, by default UTC.",
        "The currency, which no message names: `currency`, by default USD.",
    ),
    links=("https://developer.servicemonster.net",),
)

PROVIDER = Provider(
    kind="servicemonster",
    query=("event",),
    title="ServiceMonster",
    schemes=("static-header",),
    translate=translate,
    lines=LINES,
    options=ServiceMonsterOptions,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
