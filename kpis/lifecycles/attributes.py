"""What an event says of its entity's attributes, and how an entry keeps the attributes it began with."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from kpis.dimensions import SALE, TICKET, Attributes

Add = Callable[[int, int, Attributes, int, int], None]
"""add(slot, time_ms, attributes, value, count): how a life cycle emits; count −1 takes back."""

_TICKET_FIELDS = attrgetter("channel", "team", "queue", "priority", "issue_type", "product", "brand", "region", "language", "customer_tier")
_NOTHING_SAID = (None,) * 10
HANDLED_BY = TICKET.position("handled_by")
AGENT = TICKET.position("agent")
CHANNEL = TICKET.position("channel")
TEAM = TICKET.position("team")
PRIORITY = TICKET.position("priority")
ISSUE_TYPE = TICKET.position("issue_type")
PRODUCT = TICKET.position("product")

SPAN_SLACK_MS = 5_000
SPAN_MAX_MS = 315_360_000_000
"""Ten years of 365 days: a longer span is a wrong clock, not a wait."""


def after(attributes: Attributes, event: Any) -> Attributes:
    """The attributes in force after an event of a ticket, call or survey."""
    said = _TICKET_FIELDS(event)
    agent = event.agent_id
    if agent is None or agent == attributes[AGENT]:
        if said == _NOTHING_SAID or said == attributes[1:HANDLED_BY]:
            return attributes
        agent = attributes[AGENT]
    kept = [new if new is not None else old for new, old in zip(said, attributes[1:HANDLED_BY], strict=True)]
    changed = (attributes[0], *kept, attributes[HANDLED_BY], agent)
    return attributes if changed == attributes else changed


def with_value(attributes: Attributes, position: int, value: str | None) -> Attributes:
    """The same attributes with another value at one position."""
    if attributes[position] == value:
        return attributes
    return (*attributes[:position], value, *attributes[position + 1 :])


def filled(entry: Attributes, now: Attributes) -> Attributes:
    """The attributes of an entry: what was not said when it began takes the first value said later."""
    if None not in entry or entry == now:
        return entry
    return tuple(e if e is not None else n for e, n in zip(entry, now, strict=True))


def span(duration_ms: int) -> int | None:
    """A duration as it counts: up to 5 s below zero is 0 (clock skew), anything else that cannot be is None (quarantined)."""
    if duration_ms < 0:
        return 0 if duration_ms >= -SPAN_SLACK_MS else None
    return duration_ms if duration_ms <= SPAN_MAX_MS else None


_SALE_FIELDS = attrgetter(*(name for name in SALE.names if name not in ("job_type", "crew", "equipment", "booking_channel", "agent")))
_SALE_OWN = ("job_type", "crew", "equipment", "booking_channel")


def after_sale(attributes: Attributes, event: Any) -> Attributes:
    """The attributes in force after an event of a lead, quote, deal or booking."""
    said = dict(zip(_SALE_PLAIN, _SALE_FIELDS(event), strict=True))
    said |= {name: getattr(event, name, None) for name in _SALE_OWN}
    said["agent"] = event.agent_id
    return (attributes[0], *(said[name] if said[name] is not None else old for name, old in zip(SALE.names, attributes[1:], strict=True)))


_SALE_PLAIN = tuple(name for name in SALE.names if name not in (*_SALE_OWN, "agent"))
