"""Survicate webhooks: one message for each question that somebody answered, and one when the survey was completed.

Laws: an answer is named by response and question, so what was answered anew replaces it and nothing else; of a recommendation the
choice's id is the score, of everything else only its label means something, and only where options give it a score.
https://developers.survicate.com/webhooks/events.md · https://developers.survicate.com/webhooks/answer-types.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import (
    NPS,
    SurveyOptions,
    answer,
    plain_id_in,
    responded,
    response_id_in,
    version_at,
)
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, lower_name_in, object_in, whole_in

_ANSWERED, _COMPLETED = "questionAnswered", "surveyAnswered"
_NPS_WORDS = ("promoter", "passive", "detractor")


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The answer in one message. Raises Rejected when it should say something but does not."""
    event = object_of(delivery.body).get("event")
    if not isinstance(event, dict) or not event:
        raise Rejected(Reason.MISSING_FIELD, "no event: this is no message of a Survicate webhook", "/event")
    name = _ANSWERED if _ANSWERED in event else next(iter(event))
    if name not in (_ANSWERED, _COMPLETED):
        return Translation(items=(), ignored=(name,))
    said = object_in(event[name])
    response_id = response_id_in(said.get("responseUuid"), name, f"/event/{name}/responseUuid")
    at = iso_time(said.get("timestamp"), f"/event/{name}/timestamp", zone_of(options.time_zone))
    respondent = object_in(said.get("respondent"))
    attributes = object_in(respondent.get("attributes"))
    common: Outside = {
        "occurred_at": at,
        "version": version_at(at),
        "ticket_id": options.ticket_id(attributes),
        "customer_id": options.customer_id(attributes) or plain_id_in(respondent.get("id")) or plain_id_in(respondent.get("uuid")),
    }
    if name == _COMPLETED:
        return told(name, response_id, common, [responded(options, response_id, ())])
    question = object_in(said.get("question"))
    question_id = id_in(question.get("id"))
    if not question_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no question", f"/event/{name}/question/id")
    answers = [_answer(question, object_in(said.get("choice")), options)]
    return told(name, identity(response_id, question_id), common, [responded(options, response_id, answers, partial=True)])


def _answer(question: Mapping[str, Any], choice: Mapping[str, Any], options: SurveyOptions) -> Outside | None:
    recommends = lower_name_in(choice.get("body")) in _NPS_WORDS and whole_in(choice.get("id")) in range(11)
    asked = options.question(question.get("id"), question.get("body"), others=not recommends) or (NPS if recommends else None)
    if asked is None:
        return None
    value = choice.get("id") if recommends and asked.metric == "nps" else choice.get("body")
    return answer(question.get("id"), asked, value, f"/event/{_ANSWERED}/choice")


def sample(unique: str, now_ms: int) -> Sample:
    """A recommendation."""
    said = {
        "responseUuid": unique,
        "survey": {"id": "sample", "name": "Sample"},
        "timestamp": rfc3339(now_ms),
        "respondent": {"id": f"{unique}-c", "attributes": [], "links": []},
        "question": {"id": 1, "body": "Recommend?"},
        "choice": {"id": 9, "body": "promoter", "comment": None},
    }
    return Sample(body=msgspec.json.encode({"messageId": f"{unique}-m", "deliveryTries": 0, "event": {_ANSWERED: said}}))


PROVIDER = Provider(
    kind="survicate",
    title="Survicate",
    schemes=("survicate",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _ANSWERED: Line(("survey.responded",), "one per response and question; with a score for nps and what `questions` names"),
        _COMPLETED: Line(("survey.responded",), "completes the response, no new count"),
    },
    guide=Guide(
        clicks=(
            "In Survicate open Settings > Integrations > Webhooks, or the survey's Connect tab.",
            "Add a webhook, choose Question answered (and Survey answered, where you like) and paste {url}.",
            "Copy the signing secret that is shown there.",
        ),
        secret="The workspace's signing secret for webhooks, as it stands (not the verification token).",
        delivery="Seconds late, one delivery for each question; `deliveryTries` rises when one is tried again.",
        notes=(
            "Ratings and satisfaction come as the label that was chosen, and the label's id is Survicate's own: give the labels their "
            'scores, such as `questions."12345" = {metric = "csat", labels = {"Bad" = 1, "Great" = 5}}`.',
            "The ticket is found in the respondent's attributes: ticket_id, or what options.ticket_fields names.",
        ),
        unconfirmed=(
            "The signature is taken in hex and in base64. Another way: the source's `signature`.",
            "The name of the message of a completed survey, which is taken to be surveyAnswered; one of another name is ignored, "
            "which changes no figure.",
        ),
        links=(
            "https://developers.survicate.com/webhooks/security.md",
            "https://developers.survicate.com/webhooks/events.md",
            "https://developers.survicate.com/webhooks/answer-types.md",
        ),
    ),
    sample=sample,
)
