"""The life cycle of a lead with its quotes, deals and bookings; also of a quote, deal or booking that names no lead.

The booking of a lead is its earliest booking that was not cancelled, or its won deal. A booking that names no quote belongs to
the quote last sent before it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from kpis import measures as m
from kpis.controls import Controls
from kpis.dimensions import SALE, Attributes
from kpis.lifecycles.attributes import Add, after_sale, filled, span
from kpis.lifecycles.business import business_ms
from kpis.lifecycles.groups import Group
from schemas import events as ev


class LeadEntry(Group, frozen=True, array_like=True, gc=False):
    """A lead from its creation: contacted and booked, dated at the creation. A booking before the lead counts 0."""

    at_ms: int
    attributes: Attributes
    contacted_ms: int | None = None
    booked_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """Entered twice, for its response and for its booking; a lost lead stays at risk."""
        at, attributes = self.at_ms, self.attributes
        add(_RESPONSE_IN, at, attributes, 0, sign)
        add(_BOOKING_IN, at, attributes, 0, sign)
        if self.contacted_ms is not None and (value := span(self.contacted_ms - at)) is not None:
            add(_RESPONSE_OUT, at, attributes, value, sign)
        if self.booked_ms is not None and (value := span(max(0, self.booked_ms - at))) is not None:
            add(_BOOKING_OUT, at, attributes, value, sign)


class Booked(Group, frozen=True, array_like=True, gc=False):
    """The booking of a lead, dated at the booking."""

    at_ms: int
    attributes: Attributes
    wait_ms: int
    wait_business_ms: int | None = None

    def contribute(self, add: Add, sign: int) -> None:
        """The wait for the booking, by both clocks."""
        value = span(max(0, self.wait_ms))
        if value is None:
            add(m.QUARANTINED_SALE.slot("booking_wait"), self.at_ms, self.attributes, 0, sign)
            return
        add(_BOOKING_WAIT, self.at_ms, self.attributes, value, sign)
        if self.wait_business_ms is not None:
            add(_BOOKING_WAIT_BUSINESS, self.at_ms, self.attributes, self.wait_business_ms, sign)


class Booking(Struct, frozen=True, array_like=True, gc=False):
    """A booking or won deal; `quote_id` is the quote it came from, None without one."""

    key: str
    at_ms: int
    attributes: Attributes
    quote_id: str | None
    cancelled: bool = False


class Quote(Struct, frozen=True, array_like=True, gc=False):
    """A quote from when it was sent first."""

    quote_id: str
    source: str
    sent_ms: int
    attributes: Attributes


class Lead(Struct, array_like=True):
    """What is known of one lead."""

    attributes: Attributes = SALE.nothing()
    customer_id: str | None = None
    entry: LeadEntry | None = None
    booked: Booked | None = None
    contacted: bool = False
    bookings: list[Booking] = []
    quotes: list[Quote] = []
    void: bool = False
    early: tuple[int, Attributes] | None = None
    """The first contact by a person when it came before the lead: its time and attributes."""


def step(state: Lead, event: Any, add: Add, controls: Controls) -> None:
    """Apply the next event of the lead's log and add what it contributes."""
    at = event.occurred_at_ms
    entry, booked = state.entry, state.booked
    if event.customer_id is not None:
        state.customer_id = event.customer_id
    state.attributes = after_sale(state.attributes, event)
    if isinstance(event, ev.LeadCreated):
        if state.entry is None:
            state.entry = LeadEntry(at_ms=at, attributes=state.attributes)
            if state.early is not None:
                _respond(state, *state.early, add, controls)
    elif isinstance(event, ev.LeadContacted):
        _contacted(state, event, at, add, controls)
    elif isinstance(event, ev.QuoteSent):
        sent = next((q for q in state.quotes if q.quote_id == event.quote_id), None)
        others = [q for q in state.quotes if q is not sent]
        state.quotes = [*others, sent or Quote(event.quote_id, event.source, at, state.attributes)]  # in the order last sent
    elif isinstance(event, ev.BookingCreated):
        _book(state, f"booking:{event.booking_id}", at, event.quote_id)
    elif isinstance(event, ev.DealWon):
        _book(state, f"deal:{event.deal_id}", at, None)
    elif isinstance(event, ev.BookingCancelled):
        state.bookings = [
            msgspec.structs.replace(b, cancelled=True) if b.key == f"booking:{event.booking_id}" else b for b in state.bookings
        ]
    elif isinstance(event, ev.LeadMerged):
        state.void = True
    if any(None in quote.attributes for quote in state.quotes):
        state.quotes = [msgspec.structs.replace(q, attributes=filled(q.attributes, state.attributes)) for q in state.quotes]
    _first_booking(state, controls)
    if state.entry is not None and None in state.entry.attributes:
        known = filled(state.entry.attributes, state.attributes)
        if known != state.entry.attributes:
            state.entry = state.entry.but(attributes=known)
    for old, new in ((entry, state.entry), (booked, state.booked)):
        if new != old:
            if old is not None:
                old.contribute(add, -1)
            if new is not None:
                new.contribute(add, 1)


def _contacted(state: Lead, event: ev.LeadContacted, at: int, add: Add, controls: Controls) -> None:
    if event.automatic or state.contacted:
        return
    state.contacted = True
    if state.entry is None:
        state.early = (at, state.attributes)
    else:
        _respond(state, at, state.attributes, add, controls)


def _respond(state: Lead, at: int, attributes: Attributes, add: Add, controls: Controls) -> None:
    assert state.entry is not None
    entered_ms = state.entry.at_ms
    value = span(at - entered_ms)
    if value is None:
        add(m.QUARANTINED_SALE.slot("lead_response"), at, attributes, 0, 1)
    else:
        add(_RESPONSE, at, attributes, value, 1)
        business = business_ms((), controls, entered_ms, at)
        if business is not None:
            add(_RESPONSE_BUSINESS, at, attributes, business, 1)
    state.entry = state.entry.but(contacted_ms=at)


def _book(state: Lead, key: str, at: int, quote_id: str | None) -> None:
    if any(b.key == key for b in state.bookings):
        return
    if quote_id is None and state.quotes:
        quote_id = state.quotes[-1].quote_id
    state.bookings = [*state.bookings, Booking(key, at, state.attributes, quote_id)]


def _first_booking(state: Lead, controls: Controls) -> None:
    first = next((b for b in state.bookings if not b.cancelled), None)
    if state.entry is None:
        return
    entered_ms = state.entry.at_ms
    booked_ms = None if first is None else first.at_ms
    if booked_ms != state.entry.booked_ms:
        state.entry = state.entry.but(booked_ms=booked_ms)
    if first is None:
        state.booked = None
        return
    if state.booked is not None and (state.booked.at_ms, state.booked.attributes) == (first.at_ms, first.attributes):
        return  # its business time was told by the calendars of then
    business = business_ms((), controls, entered_ms, first.at_ms)
    state.booked = Booked(at_ms=first.at_ms, attributes=first.attributes, wait_ms=first.at_ms - entered_ms, wait_business_ms=business)


_RESPONSE = m.LEAD_RESPONSE.slot()
_RESPONSE_IN, _RESPONSE_OUT = m.LEAD_RESPONSE_COHORT.slot(m.ENTERED), m.LEAD_RESPONSE_COHORT.slot(m.OUTCOME)
_RESPONSE_BUSINESS, _BOOKING_WAIT_BUSINESS = m.LEAD_RESPONSE_BUSINESS.slot(), m.BOOKING_WAIT_BUSINESS.slot()
_BOOKING_WAIT = m.BOOKING_WAIT.slot()
_BOOKING_IN, _BOOKING_OUT = m.BOOKING_WAIT_COHORT.slot(m.ENTERED), m.BOOKING_WAIT_COHORT.slot(m.OUTCOME)
