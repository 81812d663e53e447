"""Salesforce: outbound messages of workflow rules and flows (SOAP), and change data capture that a relay posts as JSON.

An outbound message shows records as they are now; what it means is said by its ActionId, where the source maps it, else by the
object's type and fields. A change event says which fields changed. Laws: one event for each record, however many come at once;
the session that an outbound message carries is neither read nor kept; both are answered so that they are not sent again.
https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm ·
https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import elements_of, value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.batches import together
from services.ingest.providers.money import currency_in
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Reply, Sample
from services.ingest.providers.salesforce_records import CHANGED, CREATED, DELETED, SNAPSHOTS, Record, actions, says_action
from services.ingest.providers.salesforce_soap import ACK, OUTBOUND, Message, Notification, is_xml, message_of, without_session
from services.ingest.providers.stages import SaleDeskOptions
from services.ingest.providers.telling import Outside, events_of, identity, told
from services.ingest.providers.times import any_time, iso_time, zone_of
from services.ingest.providers.values import at_path, id_in, name_in, object_in

_ENVELOPES = ("payload", "data.payload", "data", "data.data.payload", "detail.payload", "detail")
"""Where relays put what Salesforce sent: as it is, in a CloudEvent, in an event of a bus."""


class SalesforceOptions(SaleDeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of Salesforce may set.

    `actions` maps the ActionId of an outbound message, the name of an object or an object with a change (`Visit__c CREATE`) to the
    canonical name that it means. `organization_id` is the only organisation that may speak. `task_contacts` says whether a
    completed task of a lead is a contact. `currency` is that of amounts, where the record names none.
    """

    actions: Mapping[str, str] = {}
    organization_id: str | None = None
    task_contacts: bool = False
    currency: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := sorted(set(self.actions.values()) - set(actions())):
            raise ValueError(f"actions: {', '.join(unknown)} is none of {', '.join(actions())}")
        if self.currency is not None and currency_in(self.currency) != self.currency:
            raise ValueError("currency: a code of three capital letters, such as EUR")


class _Header(Struct, frozen=True, kw_only=True):
    entity: str
    change: str
    key: str
    at: str | None
    user: str | None


def translate(delivery: Delivery, options: SalesforceOptions) -> Translation:
    """The events of one delivery. Raises Rejected when it is neither kind of message."""
    body = delivery.body
    if body[:1] == b"[" and is_xml(body[1:]):  # one that was kept comes back as the only element of an array
        body = body[1:].removesuffix(b"]")
    if is_xml(body) or "xml" in delivery.media_type:
        return _outbound(body, options)
    value = value_of(body)
    if isinstance(value, list):
        return together(value, lambda _, one: _changed(one, options), elements_of(delivery.body))
    return _changed(value, options)


def _outbound(body: bytes, options: SalesforceOptions) -> Translation:
    """What cannot be used is said item by item, since only so the session stays out of what is kept."""
    parts: list[Any]
    try:
        message = message_of(body)
        _check_organization(message, options)
        parts, action_id = [*message.notifications], message.action_id
    except Rejected as rejected:
        parts, action_id = [rejected], ""
    return together(parts, lambda _, one: _notified(one, action_id, options), lambda _: without_session(body))


def _check_organization(message: Message, options: SalesforceOptions) -> None:
    wanted = options.organization_id
    if wanted is not None and message.organization_id[:15] != wanted[:15]:  # the last 3 of 18 are a checksum
        raise Rejected(
            Reason.BAD_FIELD, "the message is of another organisation than options.organization_id", "/Envelope/Body/OrganizationId"
        )


def _notified(notification: Notification, action_id: str, options: SalesforceOptions) -> Translation:
    notification_id, kind, fields = notification.id, notification.object, notification.fields
    name = kind or "sObject"
    record_id = name_in(fields.get("Id"))
    if not notification_id or record_id is None:
        pointer = "/Notification/sObject/Id" if notification_id else "/Notification/Id"
        raise Rejected(Reason.MISSING_FIELD, "a notification has no Id or names no record", pointer)
    values = {field: said for field, said in fields.items() if said}
    record = Record(id=record_id, message_id=notification_id, values=values, options=options, whole=True)
    zone = zone_of(options.time_zone)
    at = iso_time(values.get("LastModifiedDate") or values.get("CreatedDate"), "/Notification/sObject/LastModifiedDate", zone)
    common: Outside = {"occurred_at": at, "actor_id": name_in(values.get("LastModifiedById"))}
    action = options.actions.get(action_id) or options.actions.get(action_id[:15]) or options.actions.get(kind)
    if action is not None:
        return told(name, notification_id, common, says_action(record, action))
    says = SNAPSHOTS.get(kind)
    return Translation(items=(), ignored=(name,)) if says is None else told(name, notification_id, common, says(record))


def _changed(value: Any, options: SalesforceOptions) -> Translation:
    """The events of one change event, one record after the other."""
    payload = _payload(value)
    header, said = _header(payload), {field: each for field, each in payload.items() if each is not None}
    name = f"{header.entity} {header.change}"
    action = options.actions.get(name) or (options.actions.get(header.entity) if header.change == "CREATE" else None)
    table = {"CREATE": CREATED, "UPDATE": CHANGED, "UNDELETE": CHANGED, "DELETE": DELETED}.get(header.change, {})
    says = table.get(header.entity)
    if says is None and action is None:
        return Translation(items=(), ignored=(name,))
    records = object_in(payload.get("ChangeEventHeader")).get("recordIds")
    ids = list(dict.fromkeys(each for one in (records if isinstance(records, list) else [records]) if (each := id_in(one))))
    if not ids:
        raise Rejected(Reason.MISSING_FIELD, f"{name[:80]} names no record", "/payload/ChangeEventHeader/recordIds")
    common: Outside = {"occurred_at": header.at, "actor_id": header.user}
    items: list[Outside] = []
    for record_id in ids:
        record = Record(id=record_id, message_id=header.key, values=said, options=options, whole=False)
        told_of_it = says_action(record, action) if action is not None else says(record) if says is not None else ()
        items += events_of(identity(header.key, record_id), common, told_of_it)
    return Translation(items=items, ignored=() if items else (name,), many=len(ids) > 1)


def _payload(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict) and "ChangeEventHeader" in value:
        return value
    for path in _ENVELOPES:
        found = at_path(value, path)
        if isinstance(found, dict) and "ChangeEventHeader" in found:
            return found
    raise Rejected(
        Reason.MISSING_FIELD,
        "no ChangeEventHeader: let the relay post the change event as Salesforce sends it",
        "/payload/ChangeEventHeader",
    )


def _header(payload: Mapping[str, Any]) -> _Header:
    header = object_in(payload.get("ChangeEventHeader"))
    entity, change = id_in(header.get("entityName")), id_in(header.get("changeType"))
    if not entity or not change:
        raise Rejected(Reason.MISSING_FIELD, "the change event names no object and change", "/payload/ChangeEventHeader/entityName")
    transaction, number = id_in(header.get("transactionKey")), id_in(header.get("sequenceNumber"))
    if not transaction:
        raise Rejected(
            Reason.MISSING_FIELD, "no transactionKey, so repetitions could not be told apart", "/payload/ChangeEventHeader/transactionKey"
        )
    at = any_time(header.get("commitTimestamp"), "/payload/ChangeEventHeader/commitTimestamp")
    return _Header(entity=entity, change=change, key=identity(transaction, number, entity), at=at, user=name_in(header.get("commitUser")))


def reply(delivery: Delivery) -> Reply | None:
    """The acknowledgement of an outbound message; relays read the counts."""
    return ACK if is_xml(delivery.body) or delivery.media_type in ("text/xml", "application/soap+xml") else None


def sample(unique: str, now_ms: int) -> Sample:
    """A new case."""
    at = rfc3339(now_ms)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<notifications xmlns="{OUTBOUND}"><OrganizationId>00D000000000001EAA</OrganizationId><ActionId>04k000000000001AAA</ActionId>'
        f'<SessionId xsi:nil="true"/><Notification><Id>{unique}-n</Id>'
        '<sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{unique}</sf:Id><sf:Status>New</sf:Status><sf:CreatedDate>{at}</sf:CreatedDate>"
        f"<sf:LastModifiedDate>{at}</sf:LastModifiedDate></sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>"
    )
    return Sample(body=body.encode(), headers={"content-type": "text/xml; charset=utf-8"})


_QUOTES = ("quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired")
_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed")
_CASE = (
    *_STATUS, "ticket.assigned", "ticket.priority_changed", "ticket.escalated", "ticket.classified", "complaint.raised",
)  # fmt: skip
_MEANS = "or what the ActionId means"
_CHANGES: Mapping[str, Mapping[str, Line]] = {
    "Case": {
        "CREATE": Line(("ticket.created", "complaint.raised")),
        "UPDATE": Line(_CASE),
        "UNDELETE": Line(_CASE),
        "DELETE": Line(("ticket.deleted",)),
    },
    "Lead": {
        "CREATE": Line(("lead.created", "lead.contacted", "lead.lost")),
        "UPDATE": Line(("lead.contacted", "lead.lost"), "by status"),
    },
    "Opportunity": {change: Line(("deal.won", "deal.lost", *_QUOTES), "by IsWon, IsClosed, StageName") for change in ("CREATE", "UPDATE")},
    "Quote": {"CREATE": Line(_QUOTES), "UPDATE": Line(_QUOTES, "by status")},
    "Task": {change: Line(("lead.contacted",), "completed and of a lead, with task_contacts = true") for change in ("CREATE", "UPDATE")},
}
LINES: Mapping[str, Line] = {
    "Case": Line(("ticket.created", *_STATUS, "complaint.raised"), _MEANS),
    "Lead": Line(("lead.created", "lead.contacted", "lead.lost"), _MEANS),
    "Opportunity": Line(("deal.won", "deal.lost", *_QUOTES), _MEANS),
    "Quote": Line(_QUOTES, _MEANS),
    "Task": Line(("lead.contacted",), "completed and of a lead, with task_contacts = true"),
    "ActionId": Line(actions(), "what options.actions says; the record is the ticket, the lead, the deal …"),
    "Account": Line((), "unless its ActionId is mapped"),
    "Contact": Line((), "unless its ActionId is mapped"),
    **{
        f"{entity} {change}": lines.get(change, NOTHING)
        for entity, lines in _CHANGES.items()
        for change in ("CREATE", "UPDATE", "DELETE", "UNDELETE")
    },
    **{f"{entity} {change}": NOTHING for entity in ("Account", "Contact") for change in ("CREATE", "UPDATE", "DELETE", "UNDELETE")},
}
"""Outbound messages by the name of the object, change events by object and change."""

GUIDE = Guide(
    clicks=(
        "In Setup open Outbound Messages > New Outbound Message and choose the object: Case, Lead, Opportunity or Quote.",
        "Paste {token_url} as the endpoint URL (Salesforce signs nothing: the secret is in the address). Leave Send Session ID off.",
        "Choose the fields Id, Status, Priority, OwnerId, Origin, Type, CreatedDate and LastModifiedDate of a case; Id, StageName, "
        "IsClosed, IsWon, Amount, CreatedDate and LastModifiedDate of an opportunity; Id, Status and the two dates of others.",
        "Call it from a flow (or workflow rule) that runs whenever the record is created or edited; activate the flow.",
        "For change data capture let a relay (MuleSoft, Knative, Amazon EventBridge) post each change event to {url} as JSON, with the "
        "secret in a header.",
    ),
    secret="A long random text of your own: `openssl rand -hex 32`, as the token in the path (token_env), and for a relay as a header.",
    delivery="Seconds late, in no promised order, sent again for 24 h until it is acknowledged, at times twice.",
    notes=(
        'What a message means can be said by its ActionId: `options.actions = {"04k…" = "ticket.escalated"}`; without it the object and '
        "its fields say it.",
        "An outbound message shows the record as it is: a case counts as new when CreatedDate and LastModifiedDate are the same.",
        "`options.organization_id` lets only one organisation speak. A SessionId that is sent nevertheless is neither read nor kept.",
        'Stages and statuses of your own: `options.stages = {"Signed" = "deal.won"}`, `options.statuses = {"Waiting" = "pending"}`.',
        'A closed case may be opened again, so Closed means solved; `options.statuses = {"Closed" = "closed"}` makes it final.',
        "A relay of the Pub/Sub API must decode the Avro payload; only fields that changed may have a value.",
    ),
    unconfirmed=(
        "The statuses of quotes (Presented, Accepted, Denied) and of leads: change them with options.stages.",
        "Gap and overflow events carry no fields and are ignored by name.",
    ),
    links=(
        "https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm",
        "https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/",
    ),
)

PROVIDER = Provider(
    kind="salesforce",
    title="Salesforce",
    schemes=("static-header",),
    translate=translate,
    lines=LINES,
    options=SalesforceOptions,
    headers=("content-type",),
    reply=reply,
    guide=GUIDE,
    sample=sample,
)
