"""Stripe's events: invoices, charges, refunds, subscriptions, quotes and checkouts.

One payment fires messages of two families, invoices and charges; only one of them counts as purchases. Laws: a purchase is one by the
id of its invoice (or charge); a refund is what was refunded since the message before; amounts are Stripe's own smallest units, which
are ours but for two currencies. No name, address, e-mail or description is read.
https://docs.stripe.com/webhooks · https://docs.stripe.com/api/events/types · https://docs.stripe.com/currencies
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.money import currency_in, from_minor
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import seconds_time
from services.ingest.providers.values import at_path, id_in, name_in, number_in, object_in, objects_in

_HUNDREDTHS = ("ISK", "UGX")
"""Currencies without minor units that Stripe nevertheless counts in hundredths."""
_MONTHS = {"month": Decimal(1), "year": Decimal(12), "week": Decimal(7 * 12) / Decimal("365.25"), "day": Decimal(12) / Decimal("365.25")}


class StripeOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of Stripe may set.

    `family` is the family of messages that counts as purchases and payments. `leads` says whether a new customer is a lead. With
    `test_mode` off, messages of Stripe's test mode (`livemode` false) mean nothing.
    """

    family: Literal["invoice", "charge"] = "invoice"
    leads: bool = False
    test_mode: bool = True


class Told(Struct, frozen=True, kw_only=True, gc=False):
    """One message: the object as it is now and the values that it had before."""

    id: str
    object: Mapping[str, Any]
    before: Mapping[str, Any]
    options: StripeOptions

    def id_at(self, *paths: str) -> str | None:
        """The first id at one of the paths, which may hold the whole object that it names."""
        for path in paths:
            value = at_path(self.object, path)
            if found := name_in(value.get("id") if isinstance(value, dict) else value):
                return found
        return None

    @property
    def subscription_id(self) -> str | None:
        """The subscription of an invoice, in the shape of old and of new versions of the interface."""
        return self.id_at("subscription", "parent.subscription_details.subscription")

    @property
    def currency(self) -> str | None:
        """The currency in capital letters."""
        return currency_in(self.object.get("currency"))

    def money(self, *paths: str) -> Outside:
        """The first amount at one of the paths with its currency. Raises Rejected when either is not said."""
        currency = self.currency
        amount = next((found for path in paths if (found := _minor(at_path(self.object, path), currency)) is not None), None)
        if amount is None or currency is None:
            pointer = f"/data/object/{paths[0] if amount is None else 'currency'}"
            raise Rejected(Reason.MISSING_FIELD, "the message names no amount or no currency", pointer)
        return {"amount_minor": amount, "currency": currency}


def _minor(value: Any, currency: str | None) -> int | None:
    amount = from_minor(value)
    if amount is None or currency not in _HUNDREDTHS:
        return amount
    return int((Decimal(amount) / 100).to_integral_value(ROUND_HALF_UP))


def translate(delivery: Delivery, options: StripeOptions) -> Translation:
    """The events of one message. Raises Rejected when it is none of Stripe's."""
    body = object_of(delivery.body)
    name = body.get("type")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no type: this is no event of Stripe", "/type")
    says = TABLE.get(name)
    if says is None or body.get("object") == "v2.core.event" or (body.get("livemode") is False and not options.test_mode):
        return Translation(items=(), ignored=(name,))
    event_id = id_in(body.get("id"))
    if not event_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} has no id, so its repetitions could not be told apart", "/id")
    about = object_in(object_in(body.get("data")).get("object"))
    object_id = id_in(about.get("id"))
    if not object_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no object", "/data/object/id")
    before = object_in(object_in(body.get("data")).get("previous_attributes"))
    one = Told(id=object_id, object=about, before=before, options=options)
    common: Outside = {"occurred_at": seconds_time(body.get("created"), "/created"), "customer_id": one.id_at("customer")}
    account = id_in(body.get("account"))
    return told(name, identity(event_id, account) if account else event_id, common, says(one))


def _ticket(one: Told) -> Outside:
    return {"ticket_id": one.id_at("metadata.ticket_id", "metadata.ticket", "subscription_details.metadata.ticket_id")}


def _invoice_paid(one: Told) -> Iterator[Outside]:
    if one.options.family == "invoice":
        money = one.money("amount_paid", "total")
        yield {"type": "purchase.completed", "purchase_id": one.id, **money, **_ticket(one)}
        yield from _payment(one.id_at("payment_intent", "charge") or one.id, money)
    if one.object.get("billing_reason") == "subscription_cycle" and (subscription := one.subscription_id) is not None:
        yield {"type": "subscription.renewed", "subscription_id": subscription}


def _charged(one: Told) -> Iterator[Outside]:
    if one.options.family == "charge":
        money = one.money("amount_captured", "amount") if one.object.get("amount_captured") else one.money("amount")
        yield {"type": "purchase.completed", "purchase_id": one.id, **money, **_ticket(one)}
        yield from _payment(one.id_at("payment_intent") or one.id, money)


def _payment(payment_id: str, money: Outside) -> Iterator[Outside]:
    if money["amount_minor"] > 0:
        yield {"type": "payment.in", "payment_id": payment_id, **money}


def _refunded(one: Told) -> Iterator[Outside]:
    """The amount of the object is of all refunds so far; what came before is taken off."""
    money = one.money("amount_refunded")
    amount = money["amount_minor"] - (_minor(one.before.get("amount_refunded"), one.currency) or 0)
    purchase_id = (one.id_at("invoice") if one.options.family == "invoice" else None) or one.id
    if amount > 0:
        yield {"type": "purchase.refunded", "purchase_id": purchase_id, **money, "amount_minor": amount}


def _issued(one: Told) -> Iterator[Outside]:
    yield {"type": "invoice.issued", "invoice_id": one.id, **one.money("total", "amount_due")}


def _ordered(one: Told) -> Iterator[Outside]:
    yield {"type": "order.entered", "order_id": one.id}


def _quote(kind: str) -> Callable[[Told], Iterator[Outside]]:
    def says(one: Told) -> Iterator[Outside]:
        yield {
            "type": kind,
            "quote_id": one.id,
            "amount_minor": _minor(one.object.get("amount_total"), one.currency),
            "currency": one.currency,
        }

    return says


def _customer(one: Told) -> Iterator[Outside]:
    yield {"type": "customer.created", "customer_id": one.id}
    if one.options.leads:
        yield {"type": "lead.created", "lead_id": one.id, "customer_id": one.id}


def _subscription(one: Told) -> Outside:
    """The subscription with its worth of a month, where every price says its amount."""
    items = objects_in(at_path(one.object, "items.data"))
    prices = [(object_in(item.get("price") or item.get("plan")), item.get("quantity", 1)) for item in items]
    worth = [_monthly(price, quantity) for price, quantity in prices]
    currency = one.currency or (currency_in(prices[0][0].get("currency")) if prices else None)
    total = sum((each for each in worth if each is not None), Decimal(0)) if worth and None not in worth else None
    mrr = None if total is None or abs(total) > 2**53 else _minor(int(total.to_integral_value(ROUND_HALF_UP)), currency)
    plan = name_in(prices[0][0].get("id")) if prices else one.id_at("plan")
    return {"subscription_id": one.id, "currency": currency, "mrr_minor": mrr, "plan": plan}


def _monthly(price: Mapping[str, Any], quantity: Any) -> Decimal | None:
    recurring = object_in(price.get("recurring")) or price  # a plan says it itself
    months = _MONTHS.get(id_in(recurring.get("interval")))
    count, amount = number_in(recurring.get("interval_count", 1)), from_minor(price.get("unit_amount", price.get("amount")))
    many = number_in(quantity)
    if months is None or amount is None or many is None or not count or count < 0:
        return None
    return Decimal(amount) * Decimal(str(many)) / (months * Decimal(str(count)))


def _started(one: Told) -> Iterator[Outside]:
    yield {"type": "subscription.started", **_subscription(one)}


def _changed(one: Told) -> Iterator[Outside]:
    if any(field in one.before for field in ("items", "plan", "quantity")):
        yield {"type": "subscription.changed", **_subscription(one)}


def _cancelled(one: Told) -> Iterator[Outside]:
    reason = name_in(at_path(one.object, "cancellation_details.feedback")) or name_in(at_path(one.object, "cancellation_details.reason"))
    yield {"type": "subscription.cancelled", **_subscription(one), "reason": reason}


TABLE: Mapping[str, Callable[[Told], Iterator[Outside]]] = {
    "invoice.paid": _invoice_paid,
    "charge.succeeded": _charged,
    "charge.refunded": _refunded,
    "invoice.finalized": _issued,
    "checkout.session.completed": _ordered,
    "quote.finalized": _quote("quote.sent"),
    "quote.accepted": _quote("quote.accepted"),
    "quote.canceled": _quote("quote.declined"),
    "customer.created": _customer,
    "customer.subscription.created": _started,
    "customer.subscription.updated": _changed,
    "customer.subscription.deleted": _cancelled,
}
_KNOWN = (
    "invoice.payment_succeeded", "invoice.payment_failed", "invoice.created", "invoice.updated", "invoice.sent", "invoice.upcoming",
    "invoice.voided", "invoice.marked_uncollectible", "charge.failed", "charge.pending", "charge.captured", "charge.updated",
    "charge.expired", "charge.dispute.created", "charge.dispute.closed", "payment_intent.created", "payment_intent.succeeded",
    "payment_intent.payment_failed", "payment_intent.canceled", "customer.updated", "customer.deleted", "quote.created",
    "customer.subscription.trial_will_end", "checkout.session.expired", "payout.paid", "payout.created", "refund.created",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    "invoice.paid": Line(("purchase.completed", "payment.in", "subscription.renewed"), 'unless family = "charge"; renewals always'),
    "charge.succeeded": Line(("purchase.completed", "payment.in"), 'with family = "charge"'),
    "charge.refunded": Line(("purchase.refunded",), "what was refunded since the message before"),
    "invoice.finalized": Line(("invoice.issued",)),
    "checkout.session.completed": Line(("order.entered",)),
    "quote.finalized": Line(("quote.sent",)),
    "quote.accepted": Line(("quote.accepted",)),
    "quote.canceled": Line(("quote.declined",)),
    "customer.created": Line(("customer.created", "lead.created"), "leads with leads = true"),
    "customer.subscription.created": Line(("subscription.started",)),
    "customer.subscription.updated": Line(("subscription.changed",), "if its items changed"),
    "customer.subscription.deleted": Line(("subscription.cancelled",)),
    **{name: NOTHING for name in _KNOWN},
}


def sample(unique: str, now_ms: int) -> Sample:
    """An invoice that was paid."""
    invoice = {
        "id": f"in_{unique}",
        "object": "invoice",
        "amount_paid": 1200,
        "currency": "eur",
        "customer": f"cus_{unique}",
    }
    body = {
        "id": f"evt_{unique}",
        "object": "event",
        "type": "invoice.paid",
        "created": now_ms // 1000,
        "livemode": True,
        "data": {"object": invoice},
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "In the Stripe dashboard, in live mode, open Developers > Webhooks > Add destination (endpoint).",
        "Choose invoice.paid, invoice.finalized, charge.succeeded, charge.refunded, checkout.session.completed, quote.finalized, "
        "quote.accepted, quote.canceled, customer.created and customer.subscription.created, updated and deleted.",
        "Paste {url} as the endpoint URL and add it.",
        "Open the endpoint and choose Reveal signing secret: that is the secret.",
        "Set `options.test_mode = false` for figures that count: then messages of test mode mean nothing.",
    ),
    secret="The signing secret of the endpoint, whsec_ included, as it stands: it is not decoded.",
    delivery="At once, sent again for up to 3 days (in test mode 3 times within hours), in no promised order, at times twice.",
    notes=(
        "One payment fires invoice.paid and charge.succeeded; only invoices count as purchases. A company that bills without invoices "
        'sets `options.family = "charge"`.',
        "An endpoint of test mode has another secret, so its messages do not get in with that of live mode; a Connect endpoint sends "
        "those of both, which is why `options.test_mode = false` belongs into production.",
        "Metadata ticket_id of an invoice or charge credits the purchase to that ticket.",
        "Thin events (v2.core.event) are ignored by name: choose snapshot payloads.",
    ),
    unconfirmed=(
        "The events of refunds, quotes, checkouts and finalised invoices: those you do not want are not subscribed to.",
        "In new versions of the interface a charge does not name its invoice; its refund is then told of the charge.",
    ),
    links=("https://docs.stripe.com/webhooks", "https://docs.stripe.com/api/events/types", "https://docs.stripe.com/currencies"),
)

PROVIDER = Provider(
    kind="stripe",
    title="Stripe",
    schemes=("stripe",),
    translate=translate,
    lines=LINES,
    options=StripeOptions,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
