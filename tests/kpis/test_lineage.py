"""Where a figure comes from, told by drawings: who counts and by which events, who is left out and why, the formula filled in."""

from __future__ import annotations

import pytest

from kpis import batch
from kpis.batch import Batch
from kpis.catalogue import KPIS
from kpis.controls import DEFAULT
from kpis.kpi import Kpi
from kpis.lifecycles.ledger import Rules
from kpis.lineage import Trail
from kpis.lineage_answer import Lineage
from kpis.lineage_left_out import REASONS
from kpis.query import Anchor, Query, Unanswerable
from kpis.reading import Reader
from schemas.canonical import rfc3339
from tests.kpis.drawn import drawn, moment
from tests.kpis.laws.test_lineage import holds, trail_of
from tests.kpis.simulated import PAIRS, levels, simulated
from tests.kpis.test_every_kpi import week

SATURDAY_MS = moment("Sat", "18:00")
"""After everything that the drawings say of one week."""


def explained(text: str, kpi: str, window: str = "7d", anchor: Anchor | None = None, at_ms: int = SATURDAY_MS) -> Lineage:
    """The lineage of a drawing's figure, which adds up."""
    done = batch.run(drawn(text), levels=levels(), pairs=PAIRS, now_ms=at_ms)
    trail, told = trail_of(done, Query(kpis=(kpi,), windows=(window,), anchor=anchor), at_ms)
    assert trail.adds_up()
    return told


LEFT_OUT = [
    pytest.param(
        "first_reply_time",
        "Mon 09:00 created\nMon 09:05 reply\nMon 09:10 merged into=t2\nMon 09:00 created @t2",
        {"t1": "merged: into ticket:desk:t2"},
        id="merged, and into which",
    ),
    pytest.param("issues_created", "Mon 09:00 created\nMon 09:10 deleted reason=spam", {"t1": "spam: ticket.deleted e1"}, id="spam"),
    pytest.param("issues_created", "Mon 09:00 created\nMon 09:10 deleted reason=test", {"t1": "test: ticket.deleted e1"}, id="a test"),
    pytest.param("issues_created", "Mon 09:00 created\nMon 09:10 deleted\nMon 09:20 status to=open", {}, id="brought back"),
    pytest.param(
        "first_reply_time",
        "Mon 09:00 created opened=Tue_09:00\nMon 09:01 reply",
        {"t1": "quarantined: first_reply_wait of -86340 s"},
        id="a wait below zero, with its value",
    ),
    pytest.param(
        "speed_of_answer",
        "Mon 09:00 answered @p1\nMon 09:10 queued @p1",
        {"p1": "quarantined: answer_wait of -600 s"},
        id="a call answered before it was queued",
    ),
    pytest.param(
        "first_reply_time", "Mon 09:00 created\nMon 09:01 bot", {"t1": "bot_only: first_bot_reply_wait"}, id="only a machine replied"
    ),
    pytest.param(
        "one_touch_rate", "Mon 09:00 created\nMon 09:05 solved", {"t1": "other_class: ticket_solved no_reply"}, id="solved without a word"
    ),
    pytest.param(
        "full_resolution_time",
        "Mon 09:00 created\nMon 10:00 solved\nTue 10:00 reopened",
        {"t1": "reopened: full_resolution, by ticket.reopened e2"},
        id="a solve that did not stand",
    ),
    pytest.param(
        "full_resolution_time",
        "Mon 09:00 created\nMon 10:00 solved\nTue 10:00 reopened\nTue 11:00 solved",
        {"t1": "reopened: full_resolution, by ticket.reopened e2"},
        id="solved again: the first solve is left out",
    ),
    pytest.param(
        "csat_score",
        "Mon 09:00 created\nTue 09:00 rated metric=csat score=1 response=r1\nWed 09:00 rated metric=csat score=5 response=r2",
        {"t1": "superseded: case_answer csat|overall|1-5|1, by survey.responded e2"},
        id="a newer answer",
    ),
    pytest.param("csat_score", "Mon 09:00 created\nTue 09:00 rated metric=ces score=1", {}, id="another question's answer is none of it"),
    pytest.param(
        "time_to_booking",
        "Mon 09:00 lead @l1\nTue 09:00 booked @b1 lead=l1\nWed 09:00 cancelled @b1 lead=l1",
        {"l1": "cancelled: booking_wait, by booking.cancelled e2"},
        id="a booking that was cancelled",
    ),
    pytest.param(
        "resolution_rate", "Mon 09:00 created", {"t1": "at_risk: first_resolution_cohort: none for 5.38 d, horizon 7 d"}, id="still at risk"
    ),
    pytest.param(
        "resolved_within_24h", "Mon 09:00 created", {"t1": "no_outcome: lasting_solve: none for 5.38 d, horizon 1 d"}, id="too late for it"
    ),
    pytest.param(
        "resolved_within_24h",
        "Mon 09:00 created\nWed 09:00 solved",
        {"t1": "after_horizon: lasting_solve: after 2 d, horizon 1 d"},
        id="after the horizon",
    ),
    pytest.param(
        "service_conversion_rate", "Mon 09:00 created\nMon 10:00 solved", {"t1": "no_customer: conversion"}, id="nobody's contact"
    ),
    pytest.param(
        "service_conversion_rate",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 09:00 bought @u1 customer=c1\nWed 09:00 refunded @u1 customer=c1",
        {"u1": "refunded: of customer c1", "t1": "at_risk: conversion: none for 5.33 d, horizon 7 d"},
        id="a purchase that was refunded",
    ),
    pytest.param(
        "service_conversion_rate",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nMon 11:00 created @t2 customer=c1\nMon 12:00 solved @t2\n"
        "Tue 09:00 bought @u1 customer=c1",
        {"t1": "at_risk: conversion: none for 5.33 d, horizon 7 d"},
        id="credited to the contact after it",
    ),
    pytest.param(
        "issues_created",
        "Mon 09:00 created #x channel=email\nMon 09:01 created #x channel=chat",
        {"t1": "conflicting_id: ticket.created x: this id was used with other content before: a correction needs a higher version"},
        id="one id with two contents",
    ),
]


@pytest.mark.parametrize(("kpi", "text", "left_out"), LEFT_OUT)
def test_who_is_left_out_and_why(kpi: str, text: str, left_out: dict[str, str]) -> None:
    done = batch.run(drawn(text), levels=levels(), pairs=PAIRS, now_ms=SATURDAY_MS)
    trail, _ = trail_of(done, Query(kpis=(kpi,), windows=("7d",)), SATURDAY_MS)
    for refused in done.entities.refused:
        trail.refused(refused.event, refused.reason.value, refused.detail)
    told = trail.answer()
    assert {
        one.entity.split(":")[2]: f"{one.reason}: {one.detail}" for one in told.left_out if one.reason != "credited_elsewhere"
    } == left_out
    assert {one.reason for one in told.left_out} <= {*REASONS, "conflicting_id"}


def test_a_purchase_is_credited_once_and_the_other_contact_is_told() -> None:
    told = explained(
        """Mon 09:00 created customer=c1
        Mon 10:00 solved
        Mon 11:00 created @t2 customer=c1
        Mon 12:00 solved @t2
        Tue 09:00 bought @u1 customer=c1""",
        "service_conversion_rate",
    )
    assert [(one.entity, one.detail) for one in told.left_out if one.reason == "credited_elsewhere"] == [
        ("ticket:desk:t1", f"purchase:desk:u1 at {rfc3339(moment('Tue', '09:00'))}")
    ]
    bought = told.entities[0]
    assert (bought.entity, bought.through, bought.related) == ("ticket:desk:t2", "customer:c1", ["purchase:desk:u1"])
    assert [(line.measure, line.cls, line.value_seconds, line.beside) for line in bought.counts] == [
        ("conversion", "in", None, False),
        ("conversion", "out", 75_600.0, False),
        ("conversion_base", "not", None, True),
    ]
    assert [(event.id, bool(event.made)) for event in bought.events] == [("e2", False), ("e3", True), ("e4", True)]


def test_the_events_that_made_it_so_are_marked() -> None:
    told = explained("Mon 08:15 created channel=email\nMon 08:57 reply actor=a1 team=blue\nMon 09:30 note", "first_reply_time")
    [ticket] = told.entities
    assert [(line.measure, line.at, line.value_seconds) for line in ticket.counts] == [
        ("first_reply_wait", "2026-09-14T08:57:00.000Z", 2520.0)
    ]
    assert ticket.attributes == {"channel": "email", "team": "blue", "handled_by": "human", "agent": "a1"}
    assert [(event.type, event.made) for event in ticket.events] == [
        ("ticket.created", []),
        ("ticket.public_reply", ["first_reply_wait"]),
        ("ticket.note", []),
    ]


FILLED = [
    pytest.param(
        "service_level",
        "24h",
        None,
        "1 call answered (within) / (2 call answered (within, late) + 1 call abandoned (late)) = 1 / 3 = 33.3 %",
        id="share",
    ),
    pytest.param("issues_created", "24h", None, "1 linked + 1 unlinked = 2", id="count"),
    pytest.param("backlog_growth", "24h", None, "2 created - 1 solved + 0 reopened = 1", id="balance"),
    pytest.param("resolved_issues", "24h", None, "1 one touch = 1 (every solve: 1)", id="net and gross"),
    pytest.param("active_issues", "now", None, "1 new = 1 at 2026-09-14T20:00:00.000Z", id="a level"),
    pytest.param("resolution_rate", "24h", None, "1 within 7 d / 2 entered; with those still open at risk = 50.0 %", id="a young cohort"),
    pytest.param("first_reply_time", "24h", "created", "1 outcomes of 2 entered, the others at risk: median = 30 min", id="a curve"),
    pytest.param("backlog_age", "now", None, "median of 1 that are open = 10 h", id="ages"),
    pytest.param("nps", "now", None, "100 × (1 promoters - 0 detractors) / 1 answers = +100.0", id="promoters"),
    pytest.param("csat_score", "24h", None, "none (no data)", id="nothing"),
]


@pytest.mark.parametrize(("kpi", "window", "anchor", "filled"), FILLED)
def test_the_formula_in_numbers(kpi: str, window: str, anchor: Anchor | None, filled: str) -> None:
    told = explained(
        """Mon 09:00 created customer=c1
        Mon 09:30 reply
        Mon 10:00 created @t2
        Mon 11:00 solved
        Mon 12:00 queued @p1
        Mon 12:00:10 answered @p1
        Mon 12:00 queued @p2
        Mon 12:00:30 answered @p2
        Mon 12:00 queued @p3
        Mon 12:01 abandoned @p3
        Mon 13:00 rated-alone @r1 type=relationship metric=nps score=10 customer=c1""",
        kpi, window, anchor, moment("Mon", "20:00"),
    )  # fmt: skip
    assert told.filled.endswith(filled)
    assert told.formula == next(one.formula for one in KPIS if one.id == kpi)


@pytest.fixture(scope="module")
def busy() -> Batch:
    """A week in which every KPI has something."""
    return batch.run(week(), levels=levels(), pairs=PAIRS, now_ms=SATURDAY_MS)


@pytest.mark.parametrize("kpi", [pytest.param(kpi, id=kpi.id) for kpi in KPIS])
def test_a_busy_week_adds_up(kpi: Kpi, busy: Batch) -> None:
    for anchor in kpi.anchors:
        for window in kpi.windows:
            for where in ((), (("channel", "email"),)):
                query = Query(kpis=(kpi.id,), windows=(window,), anchor=anchor, where=where)
                trail, told = trail_of(busy, query, SATURDAY_MS)
                holds(trail, told, query)
                assert told.figure.n == 0 or told.counted > 0 or kpi.id in ("active_issues", "current_longest_wait"), query
    longest = "28d" if "28d" in kpi.windows and kpi.id != "nps" else "now"
    assert trail_of(busy, Query(kpis=(kpi.id,), windows=(longest,)), SATURDAY_MS)[1].counted > 0 or kpi.id == "current_longest_wait"


def test_the_newest_are_listed_and_the_rest_is_counted(busy: Batch) -> None:
    whole = trail_of(busy, Query(kpis=("issues_created",), windows=("7d",)), SATURDAY_MS)[1]
    few = trail_of(busy, Query(kpis=("issues_created",), windows=("7d",)), SATURDAY_MS, limit=3)[1]
    assert (len(few.entities), few.more, few.counted) == (3, whole.counted - 3, whole.counted)
    assert few.entities == whole.entities[:3]
    assert few.complete


def test_a_log_that_is_gone_is_noticed(busy: Batch) -> None:
    reader = Reader(busy.cells, now_ms=SATURDAY_MS, watermark_ms=SATURDAY_MS)
    trail = Trail(reader, Query(kpis=("issues_created",), windows=("7d",)), controls=DEFAULT, rules=Rules(levels().zone, PAIRS))
    for key, data in list(busy.logs.items())[1:]:
        trail.entity(key, data)
    told = trail.answer()
    assert not told.complete
    assert told.reason is not None
    assert "add up to another figure" in told.reason


def test_logs_may_add_up_to_a_later_reading_of_a_figure_that_moves() -> None:
    """The board goes on while logs are read: the answer tells the reading that the logs add up to, not the one before them."""
    events = list(drawn("Mon 09:00 created\nMon 10:00 created @t2"))
    moving = simulated(events[:1], now_ms=SATURDAY_MS)
    later = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=SATURDAY_MS)
    reader = Reader(moving.cells, now_ms=SATURDAY_MS, watermark_ms=SATURDAY_MS)
    trail = Trail(reader, Query(kpis=("issues_created",), windows=("7d",)), controls=DEFAULT, rules=Rules(levels().zone, PAIRS))
    for key, data in later.logs.items():
        trail.entity(key, data)
    assert not trail.adds_up()
    moving.take(events[1])
    moving.settle()
    trail.look_again()
    told = trail.answer()
    assert (told.complete, told.figure.value) == (True, 2)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(Query(kpis=("nps", "ces"), windows=("28d",)), id="two KPIs"),
        pytest.param(Query(kpis=("nps",)), id="every window"),
        pytest.param(Query(kpis=("nps",), windows=("28d",), by=("channel",)), id="a split"),
        pytest.param(Query(kpis=("npss",), windows=("28d",)), id="an unknown KPI"),
        pytest.param(Query(kpis=("nps",), windows=("5m",)), id="a window it has not"),
    ],
)
def test_a_lineage_is_of_one_figure(query: Query, busy: Batch) -> None:
    with pytest.raises(Unanswerable):
        trail_of(busy, query, SATURDAY_MS)


def test_what_is_older_than_every_bucket_is_in_gauges_only() -> None:
    event = drawn("Mon 09:00 created")[0]
    now_ms = event.occurred_at_ms + 900 * 86_400_000
    done = batch.run([event], levels=levels(), pairs=PAIRS, now_ms=now_ms)
    span = (event.occurred_at_ms - 86_400_000, now_ms)
    trail, told = trail_of(done, Query(kpis=("issues_created",), span=span), now_ms)
    assert (trail.adds_up(), told.counted, told.figure.value) == (True, 0, 0)
    trail, told = trail_of(done, Query(kpis=("active_issues",), windows=("now",)), now_ms)
    assert (trail.adds_up(), told.counted, told.figure.value) == (True, 1, 1)
