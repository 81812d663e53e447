"""Pipedrive's webhooks, versions 1 and 2: deals, people, leads and activities, with what changed and what was before.

Laws: a stage or a status counts where the body says that it changed; the ids of version 1 are made of what an attempt repeats,
so the number of the attempt is in none. No title, name or reason is read.
https://pipedrive.readme.io/docs/guide-for-webhooks · https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.stages import SaleOptions
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import flag_in, id_in, lower_name_in, name_in, object_in

STATUSES = {"won": "deal.won", "lost": "deal.lost"}
_ACTIONS = {
    "added": "created", "create": "created", "updated": "changed", "change": "changed", "merged": "merged", "deleted": "deleted",
    "delete": "deleted",
}  # fmt: skip
_NEW = ("created", "changed")


class PipedriveOptions(SaleOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of Pipedrive may set.

    `stages` maps the ids of stages; `leads` says whether a new person or lead is a lead; `contact_types` are the types of
    activities that reach a customer.
    """

    contact_types: frozenset[str] = frozenset({"call", "meeting", "email"})


class Change(Struct, frozen=True, kw_only=True, gc=False):
    """One message of either version: what is true of the record now, and what of it was before."""

    action: str
    id: str
    meta: Mapping[str, Any]
    now: Mapping[str, Any]
    before: Mapping[str, Any]
    options: PipedriveOptions

    def turned(self, field: str) -> Any:
        """The new value of a field that changed or came with a new record; None when it did not change."""
        value = self.now.get(field)
        if self.action == "created":
            return value
        return value if field in self.before and self.before[field] != value else None


def translate(delivery: Delivery, options: PipedriveOptions) -> Translation:
    """The events of one message. Raises Rejected when it is none of Pipedrive's."""
    body = object_of(delivery.body)
    meta = object_in(body.get("meta"))
    action, entity = id_in(meta.get("action")), id_in(meta.get("object")) or id_in(meta.get("entity"))
    if not action or not entity:
        raise Rejected(Reason.MISSING_FIELD, "no meta with action and entity: this is no webhook of Pipedrive", "/meta")
    name = f"{action}.{entity}"
    says = TABLE.get(entity)
    if says is None or action not in _ACTIONS:
        return Translation(items=(), ignored=(name,))
    is_second = "entity" in meta
    now, before = _record(body.get("data" if is_second else "current")), _record(body.get("previous"))
    entity_id = id_in(meta.get("entity_id" if is_second else "id")) or id_in(now.get("id")) or id_in(before.get("id"))
    if not entity_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no {entity}", "/meta/entity_id" if is_second else "/meta/id")
    change = Change(action=_ACTIONS[action], id=entity_id, meta=meta, now=now, before=before, options=options)
    return told(name, _message_id(meta, name, is_second), _common(change), says(change))


def _message_id(meta: Mapping[str, Any], name: str, is_second: bool) -> str:
    if is_second:
        found = identity(meta.get("id"))
    else:
        stamp = next((at for unit in ("timestamp_micro", "timestamp_milli", "timestamp") if (at := id_in(meta.get(unit)))), "")
        found = identity(*[meta.get(part) for part in ("company_id", "object", "id", "action")], stamp) if stamp else ""
    if not found:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id and no time, so its repetitions could not be told apart", "/meta")
    return found


def _common(change: Change) -> Outside:
    meta, zone = change.meta, zone_of(change.options.time_zone)
    stamps = ("timestamp_micro", "timestamp_milli", "timestamp") if meta.get("entity") is None else ("timestamp",)
    at = next(((unit, meta[unit]) for unit in stamps if meta.get(unit)), None)
    return {
        "occurred_at": None if at is None else any_time(at[1], f"/meta/{at[0]}", zone),
        "actor_id": name_in(meta.get("user_id")),
        "organisation_id": name_in(_id_at(change.now, "org_id")),
    }


def _record(value: Any) -> Mapping[str, Any]:
    """The record; users of version 1 come as an array of one."""
    return object_in(value[0]) if isinstance(value, list) and value else object_in(value)


def _id_at(record: Mapping[str, Any], field: str) -> str:
    """The id in a field, which may hold the whole record that it names."""
    value = record.get(field)
    if isinstance(value, dict):
        return id_in(value.get("id")) or id_in(value.get("value"))
    return id_in(value)


def _deal(change: Change) -> Iterator[Outside]:
    if change.action not in _NEW:
        return
    now, person = change.now, name_in(_id_at(change.now, "person_id"))
    currency = currency_in(now.get("currency"))
    of: Outside = {
        "deal_id": change.id,
        "lead_id": person,
        "customer_id": person,
        "agent_id": name_in(_id_at(now, "owner_id")) or name_in(_id_at(now, "user_id")),
        "amount_minor": from_major(now.get("value"), currency),
        "currency": currency,
    }
    status = STATUSES.get(id_in(change.turned("status")).lower())
    stage = change.options.meaning(change.turned("stage_id"), {})
    if status is not None:
        yield {"type": status, **of}
    if stage in ("deal.won", "deal.lost") and status is None:
        yield {"type": stage, **of}
    elif stage is not None and stage.startswith("quote."):
        del of["deal_id"]
        yield {"type": stage, "quote_id": change.id, **of}


def _person(change: Change) -> Iterator[Outside]:
    yield from _party(change, "")


def _organization(change: Change) -> Iterator[Outside]:
    yield from _party(change, "organization:")


def _party(change: Change, prefix: str) -> Iterator[Outside]:
    """A person or an organisation came or was merged; their ids are counted apart, so those of organisations get a prefix."""
    leads = change.options.leads and not prefix
    into, gone = id_in(change.meta.get("merged_to_id")), id_in(change.meta.get("merged_from_id"))
    if into or gone:
        into, gone = into or change.id, gone or change.id
    elif change.action == "merged":
        into, gone = id_in(change.now.get("id")), id_in(change.before.get("id"))
    if into and gone and into != gone:
        yield {"type": "customer.merged", "customer_id": prefix + gone, "into_customer_id": prefix + into}
        if leads:
            yield {"type": "lead.merged", "lead_id": gone, "into_lead_id": into}
    elif change.action == "created":
        agent_id = name_in(_id_at(change.now, "owner_id"))
        yield {"type": "customer.created", "customer_id": prefix + change.id, "agent_id": agent_id}
        if leads:
            yield {"type": "lead.created", "lead_id": change.id, "customer_id": change.id, "agent_id": agent_id}


def _lead(change: Change) -> Iterator[Outside]:
    if change.action == "created" and change.options.leads:
        person = name_in(_id_at(change.now, "person_id"))
        yield {"type": "lead.created", "lead_id": change.id, "customer_id": person, "agent_id": name_in(_id_at(change.now, "owner_id"))}


def _activity(change: Change) -> Iterator[Outside]:
    now = change.now
    if change.action not in _NEW or flag_in(change.turned("done")) is not True:
        return
    kind = lower_name_in(now.get("type"))
    if kind not in change.options.contact_types:
        return
    person = name_in(_id_at(now, "person_id"))
    deal, agent = _id_at(now, "deal_id"), name_in(_id_at(now, "owner_id")) or name_in(_id_at(now, "assigned_to_user_id"))
    lead = person or name_in(_id_at(now, "lead_id")) or (f"deal:{deal}" if deal else f"activity:{change.id}")
    yield {"type": "lead.contacted", "lead_id": lead, "customer_id": person, "agent_id": agent}


TABLE: Mapping[str, Callable[[Change], Iterator[Outside]]] = {
    "deal": _deal,
    "person": _person,
    "organization": _organization,
    "lead": _lead,
    "activity": _activity,
}
_DEAL = Line(
    ("deal.won", "deal.lost", "quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired"),
    "by status, quotes by configured stages",
)
_CREATED: Mapping[str, Line] = {
    "deal": _DEAL,
    "person": Line(("customer.created", "lead.created"), "leads with leads = true"),
    "organization": Line(("customer.created",)),
    "lead": Line(("lead.created",), "with leads = true"),
    "activity": Line(("lead.contacted",), "if it is done already"),
}
_PARTY = Line(("customer.merged", "lead.merged"), "where it says into whom it was merged")
_CHANGED: Mapping[str, Line] = {
    "deal": _DEAL,
    "person": _PARTY,
    "organization": Line(("customer.merged",), "where it says into whom it was merged"),
    "activity": Line(("lead.contacted",), "a call, a meeting or an e-mail that is done now"),
}
_OTHERS = ("note", "pipeline", "product", "stage", "user", "activityType", "activity_type")
LINES: Mapping[str, Line] = {
    **{f"{action}.{entity}": line for action in ("added", "create") for entity, line in _CREATED.items()},
    **{f"{action}.{entity}": _CHANGED.get(entity, NOTHING) for action in ("updated", "change") for entity in _CREATED},
    **{
        f"{action}.{entity}": _CHANGED[entity] if entity in ("person", "organization") else NOTHING
        for action in ("merged", "delete", "deleted")
        for entity in _CREATED
    },
    **{
        f"{action}.{entity}": NOTHING
        for action in ("added", "updated", "deleted", "merged", "create", "change", "delete")
        for entity in _OTHERS
    },
}


def sample(unique: str, now_ms: int) -> Sample:
    """A deal that was won."""
    body = {
        "data": {"id": 1, "status": "won", "value": 120, "currency": "EUR", "person_id": f"{unique}-p", "stage_id": 2},
        "previous": {"status": "open"},
        "meta": {
            "action": "change",
            "entity": "deal",
            "entity_id": unique,
            "id": f"{unique}-m",
            "company_id": "1",
            "timestamp": now_ms // 1000,
            "version": "2.0",
            "attempt": 1,
        },
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "In Pipedrive open Settings > Tools and apps > Webhooks > Create new webhook.",
        "Choose all events (`*`) of all objects (`*`), or: deal, person, organization, lead and activity. Version 2 is the better one.",
        "Paste {url} as the endpoint.",
        "Enter a user and a password of your own under HTTP Auth, and save.",
    ),
    secret="`user:password`, as entered under HTTP Auth. Pipedrive signs nothing.",
    delivery="At once, again after 3, 30 and 150 s. After 10 failures the webhook is banned for half an hour and what happens then is "
    "lost; after 3 days without success it is deleted.",
    notes=(
        "A new person or lead counts as a lead only with `options.leads = true`.",
        'Stages that mean a quote are named by their ids: `options.stages = {"12" = "quote.sent", "13" = "quote.accepted"}`.',
        "The person of a deal is its lead. An activity that names nobody is told of a lead of its own.",
        "Which types of activities reach a customer: `options.contact_types`.",
    ),
    unconfirmed=("Version 1 writes times without a zone; they are read in `options.time_zone`, UTC unless set.",),
    links=("https://pipedrive.readme.io/docs/guide-for-webhooks-v2", "https://pipedrive.readme.io/docs/guide-for-webhooks"),
)

PROVIDER = Provider(
    kind="pipedrive",
    title="Pipedrive",
    schemes=("basic-auth",),
    translate=translate,
    lines=LINES,
    options=PipedriveOptions,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
