"""Delighted webhooks: one response, sent again whenever a comment or another answer joins it.

Laws: a response is one event whose version rises with each sending; the score's metric follows the survey's type; comments and notes
are never read.
https://app.delighted.com/docs/api
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.questions import NPS, Question, SurveyOptions, answer, plain_id_in, responded, response_id_in, version_at
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import lower_name_in, object_in

_CREATED, _UPDATED = "survey_response.created", "survey_response.updated"
_TYPES: Mapping[str, Question] = {
    "nps": NPS,
    "enps": NPS,
    "csat": Question(metric="csat"),
    "ces": Question(metric="ces"),
    "stars": Question(metric="stars"),
    "5-star": Question(metric="stars"),
    "smileys": Question(metric="csat"),
    "thumbs": Question(metric="yes_no"),
}


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response in one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event_type")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event_type: this is no message of a Delighted webhook", "/event_type")
    if name not in (_CREATED, _UPDATED):
        return Translation(items=(), ignored=(name,))
    data = object_in(body.get("event_data"))
    response_id = response_id_in(data.get("id") or body.get("event_id"), name, "/event_data/id")
    zone = zone_of(options.time_zone)
    created = any_time(data.get("created_at"), "/event_data/created_at", zone)
    updated = any_time(data.get("updated_at"), "/event_data/updated_at", zone)
    person = object_in(data.get("person"))
    common: Outside = {
        "occurred_at": created or updated,
        "version": version_at(updated or created) + (name == _UPDATED),  # both may lie in one second
        "ticket_id": options.ticket_id(object_in(data.get("person_properties"))),
        "customer_id": plain_id_in(person.get("id")),
    }
    kind = lower_name_in(data.get("survey_type"))
    question = options.question(kind) or _TYPES.get(kind or "nps")
    if question is None:
        detail = "a survey of a type that is not known: name it in options.questions with its metric and scale"
        raise Rejected(Reason.UNTRANSLATABLE, detail, "/event_data/survey_type")
    said = answer("overall", question, data.get("score"), "/event_data/score")
    return told(name, response_id, common, [responded(options, response_id, [said])])


def sample(unique: str, now_ms: int) -> Sample:
    """A recommendation."""
    at = now_ms // 1000
    data = {"id": unique, "survey_type": "nps", "score": 9, "created_at": at, "updated_at": at, "person": {"id": f"{unique}-c"}}
    return Sample(body=msgspec.json.encode({"event_type": _CREATED, "event_id": f"{unique}-m", "event_data": data}))


PROVIDER = Provider(
    kind="delighted",
    title="Delighted",
    schemes=("delighted",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _CREATED: Line(("survey.responded",)),
        _UPDATED: Line(("survey.responded",), "replaces the response, no new count"),
        "unsubscribe": NOTHING,
    },
    guide=Guide(
        clicks=(
            "In Delighted open Integrations > Webhooks (of each project, where you have several).",
            "Add a webhook, choose the rules for new and updated responses and paste {url}.",
            "Open Integrations > API and copy the private API key: that is the secret.",
        ),
        secret="The project's private API key, with which Delighted signs. It opens Delighted's API too, so guard it.",
        delivery="Seconds late; a response is sent again when a comment or another answer joins it. Retries are not promised.",
        notes=(
            "The ticket is found in the person's properties: send each person with the property `ticket_id`, or name yours in "
            "options.ticket_fields.",
            "Additional answers are not read; the score is.",
            'A project that asks how people like the company as a whole: `survey_type = "relationship"` in options.',
        ),
        unconfirmed=(
            "Scales by survey_type: nps 0 to 10, csat, smileys and stars 1 to 5, ces 1 to 7, thumbs 0 and 1. Another one: "
            "options.questions.<survey_type> with metric, scale_min and scale_max. Without survey_type it is nps.",
            "Where a response has no id, that of the message stands in, and an update counts again.",
        ),
        links=("https://app.delighted.com/docs/api",),
    ),
    sample=sample,
)
