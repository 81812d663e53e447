"""One continuous timeline around now: what has arrived so far, and what will arrive, of the same stories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain

from cli.company import pace
from cli.company.deliveries import Delivery, deliveries

_ROOM = 1.25
"""How far above the wish a history may be without being made anew."""

_AT_WORK_MS = 1_767_781_800_000
"""Half past ten on a Wednesday."""

Split = tuple[list[Delivery], Iterator[Delivery]]
"""What arrives before now, in order, and the endless rest."""


def around(seed: int, now_ms: int, *, speed: float = 1.0, events: int | None = None) -> Split:
    """What arrives before `now_ms`, in order, and the endless rest from then on.

    With `events` the past is made as dense as needed to hold at least so many different messages, and not much denser.
    """

    def told(size: float) -> Split:
        return _split(deliveries(seed, pace.start_ms(now_ms), math.inf, pace.rate(now_ms, speed=speed, size=size)), now_ms)

    return _dense(told, events)


def days_ahead_ms(now_ms: int) -> int:
    """How far the company's own clock is ahead of UTC in `days_around`, so that it is at work whenever it is looked at."""
    return _AT_WORK_MS - now_ms


def days_around(seed: int, now_ms: int, *, events: int | None = None) -> Split:
    """The same of days that are all alike but for the hour and the weekday, past and present.

    It is always half past ten on a Wednesday there, so that the present is busy, and the same for a seed whenever it is asked for.
    """
    ahead_ms = days_ahead_ms(now_ms)

    def told(size: float) -> Split:
        rate = pace.days_rate(now_ms, size=size, ahead_ms=ahead_ms)
        return _split(deliveries(seed, now_ms - pace.DAYS_MS, math.inf, rate, ahead_ms=ahead_ms), now_ms)

    return _dense(told, events)


def _dense(told: Callable[[float], Split], events: int | None) -> Split:
    """What is told at the usual density, or at the one that gives at least so many events of the past."""
    past, rest = told(1.0)
    if events is None:
        return past, rest
    size, tries = 1.0, 0
    # Another density tells other stories, so their number wavers: ever bolder guesses end soon, a search for the best might not.
    while (found := _different(past)) < events or (tries == 0 and found > events * _ROOM + 40):
        tries += 1
        size *= (1 + 0.02 * tries) * events / max(1, found)
        past, rest = told(size)
    return past, rest


def _different(past: list[Delivery]) -> int:
    return sum(not delivery.repeated for delivery in past)


def _split(stream: Iterator[Delivery], now_ms: int) -> Split:
    past: list[Delivery] = []
    for delivery in stream:
        if delivery.at_ms >= now_ms:
            return past, chain([delivery], stream)
        past.append(delivery)
    return past, iter(())
