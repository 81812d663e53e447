"""Laws over the catalogue: whatever is declared answers, says what it does not know, and refuses what is not kept."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis import batch
from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.formulas import Ages, Balance, Cohort, Count, LevelOf, Quantile, Resolved, Share, SplitCount, TopBox
from kpis.kpi import Kpi, Targets
from kpis.names import OTHER
from kpis.query import Query, Unanswerable
from kpis.reading import Reader
from kpis.window import DAY, HOUR, MINUTE, NOW, WINDOWS
from schemas.canonical import millis_from
from schemas.events import Event
from schemas.figures import Figure
from tests.kpis.drawn import MONDAY_MS, drawn, moment
from tests.kpis.simulated import PAIRS, levels, simulated
from tests.kpis.strategies import END_MS, worlds

ALL = {kpi.id: kpi for kpi in KPIS}
THE_35 = (
    "issues_created resolved_issues active_issues backlog_age backlog_growth current_longest_wait first_reply_time next_reply_time "
    "requester_wait_time first_resolution_time full_resolution_time open_age_adjusted_resolution resolved_within_24h resolution_rate "
    "reopen_rate one_touch_rate transfer_rate escalation_rate time_to_escalate complaint_count tickets_by_channel speed_of_answer "
    "service_level abandonment_rate handle_time csat_score csat_response_rate nps ces lead_response_time lead_to_booking_rate "
    "quote_to_booking_rate time_to_booking service_conversion_rate repeat_contact_rate"
).split()
EXACT_AT_ZERO = (Count, Balance, Resolved, SplitCount, LevelOf)
every_kpi = pytest.mark.parametrize("kpi", [pytest.param(kpi, id=kpi.id) for kpi in KPIS])


def week() -> Iterator[Event]:
    """A busy week, every hour of which has something for every KPI."""
    for i in range(80):
        at = f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri')[i % 5]} {8 + i % 10:02d}"
        next_day = f"{('Tue', 'Wed', 'Thu', 'Fri', 'Sat')[i % 5]} {8 + i % 10:02d}"
        said = f"channel={('email', 'chat', 'web')[i % 3]} team=t{i % 4} customer=c{i % 30}"
        said += f" issue_type={('bug', 'bill')[i % 2]} priority=p{i % 2}"
        lines = f"{at}:00 created @k{i} {said}\n{at}:{5 + i % 40:02d} reply @k{i} actor=a{i % 5}\n"
        if i % 3:
            lines += f"{at}:50 solved @k{i}\n{at}:55 surveyed @k{i} survey=s{i}\n"
            lines += f"{next_day}:00 rated @k{i} survey=s{i} response=r{i} metric={('csat', 'ces', 'nps')[i % 3 - 1]} score={1 + i % 5}\n"
        if i % 4 == 0:
            lines += f"{at}:30 escalated @k{i} kind=functional\n{at}:31 transferred @k{i} to_team=t9 mode=warm\n"
        if i % 5 == 0:
            lines += (
                f"{at}:45 message @k{i}\n{at}:52 logged @k{i} seconds=300\n{next_day}:20 reopened @k{i}\n{next_day}:21 complaint @k{i}\n"
            )
            lines += f"{next_day}:30 reply @k{i} actor=a1\n{next_day}:40 solved @k{i}\n"
        lines += f"{at}:00 queued @p{i} channel=phone team=t{i % 4} customer=c{i % 30}\n"
        lines += f"{at}:01 abandoned @p{i}\n" if i % 6 == 0 else f"{at}:00:{10 + i % 20} answered @p{i}\n{at}:04 ended @p{i} talk=180\n"
        lines += f"{at}:10 lead @l{i} channel=web\n{at}:20 contacted @l{i}\n{at}:40 quote @q{i} lead=l{i}\n"
        if i % 2:
            lines += f"{next_day}:10 booked @b{i} lead=l{i} booking_channel=online\n{next_day}:15 bought @u{i} customer=c{i % 30}\n"
        lines += f"{at}:12 rated-alone @rel{i} type=relationship metric=nps score={i % 11} customer=c{i % 30} channel=email\n"
        for number, event in enumerate(drawn(lines)):
            yield type(event)(**{n: getattr(event, n) for n in event.__struct_fields__} | {"id": f"{i}-{number}"})


NOW_MS = MONDAY_MS + 4 * DAY + 17 * HOUR + 30 * MINUTE


@pytest.fixture(scope="module")
def busy() -> Reader:
    """Read on Friday afternoon."""
    ran = batch.run((e for e in week() if e.occurred_at_ms <= NOW_MS), levels=levels(), pairs=PAIRS)
    assert ran.entities.refused == []
    return Reader(ran.cells, now_ms=NOW_MS, watermark_ms=NOW_MS)


def empty() -> Reader:
    """Before the first event."""
    return Reader(Cells(levels(), PAIRS), now_ms=NOW_MS, watermark_ms=None)


def questions(kpi: Kpi) -> Iterator[Query]:
    """Every window at every anchor."""
    for anchor in kpi.anchors:
        for window in kpi.windows:
            yield Query(kpis=(kpi.id,), windows=(window,), anchor=anchor)


def sound(kpi: Kpi, figure: Figure) -> None:
    """What holds for any figure."""
    for number in (figure.value, figure.ci_low, figure.ci_high, *(i.value for i in figure.items)):
        assert number is None or math.isfinite(number)
    assert all(not isinstance(part, float) or math.isfinite(part) for part in figure.parts.values())
    assert (figure.value is None) == (figure.quality == "no_data" or figure.reason is not None)
    assert figure.quality != "no_data" or (figure.value is None and figure.reason)
    assert figure.unit == kpi.unit
    if figure.value is not None and figure.ci_low is not None and figure.ci_high is not None:
        assert figure.ci_low - 1e-9 <= figure.value <= figure.ci_high + 1e-9
    if kpi.unit == "ratio" and figure.value is not None:
        assert 0 <= figure.value <= 1
    if kpi.unit == "seconds" and figure.value is not None:
        assert figure.value >= 0
    if figure.window_start is not None and figure.window_end is not None:
        assert millis_from(figure.window_start) < millis_from(figure.window_end)


def test_the_catalogue_holds_the_promised_ones() -> None:
    assert len(THE_35) == 35
    assert set(THE_35) <= set(ALL)


@every_kpi
def test_nothing_happened(kpi: Kpi) -> None:
    for query in questions(kpi):
        figure = empty().read(query)[0]
        sound(kpi, figure)
        assert figure.n == 0
        formula = kpi.formula_for(query.anchor)
        if isinstance(formula, EXACT_AT_ZERO):
            assert (figure.value, figure.reason, figure.quality) == (0, None, "provisional")
        else:
            assert (figure.value, figure.quality) == (None, "no_data")
            assert figure.reason == "no_data"


@every_kpi
def test_every_window_and_anchor_of_a_busy_week(kpi: Kpi, busy: Reader) -> None:
    seen = 0
    for query in questions(kpi):
        figure = busy.read(query)[0]
        assert (figure.kpi, figure.window, figure.anchor, figure.dims) == (kpi.id, query.windows[0], query.anchor, {})
        sound(kpi, figure)
        seen += figure.value is not None
        if figure.value is not None and figure.n < kpi.n_min:
            assert figure.quality == "insufficient"
    assert seen


@every_kpi
def test_every_dimension_and_pair_of_a_busy_week(kpi: Kpi, busy: Reader) -> None:
    cuts: list[tuple[str, ...]] = [(dimension,) for dimension in kpi.dimensions]
    if {"channel", "team"} <= set(kpi.dimensions):
        cuts.append(("channel", "team"))
    window = "now" if kpi.windows == (NOW,) else "7d" if "7d" in kpi.windows else kpi.windows[-1]
    total = busy.read(Query(kpis=(kpi.id,), windows=(window,)))[0]
    for by in cuts:
        figures = busy.read(Query(kpis=(kpi.id,), windows=(window,), by=by))
        for figure in figures:
            sound(kpi, figure)
            assert tuple(figure.dims) == by
        assert len({tuple(f.dims.items()) for f in figures}) == len(figures)
        if not isinstance(kpi.figure, Balance):
            assert sum(f.n for f in figures) <= total.n
        if figures:
            one = figures[0]
            assert busy.read(Query(kpis=(kpi.id,), windows=(window,), where=tuple(one.dims.items()))) == [one]


@every_kpi
def test_a_series_adds_up_or_averages(kpi: Kpi, busy: Reader) -> None:
    start, end = MONDAY_MS, MONDAY_MS + 4 * DAY
    if isinstance(kpi.figure, Ages):
        with pytest.raises(Unanswerable):
            busy.series(kpi.id, step_ms=HOUR, start_ms=start, end_ms=end)
        return
    ((dims, points),) = busy.series(kpi.id, step_ms=6 * HOUR, start_ms=start, end_ms=end)
    assert dims == {}
    assert [(p.start_ms, p.end_ms) for p in points] == [(t, t + 6 * HOUR) for t in range(start, end, 6 * HOUR)]
    assert all(p.value is None or math.isfinite(p.value) for p in points)
    whole = busy.read(Query(kpis=(kpi.id,), span=(start, end)))[0]
    if isinstance(kpi.figure, Count | Balance | SplitCount | Resolved):
        assert sum(p.value or 0 for p in points) == whole.value
    elif isinstance(kpi.figure, LevelOf):
        assert sum(p.value or 0 for p in points) / len(points) == pytest.approx(whole.value)
    elif isinstance(kpi.figure, Share | TopBox | Quantile | Cohort):
        assert sum(p.n for p in points) == whole.n


@every_kpi
@pytest.mark.parametrize(
    ("step_ms", "start_ms", "end_ms"),
    [
        pytest.param(7 * HOUR, MONDAY_MS + 5 * HOUR, MONDAY_MS + 5 * DAY, id="several buckets a step, past now"),
        pytest.param(MINUTE, MONDAY_MS + 4 * DAY + 16 * HOUR, MONDAY_MS + 4 * DAY + 17 * HOUR, id="by the minute"),
    ],
)
def test_every_point_of_a_series_is_the_figure_of_its_span(kpi: Kpi, step_ms: int, start_ms: int, end_ms: int, busy: Reader) -> None:
    cuts: list[tuple[str, ...]] = [(), ("channel",), ("channel", "team"), ("agent",)]
    for anchor in kpi.anchors:
        if isinstance(kpi.formula_for(anchor), Ages):
            continue
        for by in (cut for cut in cuts if set(cut) <= set(kpi.dimensions)):
            for dims, points in busy.series(kpi.id, step_ms=step_ms, start_ms=start_ms, end_ms=end_ms, by=by, anchor=anchor):
                for point in points:
                    span = (point.start_ms, point.end_ms)
                    [figure] = busy.read(Query(kpis=(kpi.id,), span=span, where=tuple(dims.items()), anchor=anchor))
                    assert (point.value, point.n) == (figure.value, figure.n), (dims, anchor, point)


@every_kpi
def test_a_past_that_is_asked_for_is_read_or_refused(kpi: Kpi, busy: Reader) -> None:
    query = Query(kpis=(kpi.id,), windows=kpi.windows[:1], as_of_ms=MONDAY_MS + 2 * DAY + HOUR)
    if isinstance(kpi.figure, Ages):
        with pytest.raises(Unanswerable) as refused:
            busy.read(query)
        assert refused.value.parameter == "as_of"
        return
    figure = busy.read(query)[0]
    sound(kpi, figure)
    assert figure.window_end == "2026-09-16T01:00:00.000Z"


@pytest.mark.parametrize(
    ("query", "parameter", "word"),
    [
        pytest.param(Query(kpis=("active_isues",)), "kpi", "active_issues", id="KPI, with the nearest"),
        pytest.param(Query(kpis=("nps",), windows=("28days",)), "window", "28d", id="window, with the nearest"),
        pytest.param(Query(kpis=("nps",), windows=("5m",)), "window", "28d", id="a window that is not its own"),
        pytest.param(Query(kpis=("nps",), by=("chanel",)), "by", "channel", id="dimension, with the nearest"),
        pytest.param(Query(kpis=("nps",), by=("queue",)), "by", "channel", id="a dimension that is not its own"),
        pytest.param(Query(kpis=("nps",), where=(("queue", "a"),)), "queue", "channel", id="a filter that is not its own"),
        pytest.param(Query(kpis=("active_issues",), by=("team", "priority")), "by", "channel × team", id="a pair that is not kept"),
        pytest.param(Query(kpis=("nps",), anchor="completed", clock="business"), "clock", "calendar", id="clock"),
        pytest.param(Query(kpis=("complaint_count",), anchor="created"), "anchor", "completed", id="anchor"),
        pytest.param(Query(kpis=("complaint_count",), span=(5, 5)), "from", "before", id="an empty span"),
        pytest.param(Query(kpis=("backlog_age",), span=(5, 6)), "from", "now", id="a span of what has none"),
    ],
)
def test_what_is_not_kept_is_refused_with_what_is(query: Query, parameter: str, word: str, busy: Reader) -> None:
    with pytest.raises(Unanswerable, match=word) as refused:
        busy.read(query)
    assert refused.value.parameter == parameter


def test_values_beyond_the_limit_are_one_line_of_their_own() -> None:
    text = "".join(f"Mon 09:{i:02d} created @k{i}-{j} channel=v{i}\n" for i in range(8) for j in range(9 - i))
    cells = simulated(drawn(text), now_ms=NOW_MS).cells
    reader = Reader(cells, now_ms=NOW_MS, watermark_ms=None, max_values=3)
    figures = reader.read(Query(kpis=("issues_created",), windows=("7d",), by=("channel",)))
    assert [(f.dims["channel"], f.value) for f in figures] == [("v0", 9), ("v1", 8), ("v2", 7), (OTHER, 6 + 5 + 4 + 3 + 2)]
    shares = reader.read(Query(kpis=("resolution_rate",), windows=("7d",), by=("channel",)))
    assert [(f.dims["channel"], f.denominator) for f in shares] == [("v0", 9), ("v1", 8), ("v2", 7), (OTHER, 20)]


def test_a_cut_without_sketch_says_so_and_keeps_its_mean(busy: Reader) -> None:
    figures = busy.read(Query(kpis=("first_reply_time",), windows=("7d",), by=("agent",)))
    assert figures
    for figure in figures:
        assert (figure.value, figure.reason, figure.parts["p50"]) == (None, "no_sketch", None)
        mean = figure.parts["mean"]
        assert figure.n > 0
        assert isinstance(mean, float)
        assert mean > 0


KM_TEXT = "".join(
    f"{opened} created @k{i} channel=chat team=t1\n" + (f"{solved} solved @k{i}\n" if solved else "")
    for i, (opened, solved) in enumerate(
        [("Mon 10:00", "Mon 11:00"), ("Mon 10:00", "Mon 12:00"), ("Mon 10:00", "Mon 13:00"), ("Mon 10:00", "Mon 20:00"),
         ("Tue 02:00", ""), ("Tue 02:00", ""), ("Mon 22:00", ""), ("Mon 10:00", "")]
    )
)  # fmt: skip


def test_open_tickets_are_at_risk_for_as_long_as_they_are_open() -> None:
    now = MONDAY_MS + DAY + 6 * HOUR  # closed after 1, 2, 3, 10 h; open for 4, 4, 8, 20 h: across a midnight
    reader = Reader(simulated(drawn(KM_TEXT), now_ms=now).cells, now_ms=now, watermark_ms=now)
    figure = reader.read(Query(kpis=("open_age_adjusted_resolution",), windows=("24h",)))[0]
    assert figure.value == pytest.approx(10 * 3600, rel=0.01)
    assert (figure.n, figure.numerator) == (8, 4)
    closed_only = reader.read(Query(kpis=("full_resolution_time",), windows=("24h",)))[0]
    assert closed_only.value == pytest.approx(2.5 * 3600, rel=0.01)
    assert closed_only.parts["mean"] == 4 * 3600


def test_a_young_cohort_without_sketch_shows_what_is_grown_up() -> None:
    now = MONDAY_MS + DAY + 10 * HOUR + 30 * MINUTE
    text = "Mon 10:20 created @a agent=a1\nMon 10:29 solved @a\nMon 10:40 created @b agent=a1\n"
    text += "Tue 09:00 created @c agent=a2\nTue 09:10 solved @c"
    reader = Reader(simulated(drawn(text), now_ms=now).cells, now_ms=now, watermark_ms=now)
    figures = reader.read(Query(kpis=("resolved_within_24h",), windows=("7d",), by=("agent",)))
    a1, a2 = figures
    assert (a1.value, a1.parts["mature_n"], a1.n, a1.quality) == (1.0, 1, 2, "insufficient")
    assert (a2.value, a2.reason, a2.n) == (None, "young", 1)


@pytest.mark.parametrize(
    ("now", "value"),
    [
        pytest.param("Tue 00:10", 20 * 60, id="across midnight"),
        pytest.param("Tue 01:05", 75 * 60, id="across an hour"),
        pytest.param("Tue 09:50", 10 * 3600, id="ten hours"),
    ],
)
def test_the_longest_wait_is_as_long_as_it_is(now: str, value: float) -> None:
    now_ms = moment(*now.split())
    reader = Reader(simulated(drawn("Mon 23:50 queued @p"), now_ms=now_ms).cells, now_ms=now_ms, watermark_ms=now_ms)
    figure = reader.read(Query(kpis=("current_longest_wait",)))[0]
    assert figure.value == pytest.approx(value, rel=0.1, abs=5)
    assert figure.n == 1


@pytest.mark.parametrize(
    ("watermark_days", "window", "quality"),
    [
        pytest.param(0, "span", "provisional", id="not passed"),
        pytest.param(1, "span", "final", id="passed by a day"),
        pytest.param(1, "24h", "provisional", id="rolling figures never are"),
    ],
)
def test_when_a_figure_is_final(watermark_days: int, window: str, quality: str, busy: Reader) -> None:
    end = MONDAY_MS + 3 * DAY
    reader = Reader(busy.cells, now_ms=NOW_MS, watermark_ms=end + watermark_days * DAY)
    query = (
        Query(kpis=("one_touch_rate",), span=(MONDAY_MS, end)) if window == "span" else Query(kpis=("one_touch_rate",), windows=(window,))
    )
    figure = reader.read(query)[0]
    assert (figure.quality == quality) or (figure.n < 10 and figure.quality == "insufficient")


def test_targets_are_told_beside_the_median(busy: Reader) -> None:
    reader = Reader(busy.cells, now_ms=NOW_MS, watermark_ms=NOW_MS, targets={"first_reply_time": Targets(within_ms=1_800_000, share=0.9)})
    parts = reader.read(Query(kpis=("first_reply_time",), windows=("7d",)))[0].parts
    assert parts["within"] == parts["within_1800s"]
    assert "within_3600s" in parts


def test_the_csat_vector() -> None:
    answers = [(5, 42), (4, 32), (3, 10), (2, 9), (1, 14)]
    lines = [f"Mon 09:00 rated-alone @r{score}-{i} metric=csat score={score}" for score, n in answers for i in range(n)]
    reader = Reader(simulated(drawn("\n".join(lines)), now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=None)
    figure = reader.read(Query(kpis=("csat_score",), windows=("7d",)))[0]
    assert (figure.numerator, figure.denominator) == (74, 107)
    assert figure.ci_low == pytest.approx(0.598715, abs=1e-6)
    assert figure.ci_high == pytest.approx(0.771183, abs=1e-6)


def test_the_service_level_vector() -> None:
    lines = [f"Mon 09:00 queued @a{i}\nMon 09:00:{'10' if i < 860 else '30'} answered @a{i}" for i in range(1000)]
    lines += [f"Mon 09:00 queued @g{i}\nMon 09:00:{'15' if i < 20 else '45'} abandoned @g{i}" for i in range(60)]
    reader = Reader(simulated(drawn("\n".join(lines)), now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=None)
    figure = reader.read(Query(kpis=("service_level",), windows=("7d",)))[0]
    assert figure.value == pytest.approx(0.8269, abs=5e-5)
    formulas = [figure.parts[f"formula_{i}"] for i in (1, 2, 3, 4)]
    assert formulas == [pytest.approx(p, abs=5e-5) for p in (0.8302, 0.8600, 0.8113, 0.8269)]
    lost = reader.read(Query(kpis=("abandonment_rate",), windows=("7d",)))[0]
    assert (lost.numerator, lost.denominator) == (60, 1060)


def test_the_nps_vector_of_the_relationship_is_not_pooled_with_that_of_cases() -> None:
    scores = [10] * 50 + [8] * 30 + [3] * 20
    lines = [f"Mon 09:00 rated-alone @r{i} type=relationship metric=nps score={score} customer=c{i}" for i, score in enumerate(scores)]
    lines += [f"Mon 09:00 rated-alone @case{i} metric=nps score=0" for i in range(12)]
    reader = Reader(simulated(drawn("\n".join(lines)), now_ms=NOW_MS).cells, now_ms=NOW_MS, watermark_ms=None)
    for window in ("now", "90d"):
        figure = reader.read(Query(kpis=("nps",), windows=(window,)))[0]
        assert (figure.value, figure.n) == (30, 100)
        assert [figure.ci_low, figure.ci_high] == pytest.approx([14.0, 44.3], abs=0.05)
    assert reader.read(Query(kpis=("nps",), windows=("28d",)))[0].value == -100


@given(worlds(most=12), st.sampled_from(sorted(WINDOWS)))
@settings(max_examples=15)
def test_figures_of_any_world_are_sound(events: list[Event], window: str) -> None:
    reader = Reader(simulated(events, now_ms=END_MS).cells, now_ms=END_MS, watermark_ms=END_MS)
    for kpi in KPIS:
        if window in kpi.windows:
            for figure in reader.read(Query(kpis=(kpi.id,), windows=(window,))):
                sound(kpi, figure)
