"""What customers say: satisfaction, effort, recommendation, and how many answer at all."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Cohort, NetPromoter, TopBox
from kpis.formulas.scores import is_negative
from kpis.kpi import COHORT, DAYS, N_MIN_SHARE, Kpi
from kpis.spikes.watch import Watch
from kpis.window import HOUR, NOW

KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="csat_score",
        title="Satisfaction",
        subject="satisfaction",
        unit="ratio",
        better="up",
        figure=TopBox(m.CASE_ANSWER, "csat", 0.75, question="overall"),
        created=TopBox(m.CASE_ANSWER_BY_SOLVE, "csat", 0.75, question="overall"),
        windows=DAYS,
        n_min=N_MIN_SHARE,
        formula="answers 4–5 of 1–5 (6–7 of 1–7, yes of yes/no) / valid answers to the overall question",
        meaning="How many are satisfied. The last answer of a case within 7 days counts; anchor created dates it at the solve before it.",
        events=("survey.responded",),
        watch=Watch(
            id="negative_answer",
            noun="Negative answers",
            unit="answers",
            measure=m.CASE_ANSWER,
            classes=is_negative,
            windows_ms=(HOUR, 4 * HOUR),
        ),
    ),
    Kpi(
        id="csat_response_rate",
        title="Survey response",
        subject="satisfaction",
        unit="ratio",
        better="up",
        figure=Cohort(m.SURVEY_RESPONSE),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of invitations sent in the window, the share answered within 14 days",
        meaning="How many answer. Below 10 % the other answers speak for few.",
        events=("survey.sent", "survey.responded"),
    ),
    Kpi(
        id="nps",
        title="Net promoter score",
        subject="satisfaction",
        unit="score",
        better="up",
        figure=NetPromoter(m.RELATIONSHIP_NPS, m.CASE_ANSWER),
        windows=(NOW, *DAYS, "90d"),
        n_min=N_MIN_SHARE,
        formula="100 × (promoters 9–10 − detractors 0–6) / answers",
        meaning="Now and over 90 days: each customer's latest relationship answer of the last 90 days. Over other windows: answers "
        "about a case. The two are never pooled.",
        events=("survey.responded",),
    ),
    Kpi(
        id="ces",
        title="Customer effort",
        subject="satisfaction",
        unit="ratio",
        better="up",
        figure=TopBox(m.CASE_ANSWER, "ces", 2 / 3),
        windows=DAYS,
        n_min=N_MIN_SHARE,
        formula="answers 5–7 of 1–7 to “made it easy” / answers",
        meaning="How many found it easy. Part: the mean.",
        events=("survey.responded",),
    ),
)
