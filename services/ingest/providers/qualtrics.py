"""Qualtrics event subscriptions: a form that says which response was completed, with the fields plain or as signed JSON in MSG.

Laws: of a signed form only what is inside MSG counts; the message names the response and never a score, so it is told without
answers; a time without a zone is read in the zone of the options.
https://api.qualtrics.com/ (event subscriptions)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import form_of, value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.questions import SurveyOptions, responded, response_id_in
from services.ingest.providers.telling import told
from services.ingest.providers.times import iso_time, zone_of

_COMPLETED, _INCOMPLETE = "completedResponse", "incompleteResponse"
"""The name of the message, and ours for one of a response that is not complete."""


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response that one form names. Raises Rejected when it should say something but does not."""
    form = form_of(delivery.body)
    fields, where = _fields(form)
    name = _name(form.get("Topic"), fields)
    if name != _COMPLETED:
        return Translation(items=(), ignored=(name,))
    if fields.get("Status") not in ("Complete", None):
        return Translation(items=(), ignored=(_INCOMPLETE,))
    response_id = response_id_in(fields.get("ResponseID"), name, f"{where}/ResponseID")
    at = iso_time(fields.get("CompletedDate"), f"{where}/CompletedDate", zone_of(options.time_zone))
    return told(name, response_id, {"occurred_at": at}, [responded(options, response_id, ())])


def _fields(form: Mapping[str, str]) -> tuple[Mapping[str, Any], str]:
    """The fields of the message and the pointer to them."""
    if "MSG" not in form:
        return form, ""
    try:
        message = value_of(form["MSG"].encode())
    except Rejected:
        message = None
    if not isinstance(message, dict):
        detail = "MSG holds no JSON object: create the subscription without encryption"
        raise Rejected(Reason.NOT_JSON, detail, "/MSG")
    return message, "/MSG"


def _name(topic: Any, fields: Mapping[str, Any]) -> str:
    """What happened: the last but one part of a topic such as `<brand>.surveyengine.completedResponse.<survey>`."""
    parts = topic.split(".") if isinstance(topic, str) else []
    if _COMPLETED in parts or "ResponseID" in fields:
        return _COMPLETED
    if len(parts) < 3:
        raise Rejected(Reason.MISSING_FIELD, "no Topic and no ResponseID: this is no message of a Qualtrics event subscription", "/Topic")
    return parts[2]


def sample(unique: str, now_ms: int) -> Sample:
    """A completed response, as it is sent with a shared key."""
    fields = {
        "Status": "Complete",
        "SurveyID": "SV_sample",
        "ResponseID": unique,
        "CompletedDate": rfc3339(now_ms)[:19].replace("T", " "),
        "BrandID": "sample",
    }
    form = {"MSG": msgspec.json.encode(fields).decode(), "Topic": "sample.surveyengine.completedResponse.SV_sample"}
    return Sample(body=urlencode(form).encode(), headers={"content-type": "application/x-www-form-urlencoded"})


PROVIDER = Provider(
    kind="qualtrics",
    title="Qualtrics",
    schemes=("qualtrics",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _COMPLETED: Line(("survey.responded",), "without answers: the score has to be fetched"),
        _INCOMPLETE: Line((), "a completedResponse whose Status is not Complete"),
        "activateSurvey": NOTHING,
        "deactivateSurvey": NOTHING,
        "closedSession": NOTHING,
        "startedRecipientSession": NOTHING,
    },
    guide=Guide(
        clicks=(
            "In Account Settings > Qualtrics IDs create an API token and note the data centre.",
            "POST https://<data centre>.qualtrics.com/API/v3/eventsubscriptions with topics "
            "`surveyengine.completedResponse.<survey id>`, publicationUrl {url} and a sharedKey of your own.",
            "Leave encrypt out: encrypted messages cannot be read here.",
        ),
        secret="The sharedKey of the subscription, a long random text of your own. A subscription without one goes to {token_url}.",
        delivery="Seconds late; retries and order are not promised. A response is known by its ResponseID however often it comes.",
        notes=(
            "Qualtrics sends no scores: by itself this source says only that somebody answered. A job of yours that asks "
            "GET /API/v3/surveys/{survey}/responses/{response} sends each as `survey.responded` with the same response_id and its "
            "answers to a source of kind standardwebhooks (`deskpulse send` does), with a higher `version` each time they change.",
            "A response without answers counts in no figure, so nothing is counted twice.",
        ),
        unconfirmed=(
            "The zone of CompletedDate, which names none: UTC, or options.time_zone, such as America/Denver.",
            "A signature in a header, told of in one place only: the source's `signature`.",
        ),
        links=("https://api.qualtrics.com/",),
    ),
    sample=sample,
)
