"""One continuous timeline around now: what has arrived so far, and what will arrive, of the same stories."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

from cli.company import pace
from cli.company.deliveries import Delivery, deliveries

_ROOM = 1.25
"""How far above the wish a history may be without being made anew."""


def around(seed: int, now_ms: int, *, speed: float = 1.0, events: int | None = None) -> tuple[list[Delivery], Iterator[Delivery]]:
    """What arrives before `now_ms`, in order, and the endless rest from then on.

    With `events` the past is made as dense as needed to hold at least so many different messages, and not much denser.
    """
    past, rest = _split(seed, now_ms, speed, 1.0)
    if events is None:
        return past, rest
    size, tries = 1.0, 0
    # Another density tells other stories, so their number wavers: ever bolder guesses end soon, a search for the best might not.
    while (found := _different(past)) < events or (tries == 0 and found > events * _ROOM + 40):
        tries += 1
        size *= (1 + 0.02 * tries) * events / max(1, found)
        past, rest = _split(seed, now_ms, speed, size)
    return past, rest


def _different(past: list[Delivery]) -> int:
    return sum(not delivery.repeated for delivery in past)


def _split(seed: int, now_ms: int, speed: float, size: float) -> tuple[list[Delivery], Iterator[Delivery]]:
    stream = deliveries(seed, pace.start_ms(now_ms), math.inf, pace.rate(now_ms, speed=speed, size=size))
    past: list[Delivery] = []
    for delivery in stream:
        if delivery.at_ms >= now_ms:
            return past, chain([delivery], stream)
        past.append(delivery)
    return past, iter(())
