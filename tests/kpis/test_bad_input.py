"""Input that should not be: what each kind of it comes to, that the order of arrival does not matter, and that it is told.

The rules and their reasons are in docs/adr/0008-bad-input.md, one row a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest

from kpis import batch
from kpis.contributions import to_columns
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.query import Query
from kpis.reading import Reader
from kpis.retention import LOG_MAX_BYTES, LOG_MAX_EVENTS
from kpis.window import Zone
from schemas import events as ev
from schemas.canonical import CLOCK_AHEAD_MS, event_from, rfc3339
from schemas.codec import encode_event
from schemas.differences import Differences
from schemas.events import Event
from schemas.rejections import Reason, Rejected
from tests.kpis.drawn import DAY_MS, MONDAY_MS, Emitted, drawn, emitted, listed, written
from tests.kpis.simulated import PAIRS, at_rest, levels, simulated

HOUR_MS = 3_600_000
NOTHING: Emitted = {}
CONFLICT = "conflicting_id"


class Case(NamedTuple):
    """A drawing, what stands after it in any order of arrival, and what is told of it.

    Of `stands` the measures that are named are compared, one with an empty list must not be there; `NOTHING` means that nothing
    stands at all. `refused` are "id, time, reason"; `counted` are counters that are the same in every order.
    """

    text: str
    stands: Emitted
    refused: tuple[str, ...] = ()
    counted: Mapping[str, int] = MappingProxyType({})


OPEN_ONCE: Emitted = {"ticket_created/unlinked": ["Mon 09:00"], "ticket_open/new": ["Mon 09:00 +1"]}
CASES: dict[str, Case] = {
    # ---- deletion ----
    "a deleted ticket counts nowhere": Case("Mon 09:00 created\nMon 09:10 message\nMon 09:20 reply\nMon 10:00 deleted", NOTHING),
    "spam counts nowhere": Case("Mon 09:00 created\nMon 10:00 deleted reason=spam\nMon 11:00 solved", NOTHING),
    "a deletion before the ticket is known": Case("Mon 10:00 deleted", NOTHING),
    "what happens to a deleted ticket does not bring it back": Case(
        "Mon 09:00 created\nMon 10:00 deleted\nMon 11:00 message\nMon 12:00 reopened", NOTHING
    ),
    "a status brings it back, as if it had never been gone": Case(
        "Mon 09:00 created\nMon 10:00 deleted\nMon 11:00 status to=open",
        {
            "ticket_created/unlinked": ["Mon 09:00"],
            "ticket_open/new": ["Mon 09:00 +1", "Mon 11:00 -1"], "ticket_open/open": ["Mon 11:00 +1"],
        },
    ),
    "a status before the deletion does not": Case("Mon 09:00 created\nMon 09:30 status to=open\nMon 10:00 deleted", NOTHING),
    "brought back and deleted again": Case(
        "Mon 09:00 created\nMon 10:00 deleted\nMon 11:00 status to=open\nMon 12:00 deleted", NOTHING
    ),
    # ---- merges ----
    "two tickets merged into each other count nowhere": Case(
        "Mon 09:00 created @a\nMon 09:01 created @b\nMon 09:05 message @a\nMon 10:00 merged @a into=b\nMon 11:00 merged @b into=a", NOTHING
    ),
    "three in a circle count nowhere": Case(
        "Mon 09:00 created @a\nMon 09:05 message @b\nMon 10:00 merged @a into=b\nMon 11:00 merged @b into=c\nMon 12:00 merged @c into=a",
        NOTHING,
    ),
    "a circle that is opened again by a withdrawal is one ticket": Case(
        "Mon 09:00 created @a\nMon 09:01 created @b\nMon 09:05 reply @a\nMon 10:00 merged @a into=b\nMon 11:00 merged @b into=a #m\n"
        "Mon 12:00 withdrawn of=m",
        {"ticket_created/unlinked": ["Mon 09:01"], "first_reply_wait": ["Mon 09:05 4m"]},
    ),
    "a ticket merged into itself counts nowhere": Case("Mon 09:00 created\nMon 09:05 message\nMon 10:00 merged into=t1", NOTHING),
    "a chain: what was written goes to its end": Case(
        "Mon 09:00 created @c\nMon 09:01 created @a\nMon 09:05 reply @a\nMon 10:00 merged @a into=b\nMon 11:00 merged @b into=c",
        {"ticket_created/unlinked": ["Mon 09:00"], "first_reply_wait": ["Mon 09:05 5m"], "ticket_open/new": ["Mon 09:00 +1"]},
    ),
    "into a ticket that nobody knows: it is first seen by what was written": Case(
        "Mon 09:00 created @a\nMon 09:05 message @a\nMon 10:00 merged @a into=b",
        {"ticket_created/unlinked": [], "ticket_entered_otherwise/first_seen": ["Mon 09:05"], "ticket_open/open": ["Mon 09:05 +1"]},
    ),
    "a merged ticket is never brought back by a status": Case(
        "Mon 09:00 created @b\nMon 09:01 created @a\nMon 10:00 merged @a into=b\nMon 11:00 status @a to=open", OPEN_ONCE
    ),
    "two merges of one ticket: the later one holds": Case(
        "Mon 09:00 created @c\nMon 09:05 reply @a\nMon 10:00 merged @a into=b\nMon 11:00 merged @a into=c",
        {"first_reply_wait": ["Mon 09:05 5m"], "ticket_entered_otherwise/first_seen": []},
    ),
    "complaints and logged time of a merged ticket go with it": Case(
        "Mon 09:00 created @b\nMon 09:05 complaint @a\nMon 09:06 logged @a seconds=60\nMon 10:00 merged @a into=b\nMon 11:00 solved @b",
        {"complaint": [], "handle_span": [], "ticket_solved/no_reply": ["Mon 11:00"]},
    ),
    "those of its primary stay": Case(
        "Mon 09:00 created @b\nMon 09:05 complaint @b\nMon 09:06 logged @b seconds=60\nMon 10:00 merged @a into=b\nMon 11:00 solved @b",
        {"complaint": ["Mon 09:05"], "handle_span": ["Mon 11:00 1m"]},
    ),
    "leads merged into each other count nowhere": Case(
        "Mon 09:00 lead @l\nMon 09:01 lead @m\nMon 10:00 duplicate @l into_lead=m\nMon 11:00 duplicate @m into_lead=l", NOTHING
    ),
    # ---- identity ----
    "an id again with other content: the earlier time holds": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 09:20 reply #r",
        {"first_reply_wait": ["Mon 09:20 20m"]}, ("r, Mon 09:30, conflicting_id",), {CONFLICT: 1},
    ),
    "an id again as another type at the same time: the smaller bytes hold": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 09:30 note #r",
        {"first_reply_wait": []}, ("r, Mon 09:30, conflicting_id",), {CONFLICT: 1},
    ),
    "three contents of one id: the first holds, two are kept out": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 09:20 reply #r\nMon 09:25 reply #r",
        {"first_reply_wait": ["Mon 09:20 20m"]}, ("r, Mon 09:25, conflicting_id", "r, Mon 09:30, conflicting_id"), {CONFLICT: 2},
    ),
    "a higher version replaces, a lower one that comes later changes nothing": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 09:40 reply #r v2\nMon 09:20 reply #r v1", {"first_reply_wait": ["Mon 09:40 40m"]}
    ),
    "a higher version with two contents: the earlier time of them holds": Case(
        "Mon 09:00 created #c\nMon 09:10 reply #r\nMon 09:30 reply #r v1\nMon 09:20 reply #r v1",
        {"first_reply_wait": ["Mon 09:20 20m"]}, ("r, Mon 09:30, conflicting_id",), {CONFLICT: 1},
    ),
    "a version makes a note of a reply": Case("Mon 09:00 created #c\nMon 09:30 reply #r\nMon 09:30 note #r v1", {"first_reply_wait": []}),
    "one id in two entities is two events": Case(
        "Mon 09:00 created #c @a\nMon 09:00 created #c @b", {"ticket_created/unlinked": ["Mon 09:00 ×2"]}
    ),
    # ---- withdrawals ----
    "a withdrawal, before or after its event": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 10:00 withdrawn of=r", {**OPEN_ONCE, "first_reply_wait": []}, (), {"withdrawals": 1}
    ),
    "what is withdrawn stays so in every version": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 10:00 withdrawn of=r\nMon 09:40 reply #r v7", {**OPEN_ONCE, "first_reply_wait": []}
    ),
    "a withdrawal cannot be withdrawn": Case(
        "Mon 09:00 created #c\nMon 09:30 reply #r\nMon 10:00 withdrawn of=r #w\nMon 11:00 withdrawn of=w",
        {**OPEN_ONCE, "first_reply_wait": []}, (), {"withdrawals": 2},
    ),
    "a withdrawal of what never comes": Case("Mon 09:00 created\nMon 10:00 withdrawn of=never", OPEN_ONCE, (), {"withdrawals": 1}),
    "a withdrawal of one id in two entities takes both back": Case(
        "Mon 09:00 created #c @a\nMon 09:00 created #c @b\nMon 10:00 withdrawn of=c", NOTHING
    ),
    "a merge taken back: both tickets stand again": Case(
        "Mon 09:00 created @a\nMon 09:00 created @b\nMon 09:05 reply @a\nMon 10:00 merged @a into=b #m\nMon 11:00 withdrawn of=m",
        {"ticket_created/unlinked": ["Mon 09:00 ×2"], "first_reply_wait": ["Mon 09:05 5m"]},
    ),
    # ---- durations ----
    "up to 5 s below zero is 0": Case(
        "Mon 09:00 created opened=Mon_09:30:05\nMon 09:30 reply\nMon 09:30 solved",
        {"first_reply_wait": ["Mon 09:30 0s"], "full_resolution": ["Mon 09:30 0s"], "quarantined/first_reply_wait": []},
    ),
    "further below zero is quarantined": Case(
        "Mon 09:00 created opened=Mon_09:30:06\nMon 09:30 reply\nMon 09:30 solved",
        {
            "first_reply_wait": [], "full_resolution": [], "requester_wait": [], "first_reply_wait_cohort/out": [],
            "quarantined/first_reply_wait": ["Mon 09:30"], "quarantined/full_resolution": ["Mon 09:30"],
            "quarantined/requester_wait": ["Mon 09:30"], "quarantined/first_resolution": ["Mon 09:30"],
        },
    ),
    "ten years are the longest": Case(
        "Mon-520 09:00 created\nThu 09:00 reply", {"first_reply_wait": ["Thu 09:00 3650d"], "quarantined/first_reply_wait": []}
    ),
    "longer is quarantined": Case(
        "Mon-520 09:00 created\nThu 09:00:00.001 reply", {"first_reply_wait": [], "quarantined/first_reply_wait": ["Thu 09:00:00.001"]}
    ),
    "a talk of less than nothing is quarantined": Case(
        "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:02 ended @p talk=-10",
        {"handle_span": [], "quarantined/handle_span": ["Mon 09:02"], "answer_wait": ["Mon 09:01 1m"]},
    ),
    "logged time of less than nothing is quarantined": Case(
        "Mon 09:00 created\nMon 09:10 logged seconds=-60\nMon 10:00 solved", {"handle_span": [], "quarantined/handle_span": ["Mon 10:00"]}
    ),
    # ---- what looks wrong and is not ----
    "a message to a solved ticket waits for its reply, however long": Case(
        "Mon 09:00 created\nMon 09:05 reply\nMon 10:00 solved\nMon 11:00 message",
        {
            "next_reply_wait_cohort/in": ["Mon 11:00"], "next_reply_wait_cohort/out": [], "next_reply_wait_cohort/cens": [],
            "ticket_solved/one_touch": ["Mon 10:00"],
        },
    ),
}  # fmt: skip


def refusals(entities: Entities) -> tuple[str, ...]:
    """What was kept out, as text."""
    return tuple(sorted(f"{r.event.id}, {written(r.event.occurred_at_ms)}, {r.reason.value}" for r in entities.refused))


def arrived(events: Iterable[Event]) -> Entities:
    """One partition after these events in this order."""
    entities = Entities()
    for event in events:
        entities.apply(event)
    return entities


def compared(found: Emitted, stands: Emitted) -> Emitted:
    """Of what was found that which a case names, or all of it."""
    return found if stands == NOTHING else {name: found.get(name, []) for name in stands}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_in_every_order_of_arrival_the_same_stands_and_is_told(case: Case) -> None:
    events = drawn(case.text)
    whole = emitted(events)
    assert compared(whole, case.stands) == case.stands
    for order in permutations(events):
        entities = arrived(order)
        assert emitted(order) == whole, [event.id for event in order]
        assert refusals(entities) == case.refused
        assert {name: entities.counters[name] for name in case.counted} == case.counted
        assert len(entities.refused) == entities.counters[CONFLICT]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("restarts", [False, True], ids=["going on", "restarted"])
def test_partitions_checkpoints_and_repetition_change_nothing(case: Case, restarts: bool) -> None:
    events = drawn(case.text)
    now_ms = MONDAY_MS + 14 * DAY_MS
    expected = at_rest(simulated(events, now_ms=now_ms).cells)
    for order in list(permutations(events))[::5]:
        tape = [*order, *order[::2]]
        found = simulated(tape, now_ms=now_ms, partitions=3, checkpoints=range(0, len(tape), 2), restarts=restarts)
        assert at_rest(found.cells) == expected, [event.id for event in tape]


# ---- clocks ------------------------------------------------------------------------------------


def outside(**said: Any) -> dict[str, Any]:
    """A solve as a sender writes it."""
    return {"type": "ticket.solved", "id": "s", "ticket_id": "t1", **said}


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        pytest.param(rfc3339(MONDAY_MS + CLOCK_AHEAD_MS), None, id="5 min ahead"),
        pytest.param(rfc3339(MONDAY_MS + CLOCK_AHEAD_MS + 1), Reason.CLOCK_AHEAD, id="more than 5 min ahead"),
        pytest.param("2999-12-31T23:59:59Z", Reason.CLOCK_AHEAD, id="a thousand years ahead"),
        pytest.param("3000-01-01T00:00:00Z", Reason.BAD_TIME, id="after what times are"),
        pytest.param("1969-12-31T23:59:59.999Z", Reason.BAD_TIME, id="before 1970"),
        pytest.param("1970-01-01T00:00:00Z", None, id="a clock that was never set"),
        pytest.param("2026-09-14T00:00:00", Reason.BAD_TIME, id="no zone"),
        pytest.param(1_789_344_000, Reason.BAD_TIME, id="seconds"),
    ],
)
def test_a_wrong_clock_is_refused_at_the_door_where_it_can_be_known(occurred_at: Any, reason: Reason | None) -> None:
    if reason is None:
        event_from(outside(occurred_at=occurred_at), source="desk", received_at_ms=MONDAY_MS)
        return
    with pytest.raises(Rejected) as refused:
        event_from(outside(occurred_at=occurred_at), source="desk", received_at_ms=MONDAY_MS)
    assert (refused.value.reason, refused.value.pointer) == (reason, "/occurred_at")


def test_an_event_a_little_ahead_counts_once_its_time_has_come() -> None:
    events = drawn("Mon 09:00 created\nMon 09:04 solved")
    counted = []
    for minute in (1, 4, 5):
        now_ms = events[0].occurred_at_ms + minute * 60_000
        done = batch.run(events, levels=levels(), pairs=PAIRS, now_ms=now_ms)
        [figure] = Reader(done.cells, now_ms=now_ms, watermark_ms=now_ms).read(Query(kpis=("resolved_issues",), windows=("1h",)))
        counted.append(figure.value or 0)
    assert counted == [0, 0, 1]


def test_an_event_of_1970_is_counted_as_beyond_and_moves_no_window() -> None:
    [event] = drawn("Mon 09:00 created")
    old = msgspec.structs.replace(event, occurred_at_ms=0)
    rows = arrived([old]).rows
    assert to_columns(rows.rows.items(), levels(), MONDAY_MS, Differences(shard="x", last_offset=0)) == len(rows.rows)
    done = batch.run([old], levels=levels(), pairs=PAIRS, now_ms=MONDAY_MS)
    read = Reader(done.cells, now_ms=MONDAY_MS, watermark_ms=MONDAY_MS).read
    assert {figure.value for figure in read(Query(kpis=("issues_created",)))} <= {0, None}
    assert [figure.value for figure in read(Query(kpis=("active_issues",), windows=("now",)))] == [1]


def test_a_redelivery_without_a_time_counts_once_at_the_first_receipt() -> None:
    first, again = (event_from(outside(), source="desk", received_at_ms=MONDAY_MS + hours * HOUR_MS)[0] for hours in (9, 10))
    for order in permutations([first, again]):
        entities = arrived(order)
        assert listed(entities.rows)["ticket_solved_gross"] == ["Mon 09:00"]
        assert refusals(entities) == ()
        assert entities.counters["duplicate"] == 1


# ---- what is too large -------------------------------------------------------------------------


def full(first: Sequence[Event] = ()) -> list[Event]:
    """As many events of one ticket as an entity keeps: these, and notes after them."""
    notes = LOG_MAX_EVENTS - len(first)
    made = [
        ev.TicketNote(
            id=f"n{n}", source="desk", ticket_id="t1", message_id="m", occurred_at_ms=MONDAY_MS + DAY_MS + n, received_at_ms=MONDAY_MS
        )
        for n in range(notes)
    ]
    return [*first, *made]


CREATED, SOLVED = drawn("Mon 09:00 created #c\nFri 09:00 solved #s")


def test_an_entity_that_is_full_says_so_and_goes_on_with_what_it_has() -> None:
    entities = arrived([*full([CREATED]), SOLVED, CREATED])
    assert refusals(entities) == ("s, Fri 09:00, entity_too_large",)
    assert listed(entities.rows)["ticket_created/unlinked"] == ["Mon 09:00"]
    assert entities.counters["duplicate"] == 1


def test_what_is_withdrawn_makes_room_in_an_entity_that_is_full() -> None:
    withdrawn = ev.FactWithdrawn(id="w", source="desk", occurred_at_ms=SOLVED.occurred_at_ms, of="n7")
    entities = arrived([*full([CREATED]), withdrawn, SOLVED])
    assert refusals(entities) == ()
    assert listed(entities.rows)["ticket_solved/no_reply"] == ["Fri 09:00"]


def test_what_was_cut_off_does_not_come_back_by_a_withdrawal() -> None:
    withdrawn = ev.FactWithdrawn(id="w", source="desk", occurred_at_ms=SOLVED.occurred_at_ms, of="n7")
    entities = arrived([*full([CREATED]), SOLVED, withdrawn, SOLVED])
    assert refusals(entities) == ("s, Fri 09:00, entity_too_large",) * 2
    assert "ticket_solved/no_reply" not in listed(entities.rows)


def large(number: int, questions: int = 95, version: int = 0) -> Event:
    """An answer of about 800 kB: all of its words are as long as words may be."""
    words = tuple(f"{w:02d}{'x' * 178}" for w in range(46))
    return ev.SurveyResponded(
        id=f"l{number}", source="desk", ticket_id="t1", response_id=f"r{number}", survey_type="panel", version=version,
        answers=tuple(ev.Answer(question=f"q{q}", metric="words", words=words) for q in range(questions)),
        occurred_at_ms=MONDAY_MS + number, received_at_ms=MONDAY_MS,
    )  # fmt: skip


def test_an_event_larger_than_a_whole_log_is_refused_alone() -> None:
    assert len(encode_event(large(0))) > LOG_MAX_BYTES
    assert refusals(arrived([large(0)])) == ("l0, Mon 00:00, entity_too_large",)
    assert refusals(arrived([large(0), CREATED])) == ("l0, Mon 00:00, entity_too_large",)


# ---- customers ---------------------------------------------------------------------------------


def test_customers_merged_in_a_circle_change_nothing_and_are_counted() -> None:
    said = "Mon 09:00 created @a customer=c1\nMon 10:00 created @b customer=c2"
    merges = [
        ev.CustomerMerged(id=f"m{a}", source="desk", customer_id=f"c{a}", into_customer_id=f"c{b}", occurred_at_ms=MONDAY_MS)
        for a, b in ((1, 2), (2, 1), (1, 1))
    ]
    expected = emitted(drawn(said))
    for order in permutations([*drawn(said), *merges]):
        assert emitted(order) == expected
        assert arrived(order).counters["unused"] == 3


# ---- limits and quarantine ---------------------------------------------------------------------


def test_what_a_full_entity_keeps_does_not_depend_on_the_order_of_arrival() -> None:
    events = [*full([CREATED]), SOLVED]
    assert arrived([*events[1:], CREATED]).rows.rows == arrived(events).rows.rows


def test_an_entity_at_rest_fits_a_record_whatever_it_was_sent() -> None:
    entities = arrived([large(number) for number in range(3)])
    entities.changes()
    assert max(entities.sizes()) < 1_000_000


def test_an_entity_that_versions_make_large_fits_a_record_too() -> None:
    entities = arrived([large(number, questions=60 * version, version=version) for version in (0, 1) for number in range(3)])
    entities.changes()
    assert max(entities.sizes()) < 1_000_000


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        pytest.param("Mon 09:00 created opened=Mon_12:00\nMon 10:00 solved", [], id="below -5 s"),
        pytest.param("Mon 09:00 created opened=Mon_10:00:04\nMon 10:00 solved", ["Mon 09:00 0s"], id="a little below 0"),
        pytest.param("Mon-600 09:00 created\nMon 10:00 solved", [], id="more than ten years"),
    ],
)
def test_an_impossible_wait_is_in_no_twin_either(text: str, stands: list[str]) -> None:
    assert emitted(drawn(text)).get("requester_wait_by_start", []) == stands


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Mon-600 09:00 queued @p\nMon 09:01 abandoned @p", id="abandon_wait"),
        pytest.param("Mon-600 09:00 lead @l\nMon 09:01 contacted @l", id="lead_response"),
        pytest.param("Mon-600 09:00 lead @l\nMon 09:02 booked @b lead=l", id="booking_wait"),
    ],
)
def test_whatever_is_left_out_for_its_duration_is_counted(text: str) -> None:
    assert [name for name in emitted(drawn(text)) if name.startswith("quarantined")]


# ---- an id that many share ---------------------------------------------------------------------


def test_a_customer_with_more_contacts_than_a_person_has_counts_in_no_ledger() -> None:
    """The rest of what an installation sends as "guest" or "unknown" goes on to count everywhere else."""
    entities = arrived(drawn("\n".join(f"Mon 09:0{n} created @t{n} customer=guest\nMon 10:0{n} solved @t{n}" for n in range(5))))
    facts = entities.changes()[1]
    for order in (facts, facts[::-1]):
        whole, restarted = (Ledgers(Rules(Zone()), facts_max=3) for _ in range(2))
        for number, fact in enumerate(order):
            whole.apply(fact)
            restarted.apply(fact)
            if number == 3:
                again = Ledgers(Rules(Zone()), facts_max=3)
                for key, value in restarted.changes():
                    again.restore(key, value)
                again.rows = restarted.rows
                restarted = again
        state = dict(whole.changes())
        restarted.changes()
        assert listed(whole.rows) == listed(restarted.rows) == {}
        assert max(map(len, filter(None, state.values()))) < 100
        assert whole.counters["ledger_too_large"] == 2
