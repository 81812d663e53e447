"""ServiceTitan: whole jobs and calls at the top of the body; one message, the facts that it says.

Laws: a time without a zone is read in `time_zone`, and the first day of the year 1 says nothing; amounts are in major units of
the business unit's currency; an estimate is sold once, however many messages show it sold; only ids are read of people.
https://developer.servicetitan.io
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, events_of, identity, told, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, name_in, number_in, object_in, objects_in

_CLOCK = re.compile(r"(?:(\d{1,3})\.)?(\d{1,3}):(\d{2}):(\d{2}(?:\.\d{1,9})?)", re.ASCII)
_JOBS = {
    "JobScheduled": "booking.created",
    "JobRescheduled": "booking.moved",
    "JobCompleted": "job.completed",
    "JobComplete": "job.completed",
}


class ServiceTitanOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of kind servicetitan may set.

    `event` names the messages of a webhook whose bodies do not say it. `time_zone` is that of times that name none. `currency` is
    that of amounts whose business unit names none. With `skip_no_charge` a job without charge is completed, but has no value. With
    `invoices` a completed job's invoice was issued; with `estimates` an estimate that was sold is an accepted quote; with
    `answered` an inbound call that was not abandoned was answered when it came in.
    """

    event: Literal["", "JobScheduled", "JobRescheduled", "JobCompleted", "TechnicianDispatched", "CallCompleted"] = ""
    time_zone: str = "UTC"
    currency: str = "USD"
    skip_no_charge: bool = False
    invoices: bool = False
    estimates: bool = False
    answered: bool = False

    def __post_init__(self) -> None:
        zone_of(self.time_zone)
        if currency_in(self.currency) != self.currency:
            raise ValueError("currency: a currency is three capital letters, such as USD")


def translate(delivery: Delivery, options: ServiceTitanOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = _name(body, options)
    if LINES.get(name, NOTHING) is NOTHING:
        return Translation(items=(), ignored=(name,))
    thing_id = name_in(body.get("id"))
    if thing_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id", "/id")
    common, says = _call(body, thing_id, options) if name == "CallCompleted" else _job(name, body, thing_id, options)
    info, tenant = object_in(body.get("__eventInfo")), id_in(object_in(body.get("__tenantInfo")).get("id"))
    event_id = id_in(info.get("eventId")) or id_in(body.get("eventId"))
    webhook_id = id_in(info.get("webhookId")) or id_in(body.get("webhookId"))
    if event_id:
        translation = told(name, identity(name, tenant, webhook_id, event_id, thing_id), common, says)
    else:
        translation = unnamed(delivery, name, common, says)
    if options.estimates and name != "CallCompleted":
        sold = [each for estimate in objects_in(body.get("estimates")) for each in _sold(estimate, tenant, common, options)]
        return Translation(items=[*translation.items, *sold], ignored=translation.ignored)
    return translation


def _name(body: Mapping[str, Any], options: ServiceTitanOptions) -> str:
    said = object_in(body.get("__eventInfo")).get("webhookType") or body.get("webhookType") or options.event
    if isinstance(said, str) and said:
        return said
    if "callType" in body and "jobNumber" not in body:
        return "CallCompleted"
    if id_in(body.get("jobStatus")) == "Completed" and id_in(body.get("completedOn")):
        return "JobCompleted"
    detail = "the message does not say what happened: give each webhook a source of its own and name it in options.event"
    raise Rejected(Reason.MISSING_FIELD, detail, "/__eventInfo/webhookType")


def _job(name: str, body: Mapping[str, Any], job_id: str, options: ServiceTitanOptions) -> tuple[Outside, list[Outside]]:
    zone, kind = zone_of(options.time_zone), _JOBS[name]
    stamp = {"booking.created": "createdOn", "booking.moved": "modifiedOn", "job.completed": "completedOn"}[kind]
    at = iso_time(body.get(stamp), f"/{stamp}", zone) or (_of_message(body) if stamp == "modifiedOn" else None)
    assignments = objects_in(body.get("jobAssignments"))
    invoice = object_in(body.get("invoice"))
    unit = object_in(invoice.get("businessUnit")) or object_in(body.get("businessUnit"))
    currency = currency_in(unit.get("currency")) or options.currency
    common: Outside = {
        "occurred_at": at,
        "customer_id": _id_of(body, "customer"),
        "team": name_in(assignments[0].get("team")) if assignments else None,
    }
    if kind != "job.completed":
        starts_at = iso_time(body.get("scheduledOn"), "/scheduledOn", zone) or iso_time(body.get("start"), "/start", zone)
        return common, [{"type": kind, "booking_id": job_id, "starts_at": starts_at}]
    total = from_major(invoice.get("total"), currency)
    free = options.skip_no_charge and body.get("noCharge") is True
    technicians = [found for each in assignments if (found := _id_of(each, "technician"))]
    said: list[Outside] = [
        {
            "type": kind,
            "job_id": job_id,
            "booking_id": job_id,
            "job_type": name_in(object_in(body.get("type")).get("name")),
            "technicians": list(dict.fromkeys(technicians))[:100] or None,
            **({} if total is None or free else {"amount_minor": total, "currency": currency}),
        }
    ]
    if options.invoices and (invoice_id := _real_id(invoice.get("id"))):
        issued: Outside = {"type": "invoice.issued", "invoice_id": invoice_id, "order_id": job_id}
        said.append({**issued, **({} if total is None else {"amount_minor": total, "currency": currency})})
    return common, said


def _of_message(body: Mapping[str, Any]) -> str | None:
    """The time of the message, which its id is; samples have a word there."""
    try:
        return iso_time(object_in(body.get("__eventInfo")).get("eventId") or body.get("eventId"))
    except Rejected:
        return None


def _sold(estimate: Mapping[str, Any], tenant: str, common: Outside, options: ServiceTitanOptions) -> list[Outside]:
    """An estimate that was sold; every message that shows it says the same of it, so that it is one event."""
    quote_id, at = _real_id(estimate.get("id")), iso_time(estimate.get("soldOn"), "/estimates/soldOn", zone_of(options.time_zone))
    if quote_id is None or at is None:
        return []
    fields: Outside = {"quote_id": quote_id, "occurred_at": at, "customer_id": common["customer_id"]}
    return list(events_of(identity("estimate", tenant, quote_id), fields, [{"type": "quote.accepted"}]))


def _call(body: Mapping[str, Any], call_id: str, options: ServiceTitanOptions) -> tuple[Outside, list[Outside]]:
    zone = zone_of(options.time_zone)
    received = iso_time(body.get("receivedOn"), "/receivedOn", zone)
    talk = seconds_in(body.get("duration"))
    inbound = _word(body.get("direction")) != "outbound"
    common: Outside = {
        "call_id": call_id,
        "occurred_at": _later(received, talk) or iso_time(body.get("modifiedOn"), "/modifiedOn", zone) or received,
        "customer_id": _real_id(object_in(body.get("customer")).get("id")),
        "agent_id": _real_id(object_in(body.get("agent")).get("id")),
        "channel": "phone",
    }
    if inbound and _word(body.get("callType")) == "abandoned":
        return common, [{"type": "call.abandoned"}]
    ended: Outside = {"type": "call.ended", "talk_seconds": talk}
    if inbound and options.answered:
        return common, [{"type": "call.answered", "occurred_at": received or common["occurred_at"]}, ended]
    return common, [ended]


def _later(at: str | None, seconds: float | None) -> str | None:
    if at is None or seconds is None:
        return None
    return rfc3339(round((datetime.fromisoformat(at) + timedelta(seconds=seconds)).timestamp() * 1000))


def seconds_in(value: Any) -> float | None:
    """Seconds of a span of time, written `HH:MM:SS.fffffff` (days before a dot) or as a number of seconds; None for anything else."""
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value.strip())):
        days, hours, minutes, seconds = found.groups()
        return int(days or 0) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + round(float(seconds), 3)
    seconds_said = None if isinstance(value, str) else number_in(value)
    return seconds_said if seconds_said is not None and 0 <= seconds_said <= 10**7 else None


def _word(value: Any) -> str:
    """A word in lower case, also one that stands in a list."""
    first = value[0] if isinstance(value, list) and value else value
    return first.strip().lower() if isinstance(first, str) else ""


def _id_of(thing: Mapping[str, Any], member: str) -> str | None:
    return _real_id(object_in(thing.get(member)).get("id"))


def _real_id(value: Any) -> str | None:
    """The id, but not the 0 that stands for none."""
    found = name_in(value)
    return None if found == "0" else found


def sample(unique: str, now_ms: int) -> Sample:
    """A job that was booked."""
    at = rfc3339(now_ms)
    body = {
        "id": unique,
        "jobNumber": unique,
        "jobStatus": "Scheduled",
        "createdOn": at.removesuffix("Z") + "1234",
        "scheduledOn": rfc3339(now_ms + 86_400_000).removesuffix("Z"),
        "customer": {"id": f"{unique}-c"},
        "eventId": at,
        "webhookId": 1,
        "__eventInfo": {"eventId": at, "webhookId": 1, "webhookType": "JobScheduled"},
        "__tenantInfo": {"id": 1},
    }
    return Sample(body=msgspec.json.encode(body))


_COMPLETED = Line(("job.completed", "invoice.issued", "quote.accepted"), "the last two with `invoices` and `estimates`")
LINES: Mapping[str, Line] = {
    "JobScheduled": Line(("booking.created", "quote.accepted"), "quote.accepted with `estimates`"),
    "JobRescheduled": Line(("booking.moved", "quote.accepted"), "quote.accepted with `estimates`"),
    "JobCompleted": _COMPLETED,
    "JobComplete": _COMPLETED,
    "CallCompleted": Line(("call.abandoned", "call.ended", "call.answered"), "call.answered with `answered`"),
    "TechnicianDispatched": NOTHING,
}

GUIDE = Guide(
    clicks=(
        "In ServiceTitan's developer portal open your app and add the webhooks JobScheduled, JobRescheduled, JobCompleted and "
        "CallCompleted.",
        "Paste {url} as the address of each; where your account shows no secret for them, paste {token_url} instead.",
        "Connect the app to your tenant: Settings > Integrations > API Application Access.",
    ),
    secret="The secret of the webhook, or of the app where the webhook has none, as it stands.",
    delivery="Seconds late; delivery is not guaranteed, so compare the figures with ServiceTitan's own reports once a month.",
    notes=(
        "A webhook whose bodies do not name their event needs a source of its own with `event`; completed jobs and calls are known by "
        "their shape.",
        "A call that was not abandoned is told as ended, which alone does not make it an answered one: without another source of "
        "calls set `answered = true`, or the abandonment rate knows no answered calls.",
        "`skip_no_charge = true` keeps jobs without charge out of the average value; they still count as completed.",
    ),
    unconfirmed=(
        "The signature: HMAC-SHA256 of the body in x-servicetitan-signature, in hex or base64. For another form set `signature`, or "
        "use {token_url}, which needs none.",
        "The zone of times that name none: `time_zone`, by default UTC.",
    ),
    links=("https://developer.servicetitan.io",),
)

PROVIDER = Provider(
    kind="servicetitan",
    title="ServiceTitan",
    schemes=("servicetitan",),
    translate=translate,
    lines=LINES,
    options=ServiceTitanOptions,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
