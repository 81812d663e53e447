"""Google Forms: what our own script, bound to a form, sends of each response.

Google Forms has no webhooks; the script of the guide runs when a form is submitted, reads that very response, and signs what it
sends. It sends choices and scales, never written answers or addresses, but for the ticket's id.
Laws: only a body of this script is read, one that looks like another service's is refused; a response that was edited is a higher
version of the same event.
https://developers.google.com/apps-script/guides/triggers/installable
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import (
    TICKET_FIELDS,
    VERSION_MAX,
    SurveyOptions,
    answer,
    responded,
    response_id_in,
    version_at,
)
from services.ingest.providers.telling import Outside, told
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, objects_in

_NAME = "submitted"
"""Our name for the only message there is."""

_SCALES = ("SCALE", "RATING")
_CHOICES = ("MULTIPLE_CHOICE", "LIST")

SCRIPT = """\
// In the form: menu > Apps Script. Project settings > Script properties: DESKPULSE_URL and DESKPULSE_SECRET.
// Then run install() once and allow what it asks for.
const SENT_TYPES = TYPES;
const TICKET_TITLES = TICKETS;

function install() {
  ScriptApp.newTrigger('sendResponse').forForm(FormApp.getActiveForm()).onFormSubmit().create();
}

function sendResponse(e) {
  const settings = PropertiesService.getScriptProperties();
  const answers = e.response.getItemResponses().map(function (given) {
    const item = given.getItem();
    return { id: String(item.getId()), title: item.getTitle(), type: String(item.getType()), value: given.getResponse() };
  }).filter(function (one) {
    return SENT_TYPES.includes(one.type) || TICKET_TITLES.includes(one.title.trim().toLowerCase());
  });
  const body = JSON.stringify({
    event_id: e.response.getId(),
    form_id: e.source.getId(),
    submitted_at: e.response.getTimestamp().toISOString(),
    version: Math.floor(Date.now() / 1000),
    answers: answers
  });
  const mac = Utilities.computeHmacSha256Signature(body, settings.getProperty('DESKPULSE_SECRET'), Utilities.Charset.UTF_8);
  const hex = mac.map(function (byte) { return ('0' + (byte & 255).toString(16)).slice(-2); }).join('');
  const request = {
    method: 'post',
    contentType: 'application/json; charset=utf-8',
    headers: { 'X-Hub-Signature-256': 'sha256=' + hex },
    payload: body,
    muteHttpExceptions: true
  };
  let said = 'nothing';
  for (let wait = 1000; wait <= 27000; wait *= 3) {
    try {
      said = UrlFetchApp.fetch(settings.getProperty('DESKPULSE_URL'), request).getResponseCode();
      if (said < 300) return;
    } catch (error) {
      said = 'no answer';
    }
    Utilities.sleep(wait);
  }
  throw new Error('deskpulse did not take the response: ' + said);
}
""".replace("= TYPES", f"= {json.dumps([*_SCALES, *_CHOICES])}").replace("= TICKETS", f"= {json.dumps(TICKET_FIELDS)}")


def translate(delivery: Delivery, options: SurveyOptions) -> Translation:
    """The response in one body of the script. Raises Rejected when it is another's body, or names no response."""
    body = object_of(delivery.body)
    if not isinstance(body.get("answers"), list) or "event_type" in body:
        detail = "this is not a body of the script that the guide of google_forms shows: put that script into the form"
        raise Rejected(Reason.UNTRANSLATABLE, detail, "/answers")
    response_id = response_id_in(body.get("event_id"), _NAME, "/event_id")
    at = iso_time(body.get("submitted_at"), "/submitted_at", zone_of(options.time_zone))
    version = body.get("version")
    answers = objects_in(body["answers"])
    common: Outside = {
        "occurred_at": at,
        "version": version if isinstance(version, int) and version in range(VERSION_MAX) else version_at(at),
        "ticket_id": options.ticket_id({id_in(each.get("title")): each.get("value") for each in answers}),
    }
    return told(_NAME, response_id, common, [responded(options, response_id, _answers(answers, options))])


def _answers(answers: Sequence[Mapping[str, Any]], options: SurveyOptions) -> Iterator[Outside | None]:
    for place, each in enumerate(answers):
        kind = each.get("type")
        question = options.question(each.get("id"), each.get("title"), others=kind in _SCALES)
        if question is not None and kind in (*_SCALES, *_CHOICES):
            yield answer(each.get("id"), question, each.get("value"), f"/answers/{place}/value")


def sample(unique: str, now_ms: int) -> Sample:
    """A response with one question on a scale."""
    body = {
        "event_id": unique,
        "form_id": "sample",
        "submitted_at": rfc3339(now_ms),
        "version": now_ms // 1000,
        "answers": [{"id": "1", "title": "How content are you?", "type": "SCALE", "value": "4"}],
    }
    return Sample(body=msgspec.json.encode(body))


PROVIDER = Provider(
    kind="google_forms",
    title="Google Forms",
    schemes=("github",),
    translate=translate,
    options=SurveyOptions,
    lines={_NAME: Line(("survey.responded",), "with a score for the questions that `questions` names")},
    guide=Guide(
        clicks=(
            "Open the form, and in its menu (three dots) Apps Script.",
            "Replace what stands there with the script below and save.",
            "In Project settings > Script properties add DESKPULSE_URL with {url} and DESKPULSE_SECRET with the secret.",
            "Choose the function install, press Run once, and allow what Google asks for.",
            "Name the form's questions in options.questions, by their id or their title, each with metric and scale.",
        ),
        secret="A long random text of your own: `openssl rand -hex 32`. The script signs with it as GitHub does.",
        delivery="Seconds late; the script tries four times within a minute, Google does not try again.",
        template=SCRIPT,
        notes=(
            "Only linear scales, ratings, multiple choice and lists are sent; written answers, grids and addresses stay in the form.",
            "To know the ticket, add a short-answer question titled ticket_id and send a pre-filled link.",
            'Scores in words need `labels`: `questions."How was it?" = {metric = "csat", labels = {"Bad" = 1, "Good" = 5}}`.',
            "Other scripts send bodies that look like Typeform's without being so; they are refused.",
        ),
        links=("https://developers.google.com/apps-script/guides/triggers/installable",),
    ),
    sample=sample,
)
