"""Waits in business time: one row a rule, each a drawn timeline beside an office of Monday to Friday, 09:00 to 17:00 UTC."""

from __future__ import annotations

import pytest

from kpis.calendar import Calendar, Definition, Hours
from kpis.controls import Controls, InForce, Timeline
from kpis.lifecycles.business import business_ms
from kpis.query import Query, Unanswerable
from kpis.reading import Reader
from tests.kpis.drawn import MONDAY_MS, Emitted, drawn, emitted, moment
from tests.kpis.simulated import simulated

OFFICE = Definition(zone="UTC", hours=tuple(Hours(day, 540, 1020) for day in range(5)))
NIGHT = Definition(zone="UTC", hours=tuple(Hours(day, 0, 360) for day in range(7)))
CALENDARS = {"default": Calendar([OFFICE]), "night": Calendar([NIGHT])}
IN_FORCE = Controls(calendars=CALENDARS)

ROWS: list[tuple[str, str, Emitted]] = [
    (
        "a first reply after the night",
        "Mon 16:00 created\nTue 10:00 reply",
        {"first_reply_wait": ["Tue 10:00 18h"], "first_reply_wait_business": ["Tue 10:00 2h"]},
    ),
    ("outside the hours nothing passes", "Sat 10:00 created\nSun 10:00 reply", {"first_reply_wait_business": ["Sun 10:00 0s"]}),
    (
        "a bot's word and a later run",
        "Mon 08:00 created\nMon 10:00 bot\nMon 11:00 reply\nMon 16:30 message\nTue 09:30 reply",
        {
            "first_bot_reply_wait_business": ["Mon 10:00 1h"], "first_reply_wait_business": ["Mon 11:00 2h"],
            "next_reply_wait_business": ["Tue 09:30 1h"],
        },
    ),
    (
        "the wait of the requester leaves pending out",
        "Mon 16:00 created\nMon 16:30 status to=pending\nTue 09:00 status to=open\nTue 10:00 solved",
        {"requester_wait_business": ["Tue 10:00 1h30m"], "full_resolution_business": ["Tue 10:00 2h"], "first_resolution_business": ["Tue 10:00 2h"]},
    ),
    (
        "a reopening takes the resolution back by both clocks",
        "Mon 09:00 created\nMon 10:00 solved\nMon 11:00 reopened\nMon 12:00 solved",
        {
            "full_resolution": ["Mon 12:00 3h"], "full_resolution_business": ["Mon 12:00 3h"],
            "full_resolution_no_reply_business": ["Mon 12:00 3h"], "first_resolution_business": ["Mon 10:00 1h"],
        },
    ),
    (
        "an escalation, by its kind too",
        "Mon 16:00 created\nTue 10:00 escalated kind=functional",
        {"escalation_wait_business": ["Tue 10:00 2h"], "escalation_wait_business/functional": ["Tue 10:00 2h"]},
    ),
    (
        "each schedule counts for the span it was in force",
        "Mon 16:00 created\nMon 16:30 schedule calendar=night\nTue 06:00 schedule calendar=default\nTue 10:00 reply",
        {"first_reply_wait_business": ["Tue 10:00 7h30m"]},
    ),
    (
        "a schedule that nobody knows is the default",
        "Mon 16:00 created\nMon 16:30 schedule calendar=moon\nTue 10:00 reply",
        {"first_reply_wait_business": ["Tue 10:00 2h"]},
    ),
    ("a call before the office opens", "Mon 08:59:50 queued @p\nMon 09:00:05 answered @p", {"answer_wait_business": ["Mon 09:00:05 5s"]}),
    (
        "a lead over the weekend",
        "Fri 16:00 lead @l\nMon2 10:00 contacted @l\nMon2 11:00 booked @b lead=l",
        {"lead_response_business": ["Mon2 10:00 2h"], "booking_wait_business": ["Mon2 11:00 3h"]},
    ),
    (
        "what is impossible has no business time either",
        "Mon 09:00 created opened=Mon_12:00\nMon 10:00 solved",
        {"full_resolution_business": [], "quarantined/full_resolution": ["Mon 10:00"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in ROWS])
def test_waits_in_business_time(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text), IN_FORCE)
    assert {name: found.get(name, []) for name in expected} == expected


def test_without_calendars_there_is_no_business_time() -> None:
    assert [name for name in emitted(drawn("Mon 16:00 created\nTue 10:00 reply\nTue 11:00 solved")) if "business" in name] == []


def test_a_calendar_reaches_back_over_a_wait_that_ends_after_it_came_into_force() -> None:
    timeline = Timeline([(0, Controls()), (moment("Tue", "08:00"), IN_FORCE)])
    text = "Mon 16:00 created @a\nMon 16:30 reply @a\nMon 16:00 created @b\nTue 10:00 reply @b"
    assert emitted_by(text, timeline)["first_reply_wait_business"] == ["Tue 10:00 2h"]


def test_a_wait_of_which_a_part_was_not_measured_has_no_business_time() -> None:
    timeline = Timeline([(0, Controls()), (moment("Tue", "08:00"), IN_FORCE)])
    text = "Mon 16:00 created\nMon 16:30 status to=pending\nTue 09:00 status to=open\nTue 10:00 solved"
    found = emitted_by(text, timeline)
    assert found["full_resolution_business"] == ["Tue 10:00 2h"]
    assert "requester_wait_business" not in found


def emitted_by(text: str, in_force: InForce) -> Emitted:
    return emitted(drawn(text), in_force)


def test_a_span_cut_in_two_has_the_business_time_of_its_parts() -> None:
    schedules = ((moment("Mon", "16:30"), "night"), (moment("Tue", "06:00"), "default"))
    start, end = moment("Mon", "12:00"), moment("Wed", "12:00")
    whole = business_ms(schedules, IN_FORCE, start, end)
    for cut in range(start, end, 1_234_567):
        parts = business_ms(schedules, IN_FORCE, start, cut), business_ms(schedules, IN_FORCE, cut, end)
        assert sum(part for part in parts if part is not None) == whole


def test_the_clock_is_asked_for_and_refused_where_there_is_none() -> None:
    now_ms = MONDAY_MS + 2 * 86_400_000
    cells = simulated(drawn("Mon 16:00 created\nTue 10:00 reply\nTue 11:00 solved"), now_ms=now_ms, in_force=IN_FORCE).cells
    reader = Reader(cells, now_ms=now_ms, watermark_ms=now_ms)
    [calendar] = reader.read(Query(kpis=("first_reply_time",), windows=("7d",)))
    [business] = reader.read(Query(kpis=("first_reply_time",), windows=("7d",), clock="business"))
    assert (calendar.clock, calendar.parts["mean"], business.clock, business.parts["mean"]) == ("calendar", 18 * 3600, "business", 2 * 3600)
    for kpi, anchor, words in (("handle_time", None, "calendar clock only"), ("first_reply_time", "created", "leave anchor out")):
        with pytest.raises(Unanswerable, match=words):
            reader.read(Query(kpis=(kpi,), windows=("7d",), clock="business", anchor=anchor))  # type: ignore[arg-type]


def test_a_company_without_calendars_is_told_so() -> None:
    now_ms = MONDAY_MS + 2 * 86_400_000
    cells = simulated(drawn("Mon 16:00 created\nTue 10:00 reply"), now_ms=now_ms).cells
    [figure] = Reader(cells, now_ms=now_ms, watermark_ms=now_ms).read(Query(kpis=("first_reply_time",), windows=("7d",), clock="business"))
    assert (figure.value, figure.n, figure.reason) == (None, 0, "no_calendar")
