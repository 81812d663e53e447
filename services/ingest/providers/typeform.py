"""Typeform webhooks: one form that somebody sent, or has begun to fill in.

Laws: a field of type nps is one whoever set it up; every other answer counts only where options say what it asks; a partial
response is replaced by the full one whatever their order of arrival; texts, addresses and files are never read.
https://www.typeform.com/developers/webhooks
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
from services.ingest.providers.questions import NPS, SurveyOptions, answer, responded, response_id_in, version_at
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import object_in

_FULL, _PARTIAL = "form_response", "form_response_partial"
_SCALES = ("rating", "opinion_scale", "nps")
"""Types of fields that ask for a number on a scale; `number` asks for any."""

_FULL_VERSION_MIN = 1_000_000
"""Above every partial one, whose version is the count of its answers."""


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response in one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event_type")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event_type: this is no message of a Typeform webhook", "/event_type")
    if name not in (_FULL, _PARTIAL):
        return Translation(items=(), ignored=(name,))
    form = object_in(body.get("form_response"))
    response_id = response_id_in(form.get("token"), name, "/form_response/token")
    at = iso_time(form.get("submitted_at"), "/form_response/submitted_at", zone_of(options.time_zone))
    hidden = object_in(form.get("hidden"))
    given = form.get("answers")
    partial = name == _PARTIAL
    count = len(given) if isinstance(given, list) else 0
    common: Outside = {
        "occurred_at": at,
        "version": min(count, _FULL_VERSION_MIN - 1) if partial else max(version_at(at), _FULL_VERSION_MIN),
        "ticket_id": options.ticket_id(hidden),
        "customer_id": options.customer_id(hidden),
    }
    return told(name, response_id, common, [responded(options, response_id, _answers(given, options), partial=partial)])


def _answers(given: Any, options: SurveyOptions) -> Iterator[Outside | None]:
    for place, each in enumerate(given if isinstance(given, list) else ()):
        each = object_in(each)
        field = object_in(each.get("field"))
        question = options.question(field.get("id"), field.get("ref"), others=field.get("type") in _SCALES)
        if field.get("type") == "nps" and (question is None or question is options.questions.get("*")):
            question = NPS
        if question is not None:
            yield answer(field.get("id") or field.get("ref"), question, _value(each), f"/form_response/answers/{place}")


def _value(each: Mapping[str, Any]) -> Any:
    """What may be a score: a number, a yes or no, the label of one choice."""
    kind = each.get("type")
    if kind == "choice":
        return object_in(each.get("choice")).get("label")
    return each.get(kind) if kind in ("number", "boolean") else None


def sample(unique: str, now_ms: int) -> Sample:
    """A form with a recommendation."""
    field = {"id": "recommend", "type": "nps", "ref": "recommend"}
    body = {
        "event_id": f"{unique}-m",
        "event_type": _FULL,
        "form_response": {
            "form_id": "sample",
            "token": unique,
            "landed_at": rfc3339(now_ms),
            "submitted_at": rfc3339(now_ms),
            "hidden": {},
            "definition": {"id": "sample", "fields": [field]},
            "answers": [{"type": "number", "number": 9, "field": field}],
        },
    }
    return Sample(body=msgspec.json.encode(body))


PROVIDER = Provider(
    kind="typeform",
    title="Typeform",
    schemes=("typeform",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _FULL: Line(("survey.responded",), "nps by the field's type, others as `questions` says"),
        _PARTIAL: Line(("survey.responded",), "provisional; the full one replaces it"),
    },
    guide=Guide(
        clicks=(
            "Open the form and choose Connect > Webhooks > Add a webhook.",
            "Paste {url} as the endpoint and save.",
            "Choose Edit, type a secret, and turn the webhook on.",
            "To know the ticket, add a hidden field ticket_id to the form and send the form's address with #ticket_id=… at its end.",
        ),
        secret="A long random text of your own, typed into the webhook: without one Typeform does not sign.",
        delivery="Seconds late; tried again for ten hours after 408, 423, 429 or 503, with pauses after other failures.",
        notes=(
            "Ratings and opinion scales count where options.questions names them by the field's id or ref, with metric and scale: "
            "Typeform does not send how many steps a scale has. `calculated.score` is the result of a quiz and is not read.",
            "Hidden fields stand in the address that the customer sees and can change: treat a ticket's id from there as a claim.",
            "Scores in words (multiple choice, dropdown) need `labels` in options.questions.",
        ),
        unconfirmed=("A partial response has no time of its own that is known; without `submitted_at` the time of receipt stands in.",),
        links=("https://www.typeform.com/developers/webhooks", "https://developer.typeform.com/webhooks/example-payload/"),
    ),
    sample=sample,
)
