"""Measures: what life cycles emit. A measure is a name, a kind, the dimensions it is kept by and its finest level of time.

A contribution is (slot, time, attributes, value, count), where the slot is a measure and a class of it. Readers turn it into
components of cells; `components` says which, so that writer and reader cannot differ.
Law: contributions form a commutative group, so cells depend on the set of events alone.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kpis import dimensions as dim
from kpis.dimensions import DimensionSet

Kind = Literal["count", "sum", "duration", "gauge", "cohort", "distinct"]

SECONDS_5, MINUTE_1, MINUTES_15 = 0, 1, 2
"""Finest levels: calls 5 s, tickets, contacts and the first answer to a lead 1 min, everything slower 15 min."""

H24 = 86_400_000
D7, D14, D30 = 7 * H24, 14 * H24, 30 * H24

ENTERED, OUTCOME, CENSORED = "in", "out", "cens"
"""The three classes a cohort's contributions come in."""
STARTS = "^"
"""The class of a gauge's counts by the start of what is open."""
PART = "+"
"""First character of a part: a class that is counted beside the others and not in n."""

TICKET_SKETCHES = ("channel", "team", "priority", "issue_type")
SALE_SKETCHES = ("channel", "booking_channel")
TWIN_SKETCHES = ("channel",)


class Measure(NamedTuple):
    """One measure.

    `sketch_by` are the single dimensions (and always the total) that hold bins of the value; `entry` names the Count that a
    cohort counts its entries with; `horizon_ms` is the time up to which a cohort's outcomes are counted on every cut;
    `tally` names the gross counter that a count feeds, or the histogram that a duration does.
    """

    name: str
    kind: Kind
    by: DimensionSet
    finest: int
    about: str
    sketch_by: tuple[str, ...] = ()
    entry: str = ""
    horizon_ms: int = 0
    tally: str = ""
    version: int = 1

    @property
    def key(self) -> str:
        """The name with its version: a changed rule never reads old state."""
        return f"{self.name}@{self.version}"

    def slot(self, cls: str = "") -> int:
        """The number by which contributions of a class of this measure are emitted."""
        return slot_number(self.key, cls)


SLOTS: list[tuple[str, str]] = []
_NUMBERS: dict[tuple[str, str], int] = {}


def slot_number(measure_key: str, cls: str) -> int:
    """The number of (measure@version, class) in this process; numbers are given in the order of first use."""
    number = _NUMBERS.get((measure_key, cls))
    if number is None:
        number = _NUMBERS[measure_key, cls] = len(SLOTS)
        SLOTS.append((measure_key, cls))
    return number


def _count(name: str, by: DimensionSet, finest: int, about: str, tally: str = "") -> Measure:
    return Measure(name, "count", by, finest, about, tally=tally)


def _duration(name: str, by: DimensionSet, finest: int, about: str, sketch_by: tuple[str, ...], tally: str = "") -> Measure:
    return Measure(name, "duration", by, finest, about, sketch_by=sketch_by, tally=tally)


def _gauge(name: str, by: DimensionSet, finest: int, about: str) -> Measure:
    return Measure(name, "gauge", by, finest, about)


def _cohort(
    name: str,
    by: DimensionSet,
    finest: int,
    about: str,
    horizon_ms: int,
    entry: str = "",
    sketch_by: tuple[str, ...] = TWIN_SKETCHES,
    tally: str = "",
) -> Measure:
    return Measure(name, "cohort", by, finest, about, sketch_by=sketch_by, entry=entry, horizon_ms=horizon_ms, tally=tally)


T, S, J = dim.TICKET, dim.SURVEY, dim.SALE

# ---- tickets -----------------------------------------------------------------------------------
TICKET_CREATED = _count(
    "ticket_created", T, MINUTE_1, "tickets that came into being (linked: the customer is known)", tally="issues_created"
)
TICKET_ENTERED_OTHERWISE = _count(
    "ticket_entered_otherwise", T, MINUTE_1, "tickets first seen by an export or by another event than their creation"
)
TICKET_CHANNEL_SWITCHED = _count("ticket_channel_switched", T, MINUTE_1, "tickets whose channel changed, dated at their creation")
TICKET_OPEN = _gauge("ticket_open", T, MINUTE_1, "tickets that are new, open, pending or on hold")
CONTACT_WAITING = _gauge("contact_waiting", T, SECONDS_5, "tickets with an unanswered customer message, and queued calls")
CONTACT_CONNECTED = _count("contact_connected", T, SECONDS_5, "contacts that reached a person")
CONTACT_TRANSFERRED = _count("contact_transferred", T, SECONDS_5, "of these, contacts that a second agent or team took over; parts by mode")
TICKET_SOLVED = _count("ticket_solved", T, MINUTE_1, "tickets whose latest state is solved, at the latest solve", tally="resolved_issues")
TICKET_SOLVED_GROSS = _count("ticket_solved_gross", T, MINUTE_1, "every transition into solved or closed")
TICKET_REOPENED = _count("ticket_reopened", T, MINUTE_1, "every transition out of solved or closed", tally="reopened")
TICKET_SOLVED_ESCALATED = _count("ticket_solved_escalated", T, MINUTE_1, "solved tickets with a counted escalation; parts by kind")
TICKET_ESCALATED = _count("ticket_escalated", T, MINUTE_1, "escalations, each kind of a ticket once; parts by kind", tally="escalations")
FIRST_REPLY_WAIT = _duration(
    "first_reply_wait", T, MINUTE_1, "start of the clock to the first public human reply", TICKET_SKETCHES, tally="first_reply_time"
)
FIRST_REPLY_WAIT_COHORT = _cohort("first_reply_wait_cohort", T, MINUTE_1, "the same span by its start, unreplied tickets at risk", H24)
FIRST_BOT_REPLY_WAIT = _duration("first_bot_reply_wait", T, MINUTE_1, "creation to the first bot reply before any human one", TWIN_SKETCHES)
NEXT_REPLY_WAIT = _duration(
    "next_reply_wait",
    T,
    MINUTE_1,
    "first unanswered customer message to the reply, after the first human reply",
    TICKET_SKETCHES,
    tally="next_reply_time",
)
NEXT_REPLY_WAIT_COHORT = _cohort("next_reply_wait_cohort", T, MINUTE_1, "the same span by its start", H24)
REQUESTER_WAIT = _duration(
    "requester_wait", T, MINUTE_1, "time in new, open and on hold until the latest solve", TICKET_SKETCHES, tally="requester_wait_time"
)
REQUESTER_WAIT_BY_START = _duration("requester_wait_by_start", T, MINUTE_1, "the same, dated at the creation", TWIN_SKETCHES)
FIRST_RESOLUTION = _duration("first_resolution", T, MINUTE_1, "creation to the first solve", TICKET_SKETCHES, tally="first_resolution_time")
FIRST_RESOLUTION_COHORT = _cohort(
    "first_resolution_cohort", T, MINUTE_1, "the same by creation, unsolved tickets at risk", D7, entry="ticket_created"
)
FULL_RESOLUTION = _duration("full_resolution", T, MINUTE_1, "creation to the latest solve", TICKET_SKETCHES, tally="full_resolution_time")
FULL_RESOLUTION_COHORT = _cohort(
    "full_resolution_cohort", T, MINUTE_1, "the same by creation, unsolved tickets at risk", H24, entry="ticket_created"
)
FULL_RESOLUTION_NO_REPLY = _duration(
    "full_resolution_no_reply", T, MINUTE_1, "creation to the latest solve of tickets without a public reply", TWIN_SKETCHES
)
LASTING_SOLVE = _cohort("lasting_solve", T, MINUTE_1, "creation to the first solve that stood for 24 h", H24, entry="ticket_created")
REOPENING = _cohort("reopening", T, MINUTE_1, "first solve to the first reopening", D14)
ESCALATION_WAIT = _duration(
    "escalation_wait",
    T,
    MINUTE_1,
    "creation to the first counted escalation; n and mean by its kind",
    TICKET_SKETCHES,
    tally="time_to_escalate",
)
ESCALATION_WAIT_COHORT = _cohort("escalation_wait_cohort", T, MINUTE_1, "the same by creation", D7, entry="ticket_created")
HANDLE_SPAN = _duration(
    "handle_span",
    T,
    SECONDS_5,
    "work on a contact: talk, hold and wrap of a call, logged time of a solved ticket",
    TICKET_SKETCHES,
    tally="handle_time",
)
HANDLE_SPAN_BY_START = _duration("handle_span_by_start", T, SECONDS_5, "the same, dated at the start of the contact", TWIN_SKETCHES)
COMPLAINT = _count("complaint", dim.COMPLAINT, MINUTE_1, "complaints, by category", tally="complaints")

# ---- calls -------------------------------------------------------------------------------------
CALL_ANSWERED = _count(
    "call_answered", T, SECONDS_5, "inbound calls a person took: within the target, late, or without a known wait", tally="calls_answered"
)
CALL_ABANDONED = _count(
    "call_abandoned", T, SECONDS_5, "inbound calls given up in the queue: short, within the target, late", tally="calls_abandoned"
)
ANSWER_WAIT = _duration("answer_wait", T, SECONDS_5, "queued to answered", (*TICKET_SKETCHES, "queue"), tally="speed_of_answer")
ANSWER_WAIT_COHORT = _cohort("answer_wait_cohort", T, SECONDS_5, "the same by its start, censored by giving up", 1_800_000)
ABANDON_WAIT = _duration("abandon_wait", T, SECONDS_5, "queued to given up", TWIN_SKETCHES)

# ---- surveys -----------------------------------------------------------------------------------
CASE_ANSWER = _count("case_answer", S, MINUTES_15, "answers about a case, by metric, question, scale and value", tally="answers")
CASE_ANSWER_BY_SOLVE = _count("case_answer_by_solve", S, MINUTES_15, "the same answers, dated at the solve before them")
SURVEY_RESPONSE = _cohort("survey_response", S, MINUTES_15, "invitation sent to answered", D14, sketch_by=("channel", "survey_channel"))
RELATIONSHIP_NPS = _gauge("relationship_nps", dim.CUSTOMER, MINUTES_15, "each customer's latest recommendation answer of the last 90 days")

# ---- what could not be measured ----------------------------------------------------------------
QUARANTINED_SALE = _count("quarantined_sale", J, MINUTES_15, "the same of leads and bookings, by measure; never averaged")
QUARANTINED = _count("quarantined", T, MINUTE_1, "durations that cannot be: below −5 s or above 10 years, by measure; never averaged")

# ---- customers ---------------------------------------------------------------------------------
SOLVED_CUSTOMER = Measure("solved_customer", "distinct", T, MINUTE_1, "customers with a solved ticket")
CONVERSION = _cohort("conversion", T, MINUTE_1, "end of a contact to the first purchase credited to it", D7, tally="conversions")
CONVERSION_BASE = _count("conversion_base", T, MINUTE_1, "the same customers: bought or not in 7 days that end 28 days before the contact")
REPEAT_CONTACT = _cohort("repeat_contact", T, MINUTE_1, "start of a first contact to the next contact of the same issue", D7)

# ---- leads, quotes, bookings -------------------------------------------------------------------
LEAD_RESPONSE = _duration(
    "lead_response", J, MINUTE_1, "lead created to the first contact by a person", SALE_SKETCHES, tally="lead_response_time"
)
LEAD_RESPONSE_COHORT = _cohort("lead_response_cohort", J, MINUTE_1, "the same by creation, uncontacted leads at risk", H24)
BOOKING_WAIT = _duration("booking_wait", J, MINUTES_15, "lead created to its booking or won deal", SALE_SKETCHES, tally="time_to_booking")
BOOKING_WAIT_COHORT = _cohort("booking_wait_cohort", J, MINUTES_15, "the same by creation, unbooked leads at risk", D30)
QUOTE_BOOKING = _cohort("quote_booking", J, MINUTES_15, "quote sent to its booking or won deal", D30)

# ---- the same waits in business time -----------------------------------------------------------


def _in_business_time(measure: Measure) -> Measure:
    name, about = f"{measure.name}_business", f"{measure.about}, in business time"
    return _duration(name, measure.by, measure.finest, about, TWIN_SKETCHES)


FIRST_REPLY_WAIT_BUSINESS = _in_business_time(FIRST_REPLY_WAIT)
FIRST_BOT_REPLY_WAIT_BUSINESS = _in_business_time(FIRST_BOT_REPLY_WAIT)
NEXT_REPLY_WAIT_BUSINESS = _in_business_time(NEXT_REPLY_WAIT)
REQUESTER_WAIT_BUSINESS = _in_business_time(REQUESTER_WAIT)
FIRST_RESOLUTION_BUSINESS = _in_business_time(FIRST_RESOLUTION)
FULL_RESOLUTION_BUSINESS = _in_business_time(FULL_RESOLUTION)
FULL_RESOLUTION_NO_REPLY_BUSINESS = _in_business_time(FULL_RESOLUTION_NO_REPLY)
ESCALATION_WAIT_BUSINESS = _in_business_time(ESCALATION_WAIT)
ANSWER_WAIT_BUSINESS = _in_business_time(ANSWER_WAIT)
LEAD_RESPONSE_BUSINESS = _in_business_time(LEAD_RESPONSE)
BOOKING_WAIT_BUSINESS = _in_business_time(BOOKING_WAIT)

MEASURES: tuple[Measure, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Measure))
BY_KEY: dict[str, Measure] = {m.key: m for m in MEASURES}
BY_NAME: dict[str, Measure] = {m.name: m for m in MEASURES}
IN_BUSINESS_TIME: dict[str, Measure] = {m.name: BY_NAME[f"{m.name}_business"] for m in MEASURES if f"{m.name}_business" in BY_NAME}
"""The twin in business time of a duration, by the duration's name."""
if len(BY_NAME) != len(MEASURES):  # pragma: no cover - a slip of the pen in this file
    raise TypeError("two measures have one name")


def components(measure: Measure, cls: str) -> tuple[str, str | None]:
    """Components of a cell that a contribution of a class adds to: its count to the first, value × count to the second (None: none).

    For a gauge the second holds Σδ·ms, whose value is a sum already. Bins of sketches come on top (`bin_letter`).
    """
    if measure.kind in ("count", "distinct"):
        return cls or "n", None
    if measure.kind == "gauge":
        return cls, None if cls == STARTS else f"{cls}~"
    if measure.kind == "cohort":
        return {ENTERED: "in", OUTCOME: "out", CENSORED: "cens"}[cls], None
    return (f"n/{cls}", f"x/{cls}") if cls else ("n", "x")


def bin_letter(measure: Measure, cls: str) -> str:
    """The first letter of the components that bins of a class have (b values, o outcomes, c censored), "" where it has none."""
    if measure.kind == "duration" and not cls:
        return "b"
    if measure.kind == "cohort":
        return {OUTCOME: "o", CENSORED: "c"}.get(cls, "")
    return ""
