"""Telephone systems: what their messages come to as figures, whatever their order, repetition and way of writing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis import batch
from kpis.query import Query
from kpis.reading import Reader
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from tests.kpis.simulated import PAIRS, levels
from tests.services.ingest.providers.recorded import NOW_MS, became, delivery_of, options_of, recordings

RECORDED = {(kind, name): recorded for kind, name, recorded in recordings()}


def delivery(kind: str, name: str) -> Delivery:
    return delivery_of(RECORDED[kind, name])


def said(kind: str, *names: str) -> list[Event]:
    """The events of recordings, in the order of their names."""
    events: list[Event] = []
    for name in names:
        events += became(kind, delivery(kind, name), options_of(kind, RECORDED[kind, name].get("options")))[0]
    return events


def figures(events: Sequence[Event]) -> dict[str, float | None]:
    """Calls answered and given up, the mean wait and the mean handling, by a plain batch."""
    reader = Reader(batch.run(events, levels=levels(), pairs=PAIRS, now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=NOW_MS)
    asked = Query(kpis=("abandonment_rate", "speed_of_answer", "handle_time"), windows=("24h",))
    lost, wait, handled = reader.read(asked)
    return {
        "abandoned": lost.numerator,
        "offered": lost.denominator,
        "wait": wait.parts.get("mean"),
        "handled": handled.n,
        "handling": handled.parts.get("mean"),
    }


ANSWERED = {"abandoned": 0, "offered": 1, "handled": 1}
LOST = {"abandoned": 1, "offered": 1, "handled": 0}


@pytest.mark.parametrize(
    ("kind", "names", "expected"),
    [
        pytest.param("twilio", ["queue_entered", "reservation_accepted", "task_completed"], ANSWERED, id="twilio-answered"),
        pytest.param("twilio", ["queue_entered", "task_canceled"], LOST, id="twilio-given-up"),
        pytest.param("twilio", ["queue_entered", "reservation_accepted", "task_canceled"], ANSWERED, id="twilio-cancelled-after-an-answer"),
        pytest.param("twilio", ["outbound_entered", "outbound_accepted", "outbound_canceled"], {"offered": 0}, id="twilio-outbound"),
        pytest.param("twilio", ["queue_entered", "stream_accepted", "task_completed"], ANSWERED, id="twilio-by-both-ways"),
        pytest.param("talkdesk", ["reaches", "ends"], {"abandoned": 1, "offered": 1, "handled": 0}, id="talkdesk-never-started"),
        pytest.param("talkdesk", ["reaches", "starts", "ends"], {**ANSWERED, "handling": 61.5}, id="talkdesk-started"),
        pytest.param("aircall", ["created_inbound", "answered", "hungup_answered"], {**ANSWERED, "handling": 15}, id="aircall-answered"),
        pytest.param(
            "aircall",
            ["created_inbound", "answered", "hungup_answered", "ended_answered"],
            {**ANSWERED, "wait": 14, "handling": 15},
            id="aircall-ended-counts-no-second-time",
        ),
        pytest.param(
            "aircall", ["created_inbound", "hungup_missed_agents_did_not_answer", "ended_missed"], LOST, id="aircall-missed-counts-once"
        ),
        pytest.param("aircall", ["created_inbound", "hungup_missed_out_of_opening_hours"], {"offered": 0}, id="aircall-missed-when-closed"),
        pytest.param("aircall", ["created_outbound", "answered_outbound", "hungup_outbound"], {"offered": 0}, id="aircall-outbound"),
        pytest.param(
            "amazonconnect", ["queued", "connected", "disconnected"], {**ANSWERED, "wait": 20, "handling": 100}, id="connect-answered"
        ),
        pytest.param("amazonconnect", ["queued", "abandoned"], LOST, id="connect-given-up"),
        pytest.param("amazonconnect", ["disconnected_in_the_menu"], {"offered": 0}, id="connect-never-queued"),
        pytest.param("amazonconnect", ["queued", "connected", "monitored", "completed", "disconnected"], ANSWERED, id="connect-monitored"),
        pytest.param(
            "amazonconnect",
            ["queued", "connected", "disconnected", "transfer_initiated", "transfer_connected", "transfer_disconnected"],
            {**ANSWERED, "handling": 280},  # from the first answer to the end of the last leg
            id="connect-a-transfer-is-one-call",
        ),
        pytest.param("amazonconnect", ["queued", "moved_to_another_queue"], {"offered": 0}, id="connect-moved-on-is-not-lost"),
        pytest.param("amazonconnect", ["queued", "abandoned", "callback_queued"], {"abandoned": 0}, id="connect-will-be-called-back"),
    ],
)
def test_the_messages_of_a_call_come_to_one_call(kind: str, names: list[str], expected: dict[str, float]) -> None:
    events = said(kind, *names)
    found = figures(events)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert figures([*reversed(events), *events]) == found


def test_the_messages_of_one_second_may_come_in_any_order() -> None:
    names = ["queue_entered", "reservation_accepted", "task_completed", "created_in_the_same_second"]
    found = [figures(said("twilio", *order)) for order in permutations(names)]
    assert found == [{"abandoned": 0, "offered": 1, "wait": pytest.approx(20.772), "handled": 1, "handling": pytest.approx(278.75)}] * 24


def test_the_version_of_a_correction_wins_whenever_it_comes() -> None:
    hung_up, ended = said("aircall", "hungup_answered"), said("aircall", "ended_answered")
    assert (hung_up[0].id, hung_up[0].version) == (ended[0].id, 0)
    assert ended[0].version > hung_up[0].version


def test_every_event_of_a_transferred_contact_says_the_same_transfer() -> None:
    names = ("transfer_initiated", "transfer_connected", "transfer_disconnected")
    transfers = {event for name in names for event in said("amazonconnect", name) if event.type == "call.transferred"}
    assert len(transfers) == 1


CONNECT = [name for kind, name in RECORDED if kind == "amazonconnect" and isinstance(RECORDED[kind, name]["body"], dict)]


@given(name=st.sampled_from(CONNECT), change=st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_keys_and_words_of_connect_are_read_in_any_case(name: str, change: Any) -> None:
    recorded = RECORDED["amazonconnect", name]
    body = recorded["body"]
    if "detail" not in body:
        return
    spelt = {**body, "detail": _spelt(body["detail"], change)}
    options = options_of("amazonconnect", recorded.get("options"))
    assert became("amazonconnect", delivery_of({"body": spelt}), options)[0] == said("amazonconnect", name)


def _spelt(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {
            change(key): change(each) if key in ("eventType", "channel", "initiationMethod") else _spelt(each, change)
            for key, each in value.items()
        }
    return value


def test_a_form_and_a_stream_of_twilio_say_the_same() -> None:
    by_form, by_stream = said("twilio", "reservation_accepted"), said("twilio", "stream_accepted")
    fields = ("type", "call_id", "agent_id", "queue", "channel", "priority", "occurred_at_ms")
    assert [[getattr(event, name) for name in fields] for event in by_form] == [
        [getattr(event, name) for name in fields] for event in by_stream
    ]


@pytest.mark.parametrize("kind", ["twilio", "amazonconnect"])
def test_an_element_of_a_batch_sent_again_alone_is_the_same(kind: str) -> None:
    batch_name = "stream_batch" if kind == "twilio" else "batch"
    whole = delivery(kind, batch_name)
    translation = PROVIDERS[kind].translate(whole, PROVIDERS[kind].options())
    assert translation.original is not None
    for place, item in enumerate(translation.items):
        again = Delivery(headers=whole.headers, body=translation.original(place), received_at_ms=NOW_MS, first_ordinal=place)
        if isinstance(item, Exception):
            assert became(kind, again)[2] == [str(item)]
        else:
            assert item["id"] in {event.id for event in became(kind, again)[0]}


def test_twilio_gets_the_answer_that_it_wants() -> None:
    reply = PROVIDERS["twilio"].reply
    assert reply is not None
    answered = reply(delivery("twilio", "queue_entered"))
    assert answered is not None
    assert (answered.status, answered.body, answered.content_type) == (204, b"", b"application/json")


def test_a_twilio_event_without_its_sid_is_known_by_what_it_is_about() -> None:
    fields = dict(parse_qsl(RECORDED["twilio", "reservation_accepted"]["text"], keep_blank_values=True))
    bare = {name: value for name, value in fields.items() if name != "Sid"}
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    first, again, other = (
        became("twilio", delivery_of({**form, "text": urlencode(body)}))[0][0].id
        for body in (bare, dict(reversed(bare.items())), {**bare, "TimestampMs": "1772440099000"})
    )
    assert first == again != other


@pytest.mark.parametrize("call_id", [880001, "880001"], ids=["number", "text"])
def test_ids_of_aircall_are_text(call_id: int | str) -> None:
    body = RECORDED["aircall", "answered"]["body"]
    events = became("aircall", delivery_of({"body": {**body, "data": {**body["data"], "id": call_id}}}))[0]
    assert events[0].id == "call.answered:880001:1772440015:call.answered"


@pytest.mark.parametrize(
    ("kind", "options", "hint"),
    [
        pytest.param("twilio", {"activities": {"Lunch": "eating"}}, "none of available, busy", id="twilio-activity"),
        pytest.param("aircall", {"missed_reasons": {"x": "asleep"}}, "asleep", id="aircall-reason"),
        pytest.param("amazonconnect", {"queues": {}}, "queues", id="connect-unknown-option"),
        pytest.param("talkdesk", {"messages": {"x": {"becomes": "call.endet"}}}, "the nearest is call.ended", id="talkdesk-name"),
    ],
)
def test_options_that_cannot_be_are_refused(kind: str, options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        options_of(kind, options)


def test_no_recording_keeps_a_person() -> None:
    """The recordings of calls do hold names, numbers and addresses, so that their absence from events means something."""
    for kind in ("aircall", "amazonconnect", "twilio"):
        assert any("SECRET" in json.dumps(recorded) for (of, _), recorded in RECORDED.items() if of == kind)
