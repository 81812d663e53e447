"""Ledgers: what a customer, an invitation or a quote contributes as a whole, as a function of the facts known of it.

Law: the contributions depend on the set of facts alone, so a changed fact is the difference of two calls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from kpis import measures as m
from kpis.contributions import Contributions
from kpis.dimensions import TICKET, Attributes, cuts_of, outright
from kpis.lifecycles.attributes import AGENT, HANDLED_BY, span, with_value
from kpis.window import Zone
from schemas import facts as f

CREDIT_MS = m.D7
"""A purchase is credited to a contact that ended at most 7 days before it."""
REPEAT_MS = m.D7
BASE_START_MS, BASE_END_MS = 35 * m.H24, 28 * m.H24
"""The base window: the 7 days that end 28 days before the contact began."""
NPS_KEPT_MS = 90 * m.H24
PERIODS = (("day", "today"), ("week", "week"), ("month", "month"), ("quarter", "quarter"))


class Rules:
    """What ledgers need besides facts: the zone of calendar periods and the configured pairs."""

    def __init__(self, zone: Zone, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self.zone = zone
        self.pairs = pairs
        self._periods: dict[int, tuple[int, ...]] = {}
        self._cuts: dict[Attributes, tuple[Attributes, ...]] = {}

    def periods_of(self, at_ms: int) -> tuple[int, ...]:
        """Start of the local day, week, month and quarter that hold an instant."""
        day = self.zone.day_start(at_ms)
        starts = self._periods.get(day)
        if starts is None:
            starts = self._periods[day] = tuple(self.zone.period_start(day, period) for _, period in PERIODS)
        return starts

    def cuts_of(self, attributes: Attributes) -> tuple[Attributes, ...]:
        """The cuts of a ticket's attributes (agents and bots left out), named outright."""
        cuts = self._cuts.get(attributes)
        if cuts is None:
            plain = with_value(with_value(attributes, AGENT, None), HANDLED_BY, None)
            cuts = tuple(outright(cut) for cut in cuts_of(TICKET.names, plain, self.pairs))
            if len(self._cuts) > 50_000:
                self._cuts.clear()
            self._cuts[attributes] = cuts
        return cuts


def contributions(kind: str, facts: Iterable[f.AnyFact], rules: Rules) -> Contributions:
    """Everything a ledger of a kind contributes, given the facts that hold of it."""
    rows = Contributions()
    if kind == "customer":
        _customer(list(facts), rows, rules)
    elif kind == "invitation":
        _invitation(list(facts), rows)
    elif kind == "quote":
        _quote(list(facts), rows)
    return rows


# ---- invitation and quote ----------------------------------------------------------------------


def _invitation(facts: list[f.AnyFact], rows: Contributions) -> None:
    sent = min((s for s in facts if isinstance(s, f.InvitationSent)), key=lambda s: (s.at_ms, s.id), default=None)
    answered = min((a.at_ms for a in facts if isinstance(a, f.InvitationAnswered)), default=None)
    if sent is None:
        return
    rows.add(_SURVEY_IN, sent.at_ms, sent.attributes)
    if answered is not None and (after_ms := span(answered - sent.at_ms)) is not None:
        rows.add(_SURVEY_OUT, sent.at_ms, sent.attributes, after_ms)


def _quote(facts: list[f.AnyFact], rows: Contributions) -> None:
    offered = min((q for q in facts if isinstance(q, f.QuoteOffered)), key=lambda q: (q.at_ms, q.id), default=None)
    booked = min((b.at_ms for b in facts if isinstance(b, f.QuoteBooked)), default=None)
    if offered is None:
        return
    rows.add(_QUOTE_IN, offered.at_ms, offered.attributes)
    if booked is not None and (after_ms := span(booked - offered.at_ms)) is not None:
        rows.add(_QUOTE_OUT, offered.at_ms, offered.attributes, after_ms)


# ---- customer ----------------------------------------------------------------------------------


def _customer(facts: list[f.AnyFact], rows: Contributions, rules: Rules) -> None:
    contacts = [c for c in facts if isinstance(c, f.Contact)]
    purchases = sorted((p for p in facts if isinstance(p, f.Purchase)), key=lambda p: (p.at_ms, p.id))
    _repeats(contacts, rows)
    _conversions(contacts, purchases, rows)
    _solved_customers(contacts, rows, rules)
    _recommendations([r for r in facts if isinstance(r, f.RelationshipAnswer)], rows)


def _same_issue(a: f.Contact, b: f.Contact) -> bool:
    """Equal issue type and product where both say them, else any."""
    type_differs = a.issue_type is not None and b.issue_type is not None and a.issue_type != b.issue_type
    product_differs = a.product is not None and b.product is not None and a.product != b.product
    return not (type_differs or product_differs)


def _repeats(contacts: list[f.Contact], rows: Contributions) -> None:
    counted = sorted(((c.started_at_ms, c.id, c) for c in contacts if c.started_at_ms is not None), key=lambda t: t[:2])
    starts = [start for start, _, _ in counted]
    for i, (start, _, contact) in enumerate(counted):
        first_before = bisect_left(starts, start - REPEAT_MS)
        if any(_same_issue(contact, other) for _, _, other in counted[first_before:i]):
            continue
        rows.add(_REPEAT_IN, start, contact.start_attributes)
        for later, _, other in counted[i + 1 :]:
            if later - start > REPEAT_MS:
                break
            if _same_issue(contact, other):
                rows.add(_REPEAT_OUT, start, contact.start_attributes, later - start)
                break


def _conversions(contacts: list[f.Contact], purchases: list[f.Purchase], rows: Contributions) -> None:
    ended = sorted(((c.ended_at_ms, c.id, c) for c in contacts if c.ended_at_ms is not None), key=lambda t: t[:2])
    ends = [end for end, _, _ in ended]
    by_name = {c.of: i for i, (_, _, c) in enumerate(ended)}
    credited: dict[int, int] = {}
    for purchase in purchases:
        named = by_name.get(purchase.names) if purchase.names is not None else None
        if purchase.names is not None and named is None:
            continue  # credited to the contact that it names, or to none
        at = named if named is not None else bisect_left(ends, purchase.at_ms + 1) - 1
        if at < 0:
            continue
        after_ms = purchase.at_ms - ends[at]
        if after_ms < CREDIT_MS and (named is not None or after_ms >= 0):
            credited[at] = min(credited.get(at, CREDIT_MS), max(0, after_ms))
    moments = [p.at_ms for p in purchases]
    for i, (end, _, contact) in enumerate(ended):
        rows.add(_CONVERSION_IN, end, contact.end_attributes)
        if i in credited:
            rows.add(_CONVERSION_OUT, end, contact.end_attributes, credited[i])
        low, high = contact.began_at_ms - BASE_START_MS, contact.began_at_ms - BASE_END_MS
        bought = bisect_left(moments, low) < bisect_left(moments, high)
        rows.add(_BASE_BOUGHT if bought else _BASE_NOT, end, contact.end_attributes)


def _solved_customers(contacts: list[f.Contact], rows: Contributions, rules: Rules) -> None:
    solved = sorted((c.ended_at_ms, c.id, c.end_attributes) for c in contacts if c.is_ticket and c.ended_at_ms is not None)
    held: dict[Attributes, tuple[list[int], list[set[int]]]] = {}
    for moment, _, attributes in solved:
        starts = rules.periods_of(moment)
        for named in rules.cuts_of(attributes):
            there = held.get(named)
            if there is None:
                there = held[named] = ([], [set() for _ in PERIODS])
            there[0].append(moment)
            for slot, seen, start in zip(_FIRST_IN, there[1], starts, strict=True):
                if start not in seen:
                    seen.add(start)
                    rows.add(slot, moment, named)
    for named, (moments, _) in held.items():
        rows.add(_LATEST, moments[-1], named)
        if len(moments) > 1:
            rows.add(_SECOND, moments[-2], named)


def _recommendations(answers: list[f.RelationshipAnswer], rows: Contributions) -> None:
    """+1 at the answer, −1 at the customer's next answer or 90 days later: exact at every instant."""
    answers = sorted(answers, key=lambda a: (a.at_ms, a.id))
    for i, answer in enumerate(answers):
        end = answer.at_ms + NPS_KEPT_MS
        if i + 1 < len(answers):
            end = min(end, answers[i + 1].at_ms)
        if not 0 <= answer.score <= 10:
            continue
        slot = m.RELATIONSHIP_NPS.slot(str(answer.score))
        rows.add(slot, answer.at_ms, answer.attributes)
        rows.add(slot, end, answer.attributes, 0, -1)


_SURVEY_IN, _SURVEY_OUT = m.SURVEY_RESPONSE.slot(m.ENTERED), m.SURVEY_RESPONSE.slot(m.OUTCOME)
_QUOTE_IN, _QUOTE_OUT = m.QUOTE_BOOKING.slot(m.ENTERED), m.QUOTE_BOOKING.slot(m.OUTCOME)
_REPEAT_IN, _REPEAT_OUT = m.REPEAT_CONTACT.slot(m.ENTERED), m.REPEAT_CONTACT.slot(m.OUTCOME)
_CONVERSION_IN, _CONVERSION_OUT = m.CONVERSION.slot(m.ENTERED), m.CONVERSION.slot(m.OUTCOME)
_BASE_BOUGHT, _BASE_NOT = m.CONVERSION_BASE.slot("bought"), m.CONVERSION_BASE.slot("not")
_LATEST, _SECOND = m.SOLVED_CUSTOMER.slot("latest"), m.SOLVED_CUSTOMER.slot("second")
_FIRST_IN = tuple(m.SOLVED_CUSTOMER.slot(name) for name, _ in PERIODS)
