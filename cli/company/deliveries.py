"""Everything the company's systems post, in the order in which it arrives: the one door to this package.

Laws: the same seed, span and rate give the same deliveries, byte for byte; `at_ms` never falls; nothing is delivered before it
happened; a repetition has the id and the body of the first delivery; a longer span only adds deliveries.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Literal, NamedTuple

import orjson

from cli.company import calls, sales, surveys, tickets, week
from cli.company.people import Customer, Issue
from cli.company.week import Rate
from cli.company.world import Message, Source, World

Kind = Literal["zendesk", "standardwebhooks", "cloudevents"]

KIND_OF: dict[Source, Kind] = {
    "zendesk": "zendesk",
    "desk": "standardwebhooks",
    "telephone": "standardwebhooks",
    "feedback": "standardwebhooks",
    "sales": "cloudevents",
    "shop": "cloudevents",
}
MESSAGES_PER_STORY = 8.2
"""Mean length of a story, by which a rate of messages becomes a rate of beginnings (a test holds it)."""

_SHARES = (("zendesk", 32), ("desk", 16), ("call", 24), ("lead", 14), ("purchase", 5), ("relationship", 9))
_MINUTE_MS = 60_000


class Delivery(NamedTuple):
    """One webhook: when it arrives (`at_ms`), when what it says happened, who posts it and how, its stable id and its body.

    The body is one event. Senders that may post several at once put bodies of one source into a JSON array. Signing is left to
    the attempt, since a signature carries the attempt's time (`cli.company.signing`).
    """

    at_ms: int
    occurred_ms: int
    source: Source
    kind: Kind
    id: str
    body: bytes
    repeated: bool


def deliveries(seed: int, start_ms: int, end_ms: float, rate: Rate, *, ahead_ms: int = 0) -> Iterator[Delivery]:
    """What arrives in [start_ms, end_ms) from everything that began at or after `start_ms`; `end_ms` may be infinite.

    `rate` is messages per second in the mean of a week, a number or a function of the instant; nights and week-ends have less, by
    the company's own clock, which is `ahead_ms` ahead of UTC.
    """
    world = World(seed, ahead_ms=ahead_ms)
    per_second = rate if callable(rate) else lambda _: rate
    waiting: list[tuple[int, int, Delivery]] = []
    order = count()

    def beginnings(at_ms: int) -> float:
        return per_second(at_ms - ahead_ms) * week.weight(at_ms) / MESSAGES_PER_STORY

    for own_ms in week.arrivals(world.rng, start_ms + ahead_ms, end_ms + ahead_ms, beginnings):
        at_ms = own_ms - ahead_ms
        while waiting and waiting[0][0] < at_ms:
            yield heapq.heappop(waiting)[2]
        for message in _story(world, at_ms):
            for delivery in _delivered(world, message):
                heapq.heappush(waiting, (delivery.at_ms, next(order), delivery))
    while waiting and waiting[0][0] < end_ms:
        yield heapq.heappop(waiting)[2]


def _story(world: World, at_ms: int) -> list[Message]:
    """Something new begins: a contact with what follows from it, a lead, a purchase, an answer to the regular survey."""
    what = world.pick([name for name, _ in _SHARES], [share for _, share in _SHARES])
    customer = world.customer()
    if what == "lead":
        return sales.lead_story(world, at_ms, customer)
    if what == "purchase":
        return sales.purchase_story(world, at_ms, customer, world.pick(("new", "repeat")))
    if what == "relationship":
        return surveys.of_the_relationship(world, at_ms, customer)
    issue = world.issue()
    said = _contact(world, what, at_ms, customer, issue)
    last_ms = max(message.occurred_ms for message in said if message.occurred_ms - at_ms < 48 * 60 * _MINUTE_MS)
    if world.chance(0.1):  # it was not enough: the same customer comes again about the same, by any way
        again_ms = last_ms + world.span_ms(5400, 1.4)
        said += _contact(world, world.pick(("zendesk", "desk", "call")), again_ms, customer, issue)
    if world.chance(0.14):
        bought_ms = last_ms + world.span_ms(2400, 1.5)
        said += sales.purchase_story(world, bought_ms, customer, world.pick(("repeat", "upsell", "cross_sell"), (6, 2, 2)))
    return said


def _contact(world: World, what: str, at_ms: int, customer: Customer, issue: Issue) -> list[Message]:
    tell = {"zendesk": tickets.zendesk_story, "desk": tickets.desk_story, "call": calls.call_story}[what]
    return tell(world, at_ms, customer, issue)


def _delivered(world: World, message: Message) -> Iterator[Delivery]:
    """The post: seconds mostly, so that near events change places; some late by minutes to hours, some twice."""
    late_ms = world.span_ms(1, 0.6)
    if world.chance(0.015):
        late_ms += min(world.span_ms(600, 1.2), 6 * 60 * _MINUTE_MS)
    if message.body.get("version"):
        late_ms += world.span_ms(120)
    first = delivered(message, message.occurred_ms + late_ms)
    yield first
    if world.chance(0.012):
        yield first._replace(at_ms=first.at_ms + world.span_ms(20, 1.2), repeated=True)


def delivered(message: Message, at_ms: int) -> Delivery:
    """A message as it arrives at an instant, for the first time."""
    body = orjson.dumps(message.body)
    return Delivery(at_ms, message.occurred_ms, message.source, KIND_OF[message.source], message.id, body, False)
