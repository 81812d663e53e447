"""Housecall Pro: jobs, appointments, estimates and customers of a field service; one message, the facts that it says.

Laws: amounts are cents already; a job is one booking however many appointments it has; an estimate is accepted once, at its
earliest telling, whether it was approved or made a job of; nothing of the customer but the id is read.
https://docs.housecallpro.com/docs/housecall-public-api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_minor
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, first_telling, identity, told, unnamed
from services.ingest.providers.times import iso_time
from services.ingest.providers.values import id_in, name_in, object_in, objects_in, tags_in


class HousecallProOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of kind housecallpro may set.

    With `leads` a new customer is a lead, which the estimates of the customer name. With `link_bookings` bookings come from jobs
    alone and name the lead, or else the estimate that they came from; messages about appointments name neither and are then left
    out. `currency` is that of all amounts.
    """

    leads: bool = False
    link_bookings: bool = False
    currency: str = "USD"

    def __post_init__(self) -> None:
        if currency_in(self.currency) != self.currency:
            raise ValueError("currency: a currency is three capital letters, such as USD")


def translate(delivery: Delivery, options: HousecallProOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event: this is no message of a Housecall Pro webhook", "/event")
    line = LINES.get(name, NOTHING)
    if line is NOTHING or (name == "customer.created" and not options.leads):
        return Translation(items=(), ignored=(name,))
    if name.startswith("job.appointment."):
        return _appointment(delivery, name, body, options)
    if name.startswith("estimate."):
        return _estimate(delivery, name, body, options)
    if name == "customer.created":
        customer = object_in(body.get("customer"))
        customer_id = _id(name, customer, "/customer/id")
        at = iso_time(customer.get("created_at"), "/customer/created_at")
        common: Outside = {"lead_id": customer_id, "customer_id": customer_id, "occurred_at": at}
        return _told(delivery, name, body, customer, common, [{"type": "lead.created"}])
    return _job(delivery, name, body, options)


def _job(delivery: Delivery, name: str, body: Mapping[str, Any], options: HousecallProOptions) -> Translation:
    job = object_in(body.get("job"))
    job_id = _id(name, job, "/job/id")
    stamps, customer_id = object_in(job.get("work_timestamps")), _customer(job)
    fields = object_in(job.get("job_fields"))
    places = {
        "job.created": (job, "created_at"),
        "job.started": (stamps, "started_at"),
        "job.completed": (stamps, "completed_at"),
        "job.canceled": (job, "canceled_at"),
    }
    where, stamp = places.get(name, (job, "updated_at"))
    pointer = f"/job/{'work_timestamps/' if where is stamps else ''}{stamp}"
    at = iso_time(where.get(stamp), pointer) or iso_time(job.get("updated_at"), "/job/updated_at")
    common: Outside = {
        "occurred_at": at,
        "customer_id": customer_id,
        "tags": tags_in(job.get("tags")) or None,
    }
    money: Outside = {"amount_minor": from_minor(job.get("total_amount")), "currency": options.currency}
    work: Outside = {
        "job_id": job_id,
        "booking_id": job_id,
        "job_type": name_in(object_in(fields.get("job_type")).get("name")),
        "technicians": [found for each in objects_in(job.get("assigned_employees")) if (found := name_in(each.get("id")))] or None,
    }
    booking: Outside = {"booking_id": job_id}
    if name == "job.scheduled":
        booking["starts_at"] = iso_time(object_in(job.get("schedule")).get("scheduled_start"), "/job/schedule/scheduled_start")
    if options.link_bookings:
        booking |= {"lead_id": customer_id} if options.leads else {"quote_id": name_in(job.get("original_estimate_id"))}
    if name == "job.paid":
        if money["amount_minor"] is None:
            raise Rejected(Reason.UNTRANSLATABLE, "the job was paid, but its amount in cents is not said", "/job/total_amount")
        version = first_telling(at)
        paid: list[Outside] = [
            {"type": "purchase.completed", "purchase_id": job_id, "version": version, **money},
            {"type": "payment.in", "payment_id": job_id, "version": version, **money},
        ]
        return told(name, identity("job", job_id), common, paid)
    says: Outside = {
        "job.created": {"type": "order.entered", "order_id": job_id},
        "job.scheduled": {"type": "booking.created", **booking},
        "job.canceled": {"type": "booking.cancelled", **booking},
        "job.started": {"type": "job.started", **work},
        "job.completed": {"type": "job.completed", **work, **(money if money["amount_minor"] is not None else {})},
    }[name]
    return _told(delivery, name, body, job, common, [says])


def _appointment(delivery: Delivery, name: str, body: Mapping[str, Any], options: HousecallProOptions) -> Translation:
    if options.link_bookings:
        return Translation(items=(), ignored=(name,))
    appointment = object_in(body.get("appointment"))
    job_id = name_in(appointment.get("job_id"))
    if job_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no job", "/appointment/job_id")
    common: Outside = {
        "booking_id": job_id,
        "occurred_at": iso_time(appointment.get("updated_at"), "/appointment/updated_at"),
        "starts_at": iso_time(appointment.get("start_time"), "/appointment/start_time"),
    }
    return _told(delivery, name, body, appointment, common, [{"type": LINES[name].becomes[0]}])


def _estimate(delivery: Delivery, name: str, body: Mapping[str, Any], options: HousecallProOptions) -> Translation:
    estimate, option = object_in(body.get("estimate")), object_in(body.get("option"))
    quote_id = name_in(estimate.get("id")) or name_in(option.get("estimate_id")) or name_in(option.get("id"))
    if quote_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no estimate", "/estimate/id")
    choices = objects_in(estimate.get("options")) or ([option] if option else [])
    customer_id = _customer(estimate)
    stamp = "created_at" if name == "estimate.created" else "updated_at"
    at = iso_time(estimate.get(stamp), f"/estimate/{stamp}") or iso_time(option.get(stamp), f"/option/{stamp}")
    common: Outside = {
        "quote_id": quote_id,
        "lead_id": customer_id if options.leads else None,
        "customer_id": customer_id,
        "occurred_at": at,
    }
    if name == "estimate.created":
        return _told(delivery, name, body, estimate, common, [{"type": "quote.requested"}])
    if name == "estimate.sent":
        return _told(delivery, name, body, estimate, common, [{"type": "quote.sent", **_value(choices, options)}])
    decided = list(_decided(name, choices, options))
    return told(name, identity("estimate", quote_id), {**common, "version": first_telling(at)}, decided)


def _decided(name: str, choices: list[Mapping[str, Any]], options: HousecallProOptions) -> Iterator[Outside]:
    """Accepted with its first approved option, declined with its last declined one; before that nothing is decided."""
    words = [id_in(each.get("approval_status")).strip().lower() for each in choices]
    approved = [each for each, word in zip(choices, words, strict=True) if word.endswith("approved")]  # also "pro approved"
    if approved or name == "estimate.copy_to_job":
        yield {"type": "quote.accepted", **_value(approved or choices, options, together=True)}
    elif words and all(word.endswith("declined") for word in words):
        yield {"type": "quote.declined"}


def _value(choices: list[Mapping[str, Any]], options: HousecallProOptions, *, together: bool = False) -> Outside:
    """The amount of an estimate; options that are choices have none together before one is chosen."""
    amounts = [from_minor(each.get("total_amount")) for each in choices]
    found = [amount for amount in amounts if amount is not None]
    if not found or len(found) != len(amounts) or (len(found) > 1 and not together):
        return {}
    return {"amount_minor": sum(found), "currency": options.currency}


def _customer(thing: Mapping[str, Any]) -> str | None:
    return name_in(object_in(thing.get("customer")).get("id"))


def _id(name: str, thing: Mapping[str, Any], pointer: str) -> str:
    found = name_in(thing.get("id"))
    if found is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names nothing it is about", pointer)
    return found


def _told(
    delivery: Delivery, name: str, body: Mapping[str, Any], thing: Mapping[str, Any], common: Outside, says: list[Outside]
) -> Translation:
    """Named by the state of the thing where that is dated, else by what it says."""
    changed = id_in(thing.get("updated_at"))
    if not changed:
        return unnamed(delivery, name, common, says)
    return told(name, identity(name, body.get("company_id"), thing.get("id"), changed), common, says)


def sample(unique: str, now_ms: int) -> Sample:
    """A new estimate."""
    at = rfc3339(now_ms)
    estimate = {
        "id": f"csr_{unique}",
        "customer": {"id": f"cus_{unique}"},
        "created_at": at,
        "updated_at": at,
        "options": [{"id": f"est_{unique}", "total_amount": 0, "approval_status": None, "status": "scheduled"}],
    }
    return Sample(body=msgspec.json.encode({"event": "estimate.created", "company_id": "sample", "estimate": estimate}))


_PAID, _DECIDED = ("purchase.completed", "payment.in"), ("quote.accepted", "quote.declined")
LINES: Mapping[str, Line] = {
    "customer.created": Line(("lead.created",), "with `leads = true`"),
    "estimate.created": Line(("quote.requested",)),
    "estimate.sent": Line(("quote.sent",)),
    "estimate.option.approval_status_changed": Line(_DECIDED, "once per estimate; declined with the last option"),
    "estimate.copy_to_job": Line(("quote.accepted",), "once per estimate"),
    "job.created": Line(("order.entered",)),
    "job.scheduled": Line(("booking.created",), "the first of a job counts"),
    "job.appointment.scheduled": Line(("booking.created",), "the first of a job counts"),
    "job.appointment.rescheduled": Line(("booking.moved",)),
    "job.appointment.appointment_discarded": Line(("booking.cancelled",)),
    "job.canceled": Line(("booking.cancelled",)),
    "job.started": Line(("job.started",)),
    "job.completed": Line(("job.completed",), "its value is total_amount"),
    "job.paid": Line(_PAID, "once per job"),
    **dict.fromkeys(
        (
            "job.on_my_way", "job.deleted", "job.appointment.appointment_pros_assigned", "job.appointment.appointment_pros_unassigned",
            "estimate.scheduled", "estimate.on_my_way", "estimate.completed", "estimate.option.created", "customer.updated",
            "customer.deleted",
        ),
        NOTHING,
    ),
}  # fmt: skip

GUIDE = Guide(
    clicks=(
        "In Housecall Pro open the App Store, find Webhooks and enable it (the MAX plan has it).",
        "Paste {url} as the webhook's address and choose the events of jobs, appointments, estimates and customers.",
        "Save; the signing secret is shown on the same page.",
    ),
    secret="The signing secret of the webhook's page, as it stands.",
    delivery="Seconds late, at times twice; Housecall Pro names neither an event's id nor its time.",
    notes=(
        "A job is one booking. Appointments name no customer, so by default bookings name none either; `link_bookings = true` takes "
        "bookings from jobs alone and links them to leads or estimates.",
        "Where a message says no time of its own (a new appointment), the time of receipt stands in.",
    ),
    unconfirmed=(
        "The signature: the pair Api-Signature and Api-Timestamp is tried first, then X-HousecallPro-Signature over the body. For "
        "another form set `signature`, or use {token_url}, which needs none.",
        "The currency, which no message names: `currency`, by default USD.",
        "What becomes of a delivery that was not answered: Housecall Pro does not say, so watch the source's silence.",
    ),
    links=("https://docs.housecallpro.com/docs/housecall-public-api",),
)

PROVIDER = Provider(
    kind="housecallpro",
    title="Housecall Pro",
    schemes=("housecallpro", "housecallpro-body"),
    translate=translate,
    lines=LINES,
    options=HousecallProOptions,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
