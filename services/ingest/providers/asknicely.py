"""AskNicely webhooks: one question to one person, sent when it was answered and again when the answer changed.

Laws: every value is text; the question's id is ONE invitation, so it was sent once however often it is told; a higher count replaces
the response; names, addresses and comments are never read.
https://asknicely.zendesk.com/hc/en-us/articles/47782734299540
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import NPS, VERSION_MAX, SurveyOptions, answer, plain_id_in, responded, response_id_in
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import seconds_time
from services.ingest.providers.values import lower_name_in, object_in, whole_in

_NAME = "response"
"""Our name for the only message there is; it has none of its own."""


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The invitation and the response in one body. Raises Rejected when there is neither."""
    body = object_of(delivery.body)
    question, person = object_in(body.get("question")), object_in(body.get("person"))
    invitation = response_id_in(question.get("id"), _NAME, "/question/id")
    common: Outside = {
        "survey_id": invitation,
        "survey_channel": lower_name_in(question.get("deliverymethod")),
        "ticket_id": options.ticket_id(question, person),
        "customer_id": plain_id_in(person.get("id")),
    }
    said = list(_says(question, whole_in(body.get("count")), invitation, options))
    if not said:
        raise Rejected(Reason.MISSING_FIELD, "the question was neither sent nor answered: both times came out blank", "/question/responded")
    return told(_NAME, invitation, common, said)


def _says(question: Mapping[str, Any], count: int | None, invitation: str, options: SurveyOptions) -> Iterator[Outside]:
    sent = seconds_time(question.get("sent"), "/question/sent")
    answered = seconds_time(question.get("responded"), "/question/responded")
    if sent is not None:
        yield {"type": "survey.sent", "survey_type": options.survey_type, "occurred_at": sent}
    if answered is not None:
        asked = options.question(question.get("survey_template")) or NPS
        said = answer("overall", asked, question.get("score"), "/question/score")
        version = min(max(count or 0, 0), VERSION_MAX)
        yield responded(options, invitation, [said], occurred_at=answered, version=version)


def sample(unique: str, now_ms: int) -> Sample:
    """A recommendation that was asked for a minute ago."""
    at = now_ms // 1000
    question = {"id": unique, "score": "9", "sent": str(at - 60), "responded": str(at), "survey_template": "Default"}
    return Sample(body=msgspec.json.encode({"count": 1, "person": {"id": f"{unique}-c"}, "question": question}))


PROVIDER = Provider(
    kind="asknicely",
    title="AskNicely",
    schemes=("static-header",),
    translate=translate,
    options=SurveyOptions,
    lines={_NAME: Line(("survey.sent", "survey.responded"), "sent once per question; a count above 1 replaces the response")},
    guide=Guide(
        clicks=(
            "In AskNicely open Settings > App Store > Webhooks.",
            "Paste {url} as the URL.",
            "Add a custom header, such as X-Desk-Key, with a long random value, and save.",
        ),
        secret="Name and value of the custom header: `X-Desk-Key: <value>`. AskNicely signs nothing.",
        delivery="Seconds late; retries are not published.",
        notes=(
            "Where headers cannot be set, use {token_url}.",
            "The ticket is found in a custom field ticket_id of the person or the question, or in those of options.ticket_fields.",
            "Whether the score is a recommendation, stars or satisfaction depends on the survey's template: name each template that is "
            'no NPS in options.questions, such as `questions."CSAT" = {metric = "csat"}`.',
        ),
        unconfirmed=("The metric of a template that is not in options.questions is taken as nps, 0 to 10.",),
        links=(
            "https://asknicely.zendesk.com/hc/en-us/articles/47782734299540",
            "https://asknicely.zendesk.com/hc/en-us/articles/47819959059092",
        ),
    ),
    sample=sample,
)
