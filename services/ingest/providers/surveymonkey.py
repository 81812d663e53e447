"""SurveyMonkey webhooks: thin messages that say that somebody answered, changed the answers or was taken out again.

Laws: a message names the response and never a score, so the response is told without answers; every message about one response is
a version of the same event, and a deleted, disqualified or superfluous response is taken back.
https://api.surveymonkey.com/v3/docs#webhook-callbacks
"""

from __future__ import annotations

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.questions import SurveyOptions, responded, response_id_in, version_at, withdrawn
from services.ingest.providers.telling import told
from services.ingest.providers.times import iso_time, zone_of

_ANSWERED = ("response_completed", "response_updated")
_TAKEN_BACK = ("response_deleted", "response_disqualified", "response_overquota")
_DETAILS = "response_details"
"""Our name for what the API answers to a question about a response: somebody who posts it here has mistaken it for a message."""


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The event of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event_type")
    if not isinstance(name, str):
        if "response_status" in body and "pages" in body:
            return Translation(items=(), ignored=(_DETAILS,))
        raise Rejected(Reason.MISSING_FIELD, "no event_type: this is no message of a SurveyMonkey webhook", "/event_type")
    if name not in _ANSWERED and name not in _TAKEN_BACK:
        return Translation(items=(), ignored=(name,))
    response_id = response_id_in(body.get("object_id"), name, "/object_id")
    at = iso_time(body.get("event_datetime"), "/event_datetime", zone_of(options.time_zone))
    if name in _TAKEN_BACK:
        return told(name, response_id, {"occurred_at": at}, [withdrawn(response_id)])
    version = version_at(at) + (name == "response_completed")  # which comes in the second of the last page's update
    return told(name, response_id, {"occurred_at": at, "version": version}, [responded(options, response_id, ())])


def sample(unique: str, now_ms: int) -> Sample:
    """A completed response."""
    body = {
        "name": "deskpulse",
        "filter_type": "survey",
        "filter_id": f"{unique}-s",
        "event_type": "response_completed",
        "event_id": f"{unique}-m",
        "object_type": "response",
        "object_id": unique,
        "event_datetime": rfc3339(now_ms),
        "resources": {"respondent_id": unique, "collector_id": f"{unique}-c", "survey_id": f"{unique}-s", "user_id": f"{unique}-u"},
    }
    return Sample(body=msgspec.json.encode(body), headers={"content-type": "application/vnd.surveymonkey.response.v1+json"})


PROVIDER = Provider(
    kind="surveymonkey",
    title="SurveyMonkey",
    schemes=("surveymonkey",),
    translate=translate,
    options=SurveyOptions,
    probes=("HEAD",),
    lines={
        "response_completed": Line(("survey.responded",), "without answers: the score has to be fetched"),
        "response_updated": Line(("survey.responded",), "replaces the response, no new count"),
        **dict.fromkeys(_TAKEN_BACK, Line(("fact.withdrawn",), "takes the response back")),
        "response_created": NOTHING,
        **{f"{what}_{how}": NOTHING for what in ("collector", "survey") for how in ("created", "updated", "deleted")},
        "app_installed": NOTHING,
        "app_uninstalled": NOTHING,
        _DETAILS: Line((), "an answer of the API, not a message"),
    },
    guide=Guide(
        clicks=(
            "At developer.surveymonkey.com open My Apps and create a private app, or open yours.",
            "Give it the scopes View Webhooks and Create/Modify Webhooks, deploy it, and copy its access token, client id and secret.",
            "Create the webhook with the API: POST https://api.surveymonkey.com/v3/webhooks with name, event_type response_completed, "
            "object_type survey, object_ids of your surveys and subscription_url {url}.",
            "Create the same again for response_updated, response_deleted, response_disqualified and response_overquota.",
            "SurveyMonkey asks {url} with HEAD each time; that is answered without a secret.",
        ),
        secret="Client id and secret of the app joined by `&`: `<client id>&<secret>`. Old apps have their API key in place of the id.",
        delivery="Seconds late; response_updated comes once a page. Retries and order are not promised.",
        notes=(
            "SurveyMonkey sends no scores: by itself this source says only that somebody answered. A job of yours that asks "
            "GET /v3/surveys/{survey}/responses/{response}/details sends each as `survey.responded` with the same response_id and its "
            "answers to a source of kind standardwebhooks (`deskpulse send` does), with a higher `version` each time they change.",
            "A response without answers counts in no figure, so nothing is counted twice. What is deleted at SurveyMonkey is taken back "
            "here; take back the scored one yourself, with `fact.withdrawn` and the id it was sent with.",
        ),
        unconfirmed=(
            "Blanks around Sm-Signature are cut off. An app that signs otherwise: the source's `signature`.",
            "Whether custom variables such as a ticket's id come with a message: they are not read.",
        ),
        links=("https://api.surveymonkey.com/v3/docs#webhook-callbacks",),
    ),
    sample=sample,
)
