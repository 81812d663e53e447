"""Surveys: a correction replaces, a response that was taken back counts no more, and what nobody configured is no score."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.entities import Entities
from schemas.events import Answer, Event, FactWithdrawn, SurveyResponded, SurveySent
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS, google_forms
from services.ingest.providers.questions import Question, SurveyOptions, answer, plain_id_in
from services.ingest.signatures import SCHEMES
from tests.kpis.drawn import emitted
from tests.services.ingest.providers.recorded import NOW_MS, RECORDINGS, became, delivery_of, options_of

KINDS = (
    "asknicely",
    "delighted",
    "google_forms",
    "qualtrics",
    "refiner",
    "satismeter",
    "surveymonkey",
    "survicate",
    "typeform",
    "wootric",
)
FORM = "application/x-www-form-urlencoded"
RECORDED = [
    pytest.param(file.parent.name, json.loads(file.read_text()), id=f"{file.parent.name}-{file.stem}")
    for kind in KINDS
    for file in sorted((RECORDINGS / kind).glob("*.json"))
]


def body_of(kind: str, name: str) -> dict[str, Any]:
    """The body of one of our recordings."""
    found: dict[str, Any] = json.loads((RECORDINGS / kind / f"{name}.json").read_text())["body"]
    return found


def events_of(kind: str, body: dict[str, Any], **options: Any) -> list[Event]:
    events, _, refused = became(kind, delivery_of({"body": body}), options_of(kind, options))
    assert refused == []
    return events


def scores(events: list[Event]) -> list[str]:
    """The answers about cases that count in the end, as metric, question, scale and score; nothing conflicts on the way there."""
    entities = Entities()
    for event in events:
        entities.apply(event)
    assert entities.counters["conflicting_id"] == 0
    found = {name: times for name, times in emitted(events).items() if name.startswith("case_answer/")}
    assert not any("×" in at for times in found.values() for at in times), "an answer counts twice at one time"
    return sorted(name.removeprefix("case_answer/") for name, times in found.items() for _ in times)


def counts_in_any_order(events: list[list[Event]], expected: list[str]) -> None:
    for order in permutations(events):
        said = [event for one in order for event in one]
        assert scores(said) == expected
        assert scores(said + said) == expected


# ---- corrections ---------------------------------------------------------------------------


def test_a_full_form_replaces_the_partial_ones() -> None:
    def sent(event_type: str, given: list[int], at: str | None) -> list[Event]:
        fields = [{"type": "number", "number": score, "field": {"id": f"f{n}", "type": "nps"}} for n, score in enumerate(given)]
        form = {"token": "t", "answers": fields, **({"submitted_at": at} if at else {})}
        return events_of("typeform", {"event_id": "e", "event_type": event_type, "form_response": form})

    partial, further = sent("form_response_partial", [1], None), sent("form_response_partial", [1, 2], None)
    full = sent("form_response", [9, 8], "2026-02-20T08:00:05Z")
    counts_in_any_order([partial, further], ["nps|f0|0-10|1", "nps|f1|0-10|2"])
    counts_in_any_order([partial, further, full], ["nps|f0|0-10|9", "nps|f1|0-10|8"])


def test_a_higher_count_of_asknicely_replaces_and_the_invitation_stays_one() -> None:
    first, changed = body_of("asknicely", "first_answer"), body_of("asknicely", "answer_changed")
    bodies = [events_of("asknicely", body) for body in (first, changed)]
    counts_in_any_order(bodies, ["nps|overall|0-10|2"])
    sent = [event for body in bodies for event in body if isinstance(event, SurveySent)]
    assert len(sent) == 2
    assert sent[0] == sent[1]


@pytest.mark.parametrize("kind", ["delighted", "wootric"])
def test_a_response_that_fires_again_counts_once_even_within_one_second(kind: str) -> None:
    created = {
        "delighted": {"event_type": "survey_response.created", "event_data": {"id": "1", "score": 3, "created_at": 1_772_000_000}},
        "wootric": {"event_name": "created", "response": {"id": "1", "score": "3", "created_at": "2026-02-25 06:13:20 +0000"}},
    }[kind]
    updated = json.loads(json.dumps(created).replace("created", "updated", 1).replace('"3"', '"8"').replace(": 3", ": 8"))
    counts_in_any_order([events_of(kind, created), events_of(kind, updated)], ["nps|overall|0-10|8"])


def test_an_answer_that_wootric_excludes_later_counts_no_more() -> None:
    said = [events_of("wootric", body_of("wootric", name)) for name in ("created", "updated", "excluded_later")]
    counts_in_any_order(said[:2], ["nps|overall|0-10|4"])
    counts_in_any_order(said, [])


def test_each_question_of_survicate_counts_and_one_that_was_answered_anew_replaces() -> None:
    def said(question: int, choice: int, second: int, tries: int = 0) -> list[Event]:
        body = body_of("survicate", "recommendation")
        body["deliveryTries"] = tries
        body["event"]["questionAnswered"] |= {
            "question": {"id": question},
            "choice": {"id": choice, "body": "passive"},
            "timestamp": f"2026-02-19T06:00:{second:02}+00:00",
        }
        return events_of("survicate", body)

    assert said(1, 9, 0) == said(1, 9, 0, tries=3)
    completed = events_of("survicate", body_of("survicate", "survey_completed"))
    counts_in_any_order([said(1, 9, 0), said(2, 4, 1), said(1, 7, 2), completed], ["nps|1|0-10|7", "nps|2|0-10|4"])


def test_an_edited_response_of_google_forms_replaces() -> None:
    def edited(version: int, score: str) -> list[Event]:
        body = body_of("google_forms", "script") | {"version": version, "answers": [{"id": "1", "type": "SCALE", "value": score}]}
        return events_of("google_forms", body, questions={"1": {"metric": "csat"}})

    counts_in_any_order([edited(1_772_000_000, "2"), edited(1_772_000_060, "5")], ["csat|overall|1-5|5"])


# ---- thin bodies ---------------------------------------------------------------------------


def test_the_last_page_and_the_completion_in_one_second_do_not_conflict() -> None:
    completed = body_of("surveymonkey", "completed")
    page = completed | {"event_type": "response_updated", "event_datetime": "2026-02-14T10:20:30.100000+00:00"}
    counts_in_any_order([events_of("surveymonkey", completed), events_of("surveymonkey", page)], [])


@pytest.mark.parametrize("reason", ["deleted", "disqualified", "overquota"])
def test_a_response_that_surveymonkey_takes_back_is_the_one_that_was_told(reason: str) -> None:
    (told,) = events_of("surveymonkey", body_of("surveymonkey", "completed"))
    (taken,) = events_of("surveymonkey", body_of("surveymonkey", reason))
    assert isinstance(taken, FactWithdrawn)
    assert taken.of == told.id
    assert taken.id != told.id
    assert isinstance(told, SurveyResponded)
    scored = msgspec.structs.replace(told, version=told.version + 1, answers=(Answer(metric="csat", score=4),))
    counts_in_any_order([[told], [scored]], ["csat|overall|1-5|4"])
    counts_in_any_order([[told], [scored], [taken]], [])


def test_only_what_is_inside_the_signed_field_counts_at_qualtrics() -> None:
    scheme, options = SCHEMES["qualtrics"], SurveyOptions()
    sample = PROVIDERS["qualtrics"].sample("R_1", NOW_MS)
    signed = scheme.signed(Delivery(headers={b"content-type": FORM.encode()}, body=sample.body, received_at_ms=NOW_MS), "key", "")
    forged = msgspec.structs.replace(signed, body=signed.body + b"&" + urlencode({"ResponseID": "R_2", "Status": "Partial"}).encode())
    assert scheme.accepts(forged, [scheme.key("key")], "")
    assert became("qualtrics", forged, options) == became("qualtrics", signed, options)


# ---- what is no score ----------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "recorded"), RECORDED)
def test_a_recording_with_every_text_changed_says_the_same(kind: str, recorded: dict[str, Any]) -> None:
    """Whatever people wrote: no event depends on it."""
    other = json.loads(json.dumps(recorded).replace("SECRET", "OTHER"))
    options = options_of(kind, recorded.get("options"))
    assert became(kind, delivery_of(recorded), options) == became(kind, delivery_of(other), options)


@given(choice=st.integers(-5, 30), word=st.sampled_from(["promoter", "Passive", "DETRACTOR", "Great", "7"]))
def test_the_id_of_a_choice_is_a_score_only_of_a_recommendation(choice: int, word: str) -> None:
    body = body_of("survicate", "recommendation")
    body["event"]["questionAnswered"]["choice"] = {"id": choice, "body": word, "comment": "SECRET"}
    (event,) = events_of("survicate", body)
    assert isinstance(event, SurveyResponded)
    is_nps = word.lower() in ("promoter", "passive", "detractor") and 0 <= choice <= 10
    assert [said.score for said in event.answers] == ([choice] if is_nps else [])


def test_the_category_score_of_satismeter_is_not_the_answer() -> None:
    body = body_of("satismeter", "three_metrics")
    for score in (-100, 0, 100):
        body["response"]["score"] = score
        assert scores(events_of("satismeter", body)) == ["ces|a2|1-7|7", "csat|overall|1-5|5", "nps|a1|0-10|3"]


def test_a_body_like_typeforms_is_refused_and_typeforms_own_too() -> None:
    ours = body_of("google_forms", "script") | {"event_type": "form_response"}
    for body in (body_of("google_forms", "body_of_another_script"), body_of("typeform", "nps_by_its_type"), ours):
        events, ignored, refused = became("google_forms", delivery_of({"body": body}))
        assert (events, ignored, len(refused)) == ([], [], 1)


@given(metric=st.sampled_from(["csat", "nps", "ces", "stars"]), score=st.integers(-3, 12), reverse=st.booleans())
def test_a_score_stays_on_its_scale_or_is_refused(metric: Any, score: int, reverse: bool) -> None:
    question = Question(metric=metric, reverse=reverse)
    low, high = question.scale
    body = body_of("typeform", "nps_by_its_type")
    body["form_response"]["answers"] = [{"type": "number", "number": score, "field": {"id": "f", "type": "rating"}}]
    options = {"questions": {"f": {"metric": metric, "reverse": reverse}}}
    events, _, refused = became("typeform", delivery_of({"body": body}), options_of("typeform", options))
    if low <= score <= high:
        (event,) = events
        assert isinstance(event, SurveyResponded)
        assert [said.score for said in event.answers] == [low + high - score if reverse else score]
    else:
        assert events == []
        assert "set metric, scale_min and scale_max" in refused[0]


@pytest.mark.parametrize(
    ("value", "score"),
    [("Good", 5), (" good ", 5), ("4", 4), (4.0, 4), ("n/a", None), (True, None), (None, None), ([5], None), ({"a": 1}, None), ("", None)],
    ids=str,
)
def test_words_are_scores_only_by_their_label(value: Any, score: float | None) -> None:
    said = answer("q", Question(metric="csat", labels={"Good": 5}), value)
    assert (None if said is None else said["score"]) == score


# ---- options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"time_zone": "Nowhere/Land"},
        {"questions": {"q": {"metric": "csat", "scale_min": 5, "scale_max": 1}}},
        {"questions": {"q": {"metric": "happiness"}}},
        {"question": {}},
    ],
    ids=["zone", "scale upside down", "unknown metric", "unknown option"],
)
def test_an_option_that_cannot_be_is_refused_at_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (msgspec and we say different things, both ValueErrors)
        options_of("typeform", options)


@pytest.mark.parametrize(
    ("value", "found"),
    [("T-1", "T-1"), (" T-1 ", "T-1"), (17, "17"), ("a.person@example.org", None), ("", None), ("  ", None), (None, None), (["x"], None)],
    ids=str,
)
def test_an_id_that_anybody_may_have_typed_is_none_where_it_is_an_address(value: Any, found: str | None) -> None:
    assert plain_id_in(value) == found


# ---- senders -------------------------------------------------------------------------------


def test_surveymonkey_may_look_whether_the_address_is_there() -> None:
    assert PROVIDERS["surveymonkey"].probes == ("HEAD",)


_STUBS = """
const crypto = require('crypto');
const sent = [];
const properties = { DESKPULSE_URL: 'https://x', DESKPULSE_SECRET: 'k\\u00e4y' };
PropertiesService = { getScriptProperties: () => ({ getProperty: (name) => properties[name] }) };
Utilities = {
  Charset: { UTF_8: 1 }, sleep() {},
  computeHmacSha256Signature: (text, key) => Array.from(new Int8Array(crypto.createHmac('sha256', key).update(text).digest()))
};
UrlFetchApp = { fetch: (url, request) => { sent.push(request); return { getResponseCode: () => sent.length < 3 ? 503 : 202 }; } };
const item = (id, title, type, value) => ({
  getItem: () => ({ getId: () => id, getTitle: () => title, getType: () => type }), getResponse: () => value
});
const response = {
  getId: () => 'r-1', getTimestamp: () => new Date('2026-02-02T10:00:00Z'), getRespondentEmail: () => 'SECRET@example.org',
  getItemResponses: () => [
    item(1, 'Zufrieden? \\u00fc', 'SCALE', '4'), item(2, 'Why?', 'PARAGRAPH_TEXT', 'SECRET'), item(3, ' Ticket_ID', 'TEXT', 'T-1')
  ]
};
sendResponse({ response: response, source: { getId: () => 'f-1' } });
console.log(JSON.stringify(sent));
"""


@pytest.mark.skipif(
    shutil.which("node") is None, reason="no node on this machine to run the script of the guide (Debian: apt install nodejs)"
)
def test_the_script_of_the_guide_signs_what_we_read_and_sends_nothing_that_somebody_wrote() -> None:
    ran = subprocess.run(["node", "-e", google_forms.SCRIPT + _STUBS], capture_output=True, text=True, check=True, timeout=30)
    sent = json.loads(ran.stdout)
    assert len(sent) == 3, "two refusals, then it was taken"
    assert len({request["payload"] for request in sent}) == 1
    headers = {name.lower().encode(): value.encode() for name, value in sent[0]["headers"].items()}
    body = sent[0]["payload"].encode()
    assert b"SECRET" not in body
    version = json.loads(body)["version"]
    delivery = Delivery(headers=headers, body=body, received_at_ms=NOW_MS)
    scheme = SCHEMES["github"]
    assert scheme.accepts(delivery, [scheme.key("käy")], "")
    (event,), _, _ = became("google_forms", delivery, options_of("google_forms", {"questions": {"1": {"metric": "csat"}}}))
    assert isinstance(event, SurveyResponded)
    assert (event.response_id, event.ticket_id, event.version, event.answers[0].score) == ("r-1", "T-1", version, 4)


# ---- any body ------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["", "x", "9", "@"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "name"]), inner, max_size=2),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in _places(each, (*path, name)))]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "qualtrics"])
@settings(max_examples=200)
@given(data=st.data())
def test_a_recording_with_any_value_anywhere_is_answered(kind: str, data: st.DataObject) -> None:
    of_kind = [one.values[1] for one in RECORDED if one.values[0] == kind]
    recorded: dict[str, Any] = data.draw(st.sampled_from([one for one in of_kind if "body" in one]))  # type: ignore[operator, misc]
    body = json.loads(json.dumps(recorded["body"]))
    place = data.draw(st.sampled_from(_places(body)[1:]))
    inside = body
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = data.draw(VALUES)
    delivery, options = delivery_of({**recorded, "body": body}), options_of(kind, recorded.get("options"))
    first = became(kind, delivery, options)
    assert first == became(kind, delivery, options)
    assert any(first), "accepted, ignored or refused, never lost"


@given(message=VALUES | st.dictionaries(st.sampled_from(["ResponseID", "Status", "CompletedDate"]), VALUES), topic=st.text(max_size=30))
def test_any_message_of_qualtrics_is_answered(message: Any, topic: str) -> None:
    text = urlencode({"MSG": json.dumps(message), "Topic": topic})
    delivery = delivery_of({"headers": {"content-type": FORM}, "text": text})
    assert any(became("qualtrics", delivery))
