"""Shopify's webhooks: orders, payments, shipments, refunds and customers; what a body is, only a header says.

Laws: an order is one purchase by its id, however many messages tell of it; a refund is one by its id, whether it comes alone or in
its order; money is that of the shop's currency. No name, address or e-mail is read.
https://shopify.dev/docs/apps/build/webhooks · https://shopify.dev/docs/api/admin-rest/latest/resources/order
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_major
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.stages import SaleOptions
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, objects_in

TOPIC = b"x-shopify-topic"
_TICKETS = ("ticket_id", "ticket", "case_id")
"""Names of an order's own attributes that link it to a ticket."""


def translate(delivery: Delivery, options: SaleOptions) -> Translation:
    """The events of one message. Raises Rejected when it is none, or lacks what an event needs."""
    topic = delivery.header(TOPIC).strip().lower()
    body = object_of(delivery.body)
    if not topic:
        raise Rejected(
            Reason.MISSING_FIELD, "no header X-Shopify-Topic, and the body alone does not say what happened: keep it", "/X-Shopify-Topic"
        )
    says = TABLE.get(topic)
    if says is None:
        return Translation(items=(), ignored=(topic,))
    if not id_in(body.get("id")):
        raise Rejected(Reason.MISSING_FIELD, f"{topic} without an id", "/id")
    return told(topic, _message_id(delivery, topic, body), {}, says(body, options))


def _message_id(delivery: Delivery, topic: str, body: Mapping[str, Any]) -> str:
    """The event's id is shared by the subscriptions it feeds, so the topic belongs to it; a delivery's own is the same on a retry."""
    for name in (b"x-shopify-event-id", b"x-shopify-webhook-id"):
        if found := delivery.header(name).strip():
            return identity(topic, found)
    return identity(topic, body.get("id"), body.get("updated_at") or body.get("created_at"))


def _at(body: Mapping[str, Any], options: SaleOptions, *fields: str) -> str | None:
    zone = zone_of(options.time_zone)
    return next((at for field in fields if (at := iso_time(body.get(field), f"/{field}", zone)) is not None), None)


def _order(body: Mapping[str, Any]) -> Outside:
    """What every event of an order says of it; a guest is no customer."""
    return {"customer_id": name_in(object_in(body.get("customer")).get("id")), "channel": lower_name_in(body.get("source_name"))}


def _price(body: Mapping[str, Any]) -> tuple[int, str]:
    """The price after all changes, in the shop's currency. Raises Rejected."""
    currency = currency_in(body.get("currency"))
    if currency is None:
        raise Rejected(Reason.MISSING_FIELD, "the order names no currency", "/currency")
    amount = from_major(body.get("current_total_price"), currency)
    amount = from_major(body.get("total_price"), currency) if amount is None else amount
    if amount is None:
        raise Rejected(Reason.MISSING_FIELD, "the order names no price", "/current_total_price")
    return amount, currency


def _entered(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    yield {"type": "order.entered", "order_id": id_in(body["id"]), "occurred_at": _at(body, options, "created_at"), **_order(body)}


def _paid(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    order_id, (amount, currency) = id_in(body["id"]), _price(body)
    money = {"amount_minor": amount, "currency": currency}
    at = _at(body, options, "updated_at", "processed_at", "created_at")
    yield {"type": "purchase.completed", "purchase_id": order_id, "occurred_at": at, "ticket_id": _ticket_id(body), **money, **_order(body)}
    if amount > 0:
        yield {"type": "payment.in", "payment_id": order_id, "occurred_at": at, **money, **_order(body)}


def _ticket_id(body: Mapping[str, Any]) -> str | None:
    said = {id_in(each.get("name")).lower(): each.get("value") for each in objects_in(body.get("note_attributes"))}
    return next((found for name in _TICKETS if (found := name_in(said.get(name)))), None)


def _fulfilled(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    at = _at(body, options, "updated_at", "created_at")
    yield {"type": "order.processed", "order_id": id_in(body["id"]), "occurred_at": at, **_order(body)}


def _shipped(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    yield {"type": "order.processed", "order_id": _order_id(body), "occurred_at": _at(body, options, "created_at")}


def _tracked(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    if lower_name_in(body.get("status")) == "delivered":
        at = _at(body, options, "happened_at", "created_at")
        yield {"type": "order.delivered", "order_id": _order_id(body), "occurred_at": at}


def _order_id(body: Mapping[str, Any]) -> str:
    order_id = id_in(body.get("order_id"))
    if not order_id:
        raise Rejected(Reason.MISSING_FIELD, "the message names no order", "/order_id")
    return order_id


def _refund(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    yield from _refunded(body, _order_id(body), options)


def _refunds(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    for refund in objects_in(body.get("refunds")):
        if id_in(refund.get("id")):
            yield from _refunded(refund, id_in(refund.get("order_id")) or id_in(body["id"]), options)


def _refunded(refund: Mapping[str, Any], order_id: str, options: SaleOptions) -> Iterator[Outside]:
    """One refund, with nothing but its own: so it is the same event whichever message tells of it."""
    paid = [
        (from_major(each.get("amount"), currency_in(each.get("currency"))), currency_in(each.get("currency")))
        for each in objects_in(refund.get("transactions"))
        if lower_name_in(each.get("kind")) == "refund" and lower_name_in(each.get("status")) in (None, "success")
    ]
    known = [(amount, currency) for amount, currency in paid if amount is not None and currency is not None]
    if len(known) < len(paid):
        raise Rejected(Reason.MISSING_FIELD, "a transaction of the refund has no amount or currency", "/transactions")
    for currency in dict.fromkeys(each for _, each in known):
        amount = sum(each for each, of in known if of == currency)
        if amount > 0:
            yield {
                "type": "purchase.refunded",
                "id": identity("refund", refund["id"], currency) + ":purchase.refunded",
                "purchase_id": order_id,
                "amount_minor": amount,
                "currency": currency,
                "occurred_at": _at(refund, options, "created_at"),
            }


def _basket(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    amount, currency = _price(body)
    at = _at(body, options, "created_at")
    money = {"amount_minor": amount, "currency": currency}
    yield {"type": "purchase.started", "purchase_id": id_in(body["id"]), "occurred_at": at, **money, **_order(body)}


def _customer(body: Mapping[str, Any], options: SaleOptions) -> Iterator[Outside]:
    customer_id, at = id_in(body["id"]), _at(body, options, "created_at")
    yield {"type": "customer.created", "customer_id": customer_id, "occurred_at": at}
    if options.leads:
        yield {"type": "lead.created", "lead_id": customer_id, "customer_id": customer_id, "occurred_at": at}


TABLE: Mapping[str, Callable[[Mapping[str, Any], SaleOptions], Iterator[Outside]]] = {
    "orders/create": _entered,
    "orders/paid": _paid,
    "orders/fulfilled": _fulfilled,
    "orders/cancelled": _refunds,
    "orders/updated": _refunds,
    "fulfillments/create": _shipped,
    "fulfillment_events/create": _tracked,
    "refunds/create": _refund,
    "checkouts/create": _basket,
    "customers/create": _customer,
}
_KNOWN = (
    "orders/delete", "orders/edited", "orders/partially_fulfilled", "checkouts/update", "checkouts/delete", "customers/update",
    "customers/delete", "customers/enable", "customers/disable", "fulfillments/update", "products/create", "products/update",
    "products/delete", "carts/create", "carts/update", "draft_orders/create", "draft_orders/update", "app/uninstalled", "shop/update",
    "customers/data_request", "customers/redact", "shop/redact",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    "orders/create": Line(("order.entered",)),
    "orders/paid": Line(("purchase.completed", "payment.in"), "once per order"),
    "orders/fulfilled": Line(("order.processed",)),
    "fulfillments/create": Line(("order.processed",), "once per order"),
    "fulfillment_events/create": Line(("order.delivered",), "with the status delivered"),
    "refunds/create": Line(("purchase.refunded",), "once per refund"),
    "orders/cancelled": Line(("purchase.refunded",), "each of its refunds, once"),
    "orders/updated": Line(("purchase.refunded",), "each of its refunds, once"),
    "checkouts/create": Line(("purchase.started",)),
    "customers/create": Line(("customer.created", "lead.created"), "leads with leads = true"),
    **{topic: NOTHING for topic in _KNOWN},
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new order."""
    at = rfc3339(now_ms)
    body = {
        "id": unique,
        "currency": "EUR",
        "total_price": "12.00",
        "current_total_price": "12.00",
        "financial_status": "pending",
        "refunds": [],
        "customer": {"id": f"{unique}-c"},
        "created_at": at,
        "updated_at": at,
    }
    headers = {"content-type": "application/json", "x-shopify-topic": "orders/create", "x-shopify-webhook-id": f"{unique}-m"}
    return Sample(body=msgspec.json.encode(body), headers=headers)


GUIDE = Guide(
    clicks=(
        "In the Shopify admin open Settings > Notifications > Webhooks > Create webhook.",
        "Create one for each of: Order creation, Order payment, Order fulfillment, Order cancellation, Refund create, Customer creation, "
        "Checkout creation; format JSON.",
        "Paste {url} as the URL of each.",
        "The line below the list says: your webhooks will be signed with … — that is the secret.",
        "An app of your own subscribes to the same topics in its configuration; then the app's client secret is the secret.",
    ),
    secret="The text that the page of webhooks shows, or the client secret of the app, as it stands.",
    delivery="At once, sent again 8 times within 4 h as it first was, at times twice or up to a day late; after 8 failures in a row an "
    "app's subscription is removed.",
    notes=(
        "Amounts are those of the order in the shop's currency; refunds are subtracted when they come.",
        "A new customer counts as a lead only with `options.leads = true`.",
        "An order that has an attribute ticket_id is credited to that ticket.",
        "After a change of the secret the old one may sign for an hour: list both in secret_env.",
    ),
    unconfirmed=(
        "The topics of fulfilments, refunds and customers; a topic of another name is ignored by its name.",
        "Webhooks made in the admin are signed with the store's own secret; set `scheme` if yours are not signed.",
    ),
    links=("https://shopify.dev/docs/apps/build/webhooks", "https://help.shopify.com/en/manual/fulfillment/setup/notifications/webhooks"),
)

PROVIDER = Provider(
    kind="shopify",
    title="Shopify",
    schemes=("shopify",),
    translate=translate,
    lines=LINES,
    options=SaleOptions,
    headers=("content-type", "x-shopify-topic", "x-shopify-webhook-id", "x-shopify-event-id"),
    guide=GUIDE,
    sample=sample,
)
