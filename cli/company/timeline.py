"""One continuous timeline around now: what has arrived so far, and what will arrive, of the same stories."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

from cli.company import pace
from cli.company.deliveries import Delivery, deliveries


def around(seed: int, now_ms: int, *, speed: float = 1.0, events: int | None = None) -> tuple[list[Delivery], Iterator[Delivery]]:
    """What arrives before `now_ms`, in order, and the endless rest from then on.

    With `events` the past is made as long as needed to hold at least so many different messages, and hardly longer.
    """
    past, rest = _split(seed, now_ms, speed, 1.0)
    size = 1.0
    while events is not None and (found := sum(not delivery.repeated for delivery in past)) != events:
        if events <= found <= events * 1.03 + 20:
            break
        size *= 1.012 * events / max(1, found)
        past, rest = _split(seed, now_ms, speed, size)
    return past, rest


def _split(seed: int, now_ms: int, speed: float, size: float) -> tuple[list[Delivery], Iterator[Delivery]]:
    stream = deliveries(seed, pace.start_ms(now_ms), math.inf, pace.rate(now_ms, speed=speed, size=size))
    past: list[Delivery] = []
    for delivery in stream:
        if delivery.at_ms >= now_ms:
            return past, chain([delivery], stream)
        past.append(delivery)
    return past, iter(())
