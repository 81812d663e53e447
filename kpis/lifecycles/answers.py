"""Answers to surveys, wherever they live: an upsert by (response, question), and the last answer of a case within 7 days replaces.

Scales are part of an answer's class, so they are never mixed: "csat|overall|1-5|4".
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from kpis import measures as m
from kpis.dimensions import CUSTOMER, TICKET, Attributes
from kpis.lifecycles.attributes import Add, filled
from schemas import events as ev

CASE_TYPES = frozenset({"post_case", "transactional"})
CUSTOMER_TYPES = frozenset({"relationship"})
DEFAULT_SCALES: dict[str, tuple[float, float]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), "stars": (1, 5), "yes_no": (0, 1)}
OVERALL = "overall"
REPLACES_WITHIN_MS = m.D7


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """An answer about a case that counts: its class, when it was given and the solve before it (None without one).

    `asked` is the question as it was sent; `question` is "overall" where it is the response's only one on satisfaction.
    """

    response_id: str
    metric: str
    question: str
    cls: str
    at_ms: int
    attributes: Attributes
    solved_ms: int | None
    asked: str = ""

    def contribute(self, add: Add, sign: int) -> None:
        """The answer at its time, and the same dated at the solve before it."""
        add(m.CASE_ANSWER.slot(self.cls), self.at_ms, self.attributes, 0, sign)
        if self.solved_ms is not None:
            add(m.CASE_ANSWER_BY_SOLVE.slot(self.cls), self.solved_ms, self.attributes, 0, sign)


class Invitation(Struct, frozen=True, array_like=True, gc=False):
    """One invitation as this entity knows it: sent (with attributes), answered, or both."""

    survey_id: str
    source: str
    sent_ms: int | None = None
    attributes: Attributes = ()
    answered_ms: int | None = None


class Recommendation(Struct, frozen=True, array_like=True, gc=False):
    """An answer to the recommendation question of a relationship survey, for the customer's ledger."""

    response_id: str
    score: int
    at_ms: int
    attributes: Attributes
    question: str = ""


def on_survey(state: Any, event: Any, at: int, add: Add, attributes: Attributes, solved_ms: int | None) -> None:
    """Apply survey.sent or survey.responded to a state with `answers`, `invitations` and `relationship`."""
    surveyed = ("survey", *attributes[1:], event.survey_type, event.survey_channel)
    if isinstance(event, ev.SurveySent):
        _invite(state, event, sent_ms=at, attributes=surveyed)
        return
    if event.survey_id is not None:
        _invite(state, event, answered_ms=at)
    csat = {a.question for a in event.answers if a.metric == "csat"}
    csat |= {s.asked for s in state.answers if s.response_id == event.response_id and s.metric == "csat"}
    if len(csat) > 1:
        _told_apart(state, event.response_id, add)
    for answer in event.answers:
        scale = scale_of(answer)
        if event.survey_type in CASE_TYPES:
            question = OVERALL if answer.metric == "csat" and len(csat) == 1 else answer.question
            if scale is None:
                _fall(state, event.response_id, answer.metric, question, add)
                continue
            cls = f"{answer.metric}|{question}|{scale}"
            _stand(state, Standing(event.response_id, answer.metric, question, cls, at, surveyed, solved_ms, answer.question), add)
        elif event.survey_type in CUSTOMER_TYPES and answer.metric == "nps":
            state.relationship = [r for r in state.relationship if (r.response_id, r.question) != (event.response_id, answer.question)]
            if answer.score is not None and is_recommendation(answer):
                said = Recommendation(event.response_id, round(answer.score), at, _customer(attributes), answer.question)
                state.relationship = [*state.relationship, said]


def is_recommendation(answer: ev.Answer) -> bool:
    """Whether an answer recommends, or not, on the scale of 0 to 10."""
    scale = scale_of(answer)
    return answer.metric == "nps" and scale is not None and scale.startswith("0-10|")


def recommendations(event: ev.SurveyResponded) -> list[ev.Answer]:
    """The answers of a relationship survey to the recommendation question; none of other surveys."""
    return [a for a in event.answers if is_recommendation(a)] if event.survey_type in CUSTOMER_TYPES else []


def fill(state: Any, now: Attributes) -> None:
    """What was not said when an invitation went out takes the first value said later."""
    if any(None in known.attributes for known in state.invitations):
        state.invitations = [
            known if not known.attributes else msgspec.structs.replace(known, attributes=filled(known.attributes, _surveyed(known, now)))
            for known in state.invitations
        ]


def _surveyed(known: Invitation, now: Attributes) -> Attributes:
    return (known.attributes[0], *now[1:], *known.attributes[len(now) :])


def _told_apart(state: Any, response_id: str, add: Add) -> None:
    """A response with a second question on satisfaction: the one that was called overall takes its own name."""
    for old in [s for s in state.answers if s.response_id == response_id and s.metric == "csat" and s.question != s.asked]:
        old.contribute(add, -1)
        _, _, scale = old.cls.split("|", 2)
        new = msgspec.structs.replace(old, question=old.asked, cls=f"csat|{old.asked}|{scale}")
        new.contribute(add, 1)
        state.answers = [new if s is old else s for s in state.answers]


def _fall(state: Any, response_id: str, metric: str, question: str, add: Add) -> None:
    """An answer that was taken back into words, or out of its scale, counts no more."""
    for old in [s for s in state.answers if (s.response_id, s.metric, s.question) == (response_id, metric, question)]:
        old.contribute(add, -1)
        state.answers = [s for s in state.answers if s is not old]


def scale_of(answer: ev.Answer) -> str | None:
    """An answer as `min-max|score`, or None when it is words or lies outside its scale."""
    usual: tuple[float | None, float | None] = DEFAULT_SCALES.get(answer.metric, (None, None))
    low = answer.scale_min if answer.scale_min is not None else usual[0]
    high = answer.scale_max if answer.scale_max is not None else usual[1]
    if answer.score is None or low is None or high is None or not low <= answer.score <= high or low == high:
        return None
    return f"{low:g}-{high:g}|{answer.score:g}"


def _invite(state: Any, event: Any, **changes: Any) -> None:
    for i, known in enumerate(state.invitations):
        if known.survey_id == event.survey_id:
            if any(getattr(known, name) is not None for name in changes if name != "attributes"):
                return  # sent again is a reminder, answered again a correction
            state.invitations = [*state.invitations[:i], msgspec.structs.replace(known, **changes), *state.invitations[i + 1 :]]
            return
    state.invitations = [*state.invitations, Invitation(event.survey_id, event.source, **changes)]


def _stand(state: Any, new: Standing, add: Add) -> None:
    kept = []
    for old in state.answers:
        same_question = old.metric == new.metric and old.question == new.question
        if same_question and (old.response_id == new.response_id or new.at_ms - old.at_ms <= REPLACES_WITHIN_MS):
            old.contribute(add, -1)
        else:
            kept.append(old)
    new.contribute(add, 1)
    state.answers = [*kept, new]


def _customer(attributes: Attributes) -> Attributes:
    by = dict(zip(TICKET.names, attributes[1:], strict=True))
    return (CUSTOMER.name, *(by[name] for name in CUSTOMER.names))
