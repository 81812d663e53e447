"""Tallies: gross counts of what is new, durations by the bound they lie below, answers by their group, conversions by their moment."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis import histograms
from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.contributions import Contributions
from kpis.controls import Controls
from kpis.dimensions import SETS, TICKET
from kpis.entities import Entities
from kpis.folding import LABELS_MAX_CHARS, Folded
from kpis.formulas import Quantile
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.measures import COMPLAINT, CONVERSION, ENTERED, MEASURES, OUTCOME, SLOTS, TICKET_CREATED
from kpis.names import OTHER
from kpis.tallies import BASES, BREACHED, MET, RATINGS, REPLIES, RESPONSES, newly_converted, only_channel
from kpis.window import DAY, HOUR, Levels, Zone
from schemas import events as ev
from schemas import facts as f
from schemas.differences import Differences
from tests.kpis.drawn import MONDAY_MS, drawn

MINUTE = 60_000


def _told(entities: Entities | Ledgers, name: str) -> dict[str, int]:
    return {SLOTS[slot][1]: n for (slot, _), n in entities.tallies.items() if SLOTS[slot][0].partition("@")[0] == name}


def _applied(text: str, controls: Controls | None = None) -> Entities:
    entities = Entities(controls or Controls())
    for event in drawn(text):
        entities.apply(event)
    return entities


def test_a_tally_counts_what_is_new_and_not_what_is_learned_of_it() -> None:
    entities = _applied(
        "Mon 09:00 created\nMon 09:10 assigned team=t1 agent=a1\nMon 09:20 message customer=c1 channel=chat\nMon 10:00 solved\n"
        "Mon 10:30 reopened\nMon 11:00 solved\nMon 10:45 note\nMon 11:00 escalated kind=functional\nMon 11:10 priority to=high"
    )
    totals: Counter[str] = Counter()
    for (slot, _), count in entities.tallies.items():
        if "@" in SLOTS[slot][0]:  # a measure's own; the others are histograms
            totals[SLOTS[slot][0].split("@")[0]] += count
    assert totals == {"ticket_created": 1, "ticket_solved": 2, "ticket_reopened": 1, "ticket_escalated": 1}


@pytest.mark.parametrize(
    ("text", "tallied"),
    [
        ("Mon 09:00 created\nMon 10:00 reply", {"met": 1}),
        ("Mon 09:00 created\nMon 10:01 reply", {"breached": 1}),
        ("Mon 09:00 created\nMon 09:10 reply\nMon 11:10 message\nMon 16:00 reply", {"met": 1}),
        ("Mon 09:00 created\nMon 10:01 reply\nMon 10:02 assigned team=t1 agent=a1\nMon 12:00 solved", {"breached": 1}),
        ("Mon 09:00 created\nMon 12:00 solved", {}),
    ],
    ids=["on the limit", "after it", "only the first reply", "counted once", "never replied"],
)
def test_a_first_reply_is_tallied_by_its_target(text: str, tallied: dict[str, int]) -> None:
    entities = _applied(text, Controls(first_reply_within_ms=HOUR))
    assert {cls: n for cls, n in _told(entities, REPLIES).items() if cls in (MET, BREACHED)} == tallied


LIMITS: dict[str, Any] = {"first_reply_within_ms": 75 * MINUTE, "limits_ms": {"full_resolution_time": 90 * MINUTE}}


@pytest.mark.parametrize(
    ("text", "kpi", "told"),
    [
        ("Mon 09:00 created\nMon 09:00 reply", "first_reply_time", {"met": 1, "le60000": 1}),
        ("Mon 09:00 created\nMon 10:00 reply", "first_reply_time", {"met": 1, "le3600000": 1, "sum": HOUR}),
        ("Mon 09:00 created\nMon 10:15 reply", "first_reply_time", {"met": 1, "le4500000": 1, "sum": 75 * MINUTE}),
        ("Mon 09:00 created\nMon 10:16 reply", "first_reply_time", {"breached": 1, "le7200000": 1, "sum": 76 * MINUTE}),
        ("Mon 09:00 created\nMon 10:30 solved", "full_resolution_time", {"le5400000": 1, "sum": 90 * MINUTE}),
        (
            "Mon 09:00 created\nMon 10:00 solved\nMon 11:00 reopened\nMon 12:00 solved",
            "full_resolution_time",
            {"le3600000": 1, "le14400000": 1, "sum": 4 * HOUR},
        ),
        ("Mon 09:00 created\nMon 10:00 solved\nMon 10:05 message channel=chat", "full_resolution_time", {"le3600000": 1, "sum": HOUR}),
        ("Mon 09:00 queued @t1\nMon 09:01 answered @t1\nMon 09:20 ended @t1", "speed_of_answer", {"le60000": 1, "sum": MINUTE}),
        ("Mon 09:00 queued @t1\nMon 11:00 answered @t1", "speed_of_answer", {"leinf": 1, "sum": 2 * HOUR}),
    ],
    ids=[
        "at once", "on a bound", "on the limit", "beyond the limit", "a limit of another KPI", "solved twice", "learned more", "a call",
        "beyond all bounds",
    ],
)  # fmt: skip
def test_a_duration_is_tallied_by_the_bound_it_lies_below(text: str, kpi: str, told: dict[str, int]) -> None:
    assert {cls: n for cls, n in _told(_applied(text, Controls(**LIMITS)), kpi).items() if n} == told


def test_every_duration_of_the_catalogue_has_a_histogram_under_its_own_name() -> None:
    durations = {kpi.id: kpi.figure.measure for kpi in KPIS if isinstance(kpi.figure, Quantile)}
    assert durations
    assert {kpi: measure.tally for kpi, measure in durations.items()} == {kpi: kpi for kpi in durations}
    assert set(BASES) == set(durations)


@given(
    st.lists(st.integers(0, 10**9), max_size=50),
    st.lists(st.integers(1, 10**9), max_size=3),
    st.lists(st.integers(0, 10**9), max_size=50),
)
def test_a_histogram_is_cumulative_and_never_falls_though_bounds_are_added(first: list[int], added: list[int], then: list[int]) -> None:
    before, after = histograms.TICKETS_MS, histograms.bounds_ms(histograms.TICKETS_MS, *added)
    counts = Counter(histograms.bound_of(histograms.class_of(histograms.bound_above(value, before))) or 0 for value in first)
    early = dict(histograms.cumulated(counts, after))
    counts += Counter(histograms.bound_above(value, after) for value in then)
    late = histograms.cumulated(counts, after)
    assert [bound for bound, _ in late] == [*sorted({*after}), inf]
    assert all(n >= early[bound] for bound, n in late)
    assert [n for _, n in late] == sorted(n for _, n in late)
    assert late[-1][1] == len(first) + len(then)
    for bound in after:  # what came since a bound is there is told exactly by it
        assert dict(late)[bound] - early[bound] == sum(value <= bound for value in then)


def _survey(kind: ev.SurveyType, *answers: ev.Answer, **said: Any) -> ev.SurveyResponded:
    fields: dict[str, Any] = {"id": "s1", "response_id": "r1", "occurred_at_ms": MONDAY_MS, "received_at_ms": MONDAY_MS, "channel": "chat"}
    return ev.SurveyResponded(survey_type=kind, answers=answers, **{**fields, **said})


def _answer(metric: Any, score: float, question: str = "q") -> ev.Answer:
    return ev.Answer(question=question, metric=metric, score=score)


@pytest.mark.parametrize(
    ("events", "ratings", "responses"),
    [
        ([_survey("post_case", _answer("csat", 5))], {"1-5|5": 1}, {}),
        ([_survey("post_case", _answer("csat", 5), _answer("csat", 1, "speed"))], {}, {}),
        ([_survey("transactional", _answer("nps", 9))], {}, {"transactional|promoter": 1}),
        ([_survey("relationship", _answer("nps", 8))], {}, {"relationship|passive": 1}),
        ([_survey("relationship", _answer("nps", 6)), _survey("relationship", _answer("nps", 6))], {}, {"relationship|detractor": 1}),
        (
            [_survey("relationship", _answer("nps", 6)), _survey("relationship", _answer("nps", 10), version=1)],
            {},
            {"relationship|detractor": 1},
        ),
        ([_survey("relationship", _answer("nps", 60))], {}, {}),
        ([_survey("relationship", _answer("nps", 6), received_at_ms=MONDAY_MS + 2 * HOUR)], {}, {}),
    ],
    ids=[
        "a rating", "two questions, neither overall", "about a case", "about the relationship", "sent twice", "corrected", "off the scale",
        "too late for news",
    ],
)  # fmt: skip
def test_answers_are_tallied_once_by_scale_and_group(
    events: list[ev.SurveyResponded], ratings: dict[str, int], responses: dict[str, int]
) -> None:
    entities = Entities()
    for event in events:
        entities.apply(event)
    assert (_told(entities, RATINGS), _told(entities, RESPONSES)) == (ratings, responses)


def test_answers_are_told_by_their_channel() -> None:
    entities = Entities()
    entities.apply(_survey("relationship", _answer("nps", 8)))
    assert [attributes[:2] for _, attributes in entities.tallies] == [("ticket", "chat")]


def _contact(ended_at_ms: int | None, version: int = 1, channel: str = "chat") -> f.Contact:
    attributes = (TICKET.name, channel, *(None,) * (len(TICKET.names) - 1))
    return f.Contact(
        key="customer:c1", id="t1", version=version, of="ticket:t1", is_ticket=True, began_at_ms=MONDAY_MS, ended_at_ms=ended_at_ms,
        end_attributes=attributes, start_attributes=attributes,
    )  # fmt: skip


def _bought(at_ms: int) -> f.Purchase:
    return f.Purchase(key="customer:c1", id="p1", version=1, at_ms=at_ms)


@pytest.mark.parametrize(
    ("checkpoints", "told"),
    [
        ([[_contact(MONDAY_MS)]], {"in": 1}),
        ([[_contact(None)]], {}),
        ([[_contact(MONDAY_MS)], [_bought(MONDAY_MS + MINUTE)]], {"in": 1, "out": 1}),
        ([[_contact(MONDAY_MS), _bought(MONDAY_MS + MINUTE)]], {"in": 1, "out": 1}),
        ([[_contact(MONDAY_MS - DAY)], [_bought(MONDAY_MS)]], {"out": 1}),
        ([[_contact(MONDAY_MS)], [_contact(MONDAY_MS + MINUTE, 2)]], {"in": 1}),
        ([[_contact(MONDAY_MS)], [_contact(MONDAY_MS, 2, "email")]], {"in": 1}),
        ([[_contact(MONDAY_MS - 3 * DAY), _bought(MONDAY_MS - DAY)]], {}),
    ],
    ids=["ended", "still open", "then bought", "at once", "ended long ago, bought now", "ended later", "learned more", "history"],
)
def test_conversions_are_tallied_when_they_happen(checkpoints: list[list[f.AnyFact]], told: dict[str, int]) -> None:
    ledgers = Ledgers(Rules(Zone("UTC")))
    for facts in checkpoints:
        for fact in facts:
            ledgers.apply(fact)
        ledgers.changes(MONDAY_MS - HOUR)
    assert _told(ledgers, CONVERSION.name) == told


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_what_is_newly_converted_never_exceeds_the_difference(ends: list[int]) -> None:
    before, after = Contributions(), Contributions()
    for end in ends:
        (before if end < 0 else after).add(CONVERSION.slot(ENTERED), end, TICKET.nothing())
        (before if end % 2 else after).add(CONVERSION.slot(OUTCOME), end, TICKET.nothing(), 1)
    found = Counter[int]()
    for (slot, _), n in newly_converted(before.rows.items(), after.rows.items(), 0):
        assert n > 0
        found[slot] += n
    for slot in (CONVERSION.slot(ENTERED), CONVERSION.slot(OUTCOME)):
        sizes = [sum(n for (s, _, _, _), n in rows.rows.items() if s == slot) for rows in (before, after)]
        assert found[slot] <= max(0, sizes[1] - sizes[0])


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_dimension_set_begins_with_the_channel(name: str) -> None:
    attributes = (name, *SETS[name].names)
    assert only_channel(attributes) == (name, "channel", *(None,) * (len(attributes) - 2))


def test_names_of_tallies_are_told_apart() -> None:
    assert len({m.tally for m in MEASURES if m.tally}) == sum(1 for m in MEASURES if m.tally)


def test_hostile_labels_share_one_set_and_a_histogram_keeps_its_buckets() -> None:
    folded = Folded(Cells(Levels(Zone("UTC"), 400), ()))
    attributes = [(TICKET.name, f"{i:0100}", *(None,) * (len(TICKET.names) - 1)) for i in range(LABELS_MAX_CHARS // 100 + 10)]
    slots = [SLOTS[TICKET_CREATED.slot("n")], ("first_reply_time", "le60000"), (COMPLAINT.key, "any word")]
    differences = Differences(shard="events-0", last_offset=0, slots=slots, attributes=[*attributes])
    for number in range(len(attributes)):
        differences.tallies.append((0, number, 1))
    differences.tallies += [(1, len(attributes) - 1, 3), (2, len(attributes) - 1, 5)]
    folded.add(differences, 0)
    shared = {key: n for key, n in folded.tallies.items() if OTHER in key}
    assert shared.pop(("first_reply_time", "le60000", OTHER, OTHER, OTHER)) == 3
    assert shared.pop(("complaints", OTHER, OTHER, OTHER, OTHER)) == 5
    assert set(shared) == {("issues_created", OTHER, OTHER, OTHER, OTHER)}
    assert sum(n for key, n in folded.tallies.items() if key[0] == "issues_created") == len(attributes)
