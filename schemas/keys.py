"""The entity key `kind:source:id` of an event: it decides the partition, and with it who keeps the event's log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas import events as ev
from schemas.events import Event

EVERYWHERE = "*"
"""The key of `fact.withdrawn`: it says which event is taken back, not where that event lives, so every partition gets a copy."""


def of(event: Event) -> str:
    """The entity key of an event (`EVERYWHERE` for a withdrawal)."""
    return _KEY[type(event)](event)


def ledger_of_customer(customer_id: str) -> str:
    """The ledger key of a customer; the id already carries its source where the source keeps ids of its own."""
    return f"customer:{customer_id}"


def _plain(kind: str, field: str) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        return f"{kind}:{event.source}:{getattr(event, field)}"

    return key


def _ticket_or(kind: str, *fields: str) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        if event.ticket_id is not None:
            return f"ticket:{getattr(event, 'ticket_source', None) or event.source}:{event.ticket_id}"
        return f"{kind}:{event.source}:{_first(event, fields)}"

    return key


def _lead_or(kind: str, *fields: str) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        if event.lead_id is not None:
            return f"lead:{event.source}:{event.lead_id}"
        quote_id = getattr(event, "quote_id", None)
        if quote_id is not None:
            return f"quote:{event.source}:{quote_id}"
        return f"{kind}:{event.source}:{_first(event, fields)}"

    return key


def _either(kind: str, *fields: str) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        return f"{kind}:{event.source}:{_first(event, fields)}"

    return key


def _customer(field: str) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        return f"customer:{event.source}:{event.customer_id or getattr(event, field)}"

    return key


def _first(event: Any, fields: tuple[str, ...]) -> str:
    found: str = next(value for field in fields if (value := getattr(event, field)) is not None)
    return found


def _rule(cls: type[Event]) -> Callable[[Any], str]:
    if cls is ev.FactWithdrawn:
        return lambda event: EVERYWHERE
    if cls is ev.ComplaintRaised:
        return _ticket_or("complaint", "complaint_id")
    if cls is ev.SurveySent:
        return _ticket_or("survey", "survey_id")
    if cls is ev.SurveyResponded:
        return _ticket_or("survey", "survey_id", "response_id")
    if cls is ev.AgentTimeLogged:
        return _ticket_or("agent", "agent_id")
    if issubclass(cls, ev.DealEvent):
        return _lead_or("deal", "deal_id")
    if issubclass(cls, ev.QuoteEvent):
        return _lead_or("quote", "quote_id")
    if issubclass(cls, ev.BookingEvent):
        return _lead_or("booking", "booking_id")
    if cls is ev.JobCallback:
        return _either("job", "of_job_id", "job_id")
    if issubclass(cls, ev.InvoiceEvent):
        return _either("order", "order_id", "invoice_id")
    if cls is ev.OfferMade:
        return _customer("offer_id")
    if cls is ev.GestureGiven:
        return _customer("gesture_id")
    for family, kind, field in _FAMILIES:
        if issubclass(cls, family):
            return _plain(kind, field)
    raise TypeError(f"{cls.__name__} has no rule for its entity key: add one to schemas/keys.py")


_FAMILIES: tuple[tuple[type[Event], str, str], ...] = (
    (ev.TicketEvent, "ticket", "ticket_id"),
    (ev.CallEvent, "call", "call_id"),
    (ev.ReviewPosted, "survey", "review_id"),
    (ev.HelpEvent, "visit", "session_id"),
    (ev.LeadEvent, "lead", "lead_id"),
    (ev.JobEvent, "job", "job_id"),
    (ev.OrderEvent, "order", "order_id"),
    (ev.PurchaseEvent, "purchase", "purchase_id"),
    (ev.PaymentEvent, "payment", "payment_id"),
    (ev.SubscriptionEvent, "subscription", "subscription_id"),
    (ev.CustomerEvent, "customer", "customer_id"),
    (ev.AgentEvent, "agent", "agent_id"),
    (ev.RecordEvent, "record", "record_id"),
)
_KEY: dict[type[Event], Callable[[Any], str]] = {cls: _rule(cls) for cls in ev.EVENT_CLASSES}
