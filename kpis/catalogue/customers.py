"""What contacts lead to, seen over a whole customer: purchases and repeats."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Cohort
from kpis.formulas.cohorts import incremental
from kpis.kpi import COHORT, N_MIN_SHARE, Kpi

KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="service_conversion_rate",
        title="Bought after contact",
        subject="customers",
        unit="ratio",
        better="up",
        figure=Cohort(m.CONVERSION, parts=incremental(m.CONVERSION, m.CONVERSION_BASE)),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of contacts ended in the window, the share followed by a purchase credited to them within 7 days",
        meaning="How often service leads to business. A purchase is credited once; part incremental_conversion subtracts what the "
        "same customers buy without a contact.",
        events=("call.ended", "ticket.solved", "purchase.completed", "purchase.refunded"),
    ),
    Kpi(
        id="repeat_contact_rate",
        title="Repeat contacts",
        subject="customers",
        unit="ratio",
        better="down",
        figure=Cohort(m.REPEAT_CONTACT),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of first contacts in the window, the share followed by another of the same issue within 7 days",
        meaning="How often customers must come back. A first contact has none of the same issue in the 7 days before it.",
        events=("ticket.created", "call.answered"),
    ),
)
