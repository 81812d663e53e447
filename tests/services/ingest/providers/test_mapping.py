"""The generic mapping: what options may say, what they make of bodies, and the laws that hold whatever they say."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import event_from, millis_from
from schemas.codec import encode_event
from schemas.events import BY_TYPE
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.providers import PROVIDERS
from services.ingest.providers.mapping_fields import FIELDS, Field
from services.ingest.providers.mapping_options import HEADERS, MappingOptions
from tests.services.ingest.providers.recorded import NOW_MS, became, delivery_of, options_of

AT = "2026-03-02T08:26:40Z"
CALL = {"becomes": "call.ended", "fields": {"call_id": "call.id"}}
SURVEY = {"becomes": "survey.responded", "fields": {"response_id": "id", "score": "mark"}}
SALE = {"becomes": "purchase.completed", "fields": {"purchase_id": "no", "amount_minor": "sum", "currency": "=EUR"}}


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        pytest.param(
            {"messages": {"x": {"becomes": "call.enqueued"}}}, "there is no event call.enqueued; the nearest is call.queued", id="event"
        ),
        pytest.param(
            {"messages": {"x": {**CALL, "fields": {"call_id": "a", "talk_secs": "b"}}}},
            "talk_secs; the nearest is talk_seconds",
            id="field",
        ),
        pytest.param({"messages": {"x": {"becomes": "call.ended"}}}, "call.ended needs call_id", id="required-field"),
        pytest.param({"messages": {"x": {**CALL, "field": {}}}}, "field", id="unknown-key"),
        pytest.param({"messages": {"x": {"becomes": "ticket.absorbed"}}}, "no event ticket.absorbed", id="an-event-of-ours"),
        pytest.param(
            {"messages": {"x": {"becomes": "ticket.assigned", "fields": {"ticket_id": "a"}}}}, "agent_id or team", id="nobody-assigned"
        ),
        pytest.param(
            {"messages": {"x": {**CALL, "time": ""}, "y": {**CALL, "time": " "}}}, "messages.y.time: name a path", id="blank-place"
        ),
        pytest.param({"fields": {"chanel": "=phone"}}, "the nearest is channel", id="common-field"),
        pytest.param({"fields": {"source": "=x"}}, "source", id="field-that-nobody-may-say"),
        pytest.param({"name": "header:authorization"}, "the header authorization is not kept", id="header"),
        pytest.param({"id": "header:x-hub-signature-256"}, "these are: x-event", id="header-that-proves"),
        pytest.param({"words": {"direction": {"in": "inwards"}}}, "direction is none of inbound, outbound", id="word"),
        pytest.param(
            {"messages": {"x": {"becomes": "call.queued", "fields": {"call_id": "a", "direction": "=in"}}}},
            "direction is none of",
            id="constant",
        ),
        pytest.param({"words": {"directon": {}}}, "the nearest is direction", id="word-of-no-field"),
        pytest.param({"major": ["amount"]}, "the nearest is amount_minor", id="amount"),
        pytest.param({"major": ["call_id"]}, "call_id is no amount", id="no-amount"),
        pytest.param(
            {"major": ["amount_minor"], "messages": {"x": {"becomes": "deal.won", "fields": {"deal_id": "a", "amount_minor": "b"}}}},
            "needs currency",
            id="amount-without-currency",
        ),
        pytest.param({"units": {"channel": "minutes"}}, "channel is no duration", id="unit"),
        pytest.param({"units": {"talk_seconds": "weeks"}}, "weeks", id="unknown-unit"),
        pytest.param({"messages": {"x": SURVEY}}, "say what score asks for", id="score-without-question"),
        pytest.param(
            {"messages": {"x": {"becomes": "survey.responded", "fields": {"response_id": "id"}}}}, "needs score", id="survey-without-answer"
        ),
        pytest.param({"time_zone": "Europe/Berlni"}, "time zone", id="time-zone"),
        pytest.param({"each": "=x"}, "each: the path of a list", id="each"),
        pytest.param({"colour": "red"}, "colour", id="unknown-option"),
    ],
)
def test_options_that_cannot_be_are_refused_with_what_was_meant(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        options_of("mapping", options)


def test_headers_that_may_be_read_prove_nobody() -> None:
    proofs = ("authorization", "signature", "hmac", "token", "secret", "key-id", "cookie", "api-key", "auth")
    assert [header for header in HEADERS if header != header.lower() or any(word in header for word in proofs)] == []
    assert set(HEADERS) <= set(PROVIDERS["mapping"].headers)
    assert PROVIDERS["github"].headers == PROVIDERS["mapping"].headers


@pytest.mark.parametrize("kind", ["mapping", "github"])
def test_the_options_that_the_guide_shows_are_options(kind: str) -> None:
    (shown,) = tomllib.loads(PROVIDERS[kind].guide.template)["sources"].values()
    assert isinstance(options_of(kind, shown["options"]), MappingOptions)


# Canonical names need no entry


def _example(field: Field) -> Any:
    examples = {"text": 77, "flag": "yes", "whole": "2", "number": "1.5", "money": 100, "tags": "a, b", "currency": "eur", "score": 4}
    answers = [{"question": "q", "metric": "csat", "score": 4, "scale_min": 1, "scale_max": 5}]
    return field.words[0].upper() if field.words else {**examples, "time": 1_772_440_000, "answers": answers}[field.kind]


def _plain(field: Field) -> Any:
    plain = {"text": "77", "flag": True, "whole": 2, "number": 1.5, "money": 100, "tags": ["a", "b"], "currency": "EUR", "time": AT}
    return field.words[0] if field.words else plain.get(field.kind, _example(field))


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("within_data", [False, True], ids=["flat", "data"])
def test_every_field_of_every_event_is_taken_under_its_own_name(name: str, within_data: bool) -> None:
    fields = {of.name: of for of in FIELDS[name].values() if of.kind != "score"}
    body = {of.name: _example(of) for of in fields.values()}
    whole = {"type": name, "occurred_at": AT, "data": body} if within_data else {"type": name, "occurred_at": AT, **body}
    (event,), _, refused = became("mapping", delivery_of({"body": whole}))
    assert refused == []
    wanted = {"type": name, "id": event.id, "occurred_at": AT, **{of.name: _plain(of) for of in fields.values()}}
    assert event == event_from(wanted, source="a-source", received_at_ms=NOW_MS)[0]


def test_every_event_may_be_told_but_that_of_the_aggregator() -> None:
    assert set(BY_TYPE) - set(FIELDS) == {"ticket.absorbed"}


def test_what_is_configured_goes_before_the_fields_own_names() -> None:
    options = options_of("mapping", {"fields": {"channel": "via", "team": "=night"}})
    body = {"type": "ticket.solved", "ticket_id": 1, "channel": "email", "occurred_at": AT}
    (own,), _, _ = became("mapping", delivery_of({"body": body}), options)
    (said,), _, _ = became("mapping", delivery_of({"body": {**body, "via": "Phone"}}), options)
    assert [(event.channel, event.team) for event in (own, said)] == [("email", "night"), ("phone", "night")]


# Identity


def _ids(kind: str, options: dict[str, Any], *bodies: Any, headers: dict[str, str] | None = None) -> list[list[str]]:
    recorded = [{"text": body} if isinstance(body, str) else {"body": body} for body in bodies]
    found = [became(kind, delivery_of({**one, "headers": headers or {}}), options_of(kind, options)) for one in recorded]
    assert [refused for _, _, refused in found] == [[] for _ in bodies]
    return [[event.id for event in events] for events, _, _ in found]


def test_a_message_without_an_id_is_known_by_what_it_says_and_when() -> None:
    body = {"type": "ticket.note", "ticket_id": 1, "message_id": 2, "occurred_at": AT, "attempt": 1}
    first, again, later = _ids(
        "mapping", {}, body, {**dict(reversed(body.items())), "attempt": 2}, {**body, "occurred_at": "2026-03-02T08:26:41Z"}
    )
    assert first == again != later


def test_a_message_with_neither_id_nor_time_is_known_by_its_bytes() -> None:
    first, again, other = _ids(
        "mapping", {}, *['{"type":"ticket.note","ticket_id":1,"message_id":2}'] * 2, '{"type":"ticket.note", "ticket_id":1,"message_id":2}'
    )
    assert first == again != other


def test_an_id_of_several_places_needs_all_of_them() -> None:
    options = {
        "name": "=x",
        "time": "at",
        "id": ["key", "number"],
        "messages": {"x": {"becomes": "call.answered", "fields": {"call_id": "call"}}},
    }
    whole, partly, other = _ids(
        "mapping", options, {"key": "k", "number": 3, "call": 1}, {"key": None, "number": 3, "call": 1}, {"number": 3, "call": 2}
    )
    assert whole == ["k:3:call.answered"]
    assert partly != other


def test_an_id_that_is_an_address_is_not_shown() -> None:
    body = {"type": "ticket.solved", "ticket_id": 1, "id": "someone@example.org"}
    ((found,), (again,), (other,)) = _ids("mapping", {}, body, body, {**body, "id": "another@example.org"})
    assert found == again != other
    assert "@" not in found


def test_an_id_in_a_header_is_one_for_each_message_of_the_body() -> None:
    options = {"id": "header:x-event-id"}
    body = [{"type": "ticket.solved", "ticket_id": n} for n in (1, 2)]
    assert _ids("mapping", options, body, headers={"x-event-id": "h"}) == [["h:0:ticket.solved", "h:1:ticket.solved"]]
    translation = PROVIDERS["mapping"].translate(delivery_of({"body": body}), options_of("mapping", options))
    assert translation.original is None  # one of them sent again alone would have another id


def test_messages_of_one_list_that_say_the_same_are_as_many() -> None:
    options = {"name": "=x", "each": "all", "messages": {"x": {"becomes": "help.session", "fields": {"session_id": "s"}}}}
    first, again = _ids("mapping", options, {"all": [{"s": 1}, {"s": 1}]}, {"all": [{"s": 1}, {"s": 1}]})
    assert first == again
    assert len(set(first)) == 2


ARRAY = [{"type": "ticket.solved", "ticket_id": 1}, {"type": "none.known"}, 7, {"type": "ticket.closed", "ticket_id": 2, "occurred_at": AT}]


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        pytest.param(json.dumps(ARRAY), "application/json", id="array"),
        pytest.param("\n\n".join(map(json.dumps, ARRAY)), "application/x-ndjson", id="lines"),
    ],
)
def test_each_message_of_a_body_sent_again_alone_has_the_same_id(text: str, content_type: str) -> None:
    whole = delivery_of({"text": text, "headers": {"content-type": content_type}})
    translation = PROVIDERS["mapping"].translate(whole, MappingOptions())
    assert list(translation.ignored) == ["none.known"]
    assert translation.original is not None
    assert len(translation.items) == 3
    for place, item in enumerate(translation.items):
        alone = Delivery(headers=whole.headers, body=translation.original(place), received_at_ms=NOW_MS, first_ordinal=place)
        events, _, refused = became("mapping", alone)
        assert refused == [str(item)] if isinstance(item, Rejected) else [event.id for event in events] == [item["id"]]


# Names, places, kinds of bodies


@pytest.mark.parametrize("name", ["Call Ended", "call-ended", "CALL_ENDED", "call.ended!", " call  ended "])
def test_case_and_punctuation_of_a_name_do_not_count(name: str) -> None:
    options = options_of("mapping", {"messages": {"Call_Ended": CALL}})
    events, _, _ = became("mapping", delivery_of({"body": {"type": name, "call": {"id": 1}}}), options)
    assert [event.type for event in events] == ["call.ended"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [("opened", "ticket.created"), ("closed", "ticket.note"), (None, "ticket.note")],
    ids=["longest", "shorter", "without"],
)
def test_the_longest_part_of_a_name_that_is_known_counts(action: str | None, expected: str) -> None:
    fields = {"ticket_id": "n", "message_id": "n"}
    created = {"becomes": "ticket.created", "fields": {"ticket_id": "n"}}
    options = options_of("github", {"messages": {"issues.opened": created, "issues": {"becomes": "ticket.note", "fields": fields}}})
    recorded = {"headers": {"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d"}, "body": {"action": action, "n": 4}}
    assert [event.type for event in became("github", delivery_of(recorded), options)[0]] == [expected]


@pytest.mark.parametrize(
    ("place", "body"),
    [
        pytest.param("call.id", {"call": {"id": 5}}, id="path"),
        pytest.param("call.id", {"call.id": 5}, id="key-with-a-dot"),
        pytest.param("calls.1.id", {"calls": [{}, {"id": 5}]}, id="list"),
        pytest.param("call.id", {"call": '{"id": 5}'}, id="json-in-a-text"),
        pytest.param("a.call.id", {"a": {"call": '{"id": "5"}'}}, id="json-in-a-text-below"),
        pytest.param("a.b.call.0", {"a": '{"b": {"call": [5]}}'}, id="json-in-a-text-above"),
        pytest.param(["no.where", "other", "id"], {"other": "", "id": " 5 "}, id="first-that-says-something"),
        pytest.param("=5", {}, id="constant"),
        pytest.param("header:x-topic", {}, id="header"),
        pytest.param("body:id", {"id": "5"}, id="body"),
    ],
)
def test_a_place_is_found(place: Any, body: dict[str, Any]) -> None:
    options = options_of("mapping", {"name": "=x", "messages": {"x": {"becomes": "call.answered", "fields": {"call_id": place}}}})
    (event,), _, _ = became("mapping", delivery_of({"body": body, "headers": {"x-topic": "5"}}), options)
    assert event.call_id == "5"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content_type", ["application/xml", "text/xml; charset=utf-8", "application/soap+xml", "multipart/form-data; boundary=x"]
)
def test_bodies_of_another_kind_are_told_what_to_be(content_type: str) -> None:
    with pytest.raises(WrongContentType, match="JSON Lines or a form"):
        PROVIDERS["mapping"].translate(delivery_of({"text": "<a/>", "headers": {"content-type": content_type}}), MappingOptions())


@pytest.mark.parametrize(
    ("options", "body", "reason"),
    [
        pytest.param({}, {"ticket_id": 1}, "no name where options.name says \\(at /type\\)", id="no-name"),
        pytest.param({"name": "header:x-event"}, {}, "at /header:x-event", id="no-name-in-a-header"),
        pytest.param({"each": "data.items"}, {"data": {}}, "no list where options.each says \\(at /data/items\\)", id="no-list"),
        pytest.param({}, [[1]], "a message is an object or a form", id="no-object"),
        pytest.param(
            {"messages": {"sold": SALE}},
            {"type": "sold", "no": 1, "sum": "a lot", "occurred_at": AT},
            "amount_minor is an amount in minor",
            id="no-amount",
        ),
        pytest.param(
            {"messages": {"sold": SALE}},
            {"type": "sold", "no": 1, "sum": 5, "occurred_at": "soon"},
            "bad_time.*at /occurred_at",
            id="no-time",
        ),
        pytest.param({}, {"type": "help.search", "session_id": 1, "results": "many"}, "results is a whole number", id="no-number"),
        pytest.param({}, {"type": "agent.left", "agent_id": 1, "voluntary": "perhaps"}, "voluntary is true or false", id="no-flag"),
        pytest.param(
            {}, {"type": "survey.responded", "response_id": 1, "score": 5}, "scale of options.question", id="score-without-question"
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(options: dict[str, Any], body: Any, reason: str) -> None:
    events, _, (refused,) = became("mapping", delivery_of({"body": body}), options_of("mapping", options))
    assert events == []
    assert re.search(reason, refused)


def test_an_amount_in_major_units_without_a_currency_is_refused() -> None:
    won = {"becomes": "deal.won", "fields": {"deal_id": "no", "amount_minor": "sum", "currency": "cur"}}
    options = options_of("mapping", {"major": ["amount_minor"], "messages": {"won": won}})
    refused = became("mapping", delivery_of({"body": {"type": "won", "no": 1, "sum": "5", "cur": ""}}), options)[2]
    assert refused == ["missing_field: amount_minor is in major units and needs its currency, which is not said (at /sum)"]
    (event,), _, _ = became("mapping", delivery_of({"body": {"type": "won", "no": 1, "sum": "", "cur": ""}}), options)
    assert event.amount_minor is None  # type: ignore[attr-defined]


# Whatever comes, and whatever the options are

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.sampled_from([AT, "ticket.solved", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", "b", "data", "id", "ticket_id"]), inner, max_size=5)
    ),
    max_leaves=15,
)
PLACES = st.sampled_from(["type", "a", "a.b", "data.a.0", "=x", "header:x-event", "body:a", "b.b.b"])
MAPPINGS = st.fixed_dictionaries(
    {
        "name": PLACES | st.lists(PLACES, min_size=1, max_size=3),
        "messages": st.just({}) | st.just({"x": {"becomes": ["ticket.solved", "ticket.assigned", "call.ended"], "fields": {}}}),
        "fields": st.fixed_dictionaries(
            {name: PLACES for name in ("ticket_id", "call_id", "agent_id")}, optional={"tags": PLACES, "channel": PLACES}
        ),
    },
    optional={"id": PLACES, "time": PLACES, "each": st.sampled_from(["a", "data", "data.a"]), "email_hash": st.booleans()},
)


@given(options=MAPPINGS, body=JSON, as_form=st.booleans())
def test_any_body_is_told_or_refused_by_any_mapping_and_always_the_same(options: dict[str, Any], body: Any, as_form: bool) -> None:
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}, "text": urlencode({"type": "x", "a": json.dumps(body)})}
    recorded = form if as_form else {"body": body, "headers": {"x-event": "x"}}
    read = options_of("mapping", options)
    first = became("mapping", delivery_of(recorded), read)
    assert became("mapping", delivery_of(recorded), read) == first
    assert b"@" not in b"".join(encode_event(event) for event in first[0])


@given(name=st.sampled_from(sorted(FIELDS)), address=st.emails() | st.from_regex(r"\+[1-9][0-9 ]{7,12}", fullmatch=True))
def test_no_address_gets_into_an_event(name: str, address: str) -> None:
    body = {"type": name, "occurred_at": AT, **{of.name: address if of.kind == "text" else _example(of) for of in FIELDS[name].values()}}
    events, _, _ = became("mapping", delivery_of({"body": body}))
    assert address.strip() not in "".join(str(event) for event in events)
    hashed, _, refused = became("mapping", delivery_of({"body": body}), MappingOptions(email_hash=True))
    assert [event.type for event in hashed] == [name] or refused
    assert address.strip() not in "".join(str(event) for event in hashed)


@pytest.mark.parametrize("marks", [1, 2, 5000])
def test_one_byte_order_mark_is_passed_over_and_more_are_not_json(marks: int) -> None:
    text = "\ufeff" * marks + json.dumps([{"type": "ticket.solved", "ticket_id": 1, "occurred_at": AT}])
    if marks > 1:
        with pytest.raises(Rejected, match="not_json"):
            PROVIDERS["mapping"].translate(delivery_of({"text": text}), MappingOptions())
        return
    translation = PROVIDERS["mapping"].translate(delivery_of({"text": text}), MappingOptions())
    assert translation.original is not None
    assert json.loads(translation.original(0))["ticket_id"] == 1


def test_a_naive_time_is_read_in_the_zone_of_the_source() -> None:
    body = {"type": "ticket.solved", "ticket_id": 1, "occurred_at": "2026-03-02 09:26:40"}
    (event,), _, _ = became("mapping", delivery_of({"body": body}), options_of("mapping", {"time_zone": "Europe/Berlin"}))
    assert event.occurred_at_ms == millis_from(AT)
