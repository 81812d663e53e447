"""Calendly: invitations that were taken, moved and given up; one message, the fact that it says.

Laws: the moment of a booking is the one at which the invitee booked, never the appointment and never the delivery; a reschedule
is a move of the first booking, not a cancellation and a new one; no name, address, answer or meeting text is read.
https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import iso_time
from services.ingest.providers.values import email_hash, name_in, object_in, objects_in


class CalendlyOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of kind calendly may set.

    With `leads` a routing form that was sent in is a lead, and a booking that came from one names it. With `email_hash` the hash
    of the invitee's address is the customer's id, since Calendly has no other; without it bookings name no customer.
    """

    leads: bool = False
    email_hash: bool = False


def translate(delivery: Delivery, options: CalendlyOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name, payload = body.get("event"), object_in(body.get("payload"))
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event: subscribe the webhook to invitee.created and invitee.canceled", "/event")
    if LINES.get(name, NOTHING) is NOTHING:
        return Translation(items=(), ignored=(name,))
    if name == "routing_form_submission.created":
        return _routing_form(name, payload, options)
    booking_id, own_id = _booking_ids(name, payload)
    common = _common(payload, options, booking_id)
    message_id = identity(name, own_id, common["occurred_at"])
    if name == "invitee.created":
        kind = "booking.moved" if payload.get("old_invitee") else "booking.created"
        return told(name, message_id, common, [{"type": kind}])
    if name == "invitee.canceled":
        if payload.get("rescheduled") is True:
            return Translation(items=(), ignored=(name,))  # its twin, the new invitee, is the move
        at = iso_time(object_in(payload.get("cancellation")).get("created_at"), "/payload/cancellation/created_at")
        at = at or iso_time(payload.get("updated_at"), "/payload/updated_at")
        return told(name, message_id, common, [{"type": "booking.cancelled", "occurred_at": at or _of_delivery(body)}])
    fact_id = identity("no_show", booking_id)
    if name == "invitee_no_show.created":
        at = iso_time(object_in(payload.get("no_show")).get("created_at"), "/payload/no_show/created_at")
        return told(name, fact_id, common, [{"type": "booking.no_show", "occurred_at": at or _of_delivery(body)}])
    withdrawn = {"type": "fact.withdrawn", "of": f"{fact_id}:booking.no_show", "occurred_at": _of_delivery(body)}
    return told(name, message_id, {}, [withdrawn])


def _of_delivery(body: Mapping[str, Any]) -> str | None:
    return iso_time(body.get("created_at"), "/created_at")


def _booking_ids(name: str, payload: Mapping[str, Any]) -> tuple[str, str]:
    """The booking, which keeps the first invitee's id over a reschedule, and the invitee of this message."""
    own = last_segment(payload.get("uri")) or last_segment(payload.get("invitee"))
    if name.startswith("invitee_no_show."):
        own = last_segment(payload.get("invitee")) or own
    if own is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no invitee: send the whole payload", "/payload/uri")
    return last_segment(payload.get("old_invitee")) or own, own


def _common(payload: Mapping[str, Any], options: CalendlyOptions, booking_id: str) -> Outside:
    meeting = object_in(payload.get("scheduled_event"))
    hosts = objects_in(meeting.get("event_memberships"))
    address = payload.get("email")
    return {
        "booking_id": booking_id,
        "occurred_at": iso_time(payload.get("created_at"), "/payload/created_at"),
        "starts_at": iso_time(meeting.get("start_time"), "/payload/scheduled_event/start_time"),
        "agent_id": last_segment(hosts[0].get("user")) if hosts else None,
        "product": last_segment(meeting.get("event_type")),
        "booking_channel": "staff" if payload.get("invitee_scheduled_by") else "online",
        "lead_id": last_segment(payload.get("routing_form_submission")) if options.leads else None,
        "customer_id": email_hash(address) if options.email_hash and isinstance(address, str) and address else None,
    }


def _routing_form(name: str, payload: Mapping[str, Any], options: CalendlyOptions) -> Translation:
    if not options.leads:
        return Translation(items=(), ignored=(name,))
    lead_id = last_segment(payload.get("uri"))
    if lead_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no submission: send the whole payload", "/payload/uri")
    common: Outside = {"lead_id": lead_id, "occurred_at": iso_time(payload.get("created_at"), "/payload/created_at")}
    return told(name, identity(name, lead_id), common, [{"type": "lead.created"}])


def last_segment(value: Any) -> str | None:
    """The last step of the path of a URI, which is the id in it; None for anything else."""
    return name_in(value.partition("?")[0].rstrip("/").rpartition("/")[2]) if isinstance(value, str) else None


def sample(unique: str, now_ms: int) -> Sample:
    """A new booking."""
    at = rfc3339(now_ms)
    event_uri = f"https://api.calendly.com/scheduled_events/{unique}-e"
    payload = {
        "uri": f"{event_uri}/invitees/{unique}",
        "created_at": at,
        "updated_at": at,
        "status": "active",
        "rescheduled": False,
        "old_invitee": None,
        "new_invitee": None,
        "scheduled_event": {
            "uri": event_uri,
            "start_time": rfc3339(now_ms + 86_400_000),
            "end_time": rfc3339(now_ms + 88_200_000),
            "status": "active",
            "event_type": "https://api.calendly.com/event_types/intro",
        },
    }
    return Sample(body=msgspec.json.encode({"event": "invitee.created", "created_at": at, "payload": payload}))


LINES: Mapping[str, Line] = {
    "invitee.created": Line(("booking.created", "booking.moved"), "moved where it takes the place of an earlier invitee"),
    "invitee.canceled": Line(("booking.cancelled",), "nothing when it is one half of a reschedule"),
    "invitee_no_show.created": Line(("booking.no_show",)),
    "invitee_no_show.deleted": Line(("fact.withdrawn",), "takes the no-show back"),
    "routing_form_submission.created": Line(("lead.created",), "with `leads = true`"),
}

GUIDE = Guide(
    clicks=(
        "Make a personal access token under Integrations & apps > API & webhooks.",
        "Make a signing key of your own: `openssl rand -hex 32`.",
        "POST to https://api.calendly.com/webhook_subscriptions with url {url}, your organization, scope organization, that "
        "signing_key, and the events invitee.created, invitee.canceled, invitee_no_show.created and invitee_no_show.deleted.",
    ),
    secret="The signing_key of the subscription, as it stands. A subscription made without one is unsigned: make it again with one.",
    delivery="Seconds late, in no promised order, tried again for 24 hours; then Calendly disables the subscription for good and it has "
    "to be made anew.",
    notes=(
        "A booking keeps the id of its first invitee when it is moved once; after a second move Calendly no longer names the first, "
        "so a cancellation then does not reach it.",
        "Calendly knows customers by e-mail address alone. With `email_hash = true` its hash is the customer's id, else there is none.",
        "A no-show that was taken back and then marked again stays taken back.",
    ),
    unconfirmed=(
        "Whether a message about a no-show carries the whole invitee or only its address: both are read.",
        "Whether a routing form names its later invitee: `leads = true` relies on the invitee naming the form.",
    ),
    links=(
        "https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures",
        "https://developer.calendly.com/api-docs/overview/webhooks/webhook-errors",
    ),
)

PROVIDER = Provider(
    kind="calendly",
    title="Calendly",
    schemes=("calendly",),
    translate=translate,
    lines=LINES,
    options=CalendlyOptions,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
