"""Questions to customers and their answers: after a ticket, after a call, and about the company as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.company import generic
from cli.company.people import LANGUAGES, Customer
from cli.company.world import Message, Source, World

if TYPE_CHECKING:
    from cli.company.tickets import Ticket

_CSAT = (4, 5, 11, 31, 49)
_CES = (3, 3, 5, 9, 17, 33, 30)
_NPS = (3, 1, 1, 2, 2, 5, 6, 14, 22, 19, 25)


def after_case(world: World, at_ms: int, ticket: Ticket) -> list[Message]:
    """The survey after a solved ticket. About Zendesk's tickets the survey tool asks; the desk asks about its own itself."""
    source: Source = "feedback" if ticket.source == "zendesk" else ticket.source
    naming = {"ticket_id": ticket.id, "survey_type": "post_case", "survey_channel": "chat" if ticket.channel == "chat" else "email"}
    return _asked(world, at_ms + world.span_ms(120), source, ticket.customer, naming, 0.42, 240, _case_answers(world))


def after_call(world: World, at_ms: int, customer: Customer, team: str) -> list[Message]:
    """A short question after a call: would you recommend us, or was it easy?"""
    naming = {"survey_type": "transactional", "survey_channel": "sms", "channel": "phone", "team": team, "language": customer.language}
    return _asked(world, at_ms + world.span_ms(90), "feedback", customer, naming, 0.3, 120, [_answer(world, world.pick(("nps", "ces")))])


def of_the_relationship(world: World, at_ms: int, customer: Customer) -> list[Message]:
    """The regular question about the company as a whole; a few answer without a name."""
    naming = {"survey_type": "relationship", "survey_channel": "email", "language": customer.language, "customer_tier": customer.tier}
    if world.chance(0.1):
        nameless = {**naming, "language": world.pick(LANGUAGES), "response_id": f"r{world.number('response')}"}
        return [generic.message(world, "feedback", at_ms, "survey.responded", **nameless, answers=[_answer(world, "nps")])]
    return _asked(world, at_ms, "feedback", customer, naming, 0.5, 240, [_answer(world, "nps")])


def _asked(
    world: World, at_ms: int, source: Source, customer: Customer, naming: dict[str, Any], share: float, after_s: int, answers: list[Any]
) -> list[Message]:
    """An invitation, its answer in this share of cases; now and then in two parts, the second replacing the first."""
    invitation = {**naming, "survey_id": f"s{world.number('survey')}"}
    said = [generic.message(world, source, at_ms, "survey.sent", customer, **invitation)]
    if not world.chance(share):
        return said
    at_ms += world.span_ms(after_s, 1.3)
    response = {**invitation, "response_id": f"r{world.number('response')}"}
    if len(answers) > 1 and world.chance(0.2):
        said.append(generic.message(world, source, at_ms, "survey.responded", customer, **response, answers=answers[:1], partial=True))
        at_ms += world.span_ms(25)
    said.append(generic.message(world, source, at_ms, "survey.responded", customer, **response, answers=answers))
    return said


def _case_answers(world: World) -> list[dict[str, Any]]:
    return [_answer(world, "csat"), *([_answer(world, "ces")] if world.chance(0.85) else [])]


def _answer(world: World, metric: str) -> dict[str, Any]:
    weights, lowest = {"csat": (_CSAT, 1), "ces": (_CES, 1), "nps": (_NPS, 0)}[metric]
    highest = lowest + len(weights) - 1
    score = world.pick(range(lowest, highest + 1), weights)
    return {"question": metric, "metric": metric, "score": score, "scale_min": lowest, "scale_max": highest}
