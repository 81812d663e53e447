"""What an entity's state tells the ledgers: the facts that hold now. Versions are given by whoever sends them."""

from __future__ import annotations

from kpis.lifecycles.answers import Invitation, Recommendation
from kpis.lifecycles.attributes import ISSUE_TYPE, PRODUCT
from kpis.lifecycles.call import Call
from kpis.lifecycles.lead import Lead
from kpis.lifecycles.purchase import Purchase
from kpis.lifecycles.survey import Survey
from kpis.lifecycles.ticket_state import Ticket
from schemas import facts as f
from schemas.keys import ledger_of_customer


def of_ticket(state: Ticket, key: str) -> list[f.AnyFact]:
    """The contact a ticket is, and its surveys."""
    facts = _of_surveys(key, state.customer_id, state.invitations, state.relationship)
    entry, solve = state.entry, state.solve
    if state.customer_id is not None and entry is not None:
        counts = entry.kind == "created" and state.by_customer
        facts.append(
            f.Contact(
                key=ledger_of_customer(state.customer_id),
                id=f"{key}/contact",
                version=0,
                of=f"ticket:{_id_in(key)}",
                is_ticket=True,
                began_at_ms=entry.at_ms,
                started_at_ms=entry.at_ms if counts else None,
                ended_at_ms=None if solve is None else solve.at_ms,
                issue_type=state.attributes[ISSUE_TYPE],
                product=state.attributes[PRODUCT],
                start_attributes=entry.attributes,
                end_attributes=() if solve is None else state.end_attributes,
            )
        )
    return facts


def of_call(state: Call, key: str) -> list[f.AnyFact]:
    """The contact an answered inbound call is."""
    answered = state.answered
    if state.customer_id is None or answered is None or state.outbound:
        return []
    return [
        f.Contact(
            key=ledger_of_customer(state.customer_id),
            id=f"{key}/contact",
            version=0,
            of=f"call:{_id_in(key)}",
            is_ticket=False,
            began_at_ms=state.began_ms or answered.at_ms,
            started_at_ms=state.queued.at_ms if state.queued is not None else answered.at_ms,
            ended_at_ms=state.ended_ms,
            issue_type=state.attributes[ISSUE_TYPE],
            product=state.attributes[PRODUCT],
            start_attributes=state.start_attributes,
            end_attributes=state.end_attributes,
        )
    ]


def of_survey(state: Survey, key: str) -> list[f.AnyFact]:
    """The invitation and the recommendation of a response without a ticket."""
    return _of_surveys(key, state.customer_id, state.invitations, state.relationship)


def of_lead(state: Lead, key: str) -> list[f.AnyFact]:
    """The quotes of a lead, and which of them became a booking."""
    facts: list[f.AnyFact] = []
    booked: dict[str, int] = {}
    for booking in state.bookings:
        if booking.quote_id is not None and not booking.cancelled:
            booked.setdefault(booking.quote_id, booking.at_ms)
    for quote in state.quotes:
        ledger = f"quote:{quote.source}:{quote.quote_id}"
        facts.append(
            f.QuoteOffered(key=ledger, id=f"{key}/quote/{quote.quote_id}", version=0, at_ms=quote.sent_ms, attributes=quote.attributes)
        )
    source = key.split(":", 2)[1]
    for quote_id, at_ms in booked.items():
        facts.append(f.QuoteBooked(key=f"quote:{source}:{quote_id}", id=f"{key}/booked/{quote_id}", version=0, at_ms=at_ms))
    return facts


def of_purchase(state: Purchase, key: str) -> list[f.AnyFact]:
    """The purchase, while it stands and its customer is known."""
    if state.customer_id is None or state.completed_ms is None or state.refunded:
        return []
    ledger = ledger_of_customer(state.customer_id)
    return [f.Purchase(key=ledger, id=f"{key}/purchase", version=0, at_ms=state.completed_ms, names=state.names)]


def _of_surveys(key: str, customer_id: str | None, invitations: list[Invitation], relationship: list[Recommendation]) -> list[f.AnyFact]:
    facts: list[f.AnyFact] = []
    for i in invitations:
        ledger = f"invitation:{i.source}:{i.survey_id}"
        if i.sent_ms is not None:
            facts.append(f.InvitationSent(key=ledger, id=f"{key}/sent/{i.survey_id}", version=0, at_ms=i.sent_ms, attributes=i.attributes))
        if i.answered_ms is not None:
            facts.append(f.InvitationAnswered(key=ledger, id=f"{key}/answered/{i.survey_id}", version=0, at_ms=i.answered_ms))
    customer = ledger_of_customer(customer_id if customer_id is not None else f"~{key}")
    facts += [
        f.RelationshipAnswer(
            key=customer, id=f"{key}/nps/{r.response_id}/{r.question}", version=0, at_ms=r.at_ms, score=r.score, attributes=r.attributes
        )
        for r in relationship
    ]
    return facts


def _id_in(key: str) -> str:
    return key.split(":", 2)[2]
