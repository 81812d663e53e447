"""The canonical events: what happened at a company's service desk, in our words.

One frozen Struct a type; the order in which the types are written is their *rank*, which breaks ties of time inside an
entity's log. Only decoding validates (msgspec), so adapters build plain dicts and go through `schemas.canonical`.
Nothing here carries message text, names, addresses, telephone numbers or e-mail addresses.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

ID_MAX_CHARS = 200
"""Longest id, name of a type or value of a dimension that is let in: what is longer is a text, not a name."""

TIME_MAX_MS = 32_503_680_000_000
"""First instant of the year 3000: times at or after it are typing errors, not facts."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX_CHARS)]
Millis = Annotated[int, Meta(ge=0, lt=TIME_MAX_MS)]
Count = Annotated[int, Meta(ge=0, le=2**31)]
Minor = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]
Number = Annotated[float, Meta(ge=-1e9, le=1e9)]
Tags = Annotated[tuple[Id, ...], Meta(max_length=100)]
Status = Literal["new", "open", "pending", "on_hold", "solved", "closed"]
Mode = Literal["cold", "warm", "bot", "unknown"]
SurveyType = Literal["post_case", "transactional", "relationship", "selfservice", "employee", "panel"]
Activity = Annotated[str, Meta(min_length=1, max_length=64)]


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", gc=False):
    """What every event says: its identity, its times and the attributes in force after it.

    `(source, id)` identifies an event and a higher `version` replaces it. An attribute that is None was not said, which
    never means "empty". `received_at_ms` is 0 until ingest takes the event.
    """

    id: Id
    source: Id = "default"
    occurred_at_ms: Millis
    received_at_ms: Millis = 0
    version: Count = 0
    sequence: Annotated[int, Meta(ge=0, le=2**53)] = 0
    time_is_received: bool = False
    customer_id: Id | None = None
    organisation_id: Id | None = None
    agent_id: Id | None = None
    actor_id: Id | None = None
    team: Id | None = None
    queue: Id | None = None
    channel: Id | None = None
    priority: Id | None = None
    issue_type: Id | None = None
    product: Id | None = None
    brand: Id | None = None
    region: Id | None = None
    language: Id | None = None
    customer_tier: Id | None = None
    tags: Tags | None = None

    type: ClassVar[str]
    rank: ClassVar[int]


# ---- tickets ---------------------------------------------------------------------------------


class TicketEvent(Event, frozen=True, kw_only=True):
    """An event of one ticket."""

    ticket_id: Id


class TicketCreated(TicketEvent, frozen=True, kw_only=True, tag="ticket.created"):
    """A ticket came into being; with `backfill` it is an export that fills the backlog without counting as new."""

    status: Status = "new"
    by: Literal["customer", "agent", "system"] = "customer"
    public: bool = True
    opened_at_ms: Millis | None = None
    backfill: bool = False


class TicketStatusChanged(TicketEvent, frozen=True, kw_only=True, tag="ticket.status_changed", rename={"from_": "from"}):
    """The ticket is in status `to` from now on."""

    to: Status
    from_: Status | None = None
    automatic: bool = False


class TicketSolved(TicketEvent, frozen=True, kw_only=True, tag="ticket.solved"):
    """A claim equal to a change to `solved`."""

    automatic: bool = False


class TicketReopened(TicketEvent, frozen=True, kw_only=True, tag="ticket.reopened"):
    """A claim equal to a change to `open`."""

    automatic: bool = False


class TicketClosed(TicketEvent, frozen=True, kw_only=True, tag="ticket.closed"):
    """A claim equal to a change to `closed`."""

    automatic: bool = False


class TicketAssigned(TicketEvent, frozen=True, kw_only=True, tag="ticket.assigned"):
    """The responsible agent or team was set; null means nobody, an absent field that nothing was said of it."""

    agent_id: Id | UnsetType | None = UNSET  # type: ignore[assignment]
    team: Id | UnsetType | None = UNSET  # type: ignore[assignment]
    automatic: bool = False


class TicketTransferred(TicketEvent, frozen=True, kw_only=True, tag="ticket.transferred"):
    """The ticket went from one owner, team or queue to another."""

    mode: Mode = "unknown"
    reason: Id | None = None
    from_team: Id | None = None
    to_team: Id | None = None
    from_agent_id: Id | None = None
    to_agent_id: Id | None = None


class TicketCustomerMessage(TicketEvent, frozen=True, kw_only=True, tag="ticket.customer_message"):
    """The customer wrote."""

    message_id: Id


class TicketPublicReply(TicketEvent, frozen=True, kw_only=True, tag="ticket.public_reply"):
    """The company wrote to the customer: a person, or a machine (`by: bot`), which is never a human reply."""

    message_id: Id
    by: Literal["human", "bot"] = "human"


class TicketNote(TicketEvent, frozen=True, kw_only=True, tag="ticket.note"):
    """An internal note."""

    message_id: Id


class TicketMerged(TicketEvent, frozen=True, kw_only=True, tag="ticket.merged"):
    """This ticket was merged into another, its primary."""

    into_ticket_id: Id


class TicketAbsorbed(TicketEvent, frozen=True, kw_only=True, tag="ticket.absorbed"):
    """The log of a merged ticket, sent to its primary by the aggregator itself; `generation` is the aggregator's own.

    Generations side by side write to one topic: each takes only what it wrote itself.
    """

    log: tuple[dict[str, Any], ...]
    generation: int = 0


class TicketDeleted(TicketEvent, frozen=True, kw_only=True, tag="ticket.deleted"):
    """The ticket is gone and counts nowhere."""

    reason: Literal["deleted", "spam", "test"] = "deleted"


class TicketPriorityChanged(TicketEvent, frozen=True, kw_only=True, tag="ticket.priority_changed", rename={"from_": "from"}):
    """The ticket has priority `to` from now on."""

    to: Id
    from_: Id | None = None


class TicketClassified(TicketEvent, frozen=True, kw_only=True, tag="ticket.classified"):
    """An attribute of the ticket was set."""

    field: Literal["issue_type", "product", "brand", "region", "language"]
    to: Id


class TicketTagged(TicketEvent, frozen=True, kw_only=True, tag="ticket.tagged"):
    """Tags were added or removed."""

    added: Tags = ()
    removed: Tags = ()


class TicketEscalated(TicketEvent, frozen=True, kw_only=True, tag="ticket.escalated", rename={"from_": "from"}):
    """The ticket was passed to more skill or authority, or its urgency was raised."""

    kind: Literal["functional", "hierarchic", "complaint", "priority", "sla"]
    from_: Id | None = None
    to: Id | None = None


class TicketSlaDue(TicketEvent, frozen=True, kw_only=True, tag="ticket.sla_due"):
    """A promise was made until `due_at_ms`; None withdraws or pauses it."""

    policy: Id
    target: Literal["first_reply", "next_reply", "resolution"]
    due_at_ms: Millis | None


class TicketScheduleApplied(TicketEvent, frozen=True, kw_only=True, tag="ticket.schedule_applied"):
    """Business hours of this calendar hold for the ticket from now on."""

    calendar: Id


class ComplaintRaised(Event, frozen=True, kw_only=True, tag="complaint.raised"):
    """A customer complained, about a ticket or on its own."""

    complaint_id: Id
    ticket_id: Id | None = None
    ticket_source: Id | None = None
    department: Id | None = None
    category: Id | None = None


# ---- calls -----------------------------------------------------------------------------------


class CallEvent(Event, frozen=True, kw_only=True):
    """An event of one call (or chat session, with `channel: chat`)."""

    call_id: Id


class CallQueued(CallEvent, frozen=True, kw_only=True, tag="call.queued"):
    """The call waits for a person."""

    direction: Literal["inbound", "outbound"] = "inbound"


class CallAnswered(CallEvent, frozen=True, kw_only=True, tag="call.answered"):
    """A person took the call."""


class CallAbandoned(CallEvent, frozen=True, kw_only=True, tag="call.abandoned"):
    """The call ended before a person took it."""

    reason: Literal["caller", "ivr", "closed", "short", "other"] = "caller"


class CallEnded(CallEvent, frozen=True, kw_only=True, tag="call.ended"):
    """An answered call is over."""

    talk_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    wrap_seconds: Seconds | None = None


class CallTransferred(CallEvent, frozen=True, kw_only=True, tag="call.transferred"):
    """The call went to another person or queue."""

    mode: Mode = "unknown"
    to_queue: Id | None = None


class CallCallbackOffered(CallEvent, frozen=True, kw_only=True, tag="call.callback_offered"):
    """The caller was offered to be called back."""


class CallCallbackAccepted(CallEvent, frozen=True, kw_only=True, tag="call.callback_accepted"):
    """The caller will be called back: hanging up now is no abandonment."""


# ---- surveys and reviews ---------------------------------------------------------------------


class SurveySent(Event, frozen=True, kw_only=True, tag="survey.sent"):
    """One invitation went out."""

    survey_id: Id
    survey_type: SurveyType
    survey_channel: Id | None = None
    ticket_id: Id | None = None
    ticket_source: Id | None = None
    wave_id: Id | None = None


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One answered question; the scale is part of the answer, since scales are never mixed."""

    question: Id = "overall"
    metric: Literal["csat", "nps", "ces", "stars", "yes_no", "words"]
    score: Number | None = None
    scale_min: Number | None = None
    scale_max: Number | None = None
    words: Annotated[tuple[Id, ...], Meta(max_length=50)] | None = None


class SurveyResponded(Event, frozen=True, kw_only=True, tag="survey.responded"):
    """Somebody answered: an upsert by (response_id, question)."""

    response_id: Id
    survey_id: Id | None = None
    ticket_id: Id | None = None
    ticket_source: Id | None = None
    survey_type: SurveyType
    survey_channel: Id | None = None
    partial: bool = False
    wave_id: Id | None = None
    answers: Annotated[tuple[Answer, ...], Meta(max_length=100)]


class ReviewPosted(Event, frozen=True, kw_only=True, tag="review.posted"):
    """A public review or a mention in a social network."""

    review_id: Id
    site: Id
    score: Number | None = None
    scale_max: Number | None = None
    network: Id | None = None
    sentiment: Id | None = None


# ---- self-service ----------------------------------------------------------------------------


class HelpEvent(Event, frozen=True, kw_only=True):
    """An event of one visit to the help centre."""

    session_id: Id


class HelpSession(HelpEvent, frozen=True, kw_only=True, tag="help.session"):
    """A visit began."""


class HelpSearch(HelpEvent, frozen=True, kw_only=True, tag="help.search"):
    """The visitor searched."""

    results: Count


class HelpArticleViewed(HelpEvent, frozen=True, kw_only=True, tag="help.article_viewed"):
    """The visitor opened an article."""

    article_id: Id


class HelpArticleVoted(HelpEvent, frozen=True, kw_only=True, tag="help.article_voted"):
    """The visitor said whether an article helped."""

    article_id: Id
    helpful: bool


class HelpFormOpened(HelpEvent, frozen=True, kw_only=True, tag="help.form_opened"):
    """The visitor opened the contact form."""


# ---- leads, deals, quotes, bookings ----------------------------------------------------------


class LeadEvent(Event, frozen=True, kw_only=True):
    """An event of one lead."""

    lead_id: Id


class LeadCreated(LeadEvent, frozen=True, kw_only=True, tag="lead.created"):
    """Somebody may buy."""


class LeadContacted(LeadEvent, frozen=True, kw_only=True, tag="lead.contacted"):
    """The company reached out to the lead."""

    automatic: bool = False


class LeadLost(LeadEvent, frozen=True, kw_only=True, tag="lead.lost"):
    """The lead will not buy."""

    reason: Id | None = None
    rival: Id | None = None
    first_to_quote: bool | None = None


class LeadMerged(LeadEvent, frozen=True, kw_only=True, tag="lead.merged"):
    """The lead was a duplicate of another."""

    into_lead_id: Id


class DealEvent(Event, frozen=True, kw_only=True):
    """An event of one deal."""

    deal_id: Id
    lead_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Id | None = None


class DealCreated(DealEvent, frozen=True, kw_only=True, tag="deal.created"):
    """A deal was opened."""


class DealStageChanged(DealEvent, frozen=True, kw_only=True, tag="deal.stage_changed"):
    """The deal is in stage `to`."""

    to: Id


class DealWon(DealEvent, frozen=True, kw_only=True, tag="deal.won"):
    """The deal was won: the booking of its lead."""


class DealLost(DealEvent, frozen=True, kw_only=True, tag="deal.lost"):
    """The deal was lost."""

    reason: Id | None = None
    rival: Id | None = None
    first_to_quote: bool | None = None


class QuoteEvent(Event, frozen=True, kw_only=True):
    """An event of one quote."""

    quote_id: Id
    lead_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Id | None = None
    reason: Id | None = None
    rival: Id | None = None
    first_to_quote: bool | None = None


class QuoteRequested(QuoteEvent, frozen=True, kw_only=True, tag="quote.requested"):
    """A quote was asked for."""


class QuoteSent(QuoteEvent, frozen=True, kw_only=True, tag="quote.sent"):
    """A quote went out."""


class QuoteAccepted(QuoteEvent, frozen=True, kw_only=True, tag="quote.accepted"):
    """The quote was accepted."""


class QuoteDeclined(QuoteEvent, frozen=True, kw_only=True, tag="quote.declined"):
    """The quote was declined."""


class QuoteExpired(QuoteEvent, frozen=True, kw_only=True, tag="quote.expired"):
    """The quote ran out."""


class BookingEvent(Event, frozen=True, kw_only=True):
    """An event of one booking."""

    booking_id: Id
    lead_id: Id | None = None
    quote_id: Id | None = None
    booking_channel: Id | None = None
    starts_at_ms: Millis | None = None


class BookingCreated(BookingEvent, frozen=True, kw_only=True, tag="booking.created"):
    """An appointment or job was booked."""


class BookingMoved(BookingEvent, frozen=True, kw_only=True, tag="booking.moved"):
    """The booking has another time."""


class BookingCancelled(BookingEvent, frozen=True, kw_only=True, tag="booking.cancelled"):
    """The booking was cancelled."""


class BookingNoShow(BookingEvent, frozen=True, kw_only=True, tag="booking.no_show"):
    """Nobody came."""


# ---- jobs, orders, invoices ------------------------------------------------------------------


class JobEvent(Event, frozen=True, kw_only=True):
    """An event of one job in the field."""

    job_id: Id
    booking_id: Id | None = None
    job_type: Id | None = None
    crew: Id | None = None
    technicians: Tags | None = None
    equipment: Id | None = None
    amount_minor: Minor | None = None
    currency: Id | None = None
    travel_seconds: Seconds | None = None
    of_job_id: Id | None = None


class JobStarted(JobEvent, frozen=True, kw_only=True, tag="job.started"):
    """Work began."""


class JobCompleted(JobEvent, frozen=True, kw_only=True, tag="job.completed"):
    """Work is done."""


class JobCallback(JobEvent, frozen=True, kw_only=True, tag="job.callback"):
    """The crew had to come back."""


class OrderEvent(Event, frozen=True, kw_only=True):
    """An event of one order."""

    order_id: Id
    errors: Count = 0
    department: Id | None = None


class OrderEntered(OrderEvent, frozen=True, kw_only=True, tag="order.entered"):
    """The order was typed in."""


class OrderProcessed(OrderEvent, frozen=True, kw_only=True, tag="order.processed"):
    """The order is ready to leave."""


class OrderDelivered(OrderEvent, frozen=True, kw_only=True, tag="order.delivered"):
    """The order has arrived."""


class InvoiceEvent(Event, frozen=True, kw_only=True):
    """An event of one invoice."""

    invoice_id: Id
    order_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Id | None = None
    reason: Id | None = None


class InvoiceIssued(InvoiceEvent, frozen=True, kw_only=True, tag="invoice.issued"):
    """An invoice went out."""


class InvoiceCorrected(InvoiceEvent, frozen=True, kw_only=True, tag="invoice.corrected"):
    """An invoice was put right."""


# ---- purchases, payments, subscriptions ------------------------------------------------------


class PurchaseEvent(Event, frozen=True, kw_only=True):
    """An event of one purchase; money in minor units of its currency."""

    purchase_id: Id
    amount_minor: Minor
    currency: Id
    margin_minor: Minor | None = None
    kind: Literal["new", "repeat", "upsell", "cross_sell", "unknown"] = "unknown"
    ticket_id: Id | None = None
    call_id: Id | None = None


class PurchaseStarted(PurchaseEvent, frozen=True, kw_only=True, tag="purchase.started"):
    """A basket or checkout was begun."""


class PurchaseCompleted(PurchaseEvent, frozen=True, kw_only=True, tag="purchase.completed"):
    """Somebody bought."""


class PurchaseRefunded(PurchaseEvent, frozen=True, kw_only=True, tag="purchase.refunded"):
    """The purchase was given back."""


class PaymentEvent(Event, frozen=True, kw_only=True):
    """Money that moved."""

    payment_id: Id
    amount_minor: Minor
    currency: Id
    category: Id | None = None


class PaymentIn(PaymentEvent, frozen=True, kw_only=True, tag="payment.in"):
    """Money came in."""


class PaymentOut(PaymentEvent, frozen=True, kw_only=True, tag="payment.out"):
    """Money went out."""


class SubscriptionEvent(Event, frozen=True, kw_only=True):
    """An event of one subscription."""

    subscription_id: Id
    mrr_minor: Minor | None = None
    currency: Id | None = None
    plan: Id | None = None
    reason: Id | None = None


class SubscriptionStarted(SubscriptionEvent, frozen=True, kw_only=True, tag="subscription.started"):
    """A contract began."""


class SubscriptionRenewed(SubscriptionEvent, frozen=True, kw_only=True, tag="subscription.renewed"):
    """A contract goes on."""


class SubscriptionChanged(SubscriptionEvent, frozen=True, kw_only=True, tag="subscription.changed"):
    """A contract has other terms."""


class SubscriptionCancelled(SubscriptionEvent, frozen=True, kw_only=True, tag="subscription.cancelled"):
    """A contract ended."""


# ---- customers, offers -----------------------------------------------------------------------


class CustomerEvent(Event, frozen=True, kw_only=True):
    """An event of one customer."""

    customer_id: Id


class CustomerCreated(CustomerEvent, frozen=True, kw_only=True, tag="customer.created"):
    """A customer is known."""


class CustomerMerged(CustomerEvent, frozen=True, kw_only=True, tag="customer.merged"):
    """Two records were one customer."""

    into_customer_id: Id


class CustomerTierChanged(CustomerEvent, frozen=True, kw_only=True, tag="customer.tier_changed"):
    """The customer has another tier."""

    to: Id


class CustomerReferred(CustomerEvent, frozen=True, kw_only=True, tag="customer.referred"):
    """A customer brought another."""

    by_customer_id: Id


class OfferMade(Event, frozen=True, kw_only=True, tag="offer.made"):
    """Service offered something to buy."""

    offer_id: Id
    kind: Id
    ticket_id: Id | None = None


class GestureGiven(Event, frozen=True, kw_only=True, tag="gesture.given"):
    """Service gave something as a kindness."""

    gesture_id: Id
    kind: Id
    value_minor: Minor | None = None
    currency: Id | None = None


# ---- people ----------------------------------------------------------------------------------


class AgentEvent(Event, frozen=True, kw_only=True):
    """An event of one agent."""

    agent_id: Id


class AgentHired(AgentEvent, frozen=True, kw_only=True, tag="agent.hired"):
    """Somebody joined."""

    role: Id | None = None
    site: Id | None = None


class AgentLeft(AgentEvent, frozen=True, kw_only=True, tag="agent.left"):
    """Somebody left."""

    voluntary: bool


class AgentStatusChanged(AgentEvent, frozen=True, kw_only=True, tag="agent.status_changed"):
    """The agent is in status `to`."""

    to: Literal["available", "busy", "away", "offline"]


class AgentShift(AgentEvent, frozen=True, kw_only=True, tag="agent.shift"):
    """A planned shift."""

    starts_at_ms: Millis
    ends_at_ms: Millis
    break_seconds: Seconds = 0.0
    crew: Id | None = None


class AgentTimeLogged(AgentEvent, frozen=True, kw_only=True, tag="agent.time_logged"):
    """Time an agent booked, on a ticket or on another activity."""

    activity: Activity
    seconds: Seconds
    ticket_id: Id | None = None


class AgentTraining(AgentEvent, frozen=True, kw_only=True, tag="agent.training"):
    """Hours of training."""

    hours: Number
    course: Id | None = None


# ---- finance ---------------------------------------------------------------------------------


class RecordEvent(Event, frozen=True, kw_only=True):
    """A sum that belongs to a period."""

    record_id: Id
    kind: Id
    amount_minor: Minor
    currency: Id
    period_start_ms: Millis
    period_end_ms: Millis
    cost_centre: Id | None = None


class CostRecorded(RecordEvent, frozen=True, kw_only=True, tag="cost.recorded"):
    """A cost of a period."""


class RevenueRecorded(RecordEvent, frozen=True, kw_only=True, tag="revenue.recorded"):
    """Revenue of a period."""


# ---- corrections -----------------------------------------------------------------------------


class FactWithdrawn(Event, frozen=True, kw_only=True, tag="fact.withdrawn"):
    """Takes the event `of` (same source) back. It reaches every partition, since `of` does not say where that event lives."""

    of: Id


EVENT_CLASSES: tuple[type[Event], ...] = (
    TicketCreated, TicketStatusChanged, TicketSolved, TicketReopened, TicketClosed, TicketAssigned, TicketTransferred,
    TicketCustomerMessage, TicketPublicReply, TicketNote, TicketMerged, TicketAbsorbed, TicketDeleted, TicketPriorityChanged,
    TicketClassified, TicketTagged, TicketEscalated, TicketSlaDue, TicketScheduleApplied, ComplaintRaised,
    CallQueued, CallAnswered, CallAbandoned, CallEnded, CallTransferred, CallCallbackOffered, CallCallbackAccepted,
    SurveySent, SurveyResponded, ReviewPosted,
    HelpSession, HelpSearch, HelpArticleViewed, HelpArticleVoted, HelpFormOpened,
    LeadCreated, LeadContacted, LeadLost, LeadMerged, DealCreated, DealStageChanged, DealWon, DealLost,
    QuoteRequested, QuoteSent, QuoteAccepted, QuoteDeclined, QuoteExpired,
    BookingCreated, BookingMoved, BookingCancelled, BookingNoShow, JobStarted, JobCompleted, JobCallback,
    OrderEntered, OrderProcessed, OrderDelivered, InvoiceIssued, InvoiceCorrected,
    PurchaseStarted, PurchaseCompleted, PurchaseRefunded, PaymentIn, PaymentOut,
    SubscriptionStarted, SubscriptionRenewed, SubscriptionChanged, SubscriptionCancelled,
    CustomerCreated, CustomerMerged, CustomerTierChanged, CustomerReferred, OfferMade, GestureGiven,
    AgentHired, AgentLeft, AgentStatusChanged, AgentShift, AgentTimeLogged, AgentTraining,
    CostRecorded, RevenueRecorded, FactWithdrawn,
)  # fmt: skip
"""Every type, in the order that gives its rank."""

BY_TYPE: dict[str, type[Event]] = {}


def _number_types() -> None:
    for rank, cls in enumerate(EVENT_CLASSES):
        cls.type = str(cls.__struct_config__.tag)
        cls.rank = rank
        BY_TYPE[cls.type] = cls


_number_types()
