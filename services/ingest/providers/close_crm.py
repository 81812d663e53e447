"""Close's webhooks: new leads, and opportunities that were won or lost.

Laws: an opportunity counts where the body says that its status changed, or came with it; no name, note or formatted value is read.
Seen in https://github.com/rudderlabs/rudder-transformer (test/integrations/sources/close_crm)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_minor
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.stages import SaleOptions
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import id_in, name_in, object_in

STATUSES = {"won": "deal.won", "lost": "deal.lost"}


def translate(delivery: Delivery, options: SaleOptions) -> Translation:
    """The events of one message. Raises Rejected when it is none of Close's."""
    event = object_in(object_of(delivery.body).get("event"))
    kind, action = event.get("object_type"), event.get("action")
    if not isinstance(kind, str) or not isinstance(action, str):
        raise Rejected(Reason.MISSING_FIELD, "no event with object_type and action: this is no webhook of Close", "/event")
    name = f"{kind}.{action}"
    if not LINES.get(name, NOTHING).becomes:
        return Translation(items=(), ignored=(name,))
    message_id = id_in(event.get("id"))
    if not message_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id, so its repetitions could not be told apart", "/event/id")
    data = object_in(event.get("data"))
    object_id = id_in(event.get("object_id")) or id_in(data.get("id"))
    if not object_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no {kind}", "/event/object_id")
    common: Outside = {
        "occurred_at": any_time(event.get("date_created"), "/event/date_created", zone_of(options.time_zone)),
        "actor_id": name_in(event.get("user_id")),
    }
    if kind == "lead":
        return told(name, message_id, common, _lead(object_id, event, data, options))
    return told(name, message_id, common, _opportunity(object_id, event, data, options))


def _turned(event: Mapping[str, Any], data: Mapping[str, Any], field: str) -> Any:
    """The new value of a field that changed or came with a new object; None when it did not change."""
    changed = event.get("changed_fields")
    if event.get("action") == "created" or (isinstance(changed, list) and field in changed):
        return data.get(field)
    return None


def _stage(event: Mapping[str, Any], data: Mapping[str, Any], options: SaleOptions) -> str | None:
    return options.meaning(_turned(event, data, "status_id"), {}) or options.meaning(_turned(event, data, "status_label"), {})


def _lead(lead_id: str, event: Mapping[str, Any], data: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    of = {"lead_id": lead_id, "customer_id": lead_id}
    if event.get("action") == "created":
        yield {"type": "lead.created", **of}
    stage = _stage(event, data, options)
    if stage in ("lead.contacted", "lead.lost"):
        yield {"type": stage, **of}


def _opportunity(deal_id: str, event: Mapping[str, Any], data: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    lead_id = name_in(event.get("lead_id")) or name_in(data.get("lead_id"))
    of: Outside = {
        "lead_id": lead_id,
        "customer_id": lead_id,
        "agent_id": name_in(data.get("user_id")),
        "amount_minor": from_minor(data.get("value")),
        "currency": currency_in(data.get("value_currency")),
    }
    status, stage = STATUSES.get(id_in(_turned(event, data, "status_type")).lower()), _stage(event, data, options)
    if status is not None:
        yield {"type": status, "deal_id": deal_id, **of}
    elif stage in ("deal.won", "deal.lost"):
        yield {"type": stage, "deal_id": deal_id, **of}
    if stage is not None and stage.startswith("quote."):
        yield {"type": stage, "quote_id": deal_id, **of}


_OPPORTUNITY = Line(
    ("deal.won", "deal.lost", "quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired"),
    "by status, quotes by configured statuses",
)
_OTHERS = ("contact", "group", "membership", "activity.call", "activity.email", "activity.meeting", "activity.note", "activity.sms")
LINES: Mapping[str, Line] = {
    "lead.created": Line(("lead.created", "lead.contacted", "lead.lost"), "contacted and lost by configured statuses"),
    "lead.updated": Line(("lead.contacted", "lead.lost"), "by configured statuses"),
    "lead.deleted": NOTHING,
    "lead.merged": NOTHING,
    "opportunity.created": _OPPORTUNITY,
    "opportunity.updated": _OPPORTUNITY,
    "opportunity.deleted": NOTHING,
    **{f"{kind}.{action}": NOTHING for kind in _OTHERS for action in ("created", "updated", "deleted")},
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new lead."""
    event = {
        "id": f"ev_{unique}",
        "date_created": rfc3339(now_ms),
        "action": "created",
        "object_type": "lead",
        "object_id": unique,
        "lead_id": unique,
        "changed_fields": [],
        "previous_data": {},
        "data": {"id": unique},
    }
    return Sample(body=msgspec.json.encode({"subscription_id": "whsub_1", "event": event}))


GUIDE = Guide(
    clicks=(
        "In Close open Settings > Developer > Webhooks > Create webhook (or POST /api/v1/webhook/).",
        "Paste {token_url} as the URL: the address with the secret in its path.",
        "Subscribe to lead created and updated, and opportunity created and updated.",
    ),
    secret="A long random text of your own: `openssl rand -hex 32`, as the token in the path (token_env), or behind a gateway as a header.",
    delivery="Close tries again for some hours; in which order is not promised.",
    notes=(
        'Statuses that mean something: `options.stages = {"Proposal Sent" = "quote.sent", "Contacted" = "lead.contacted"}`.',
        "The lead of an opportunity is also its customer.",
    ),
    unconfirmed=(
        'How Close signs is not assumed: with `signature = { header = "…", digest = "sha256" }` an HMAC of the body is checked, else the '
        "token in the path or a header of your own counts.",
        "Times without a zone are read in `options.time_zone`, UTC unless set.",
    ),
    links=("https://developer.close.com/topics/webhooks/",),
)

PROVIDER = Provider(
    kind="close_crm",
    title="Close",
    schemes=("static-header",),
    translate=translate,
    lines=LINES,
    options=SaleOptions,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
