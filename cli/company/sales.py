"""Selling: leads with their quotes, bookings and deals (the CRM), and what is bought and given back (the shop)."""

from __future__ import annotations

from typing import Any

from cli.company import generic, people
from cli.company.people import Customer
from cli.company.world import Message, World

_CURRENCY = "EUR"
_DAY_MS = 86_400_000


def lead_story(world: World, at_ms: int, customer: Customer) -> list[Message]:
    """A lead: first contact by a machine or a person, mostly a quote, then a booking, a deal, or nothing."""
    said: list[Message] = []
    lead_id = f"l{world.number('lead')}"

    def post(when_ms: int, kind: str, /, **fields: Any) -> None:
        said.append(generic.message(world, "sales", when_ms, kind, lead_id=lead_id, **fields))

    agent = world.agent("bookings")
    channel = world.pick(("web", "phone", "email", "chat"), (50, 25, 15, 10))
    post(at_ms, "lead.created", **generic.about(customer), channel=channel, product=world.pick(people.PRODUCTS), team="bookings")
    if world.chance(0.3):
        post(at_ms + world.span_ms(4, 0.3), "lead.contacted", automatic=True)
    if world.chance(0.06):  # nobody ever calls
        return said
    at_ms += world.wait_ms(at_ms, 420, 1.1)
    post(at_ms, "lead.contacted", agent_id=agent)
    money = {"amount_minor": world.rng.randrange(40, 900) * 100, "currency": _CURRENCY}
    if world.chance(0.32):  # a small thing: booked at once, without a quote
        _booking(world, post, at_ms + world.span_ms(120), None)
        return said
    if world.chance(0.1):
        _deal(world, post, at_ms, money)
        return said
    if not world.chance(0.75):
        if world.chance(0.5):
            post(at_ms + world.span_ms(7200), "lead.lost", reason="no_need")
        return said
    quote_id = f"q{world.number('quote')}"
    post(at_ms + world.span_ms(30), "quote.requested", quote_id=quote_id)
    at_ms += world.span_ms(60) if world.chance(0.35) else world.wait_ms(at_ms, 600, 1.2)  # standard cases are priced at once
    post(at_ms, "quote.sent", quote_id=quote_id, **money)
    outcome = world.rng.random()
    at_ms += world.span_ms(900, 1.8)
    if outcome < 0.42:
        post(at_ms - 1000, "quote.accepted", quote_id=quote_id)
        _booking(world, post, at_ms, quote_id)
    elif outcome < 0.65:
        post(at_ms, "quote.declined", quote_id=quote_id, reason="price")
        post(at_ms + 2000, "lead.lost", reason="price")
    return said


def _booking(world: World, post: Any, at_ms: int, quote_id: str | None) -> None:
    booking_id = f"b{world.number('booking')}"
    starts_ms = at_ms + world.span_ms(4 * 86_400)
    channel = world.pick(("online", "phone"), (6, 4))
    post(at_ms, "booking.created", booking_id=booking_id, quote_id=quote_id, booking_channel=channel, starts_at=generic.rfc3339(starts_ms))
    if world.chance(0.2):
        moved_ms = at_ms + world.span_ms(5_000)
        post(moved_ms, "booking.moved", booking_id=booking_id, starts_at=generic.rfc3339(starts_ms + _DAY_MS))
    elif world.chance(0.12):
        post(at_ms + world.span_ms(5_000), "booking.cancelled", booking_id=booking_id)


def _deal(world: World, post: Any, at_ms: int, money: dict[str, Any]) -> None:
    deal_id = f"e{world.number('deal')}"
    post(at_ms + 5000, "deal.created", deal_id=deal_id, **money)
    at_ms += world.span_ms(1800)
    post(at_ms, "deal.stage_changed", deal_id=deal_id, to="proposal")
    won = world.chance(0.55)
    post(at_ms + world.span_ms(3600, 1.2), "deal.won" if won else "deal.lost", deal_id=deal_id, **(money if won else {"reason": "rival"}))


def purchase_story(world: World, at_ms: int, customer: Customer, kind: str = "repeat") -> list[Message]:
    """Somebody fills a basket and mostly pays; some of it comes back, and now and then a payment was a mistake."""
    amount_minor = world.rng.randrange(900, 24_000)
    purchase = {"purchase_id": f"p{world.number('purchase')}", "amount_minor": amount_minor, "currency": _CURRENCY}
    said = [generic.message(world, "shop", at_ms, "purchase.started", customer, **purchase)]
    if world.chance(0.25):
        return said
    at_ms += world.span_ms(150)
    paid = {**purchase, "margin_minor": int(amount_minor * world.rng.uniform(0.15, 0.5)), "kind": kind, "region": customer.region}
    said.append(generic.message(world, "shop", at_ms, "purchase.completed", customer, **paid))
    if world.chance(0.01):
        said.append(generic.message(world, "shop", at_ms + world.span_ms(600), "fact.withdrawn", of=said[-1].id))
    elif world.chance(0.07):
        said.append(generic.message(world, "shop", at_ms + world.span_ms(6_000), "purchase.refunded", customer, **purchase))
    return said
