"""The detector over cells: one incident with its cause, whoever looks; corrections reach it, hostile words do not break it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from kpis import measures as m
from kpis.batch import run
from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.dimensions import TOTAL
from kpis.formulas.scores import is_negative
from kpis.query import Query
from kpis.reading import Reader
from kpis.spikes.causes import Causes
from kpis.spikes.detector import Detector, Seen
from kpis.spikes.incidents import Incident
from kpis.window import DAY, HOUR, MINUTE, Levels, Zone
from schemas import events as ev
from tests.kpis.spikes.counted import ESCALATION, Counted, add, cells_of, watching

NOW = 1_792_947_600_000 + 7 * DAY
"""Half past a Sunday noon in Helsinki: the clocks changed a week ago."""
ZONE = "Europe/Helsinki"
PLACES = [(("channel", channel), ("team", team)) for channel in ("chat", "email", "phone") for team in ("billing", "returns")]
BURST = (("channel", "phone"), ("team", "returns"))


def quiet(weeks: float = 8.5, an_hour: float = 4.0, until: int = NOW, seed: int = 1) -> Iterator[Counted]:
    """Escalations by chance alone, fewer at night."""
    draw = random.Random(seed)
    at = until - int(weeks * 7 * DAY)
    while True:
        at += max(1, round(draw.expovariate(an_hour if 8 <= at // HOUR % 24 < 18 else an_hour / 6) * HOUR))
        if at >= until:
            return
        yield Counted(at, 1, draw.choice(PLACES))


def burst(began: int, count: int = 14, minutes: int = 10) -> list[Counted]:
    return [Counted(began + i * minutes * MINUTE // count, 1, BURST) for i in range(count)]


def rounds(detector: Detector, cells: Cells, start: int, end: int, now: int | None = None) -> dict[int, Incident | None]:
    """What is open after a round at each minute."""
    return {at: detector.round(cells, at, now_ms=now)[0].incident for at in range(start, end + 1, MINUTE)}


def seen_at(cells: Cells, now: int) -> tuple[Detector, Seen]:
    """A detector that has looked twice."""
    detector = Detector([watching()])
    detector.round(cells, now)
    return detector, detector.round(cells, now)[0]


def causes_at(cells: Cells, now: int) -> Causes:
    detector, seen = seen_at(cells, now)
    return detector.causes(seen, cells, now)


@pytest.fixture(scope="module")
def history() -> list[Counted]:
    return list(quiet())


def test_a_burst_is_one_incident_with_its_beginning_and_its_cause(history: list[Counted]) -> None:
    began = NOW - 60 * MINUTE
    cells = cells_of([*history, *burst(began)], NOW, ZONE)
    detector = Detector([watching()])
    found = rounds(detector, cells, began - 10 * MINUTE, NOW)
    opened = [at for at, incident in found.items() if incident is not None]
    assert opened
    assert began + 2 * MINUTE <= opened[0] <= began + 8 * MINUTE
    assert opened == list(range(opened[0], opened[-1] + 1, MINUTE))  # once, without a gap
    assert opened[-1] <= began + 10 * MINUTE + 15 * MINUTE + 4 * MINUTE
    first = found[opened[0]]
    assert first is not None
    assert abs(first.since_ms - began) <= 2 * MINUTE


def test_the_cause_is_the_slice_that_burst(history: list[Counted]) -> None:
    found = causes_at(cells_of([*history, *burst(NOW - 10 * MINUTE)], NOW, ZONE), NOW)
    assert [each.cut for each in found.named] == [BURST]
    assert found.named[0].share > 0.8
    assert found.flat == []


def test_a_burst_of_one_team_shows_there_though_every_channel_and_the_whole_hide_it() -> None:
    teams = [f"t{i}" for i in range(8)]
    draw = random.Random(3)
    channels = ("chat", "email", "phone", "web")
    usual = [one._replace(said=(("channel", draw.choice(channels)), ("team", draw.choice(teams)))) for one in quiet(an_hour=32.0)]
    told = [
        Counted(NOW - 15 * MINUTE + i * MINUTE, 1, (("channel", channels[i % 4]), ("team", "t3"))) for i in range(14)
    ]  # fmt: skip
    cells = cells_of([*usual, *told], NOW, ZONE)
    found = {by: Detector([watching(msgspec.structs.replace(ESCALATION, by=by))]) for by in (("channel",), ("channel", "team"))}
    opened = {by: [i for i in rounds(one, cells, NOW - 15 * MINUTE, NOW).values() if i is not None] for by, one in found.items()}
    assert opened["channel",] == []
    assert {one.now.cut for one in opened["channel", "team"]} == {(("team", "t3"),)}
    seen = found["channel", "team"].round(cells, NOW)[0]
    assert found["channel", "team"].causes(seen, cells, NOW).named[0].cut == (("team", "t3"),)


def test_agents_are_never_a_cause(history: list[Counted]) -> None:
    by_one = [one._replace(said=(*BURST, ("agent", "ann"))) for one in burst(NOW - 10 * MINUTE)]
    named = causes_at(cells_of([*history, *by_one], NOW, ZONE), NOW).named
    assert named
    assert all(name != "agent" for each in named for name, _ in each.cut)


def test_nothing_opens_in_a_quiet_day(history: list[Counted]) -> None:
    cells = cells_of(history, NOW, ZONE)
    assert set(rounds(Detector([watching()]), cells, NOW - 4 * HOUR, NOW).values()) == {None}


@pytest.mark.parametrize("ago", [12, 45, 100], ids=["open", "just over", "long over"])
def test_who_starts_anew_knows_what_the_others_know(history: list[Counted], ago: int) -> None:
    cells = cells_of([*history, *burst(NOW - ago * MINUTE)], NOW, ZONE)
    one, other = Detector([watching()]), Detector([watching()])
    rounds(one, cells, NOW - 3 * HOUR, NOW - MINUTE, now=None)
    for _ in other.catch_up(cells, NOW):
        pass
    first, second = (each.round(cells, NOW)[0].incident for each in (one, other))
    assert (first is None) == (second is None) == (ago > 40)
    if first is not None and second is not None:
        assert (first.since_ms, first.opened_at_ms, first.now.cut) == (second.since_ms, second.opened_at_ms, second.now.cut)


def test_what_is_over_does_not_come_back_by_a_longer_window(history: list[Counted]) -> None:
    began = NOW - 60 * MINUTE
    cells = cells_of([*history, *burst(began, 60)], NOW, ZONE)
    found = rounds(Detector([watching()]), cells, began, NOW)
    over = [at for at, incident in found.items() if incident is None and at > began + 15 * MINUTE]
    assert over == list(range(over[0], NOW + 1, MINUTE))
    assert over[0] < began + 35 * MINUTE


def test_less_than_a_week_is_not_judged() -> None:
    cells = cells_of([*quiet(weeks=0.9), *burst(NOW - 10 * MINUTE)], NOW, ZONE)
    _, seen = seen_at(cells, NOW)
    assert not seen.enough
    assert seen.incident is None


def test_nothing_opens_while_a_history_is_written(history: list[Counted]) -> None:
    cells = cells_of([*history, *burst(NOW - 10 * MINUTE)], NOW, ZONE)
    detector = Detector([watching()])
    for _ in range(3):
        assert detector.round(cells, NOW, settled=False)[0].incident is None
    assert [detector.round(cells, NOW)[0].incident is None for _ in range(2)] == [True, False]


def test_late_counts_reach_an_open_incident_and_the_next_round(history: list[Counted]) -> None:
    cells = cells_of([*history, *burst(NOW - 10 * MINUTE, 8)], NOW, ZONE)
    detector, seen = seen_at(cells, NOW)
    assert seen.incident is not None
    before = seen.incident.now.observed
    add(cells, burst(NOW - 9 * MINUTE, 6, 5), NOW)
    after = detector.round(cells, NOW)[0].incident
    assert after is not None
    assert after.now.observed == before + 6


def test_what_is_withdrawn_ends_it_and_its_slice_does_not_break_it(history: list[Counted]) -> None:
    new = [one._replace(said=(("channel", "telex"), ("team", "returns"))) for one in burst(NOW - 10 * MINUTE, 20)]
    cells = cells_of([*history, *new], NOW, ZONE)
    detector, seen = seen_at(cells, NOW)
    assert seen.incident is not None
    assert detector.causes(seen, cells, NOW).named[0].cut == (("channel", "telex"),)
    add(cells, [one._replace(n=-1) for one in new], NOW)
    seen = detector.round(cells, NOW)[0]
    assert detector.causes(seen, cells, NOW) == Causes([], [])
    assert [detector.round(cells, NOW + i * MINUTE)[0].incident is None for i in (1, 3, 4)][-1]
    detector.forget()
    assert all(one.cut != (("channel", "telex"),) for one in detector.round(cells, NOW + 5 * MINUTE)[0].judged)


def test_cells_that_are_made_anew_are_learnt_anew(history: list[Counted]) -> None:
    cells = cells_of([*history, *burst(NOW - 10 * MINUTE)], NOW, ZONE)
    detector, seen = seen_at(cells, NOW)
    empty = cells_of([], NOW, ZONE)
    assert seen.judged
    assert detector.round(empty, NOW)[0].judged == []


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202eevil\u2066", "\x00\x1b[31m\n", "a|b=c,d", "__other__"])
def test_hostile_values_come_out_as_they_are(history: list[Counted], text: str) -> None:
    hostile = [one._replace(said=(("channel", text), ("team", text))) for one in burst(NOW - 10 * MINUTE, 20)]
    named = causes_at(cells_of([*history, *hostile], NOW, ZONE), NOW).named
    assert {value for each in named for _, value in each.cut} == {text}


def test_thousands_of_values_hide_no_cause(history: list[Counted]) -> None:
    many = [Counted(NOW - 3 * DAY - i * 15 * MINUTE, 1, (("channel", "chat"), ("product", f"p{i}"))) for i in range(4000)]
    named = causes_at(cells_of([*history, *many, *burst(NOW - 10 * MINUTE, 40)], NOW, ZONE), NOW).named
    assert [each.cut for each in named] == [BURST]


# ---- through events ----------------------------------------------------------------------------


def escalated(ticket: str, at: int, channel: str) -> list[ev.Event]:
    return [
        ev.TicketCreated(id=f"{ticket}-c", source="desk", occurred_at_ms=at - MINUTE, ticket_id=ticket, channel=channel, team="billing"),
        ev.TicketEscalated(id=f"{ticket}-e", source="desk", occurred_at_ms=at, ticket_id=ticket, kind="functional"),
    ]


def of_events(more: Iterable[ev.Event]) -> Cells:
    weeks = [escalated(f"q{i}", one.at_ms, dict(one.said)["channel"]) for i, one in enumerate(quiet(2.5, an_hour=2.0, until=NOW - HOUR))]
    return run([*(each for both in weeks for each in both), *more], levels=Levels(Zone(ZONE)), now_ms=NOW).cells


def test_withdrawals_and_merges_reach_it_through_the_events() -> None:
    new = [each for i in range(12) for each in escalated(f"b{i}", NOW - 9 * MINUTE + i * 40_000, "phone")]

    def observed(more: list[ev.Event]) -> float:
        seen = Detector([watching()]).round(of_events([*new, *more]), NOW)[0]
        return next(one.observed for one in seen.judged if one.cut == TOTAL and one.window_ms == 15 * MINUTE)

    assert observed([]) == 12
    assert observed([ev.FactWithdrawn(id="w", source="desk", occurred_at_ms=NOW - MINUTE, of="b3-e")]) == 11
    merged: list[ev.Event] = [
        ev.TicketMerged(id=f"m{i}", source="desk", occurred_at_ms=NOW - MINUTE, ticket_id=f"b{i}", into_ticket_id="b0")
        for i in range(1, 12)
    ]
    assert observed(merged) == 1


# ---- answers, whose classes hold what customers' systems say -----------------------------------


def answered(i: int, at: int, score: float, low: float = 1, high: float = 5, question: str = "overall") -> ev.Event:
    answer = ev.Answer(question=question, metric="csat", score=score, scale_min=low, scale_max=high)
    return ev.SurveyResponded(
        id=f"a{i}-{question}-{low}", source="desk", occurred_at_ms=at, response_id=f"r{i}", ticket_id=f"t{i}", survey_type="post_case",
        channel="chat", answers=(answer,),
    )  # fmt: skip


ODD_SCALES = [(1e-7, 5.0), (-3.0, 3.0), (-3.0, -1.0), (1e9 + 1, 1e9 + 2), (-1e-7, 1e-7), (0.0, 1e300)]


@pytest.mark.parametrize(("low", "high"), ODD_SCALES)
@pytest.mark.parametrize("question", ["overall", "over|all|1-5|1", "\x00|\u202e", "|||"])
def test_odd_scales_and_hostile_questions_break_neither_the_figure_nor_the_watch(low: float, high: float, question: str) -> None:
    kpi = next(kpi for kpi in KPIS if kpi.id == "csat_score")
    plain = [answered(i, NOW - 10 * DAY + i * HOUR // 2, 1 if i % 4 == 0 else 5) for i in range(470)]
    cells = run([*plain, answered(999, NOW - HOUR, low, low, high, question)], levels=Levels(Zone(ZONE)), now_ms=NOW).cells
    seen = Detector([kpi]).round(cells, NOW)[0]
    assert seen.enough
    figure = Reader(cells, now_ms=NOW, watermark_ms=None).read(Query(kpis=("csat_score",), windows=("28d",)))[0]
    assert figure.n in (470, 471)


@pytest.mark.parametrize(
    ("cls", "negative"),
    [
        ("csat|overall|1-5|2", True),
        ("csat|overall|1-5|3", False),
        ("csat|price|1-5|1", False),
        ("csat|overall|1-5|1-5|1", False),
        ("csat|overall|1e-07-5|1", True),
        ("csat|overall|-3-3|-2", True),
        ("csat|overall|-3--1|-3", True),
        ("csat|overall|1e+09-1e+09|1e+09", False),
        ("nps|overall|0-10|6", True),
        ("nps|overall|0-10|7", False),
        ("ces|overall|1-7|1", False),
        ("__other__", False),
    ],
)
def test_a_negative_answer_is_told_by_its_class(cls: str, negative: bool) -> None:
    assert is_negative(cls) is negative


def test_only_negative_answers_are_counted() -> None:
    kpi = next(kpi for kpi in KPIS if kpi.id == "csat_score")
    old = [answered(i, NOW - 10 * DAY + i * HOUR // 2, 1 if i % 4 == 0 else 5) for i in range(470)]
    new = [answered(1000 + i, NOW - 50 * MINUTE + i * MINUTE, 1 if i < 12 else 5) for i in range(30)]
    cells = run([*old, *new], levels=Levels(Zone(ZONE)), now_ms=NOW).cells
    judged = Detector([kpi]).round(cells, NOW)[0].judged
    hour = next(one for one in judged if one.cut == TOTAL and one.window_ms == HOUR)
    assert hour.observed == 12
    assert 0.1 < hour.expected < 1.5
    assert m.CASE_ANSWER.finest == 2
    assert ESCALATION.measure.finest == 1
