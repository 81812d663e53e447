"""Square: appointments, payments, refunds, invoices and orders; one message, the fact that it says.

Laws: the top-level `type` decides, whatever `data.type` says; amounts are minor units already; a payment is one purchase, at its
first telling as completed; versions of a booking order its messages; notes and names are not read.
https://developer.squareup.com/docs/webhooks/overview
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_minor
from services.ingest.providers.provider import NOTHING, Guide, Line, NoOptions, Provider, Sample
from services.ingest.providers.telling import Outside, first_telling, identity, told, unnamed
from services.ingest.providers.times import iso_time
from services.ingest.providers.values import id_in, name_in, object_in, objects_in, whole_in

_WORK = {"PREPARED": "order.processed", "COMPLETED": "order.delivered"}


def translate(delivery: Delivery, options: NoOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("type")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no type: this is no message of a Square webhook subscription", "/type")
    says = TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    data = object_in(body.get("data"))
    things = object_in(data.get("object"))
    said = list(says(name, things, data))
    common: Outside = {"occurred_at": iso_time(body.get("created_at"), "/created_at")}
    event_id = id_in(body.get("event_id"))
    return told(name, identity(event_id), common, said) if event_id else unnamed(delivery, name, common, said)


def _booking(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    booking = object_in(things.get("booking"))
    booking_id = name_in(booking.get("id")) or name_in(id_in(data.get("id")).rpartition(":")[0])  # "<booking>:<version>"
    if booking_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no booking", "/data/object/booking/id")
    status, version = id_in(booking.get("status")), whole_in(booking.get("version"))
    segments = objects_in(booking.get("appointment_segments"))
    first = segments[0] if segments else {}
    by_customer = object_in(booking.get("creator_details")).get("creator_type") == "CUSTOMER"
    kind = name
    if name == "booking.updated":
        gone = status.startswith("CANCELLED_BY_") or status == "DECLINED"
        kind = "booking.cancelled" if gone else "booking.no_show" if status == "NO_SHOW" else "booking.moved"
    stamp = "created_at" if name == "booking.created" else "updated_at"
    yield {
        "type": kind,
        "booking_id": booking_id,
        "occurred_at": _time(booking, "booking", stamp),
        "sequence": version if version is not None and version >= 0 else None,
        "starts_at": _time(booking, "booking", "start_at"),
        "customer_id": name_in(booking.get("customer_id")),
        "agent_id": name_in(first.get("team_member_id")),
        "product": name_in(first.get("service_variation_id")),
        "booking_channel": "online" if by_customer else None,
    }


def _payment(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    payment = object_in(things.get("payment"))
    if payment.get("status") != "COMPLETED":
        return
    payment_id = _id(name, payment, "payment", "id")
    at = _time(payment, "payment", "updated_at") or _time(payment, "payment", "created_at")
    money: Outside = {**_money(name, payment, "payment"), "customer_id": name_in(payment.get("customer_id"))}
    fact: Outside = {"id": identity("payment", payment_id), "version": first_telling(at), "occurred_at": at, **money}
    yield {"type": "purchase.completed", "purchase_id": payment_id, **fact, "id": f"{fact['id']}:purchase.completed"}
    yield {"type": "payment.in", "payment_id": payment_id, **fact, "id": f"{fact['id']}:payment.in"}


def _refund(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    refund = object_in(things.get("refund"))
    if refund.get("status") != "COMPLETED":
        return
    refund_id = _id(name, refund, "refund", "id")
    at = _time(refund, "refund", "updated_at") or _time(refund, "refund", "created_at")
    yield {
        "type": "purchase.refunded",
        "id": f"{identity('refund', refund_id)}:purchase.refunded",
        "version": first_telling(at),
        "occurred_at": at,
        "purchase_id": _id(name, refund, "refund", "payment_id"),
        **_money(name, refund, "refund"),
    }


def _invoice(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    invoice = object_in(things.get("invoice"))
    asked = [object_in(each.get("computed_amount_money")) for each in objects_in(invoice.get("payment_requests"))]
    amounts = [from_minor(each.get("amount")) for each in asked]
    found, currency = [amount for amount in amounts if amount is not None], currency_in(asked[0].get("currency")) if asked else None
    yield {
        "type": "invoice.issued",
        "invoice_id": _id(name, invoice, "invoice", "id"),
        "order_id": name_in(invoice.get("order_id")),
        "customer_id": name_in(object_in(invoice.get("primary_recipient")).get("customer_id")),
        **({"amount_minor": sum(found), "currency": currency} if found and currency and len(found) == len(amounts) else {}),
    }


def _order(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    order = object_in(things.get("order_created"))
    order_id = name_in(order.get("order_id")) or name_in(data.get("id"))
    if order_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no order", "/data/object/order_created/order_id")
    yield {"type": "order.entered", "order_id": order_id, "occurred_at": _time(order, "order_created", "created_at")}


def _fulfillment(name: str, things: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Outside]:
    order = object_in(things.get("order_fulfillment_updated"))
    states = [id_in(each.get("new_state")) for each in objects_in(order.get("fulfillment_update"))]
    for kind in dict.fromkeys(_WORK[state] for state in states if state in _WORK):
        yield {
            "type": kind,
            "order_id": _id(name, order, "order_fulfillment_updated", "order_id"),
            "occurred_at": _time(order, "order_fulfillment_updated", "updated_at"),
        }


def _money(name: str, thing: Mapping[str, Any], of: str) -> Outside:
    money = object_in(thing.get("amount_money"))
    amount, currency = from_minor(money.get("amount")), currency_in(money.get("currency"))
    if amount is None or currency is None:
        detail = f"{name} is completed, but its amount or currency is not said"
        raise Rejected(Reason.UNTRANSLATABLE, detail, f"/data/object/{of}/amount_money")
    return {"amount_minor": amount, "currency": currency}


def _id(name: str, thing: Mapping[str, Any], of: str, member: str) -> str:
    found = name_in(thing.get(member))
    if found is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names nothing it is about", f"/data/object/{of}/{member}")
    return found


def _time(thing: Mapping[str, Any], of: str, member: str) -> str | None:
    return iso_time(thing.get(member), f"/data/object/{of}/{member}")


def sample(unique: str, now_ms: int) -> Sample:
    """A new booking."""
    at = rfc3339(now_ms)
    booking = {
        "id": unique,
        "version": 0,
        "status": "ACCEPTED",
        "customer_id": f"{unique}-c",
        "created_at": at,
        "updated_at": at,
        "start_at": rfc3339(now_ms + 86_400_000),
        "appointment_segments": [{"duration_minutes": 30, "team_member_id": "sample"}],
    }
    data = {"type": "booking", "id": f"{unique}:0", "object": {"booking": booking}}
    body = {"merchant_id": "sample", "type": "booking.created", "event_id": f"{unique}-m", "created_at": at, "data": data}
    return Sample(body=msgspec.json.encode(body))


TABLE: Mapping[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], Iterator[Outside]]] = {
    "booking.created": _booking,
    "booking.updated": _booking,
    "payment.created": _payment,
    "payment.updated": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
    "invoice.published": _invoice,
    "order.created": _order,
    "order.fulfillment.updated": _fulfillment,
}
_PAID = Line(("purchase.completed", "payment.in"), "once per payment, when it is COMPLETED")
_REFUNDED = Line(("purchase.refunded",), "when it is COMPLETED")
LINES: Mapping[str, Line] = {
    "booking.created": Line(("booking.created",)),
    "booking.updated": Line(("booking.moved", "booking.cancelled", "booking.no_show"), "by its status; else its start as it is now"),
    "payment.created": _PAID,
    "payment.updated": _PAID,
    "refund.created": _REFUNDED,
    "refund.updated": _REFUNDED,
    "invoice.published": Line(("invoice.issued",)),
    "order.created": Line(("order.entered",)),
    "order.fulfillment.updated": Line(("order.processed", "order.delivered"), "PREPARED and COMPLETED"),
    **dict.fromkeys(("order.updated", "invoice.created", "invoice.updated", "customer.created", "customer.updated"), NOTHING),
}

GUIDE = Guide(
    clicks=(
        "In the Square Developer Console open your application and Webhooks > Subscriptions > Add subscription (in production).",
        "Paste {url} as the notification URL; the same text, to the last slash, has to stand in the source's `url` where it is not "
        "the service's public address.",
        "Choose booking.created, booking.updated, payment.created, payment.updated and refund.updated, and save.",
        "Open the subscription and show its Signature key.",
    ),
    secret="The signature key of the subscription, as it stands; it is not decoded. The notification URL is signed too.",
    delivery="Within a minute, in no promised order, at times twice; tried again for up to 24 hours, then dropped.",
    notes=(
        "An update of a booking that is not cancelled tells its start as it is now, whatever was changed about the booking.",
        "A payment is one purchase, however many messages show it completed; a refund takes back the purchase of its payment.",
    ),
    unconfirmed=(
        "The messages about refunds, invoices, orders and fulfilments, and the status NO_SHOW: a completed one without an amount is "
        "kept in `rejected`. Leave out of the subscription what should not count.",
    ),
    links=("https://developer.squareup.com/docs/webhooks/overview", "https://developer.squareup.com/docs/webhooks/step3validate"),
)

PROVIDER = Provider(
    kind="square",
    title="Square",
    schemes=("square",),
    translate=translate,
    lines=LINES,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
