"""Wootric (InMoment) webhooks: one answer to the recommendation question, created or updated.

Laws: an answer that Wootric excludes from its calculations counts nowhere, and one that is excluded later is taken out again by a
version without a score; every value is text; comments, addresses and properties are never read.
https://gist.github.com/sgnl/4c05e861be5162cc395342f95f7414ae
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import form_of, object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import NPS, SurveyOptions, answer, plain_id_in, responded, response_id_in, version_at
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import flag_in, object_in

_CREATED, _UPDATED, _DECLINED = "created", "updated", "decline"
_FORM = "application/x-www-form-urlencoded"


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response in one message. Raises Rejected when it should say something but does not."""
    body = _from_form(form_of(delivery.body)) if delivery.media_type == _FORM else object_of(delivery.body)
    name = body.get("event_name")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event_name: this is no message of a Wootric webhook", "/event_name")
    if name not in (_CREATED, _UPDATED):
        return Translation(items=(), ignored=(name,))
    if "response" not in body and _DECLINED in body:
        return Translation(items=(), ignored=(_DECLINED,))
    response = object_in(body.get("response"))
    response_id = response_id_in(response.get("id"), name, "/response/id")
    excluded = flag_in(response.get("excluded_from_calculations")) is True
    if excluded and name == _CREATED:
        return Translation(items=(), ignored=(name,))
    zone = zone_of(options.time_zone)
    created = any_time(response.get("created_at"), "/response/created_at", zone)
    updated = any_time(response.get("updated_at"), "/response/updated_at", zone)
    common: Outside = {
        "occurred_at": created or updated,
        "version": version_at(updated or created) + (name == _UPDATED),  # both may lie in one second
        "ticket_id": options.ticket_id(object_in(response.get("end_user_properties"))),
        "customer_id": plain_id_in(response.get("end_user_id")),
    }
    asked = options.question("score") or NPS
    said = None if excluded else answer("overall", asked, response.get("score"), "/response/score")
    return told(name, response_id, common, [responded(options, response_id, [said])])


def _from_form(form: Mapping[str, str]) -> dict[str, Any]:
    """The object that a form with names such as `response[id]` stands for, one level deep."""
    body: dict[str, Any] = {}
    for name, value in form.items():
        outer, _, inner = name.partition("[")
        if inner:
            inside = body.setdefault(outer, {})
            if isinstance(inside, dict):
                inside[inner.removesuffix("]")] = value
        else:
            body[name] = value
    return body


def sample(unique: str, now_ms: int) -> Sample:
    """A recommendation."""
    at = f"{rfc3339(now_ms)[:19].replace('T', ' ')} +0000"
    response = {
        "id": unique,
        "score": "9",
        "end_user_id": f"{unique}-c",
        "excluded_from_calculations": "false",
        "created_at": at,
        "updated_at": at,
    }
    return Sample(body=msgspec.json.encode({"event_name": _CREATED, "timestamp": at, "response": response}))


PROVIDER = Provider(
    kind="wootric",
    title="Wootric (InMoment)",
    schemes=("static-header",),
    translate=translate,
    options=SurveyOptions,
    lines={
        _CREATED: Line(("survey.responded",), "nps; nothing where it is excluded from calculations"),
        _UPDATED: Line(("survey.responded",), "replaces the response; without a score once it is excluded from calculations"),
        _DECLINED: Line((), "somebody who did not answer"),
    },
    guide=Guide(
        clicks=(
            "In Wootric open Settings > Integrations > Webhooks.",
            "Paste {token_url} and choose Response created and Response updated.",
        ),
        secret="None is documented: the long random value in the address is the secret. With a header of its own: `Name: value`.",
        delivery="Seconds late; retries and order are not documented.",
        notes=(
            "The ticket is found in the end user's properties: ticket_id, or what options.ticket_fields names.",
            'Surveys about the company as a whole: `survey_type = "relationship"` in options.',
        ),
        unconfirmed=(
            "How Wootric proves itself: by the address or a header, else the source's `signature` or `scheme`.",
            'The score is a recommendation, 0 to 10; of another survey: `questions.score = {metric = "csat"}` in options.',
            "Bodies are JSON, and forms with names such as response[score] are read too.",
        ),
        links=("https://gist.github.com/sgnl/4c05e861be5162cc395342f95f7414ae",),
    ),
    sample=sample,
)
