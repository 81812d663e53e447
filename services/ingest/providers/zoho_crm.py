"""Zoho CRM's notifications (actions/watch): which records of a module were inserted, updated or deleted, many in one message.

Values come only where the channel asks for them. Laws: one event for each record of the batch, whose own values say what it means;
a repeated notification is the same events. The resource's address may name another module and is not read.
https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.desk import complaint, status_changed
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.stages import SaleDeskOptions
from services.ingest.providers.telling import Outside, events_of, identity
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, objects_in

FIELDS: Mapping[str, str] = {"Leads": "Lead_Status", "Deals": "Stage", "Quotes": "Quote_Stage", "Cases": "Status"}
"""The field of each module that holds its stage or status."""

STAGES: Mapping[str, Mapping[str, str]] = {
    "Leads": {"contacted": "lead.contacted", "attempted to contact": "lead.contacted", "lost lead": "lead.lost"},
    "Deals": {"closed won": "deal.won", "closed lost": "deal.lost"},
    "Quotes": {"delivered": "quote.sent", "closed won": "quote.accepted", "closed lost": "quote.declined"},
}
STATUSES = {"new": "new", "open": "open", "escalated": "open", "on hold": "on_hold", "closed": "solved"}
_CREATED = {"Leads": "lead.created", "Quotes": "quote.requested", "Sales_Orders": "order.entered", "Invoices": "invoice.issued"}
_IDS = {
    "Leads": "lead_id", "Deals": "deal_id", "Quotes": "quote_id", "Cases": "ticket_id", "Sales_Orders": "order_id",
    "Invoices": "invoice_id",
}  # fmt: skip
_FAMILIES = {"Leads": ("lead.",), "Deals": ("deal.", "quote."), "Quotes": ("quote.",)}


class ZohoOptions(SaleDeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of Zoho CRM may set.

    `stages` and `statuses` map values, `stage_fields` names the field of a module (`Deals`, `Quotes`, `Leads`, `Cases`) that holds
    them where it is not Zoho's own.
    """

    stage_fields: Mapping[str, str] = {}


def translate(delivery: Delivery, options: ZohoOptions) -> Translation:
    """The events of one notification. Raises Rejected when it is none."""
    body = object_of(delivery.body)
    module, operation = body.get("module"), body.get("operation")
    if not isinstance(module, str) or not isinstance(operation, str):
        raise Rejected(Reason.MISSING_FIELD, "no module and operation: register this address as notify_url of a channel", "/module")
    name = f"{module}.{operation}"
    if not LINES.get(name, NOTHING).becomes:
        return Translation(items=(), ignored=(name,))
    found = body.get("ids")
    ids = list(dict.fromkeys(record for each in (found if isinstance(found, list) else [found]) if (record := id_in(each))))
    if not ids:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no record", "/ids")
    at = any_time(body.get("server_time"), "/server_time", zone_of(options.time_zone))
    message_id = identity(body.get("channel_id"), module, operation, ",".join(sorted(ids)), body.get("server_time"))
    values = {id_in(each.get("record_id")): object_in(each.get("values")) for each in objects_in(body.get("affected_values"))}
    items: list[Any] = []
    for record in ids:
        try:
            said = list(_says(module, operation, record, values.get(record, {}), options))
        except Rejected as rejected:
            items.append(rejected)
            continue
        items += events_of(f"{message_id}:{record}", {"occurred_at": at}, said)
    return Translation(items=items, ignored=() if items else (name,), many=len(ids) > 1)


def _says(module: str, operation: str, record: str, values: Mapping[str, Any], options: ZohoOptions) -> Iterator[Outside]:
    of: Outside = {_IDS[module]: record, "agent_id": _id_at(values, "Owner"), "customer_id": _id_at(values, "Contact_Name")}
    if module == "Cases":
        yield from _case(operation, record, values, options, of)
        return
    if module == "Leads":
        of["customer_id"] = None
    if module in ("Deals", "Quotes", "Invoices"):
        currency = currency_in(values.get("Currency"))
        amount = values.get("Amount") if module == "Deals" else values.get("Grand_Total")
        of |= {"amount_minor": from_major(amount, currency), "currency": currency}
    if operation == "insert" and module in _CREATED:
        yield {"type": _CREATED[module], **of}
    if module in STAGES:
        field = options.stage_fields.get(module, FIELDS[module])
        meaning = options.meaning(values.get(field), STAGES[module])
        if (
            meaning is not None
            and meaning.startswith(_FAMILIES[module])
            and not (operation == "insert" and meaning == _CREATED.get(module))
        ):
            if module == "Deals" and meaning.startswith("quote."):
                of["quote_id"] = of.pop("deal_id")
            yield {"type": meaning, **of}


def _case(operation: str, record: str, values: Mapping[str, Any], options: ZohoOptions, of: Outside) -> Iterator[Outside]:
    if operation == "delete":
        yield {"type": "ticket.deleted", "ticket_id": record}
        return
    said = values.get(options.stage_fields.get("Cases", FIELDS["Cases"]))
    status = options.status(said, STATUSES)
    if id_in(said) and status is None:
        raise Rejected(
            Reason.UNTRANSLATABLE, "this status of a case is not known: map it in options.statuses", "/affected_values/values/Status"
        )
    issue_type = lower_name_in(values.get("Case_Reason")) or lower_name_in(values.get("Type"))
    of |= {
        "priority": lower_name_in(values.get("Priority")),
        "channel": lower_name_in(values.get("Case_Origin")),
        "issue_type": issue_type,
    }
    if operation == "insert":
        yield {"type": "ticket.created", "status": status or "new", **of}
    elif status is not None:
        for each in status_changed(status, None):
            yield {**of, **each}
    for each in complaint(options, record, (), issue_type):
        yield {**of, **each}


def _id_at(values: Mapping[str, Any], field: str) -> str | None:
    """The id of a looked-up record, which is an object with a name; a bare text may be the name, and is not read."""
    value = values.get(field)
    return name_in(value.get("id")) if isinstance(value, dict) else None


_QUOTES = ("quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired")
_DEALS = Line(("deal.won", "deal.lost", *_QUOTES), "by the value of the stage field")
_VALUES = "by the value of the status field"
LINES: Mapping[str, Line] = {
    "Leads.insert": Line(("lead.created", "lead.contacted", "lead.lost")),
    "Leads.update": Line(("lead.created", "lead.contacted", "lead.lost"), _VALUES),
    "Deals.insert": _DEALS,
    "Deals.update": _DEALS,
    "Quotes.insert": Line(_QUOTES),
    "Quotes.update": Line(_QUOTES, "by the value of the stage field"),
    "Cases.insert": Line(("ticket.created", "complaint.raised")),
    "Cases.update": Line(("ticket.status_changed", "ticket.solved", "ticket.closed", "complaint.raised"), _VALUES),
    "Cases.delete": Line(("ticket.deleted",)),
    "Sales_Orders.insert": Line(("order.entered",)),
    "Invoices.insert": Line(("invoice.issued",)),
    **{f"{module}.delete": NOTHING for module in ("Leads", "Deals", "Quotes", "Sales_Orders", "Invoices")},
    **{f"{module}.update": NOTHING for module in ("Sales_Orders", "Invoices")},
    **{f"{module}.{operation}": NOTHING for module in ("Contacts", "Accounts", "Tasks") for operation in ("insert", "update", "delete")},
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new lead."""
    body = {
        "server_time": now_ms,
        "affected_values": [],
        "query_params": {},
        "module": "Leads",
        "resource_uri": "https://www.zohoapis.com/crm/v8/Leads",
        "ids": [unique],
        "affected_fields": [],
        "operation": "insert",
        "channel_id": "1",
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "Get an access token with the scope ZohoCRM.notifications.ALL (api-console.zoho.com, Self Client).",
        "POST to /crm/v8/actions/watch one channel: a channel_id of your own, notify_url {url}, a token of your own, and the events "
        "Leads.create, Deals.all, Quotes.all, Cases.all, Sales_Orders.create, Invoices.create.",
        "Ask for the values of the stage fields with a notification_condition for Stage, Quote_Stage, Status and Lead_Status; "
        "without one the messages carry ids only.",
        "Renew the channel before its channel_expiry: after that nothing is sent.",
    ),
    secret="The token that you gave at the registration, at most 50 characters: it comes back in every body.",
    delivery="Seconds late; how often and how long Zoho tries again is not published.",
    notes=(
        'Values of your own: `options.stages = {"Won (signed)" = "deal.won"}` and `options.statuses = {"Waiting" = "pending"}`.',
        'Another field than Zoho\'s: `options.stage_fields = {"Deals" = "field71"}`.',
        "A record without values in the message counts as inserted or deleted only.",
        "Webhooks of workflow rules are another product with a body of your own: connect them as a source of kind `mapping`.",
    ),
    unconfirmed=(
        "The default values of stages and statuses: change them with options.stages and options.statuses.",
        "The modules of orders and invoices are Sales_Orders and Invoices; other modules are ignored by name.",
    ),
    links=("https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html",),
)

PROVIDER = Provider(
    kind="zoho_crm",
    title="Zoho CRM",
    schemes=("body-token",),
    translate=translate,
    lines=LINES,
    options=ZohoOptions,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
