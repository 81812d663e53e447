"""The telephone (and chat sessions): waits, service level, giving up, handling."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Quantile, Share, Term
from kpis.formulas.cohorts import KaplanMeier
from kpis.formulas.counts import ratio
from kpis.kpi import ALL, N_MIN_MEDIAN, N_MIN_SHARE, Kpi
from kpis.slices import Cuts, Slice
from kpis.spikes.watch import Watch


def _formulas(cells: Slice, cuts: Cuts) -> dict[str, float | int | str | None]:
    """The four service-level formulas in use, from the same counts; the fourth is the KPI's value."""
    within, late = (cells.get(cuts, m.CALL_ANSWERED, c) for c in ("within", "late"))
    short, gave_up_within, gave_up_late = (cells.get(cuts, m.CALL_ABANDONED, c) for c in ("short", "within", "late"))
    answered, gave_up_soon = within + late, short + gave_up_within
    offered = answered + gave_up_soon + gave_up_late
    return {
        "formula_1": ratio(within + gave_up_soon, offered),
        "formula_2": ratio(within, answered),
        "formula_3": ratio(within, offered),
        "formula_4": ratio(within, answered + gave_up_late),
    }


def _abandon_wait(cells: Slice, cuts: Cuts) -> dict[str, float | int | str | None]:
    n = cells.get(cuts, m.ABANDON_WAIT, "n")
    mean = ratio(cells.get(cuts, m.ABANDON_WAIT, "x"), n)
    return {"short": cells.get(cuts, m.CALL_ABANDONED, "short"), "wait_n": n, "wait_mean": None if mean is None else mean / 1000}


KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="speed_of_answer",
        title="Speed of answer",
        subject="calls",
        unit="seconds",
        better="down",
        figure=Quantile(m.ANSWER_WAIT, within_ms=(20_000,)),
        created=KaplanMeier(m.ANSWER_WAIT_COHORT, within_ms=(20_000,)),
        windows=ALL,
        n_min=N_MIN_MEDIAN,
        formula="answered − queued, answered calls only",
        meaning="How long callers waited for a person. At anchor created those who gave up are censored: the wait callers would have had.",
        events=("call.queued", "call.answered", "call.abandoned"),
    ),
    Kpi(
        id="service_level",
        title="Service level",
        subject="calls",
        unit="ratio",
        better="up",
        figure=Share(
            part=(Term(m.CALL_ANSWERED, ("within",)),),
            of=(Term(m.CALL_ANSWERED, ("within", "late")), Term(m.CALL_ABANDONED, ("late",))),
            parts=_formulas,
        ),
        windows=ALL,
        n_min=N_MIN_SHARE,
        formula="answered within T / (answered + given up after T); T is the target of speed_of_answer, 20 s unless set",
        meaning="The share of callers served in time. Short abandonments neither help nor harm; parts tell the other formulas in use.",
        events=("call.queued", "call.answered", "call.abandoned"),
    ),
    Kpi(
        id="abandonment_rate",
        title="Gave up",
        subject="calls",
        unit="ratio",
        better="down",
        figure=Share(
            part=(Term(m.CALL_ABANDONED, ("within", "late", "no_wait")),),
            of=(Term(m.CALL_ANSWERED), Term(m.CALL_ABANDONED, ("within", "late", "no_wait"))),
            parts=_abandon_wait,
        ),
        windows=ALL,
        n_min=N_MIN_SHARE,
        formula="(abandoned − short) / (offered − short); offered = answered + abandoned; short ≤ 5 s",
        meaning="The share of callers who gave up before a person answered. An accepted callback is no abandonment.",
        events=("call.queued", "call.answered", "call.abandoned", "call.callback_accepted"),
        watch=Watch(
            id="abandonment",
            noun="Callers who gave up",
            unit="calls",
            measure=m.CALL_ABANDONED,
            classes=("within", "late", "no_wait").__contains__,
        ),
    ),
    Kpi(
        id="handle_time",
        title="Handle time",
        subject="calls",
        unit="seconds",
        better="none",
        figure=Quantile(m.HANDLE_SPAN),
        created=Quantile(m.HANDLE_SPAN_BY_START),
        windows=ALL,
        n_min=N_MIN_MEDIAN,
        formula="calls: talk + hold + wrap (absent: ended − answered); tickets: logged time at the latest solve",
        meaning="How much work a contact is. Work, not waiting: it has no business clock; tickets without logged time are not counted.",
        events=("call.ended", "agent.time_logged"),
    ),
)
