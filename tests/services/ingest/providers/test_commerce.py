"""Traps of shops and payments: what is one purchase, which money, and what a test is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers import PROVIDERS
from tests.services.ingest.providers.recorded import became, delivery_of, options_of, recordings

RECORDED = {(kind, name): recorded for kind, name, recorded in recordings()}


def _recorded(kind: str, name: str, **changed: Any) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(json.dumps(RECORDED[kind, name]))
    recorded["headers"] = {**recorded.get("headers", {}), **changed.pop("headers", {})}
    recorded["body"] |= changed
    return recorded


def _ids(kind: str, recorded: dict[str, Any]) -> list[str]:
    return [event.id for event in became(kind, delivery_of(recorded), options_of(kind, recorded.get("options")))[0]]


# Shopify


def test_shopifys_event_id_is_shared_by_subscriptions_so_the_topic_belongs_to_it() -> None:
    created = _recorded("shopify", "order_created")
    fulfilled = _recorded("shopify", "order_created", headers={"X-Shopify-Topic": "orders/fulfilled"})
    assert not set(_ids("shopify", created)) & set(_ids("shopify", fulfilled))


def test_shopifys_duplicate_has_another_delivery_and_the_same_event() -> None:
    again = _recorded(
        "shopify", "order_created", headers={"X-Shopify-Webhook-Id": "wh-2", "X-Shopify-Triggered-At": "2026-03-02T09:00:00Z"}
    )
    assert _ids("shopify", _recorded("shopify", "order_created")) == _ids("shopify", again)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"X-Shopify-Webhook-Id": "a"}, {"X-Shopify-Webhook-Id": "a"}, True, id="one delivery"),
        pytest.param({"X-Shopify-Webhook-Id": "a"}, {"X-Shopify-Webhook-Id": "b"}, False, id="two deliveries"),
        pytest.param({}, {}, True, id="nothing but the order and its time"),
    ],
)
def test_shopify_without_an_event_id(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    ids = []
    for headers in (one, other):
        recorded = _recorded("shopify", "order_paid_in_shop_currency")
        recorded["headers"] = {"X-Shopify-Topic": "orders/paid", **headers}
        ids.append(_ids("shopify", recorded))
    assert (ids[0] == ids[1]) is same


def test_shopify_without_any_id_tells_two_updates_apart() -> None:
    one, other = (_recorded("shopify", "order_paid_in_shop_currency", updated_at=f"2026-03-02T03:2{n}:00-05:00") for n in (1, 2))
    for recorded in (one, other):
        recorded["headers"] = {"X-Shopify-Topic": "orders/paid"}
    assert not set(_ids("shopify", one)) & set(_ids("shopify", other))


def test_a_refund_is_the_same_event_whichever_message_tells_of_it() -> None:
    told = [
        became("shopify", delivery_of(RECORDED["shopify", name]))[0]
        for name in ("refund", "refund_in_its_order", "order_cancelled_with_refund")
    ]
    assert len(told[0]) == 1
    assert told[0] == told[1] == told[2]


def test_a_refund_in_two_currencies_is_never_added_up() -> None:
    recorded = _recorded("shopify", "refund")
    recorded["body"]["transactions"][1]["currency"] = "USD"
    events, _, _ = became("shopify", delivery_of(recorded))
    assert [(event.amount_minor, event.currency) for event in events] == [(1000, "CAD"), (250, "USD")]  # type: ignore[attr-defined]
    assert len({event.id for event in events}) == 2


def test_the_topic_is_kept_with_what_is_rejected() -> None:
    assert {"x-shopify-topic", "x-shopify-event-id", "x-shopify-webhook-id"} <= set(PROVIDERS["shopify"].headers)


@pytest.mark.parametrize(
    ("name", "changed", "pointer"),
    [
        pytest.param("order_paid_in_shop_currency", {"currency": None}, "/currency", id="no currency"),
        pytest.param(
            "order_paid_in_shop_currency", {"current_total_price": None, "total_price": "?"}, "/current_total_price", id="no price"
        ),
        pytest.param("order_paid_in_shop_currency", {"id": None}, "/id", id="no order"),
        pytest.param("order_created", {"created_at": "2024-09-16T03:50:1500:00"}, "/created_at", id="no time"),
        pytest.param("refund", {"order_id": None}, "/order_id", id="a refund of nothing"),
        pytest.param("refund", {"transactions": [{"kind": "refund", "amount": "1"}]}, "/transactions", id="a refund without a currency"),
    ],
)
def test_what_an_order_lacks_is_said(name: str, changed: dict[str, Any], pointer: str) -> None:
    events, _, [refused] = became("shopify", delivery_of(_recorded("shopify", name, **changed)))
    assert events == []
    assert f"(at {pointer})" in refused


# Stripe


@pytest.mark.parametrize("family", ["invoice", "charge"])
def test_one_payment_fires_two_families_and_counts_once(family: str) -> None:
    told = []
    for name in ("invoice_paid", "charge_with_family_charge"):
        told += became("stripe", delivery_of(RECORDED["stripe", name]), options_of("stripe", {"family": family}))[0]
    assert [event.type for event in told] == ["purchase.completed", "payment.in"]
    assert told[1].payment_id == "pi_5"  # type: ignore[attr-defined]


def test_a_connected_account_belongs_to_the_id() -> None:
    own, connected = _recorded("stripe", "invoice_paid"), _recorded("stripe", "invoice_paid", account="acct_9")
    assert not set(_ids("stripe", own)) & set(_ids("stripe", connected))


def test_a_retry_of_stripe_has_fewer_webhooks_pending() -> None:
    first, again = _recorded("stripe", "invoice_paid"), _recorded("stripe", "invoice_paid", pending_webhooks=0)
    assert _ids("stripe", first) == _ids("stripe", again)


@pytest.mark.parametrize(
    ("livemode", "test_mode", "counts"), [(True, True, True), (True, False, True), (False, True, True), (False, False, False)]
)
def test_test_mode_counts_only_where_it_may(livemode: bool, test_mode: bool, counts: bool) -> None:
    recorded = _recorded("stripe", "invoice_paid", livemode=livemode)
    events, ignored, _ = became("stripe", delivery_of(recorded), options_of("stripe", {"test_mode": test_mode}))
    assert (bool(events), ignored) == (counts, [] if counts else ["invoice.paid"])


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("usd", 2000, 2000), ("jpy", 500, 500), ("kwd", 5120, 5120), ("isk", 500, 5), ("ugx", 50000, 500)]
)
def test_stripes_smallest_units(currency: str, amount: int, minor: int) -> None:
    recorded = _recorded("stripe", "invoice_paid")
    recorded["body"]["data"]["object"] |= {"currency": currency, "amount_paid": amount}
    events, _, _ = became("stripe", delivery_of(recorded))
    assert [(event.amount_minor, event.currency) for event in events] == [(minor, currency.upper())] * 2  # type: ignore[attr-defined]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_refunds_add_up_to_what_was_refunded(parts: list[int]) -> None:
    so_far = counted = 0
    for part in parts:
        recorded = _recorded("stripe", "refund_in_part")
        recorded["body"]["data"]["previous_attributes"] = {"amount_refunded": so_far}
        so_far += part
        recorded["body"]["data"]["object"]["amount_refunded"] = so_far
        [event] = became("stripe", delivery_of(recorded))[0]
        counted += event.amount_minor  # type: ignore[attr-defined]
    assert counted == sum(parts)


@pytest.mark.parametrize(
    ("interval", "count", "minor"),
    [
        ("month", 1, 12000),
        ("month", 3, 4000),
        ("year", 1, 1000),
        ("week", 1, 52179),
        ("day", 1, 365250),
        ("age", 1, None),
        ("month", 0, None),
    ],
)
def test_what_a_subscription_is_worth_a_month(interval: str, count: int, minor: int | None) -> None:
    recorded = _recorded("stripe", "subscription_started")
    price = {"id": "p", "unit_amount": 12000, "currency": "eur", "recurring": {"interval": interval, "interval_count": count}}
    recorded["body"]["data"]["object"]["items"] = {"data": [{"quantity": 1, "price": price}]}
    [event] = became("stripe", delivery_of(recorded))[0]
    assert event.mrr_minor == minor  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        pytest.param({"type": None}, "/type", id="no type"),
        pytest.param({"id": None}, "/id", id="no id"),
        pytest.param({"data": {"object": {}}}, "/data/object/id", id="no object"),
        pytest.param({"data": {"object": {"id": "in_1", "amount_paid": 1}}}, "/data/object/currency", id="no currency"),
        pytest.param({"data": {"object": {"id": "in_1", "currency": "eur"}}}, "/data/object/amount_paid", id="no amount"),
        pytest.param({"created": "yesterday"}, "/created", id="no time"),
    ],
)
def test_what_an_event_of_stripe_lacks_is_said(changed: dict[str, Any], pointer: str) -> None:
    events, _, [refused] = became("stripe", delivery_of(_recorded("stripe", "invoice_paid", **changed)))
    assert events == []
    assert f"(at {pointer})" in refused


def test_options_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        options_of("stripe", {"family": "both"})


def test_the_secret_of_stripe_is_named_as_it_stands() -> None:
    assert PROVIDERS["stripe"].schemes == ("stripe",)
    assert "whsec_ included" in PROVIDERS["stripe"].guide.secret
