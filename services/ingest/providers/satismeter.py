"""SatisMeter webhooks: one completed survey with all its answers.

Laws: an answer that SatisMeter labels with a metric counts as that metric, another one only where options name it; the score is the
answer's value, never `response.score`, which is a category; feedback, names and traits are never read.
https://github.com/rudderlabs/rudder-transformer
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import Question, SurveyOptions, answer, plain_id_in, responded, response_id_in
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import any_time, zone_of
from services.ingest.providers.values import lower_name_in, object_in

_COMPLETED = "completed"
_METRICS = {"nps": Question(metric="nps"), "csat": Question(metric="csat"), "ces": Question(metric="ces")}
_SCALES = ("scale", "smiley")


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response in one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event")
    if not isinstance(name, str):
        raise Rejected(Reason.MISSING_FIELD, "no event: this is no message of a SatisMeter webhook", "/event")
    if name != _COMPLETED:
        return Translation(items=(), ignored=(name,))
    response = object_in(body.get("response"))
    response_id = response_id_in(response.get("id"), name, "/response/id")
    user = object_in(response.get("user"))
    traits = [object_in(body.get("traits")), object_in(user.get("traits"))]
    hidden = [*traits, *(object_in(each.get("custom")) for each in traits)]
    given = response.get("answers")
    common: Outside = {
        "occurred_at": any_time(response.get("created"), "/response/created", zone_of(options.time_zone)),
        # what comes again with more answers replaces what came with fewer
        "version": len(given) if isinstance(given, list) else 0,
        "ticket_id": options.ticket_id(*hidden),
        "customer_id": options.customer_id(*hidden) or plain_id_in(user.get("id")),
        "language": lower_name_in(response.get("language")),
        "survey_channel": lower_name_in(response.get("method")),
    }
    partial = response.get("pending") is True
    return told(name, response_id, common, [responded(options, response_id, _answers(given, options), partial=partial)])


def _answers(given: Any, options: SurveyOptions) -> Iterator[Outside | None]:
    for place, each in enumerate(given if isinstance(given, list) else ()):
        each = object_in(each)
        labelled = _METRICS.get(lower_name_in(each.get("metric")) or "")
        others = labelled is None and each.get("type") in _SCALES
        question = options.question(each.get("id"), each.get("name"), each.get("label"), others=others) or labelled
        if question is not None:
            yield answer(each.get("id"), question, each.get("value"), f"/response/answers/{place}/value")


def sample(unique: str, now_ms: int) -> Sample:
    """A recommendation."""
    response = {
        "id": unique,
        "created": rfc3339(now_ms),
        "answers": [{"id": "q1", "value": 9, "type": "scale", "metric": "nps"}],
        "user": {"id": f"{unique}-c"},
    }
    return Sample(body=msgspec.json.encode({"event": _COMPLETED, "response": response}))


PROVIDER = Provider(
    kind="satismeter",
    title="SatisMeter",
    schemes=("static-header",),
    translate=translate,
    options=SurveyOptions,
    lines={_COMPLETED: Line(("survey.responded",), "one answer for each that has a metric or is named in `questions`")},
    guide=Guide(
        clicks=(
            "In SatisMeter open Integrations > Webhooks.",
            "Paste {token_url}, choose completed responses and save.",
        ),
        secret="None is documented: the long random value in the address is the secret. With a header of its own: `Name: value`.",
        delivery="Seconds late; retries and order are not documented.",
        notes=(
            "Questions without a metric are named in options.questions, by their id, name or label.",
            "The ticket is found in the person's traits: ticket_id, or what options.ticket_fields names.",
            'Surveys about the company as a whole: `survey_type = "relationship"` in options.',
        ),
        unconfirmed=(
            "How SatisMeter proves itself: by the address or a header, else the source's `signature` or `scheme`.",
            "Scales by metric: nps 0 to 10, csat 1 to 5, ces 1 to 7; others in options.questions.<id>.",
        ),
        links=("https://github.com/rudderlabs/rudder-transformer",),
    ),
    sample=sample,
)
