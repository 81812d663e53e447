"""What leads, quotes, deals and bookings contribute: one row a rule, each a drawn timeline."""

from __future__ import annotations

import pytest

from tests.kpis.drawn import Emitted, drawn, emitted

LEADS: list[tuple[str, str, Emitted]] = [
    (
        "contacted and booked",
        "Mon 09:00 lead @l\nMon 09:05 contacted @l\nWed 09:00 booked @b lead=l",
        {
            "lead_response": ["Mon 09:05 5m"], "lead_response_cohort/in": ["Mon 09:00"], "lead_response_cohort/out": ["Mon 09:00 5m"],
            "booking_wait": ["Wed 09:00 2d"], "booking_wait_cohort/in": ["Mon 09:00"], "booking_wait_cohort/out": ["Mon 09:00 2d"],
        },
    ),
    (
        "an automatic contact is none; the first one counts",
        "Mon 09:00 lead @l\nMon 09:00:01 contacted @l automatic=yes\nMon 10:00 contacted @l\nMon 11:00 contacted @l",
        {"lead_response": ["Mon 10:00 1h"]},
    ),
    ("a lost lead stays at risk", "Mon 09:00 lead @l\nMon 10:00 lost @l", {"booking_wait_cohort/in": ["Mon 09:00"], "booking_wait_cohort/out": []}),
    ("a won deal is its booking", "Mon 09:00 lead @l\nTue 09:00 won @d lead=l", {"booking_wait": ["Tue 09:00 1d"]}),
    (
        "a cancelled booking takes back; the next one stands",
        "Mon 09:00 lead @l\nTue 09:00 booked @b lead=l\nWed 09:00 booked @c lead=l\nThu 09:00 cancelled @b lead=l",
        {"booking_wait": ["Wed 09:00 2d"], "booking_wait_cohort/out": ["Mon 09:00 2d"]},
    ),
    (
        "the only one cancelled",
        "Mon 09:00 lead @l\nTue 09:00 booked @b lead=l\nThu 09:00 cancelled @b lead=l",
        {"booking_wait": [], "booking_wait_cohort/out": []},
    ),
    (
        "a booking before its lead counts 0, however early",
        "Mon 09:00 booked @b lead=l\nTue 09:00 lead @l",
        {"booking_wait": ["Mon 09:00 0s"], "booking_wait_cohort/out": ["Tue 09:00 0s"]},
    ),
    ("a booking without a lead has no wait", "Mon 09:00 booked @b", {"": []}),
    ("a merged duplicate counts nowhere", "Mon 09:00 lead @l\nMon 10:00 contacted @l\nTue 09:00 duplicate @l into_lead=m", {"": []}),
    (
        "a booking goes to the quote it names",
        "Mon 09:00 lead @l\nMon 10:00 quote @q1 lead=l\nMon 11:00 quote @q2 lead=l\nTue 10:00 booked @b lead=l quote=q1",
        {"quote_booking/in": ["Mon 10:00", "Mon 11:00"], "quote_booking/out": ["Mon 10:00 1d"]},
    ),
    (
        "one that names none goes to the quote last sent before it",
        "Mon 09:00 lead @l\nMon 10:00 quote @q1 lead=l\nMon 11:00 quote @q2 lead=l\nTue 11:00 booked @b lead=l\nTue 12:00 quote @q3 lead=l",
        {"quote_booking/out": ["Mon 11:00 1d"]},
    ),
    (
        "a quote without a lead",
        "Mon 10:00 quote @q1\nTue 10:00 booked @b quote=q1",
        {"quote_booking/in": ["Mon 10:00"], "quote_booking/out": ["Mon 10:00 1d"], "booking_wait": []},
    ),
    (
        "the booking of a quote is taken back with it",
        "Mon 10:00 quote @q1\nTue 10:00 booked @b quote=q1\nWed 10:00 cancelled @b quote=q1",
        {"quote_booking/in": ["Mon 10:00"], "quote_booking/out": []},
    ),
    (
        "the quote in a lead, its booking without one: joined in the ledger",
        "Mon 09:00 lead @l\nMon 10:00 quote @q1 lead=l\nTue 10:00 booked @b quote=q1",
        {"quote_booking/out": ["Mon 10:00 1d"], "booking_wait": []},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in LEADS])
def test_timeline(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text))
    if "" in expected:
        assert found == {}
        return
    assert {name: found.get(name, []) for name in expected} == expected
    assert emitted(list(reversed(drawn(text)))) == found


def test_a_cohort_has_the_attributes_of_the_entry_and_a_booking_its_own() -> None:
    found = emitted(drawn("Mon 09:00 lead @l channel=web\nTue 09:00 booked @b lead=l channel=phone"), attribute="channel")
    assert found["booking_wait_cohort/out"] == ["Mon 09:00 1d web"]
    assert found["booking_wait"] == ["Tue 09:00 1d phone"]
