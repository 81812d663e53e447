"""Booking and field service: the traps of each sender, one by one; what a fact told several times becomes in its life cycle."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.entities import Entities
from schemas.canonical import rfc3339
from schemas.events import Event
from services.ingest.delivery import Delivery
from services.ingest.providers.calendly import last_segment
from services.ingest.providers.servicetitan import seconds_in
from services.ingest.providers.telling import first_telling, last_telling
from services.ingest.signatures import SCHEMES
from tests.services.ingest.providers.recorded import NOW_MS, RECORDINGS, became, delivery_of, options_of


def recorded(kind: str, name: str) -> dict[str, Any]:
    """One recording, to be changed at will."""
    read: dict[str, Any] = json.loads((RECORDINGS / kind / f"{name}.json").read_text())
    return read


def said(kind: str, name: str, changed: Mapping[str, Any] | None = None, **request: Any) -> list[Event]:
    """The events of a recording, with other values at some paths (`payload.created_at`)."""
    request = {**recorded(kind, name), **request}
    for path, value in (changed or {}).items():
        *steps, last = path.split(".")
        place = request["body"]
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    events, _, refused = became(kind, delivery_of(request), options_of(kind, request.get("options")))
    assert refused == []
    return events


def field(event: Event, name: str) -> Any:
    """A field that not every event has."""
    return getattr(event, name)


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


def logs_of(events: list[Event]) -> Entities:
    """The entities after these events, in this order of arrival; none of them may be refused."""
    entities = Entities()
    for event in events:
        entities.apply(event)
    assert entities.refused == []
    return entities


# ---- Calendly


def test_a_delivery_later_is_the_same_booking_at_the_same_moment() -> None:
    first, again = said("calendly", "created"), said("calendly", "created", {"created_at": "2026-03-01T23:00:00.000000Z"})
    assert first == again


def test_a_booking_keeps_its_id_over_a_reschedule() -> None:
    names = ("created", "moved_other_half", "moved", "cancelled_after_move")
    events = [event for name in names for event in said("calendly", name)]
    assert [event.type for event in events] == ["booking.created", "booking.moved", "booking.cancelled"]
    assert {field(event, "booking_id") for event in events} == {"in-1"}


def test_a_no_show_that_is_taken_back_names_the_event_that_told_it() -> None:
    (told,), (thin,), (back,) = (said("calendly", name) for name in ("no_show", "no_show_thin", "no_show_taken_back"))
    assert told.id == thin.id == field(back, "of")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("https://api.calendly.com/scheduled_events/e/invitees/i", "i", id="a URI"),
        pytest.param("https://api.calendly.com/users/u/", "u", id="a slash at the end"),
        pytest.param("i", "i", id="the id alone"),
        pytest.param("https://calendly.example/x?a=b/c", "x", id="a query"),
        pytest.param("", None, id="nothing"),
        pytest.param(7, None, id="a number"),
        pytest.param(None, None, id="null"),
    ],
)
def test_the_id_in_a_uri_is_its_last_step(uri: Any, expected: str | None) -> None:
    assert last_segment(uri) == expected


# ---- Jobber


@given(number=st.integers(1, 10**15), pad=st.booleans(), bare=st.booleans())
def test_an_id_of_jobber_is_the_number_in_it(number: int, pad: bool, bare: bool) -> None:
    plain = str(number) if bare else f"gid://Jobber/Request/{number}"
    text = base64.b64encode(plain.encode()).decode()
    for written in (text if pad else text.rstrip("="), plain, str(number)):
        (event,) = said("jobber", "request_bare_number", {"data.webHookEvent.itemId": written})
        assert event.id == f"REQUEST_CREATE:77:{number}:2026-02-11T16:30:00.000Z:quote.requested"


@pytest.mark.parametrize("written", ["", None, [], {}, True, base64.b64encode(b"gid://Jobber/Client/").decode()])
def test_an_item_without_an_id_is_refused(written: Any) -> None:
    request = recorded("jobber", "request_bare_number")
    request["body"]["data"]["webHookEvent"]["itemId"] = written
    assert became("jobber", delivery_of(request))[2] == ["missing_field: REQUEST_CREATE names no item (at /data/webHookEvent/itemId)"]


def test_both_spellings_of_the_time_are_one_message() -> None:
    assert said("jobber", "request_misspelt_time") == said("jobber", "request_bare_number")


def test_without_a_time_the_bytes_are_the_message() -> None:
    (first,) = said("jobber", "job_created", {"data.webHookEvent.occurredAt": None})
    (second,) = said("jobber", "job_created", {"data.webHookEvent.occurredAt": ""})
    assert first.time_is_received
    assert first.id != second.id


# ---- Housecall Pro


def test_a_job_is_one_booking_however_many_messages_tell_it() -> None:
    events = [*said("housecallpro", "job_scheduled"), *said("housecallpro", "appointment_scheduled")]
    second = {"appointment.id": "appt_2", "appointment.start_time": "2026-02-22T15:00:00Z"}
    events += said("housecallpro", "appointment_scheduled", second)
    for order in permutations(events):
        entities = logs_of(list(order))
        assert len(entities) == 1


def test_an_estimate_is_accepted_once_at_the_earliest_telling() -> None:
    approved, copied = said("housecallpro", "option_approved"), said("housecallpro", "copied_to_job")
    assert approved[0].occurred_at_ms < copied[0].occurred_at_ms
    assert ids(approved) == ids(copied)
    for order in permutations([*approved, *copied, *approved]):
        assert logs_of(list(order)).counters["conflicting_id"] == 0
    assert approved[0].version > copied[0].version


def test_a_job_is_paid_once_however_often_it_is_told() -> None:
    first, later = said("housecallpro", "job_paid"), said("housecallpro", "job_paid", {"job.updated_at": "2026-02-25T09:00:00Z"})
    assert ids(first) == ids(later)
    for order in permutations([first[0], later[0]]):
        assert logs_of(list(order)).counters["conflicting_id"] == 0


def test_a_job_completed_again_is_another_message() -> None:
    first, again = said("housecallpro", "job_completed"), said("housecallpro", "job_completed", {"job.updated_at": "2026-02-22T08:00:00Z"})
    assert ids(first) != ids(again)


def test_the_same_appointment_moved_twice_is_two_moves() -> None:
    first = said("housecallpro", "appointment_rescheduled")
    second = said("housecallpro", "appointment_rescheduled", {"appointment.start_time": "2026-02-23T15:00:00Z"})
    assert ids(first) != ids(second)


@pytest.mark.parametrize("scheme", ["housecallpro", "housecallpro-body"])
def test_both_signatures_of_housecall_pro_let_in(scheme: str) -> None:
    _signed_is_accepted(scheme, "housecallpro", "")


# ---- ServiceTitan


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("2026-02-10T16:20:24.625", "2026-02-10T16:20:24.625Z", id="3 digits"),
        pytest.param("2026-02-10T16:20:24.62529", "2026-02-10T16:20:24.625Z", id="5 digits"),
        pytest.param("2026-02-10T16:20:24.6252105", "2026-02-10T16:20:24.625Z", id="7 digits"),
        pytest.param("2026-02-10T16:20:24", "2026-02-10T16:20:24.000Z", id="none"),
        pytest.param("2026-02-10T16:20:24.625Z", "2026-02-10T16:20:24.625Z", id="with Z"),
        pytest.param("0001-01-01T00:00:00", rfc3339(NOW_MS), id="the year 1 says nothing"),
        pytest.param(None, rfc3339(NOW_MS), id="null says nothing"),
    ],
)
def test_the_times_of_servicetitan(written: Any, expected: str) -> None:
    (event,) = said("servicetitan", "job_scheduled", {"createdOn": written})
    assert rfc3339(event.occurred_at_ms) == expected
    assert event.time_is_received == (expected == rfc3339(NOW_MS))


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(0, 59), ticks=st.integers(0, 9_999_999))
def test_a_span_is_its_seconds(hours: int, minutes: int, seconds: int, ticks: int) -> None:
    found = seconds_in(f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ticks:07d}")
    assert found == pytest.approx(hours * 3600 + minutes * 60 + seconds + ticks / 10**7, abs=0.0006)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("00:00:00", 0, id="nothing"),
        pytest.param("1.02:00:00", 93_600, id="a day"),
        pytest.param(35.5, 35.5, id="a number"),
        pytest.param("string", None, id="a word"),
        pytest.param("-00:00:05", None, id="negative"),
        pytest.param(-5, None, id="a negative number"),
        pytest.param("٠٠:٠٠:٠٥", None, id="digits of another script"),
        pytest.param(["00:00:05"], None, id="a list"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_span_in_other_forms(written: Any, expected: float | None) -> None:
    assert seconds_in(written) == expected


def test_an_estimate_is_sold_once_however_many_messages_show_it() -> None:
    completed = said("servicetitan", "job_complete_all_options")
    event_id = "2026-02-20T08:00:00.0000000Z"
    again = said("servicetitan", "job_complete_all_options", {"__eventInfo.eventId": event_id, "eventId": event_id})
    assert [event for event in completed if event.type == "quote.accepted"] == [event for event in again if event.type == "quote.accepted"]
    assert completed[0].id != again[0].id


@pytest.mark.parametrize(
    ("currency", "expected"),
    [pytest.param("USD", 123450, id="cents"), pytest.param("JPY", 1235, id="yen"), pytest.param("KWD", 1234500, id="fils")],
)
def test_a_total_is_in_major_units_of_its_business_unit(currency: str, expected: int) -> None:
    (event,) = said("servicetitan", "job_completed", {"invoice.businessUnit.currency": currency})
    assert (field(event, "amount_minor"), field(event, "currency")) == (expected, currency)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_servicetitan_signs_in_hex_or_base64(encoding: str) -> None:
    scheme, secret, delivery = SCHEMES["servicetitan"], "k", delivery_of(recorded("servicetitan", "job_scheduled"))
    signed = scheme.signed(delivery, secret, "")
    name = b"x-servicetitan-signature"
    proof = signed.headers[name]
    plain = bytes.fromhex(proof.decode()) if len(proof) == 64 else base64.b64decode(proof)
    written = plain.hex().encode() if encoding == "hex" else base64.b64encode(plain)
    keys = [scheme.key(secret)]
    assert scheme.accepts(msgspec.structs.replace(delivery, headers={**delivery.headers, name: written}), keys, "")
    assert not scheme.accepts(msgspec.structs.replace(delivery, headers={**delivery.headers, name: written[1:]}), keys, "")


# ---- ServiceMonster


def test_a_time_with_z_and_without_is_one_moment() -> None:
    with_z = said("servicemonster", "account_prospect", {"createdOn": "2026-02-09T06:12:00Z"}, options={"time_zone": "America/Denver"})
    without = said("servicemonster", "account_prospect", {"createdOn": "2026-02-09T06:12:00"}, options={"time_zone": "America/Denver"})
    assert with_z == without
    assert rfc3339(with_z[0].occurred_at_ms) == "2026-02-09T13:12:00.000Z"


def test_the_first_message_that_shows_an_appointment_scheduled_is_its_booking() -> None:
    """In whatever order they come: the lead waits until the earliest of them."""
    (lead,) = said("servicemonster", "account_prospect")
    (first,) = said("servicemonster", "appointment_scheduled")
    later = {"updatedOn": "2026-02-11T10:00:00.1Z", "estDateTimeStart": "2026-02-15T08:30:00", "event_id": "ffff0002"}
    (second,) = said("servicemonster", "appointment_scheduled", later)
    assert first.id == second.id
    alone = logs_of([lead, first]).rows.rows
    assert alone
    for order in permutations([lead, first, second]):
        entities = logs_of(list(order))
        assert entities.rows.rows == alone
        assert entities.counters["conflicting_id"] == 0


def test_an_invoice_told_again_has_its_last_amount() -> None:
    first = said("servicemonster", "order_invoiced")
    again = said("servicemonster", "order_invoiced", {"grandTotal": 500, "updatedOn": "2026-02-13T09:00:00Z"})
    assert ids(first) == ids(again)
    assert again[0].version > first[0].version


@pytest.mark.parametrize(
    ("query", "option", "expected"),
    [
        pytest.param("event=OnDeleted", "", "booking.cancelled", id="the address says it"),
        pytest.param("", "OnDeleted", "booking.cancelled", id="the options say it"),
        pytest.param("event=OnUpdated", "OnDeleted", "booking.created", id="the address goes before the options"),
        pytest.param("event=nonsense", "OnDeleted", "booking.cancelled", id="an address that says nothing"),
        pytest.param("", "", "booking.created", id="nobody says it"),
    ],
)
def test_what_happened_is_in_the_address_or_the_options(query: str, option: str, expected: str) -> None:
    (event,) = said("servicemonster", "appointment_scheduled", query=query, options={"event": option})
    assert event.type == expected


@pytest.mark.parametrize("uuid", ["ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"])
def test_uuids_that_stand_for_nothing_are_nothing(uuid: str) -> None:
    (event,) = said("servicemonster", "appointment_scheduled", {"orderID": uuid, "accountID": uuid, "assignedEmployeeIDs": [uuid]})
    assert (event.customer_id, event.agent_id) == (None, None)
    request = recorded("servicemonster", "order_estimate")
    request["body"]["orderID"] = uuid
    assert became("servicemonster", delivery_of(request))[2] == ["missing_field: order names nothing it is about (at /orderID)"]


# ---- Square


def test_a_payment_is_one_purchase_at_its_first_telling() -> None:
    first = said("square", "payment_completed")[0]
    later = {"event_id": "e-20", "data.object.payment.updated_at": "2026-02-12T12:00:00Z"}
    second = said("square", "payment_completed", later)[0]
    assert first.id == second.id
    for order in permutations([first, second]):
        assert logs_of(list(order)).counters["conflicting_id"] == 0
    assert first.version > second.version


def test_the_type_at_the_top_decides() -> None:
    assert said("square", "booking_moved", {"data.type": "payment"}) == said("square", "booking_moved")


def test_the_address_is_signed_to_its_last_slash() -> None:
    _signed_is_accepted("square", "square", "https://desk.example.org/webhooks/shop")
    scheme, delivery = SCHEMES["square"], delivery_of(recorded("square", "booking_created"))
    signed = scheme.signed(delivery, "k", "https://desk.example.org/webhooks/shop")
    assert not scheme.accepts(signed, [scheme.key("k")], "https://desk.example.org/webhooks/shop/")


def _signed_is_accepted(name: str, kind: str, url: str) -> None:
    scheme = SCHEMES[name]
    recording = next(iter(sorted((Path(RECORDINGS) / kind).glob("*.json"))))
    delivery: Delivery = delivery_of(json.loads(recording.read_text()))
    signed = scheme.signed(delivery, "k", url)
    assert scheme.accepts(signed, [scheme.key("k")], url)
    assert not scheme.accepts(msgspec.structs.replace(signed, body=signed.body + b" ", signed_body=None), [scheme.key("k")], url)
    assert not scheme.accepts(signed, [scheme.key("another")], url)


# ---- A fact that is told more than once

TIMES = st.integers(0, 2**31 - 1)


@given(one=TIMES, other=TIMES)
def test_of_a_fact_told_twice_the_first_or_the_last_telling_stands(one: int, other: int) -> None:
    first, second = rfc3339(one * 1000), rfc3339(other * 1000 + 999)
    assert (first_telling(first) > first_telling(second)) == (one < other)
    assert (last_telling(first) < last_telling(second)) == (one < other)


@pytest.mark.parametrize("at", [None, "2026-03-02T11:13:20.000Z", "2999-12-31T23:59:59.999Z", "1970-01-01T00:00:01.000Z"])
def test_a_version_is_one_that_an_event_may_have(at: str | None) -> None:
    assert 0 <= first_telling(at) <= 2**31
    assert 0 <= last_telling(at) <= 2**31
    assert (first_telling(at) == last_telling(at) == 0) == (at is None)


@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        pytest.param("jobber", {"topics": {"A": "ticket.solved"}}, "topics", id="jobber: a meaning that is none"),
        pytest.param("jobber", {"job_done": "JOB_CLOSE"}, "job_done", id="jobber: another end of a job"),
        pytest.param("housecallpro", {"currency": "usd"}, "currency", id="housecallpro: no currency"),
        pytest.param("servicetitan", {"time_zone": "Mars/Olympus"}, "Mars", id="servicetitan: no zone"),
        pytest.param("servicetitan", {"currency": "dollars"}, "currency", id="servicetitan: no currency"),
        pytest.param("servicetitan", {"event": "JobDeleted"}, "event", id="servicetitan: an event that is none"),
        pytest.param("servicemonster", {"time_zone": "nowhere"}, "nowhere", id="servicemonster: no zone"),
        pytest.param("servicemonster", {"currency": ""}, "currency", id="servicemonster: no currency"),
        pytest.param("calendly", {"lead": True}, "lead", id="calendly: a setting that is none"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        options_of(kind, options)
