"""Refiner webhooks: a person, and the response to the survey that made Refiner send.

Laws: one showing of a survey is one invitation, sent when it was first shown, however often it is told; it is answered once it was
completed; only question keys that options name have a score; e-mail, name and attributes are never read.
https://github.com/rudderlabs/rudder-transformer
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import SurveyOptions, answer, plain_id_in, responded, response_id_in, version_at
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import object_in

_COMPLETED = "Completed Survey"
_SHOWN = ("Saw Survey", "Dismissed Survey")


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The invitation and the response in one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("triggered_event")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no triggered_event: this is no message of a Refiner webhook", "/triggered_event")
    if name != _COMPLETED and name not in _SHOWN:
        return Translation(items=(), ignored=(name,))
    response = object_in(body.get("response"))
    response_id = response_id_in(response.get("uuid"), name, "/response/uuid")
    attributes = object_in(body.get("attributes"))
    common: Outside = {
        "survey_id": response_id,
        "ticket_id": options.ticket_id(attributes),
        "customer_id": options.customer_id(attributes) or plain_id_in(body.get("uuid")),
        "organisation_id": plain_id_in(object_in(body.get("account")).get("uuid")),
    }
    return told(name, response_id, common, _says(response, response_id, options))


def _says(response: Mapping[str, Any], response_id: str, options: SurveyOptions) -> Iterator[Outside]:
    zone = zone_of(options.time_zone)
    shown = any_time(response.get("first_shown_at"), "/response/first_shown_at", zone)
    completed = any_time(response.get("completed_at"), "/response/completed_at", zone)
    if shown is not None:
        yield {"type": "survey.sent", "survey_type": options.survey_type, "occurred_at": shown}
    if completed is not None:
        answers = _answers(object_in(response.get("data")), options)
        yield responded(options, response_id, answers, occurred_at=completed, version=version_at(completed))


def _answers(data: Mapping[str, Any], options: SurveyOptions) -> Iterator[Outside | None]:
    for key, value in data.items():
        question = options.question(key, others=False)
        if question is not None:
            yield answer(key, question, value, "/response/data")


def sample(unique: str, now_ms: int) -> Sample:
    """A survey that was shown a minute ago and completed."""
    response = {
        "uuid": unique,
        "first_shown_at": rfc3339(now_ms - 60_000),
        "completed_at": rfc3339(now_ms),
        "data": {"satisfaction": "4"},
        "tags": [],
    }
    return Sample(body=msgspec.json.encode({"uuid": f"{unique}-c", "triggered_event": _COMPLETED, "response": response}))


PROVIDER = Provider(
    kind="refiner",
    title="Refiner",
    schemes=("static-header",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _COMPLETED: Line(("survey.sent", "survey.responded"), "sent when first shown; with a score for the keys that `questions` names"),
        **dict.fromkeys(_SHOWN, Line(("survey.sent", "survey.responded"), "sent when first shown; responded where it was completed")),
    },
    guide=Guide(
        clicks=(
            "In Refiner open Integrations > Webhooks and add one.",
            "Paste {token_url}, and choose Completed Survey (and Saw Survey, to know how many did not answer).",
        ),
        secret="None is documented: the long random value in the address is the secret. With a header of its own: `Name: value`.",
        delivery="Seconds late; retries and order are not documented.",
        notes=(
            "Name the keys of the survey's questions in options.questions, each with metric and scale: "
            '`questions.likely_to_recommend = {metric = "nps"}`. Others are not read, not even with `"*"`.',
            "With Completed Survey alone every invitation that is known was answered: send Saw Survey too before you read a response rate.",
            "The ticket is found in the person's attributes: ticket_id, or what options.ticket_fields names.",
        ),
        unconfirmed=(
            "How Refiner proves itself: by the address or a header, else the source's `signature` or `scheme`.",
            "The names of the messages other than Completed Survey, and the zone of times that name none (options.time_zone).",
        ),
        links=("https://github.com/rudderlabs/rudder-transformer",),
    ),
    sample=sample,
)
