"""Leads, quotes and bookings."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Cohort, KaplanMeier, Quantile
from kpis.kpi import ALL, COHORT, N_MIN_MEDIAN, N_MIN_SHARE, Kpi
from kpis.window import HOUR, MINUTE

SALES = tuple(w for w in ALL if w not in ("5m", "15m"))
"""Leads are kept in buckets of 15 minutes: shorter windows would be one bucket's rounding."""

KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="lead_response_time",
        title="Lead response",
        subject="sales",
        unit="seconds",
        better="down",
        figure=Quantile(m.LEAD_RESPONSE, within_ms=(5 * MINUTE, HOUR)),
        created=KaplanMeier(m.LEAD_RESPONSE_COHORT, within_ms=(5 * MINUTE, HOUR)),
        windows=SALES,
        n_min=N_MIN_MEDIAN,
        formula="first contact by a person − lead created",
        meaning="How soon somebody who may buy hears from us. At anchor created, leads never contacted stay at risk.",
        events=("lead.created", "lead.contacted"),
    ),
    Kpi(
        id="lead_to_booking_rate",
        title="Leads booked",
        subject="sales",
        unit="ratio",
        better="up",
        figure=Cohort(m.BOOKING_WAIT_COHORT),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of leads created in the window, the share booked (or won) within 30 days",
        meaning="How many leads become business.",
        events=("lead.created", "booking.created", "deal.won", "booking.cancelled"),
    ),
    Kpi(
        id="quote_to_booking_rate",
        title="Quotes booked",
        subject="sales",
        unit="ratio",
        better="up",
        figure=Cohort(m.QUOTE_BOOKING),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of quotes sent in the window, the share booked (or won) within 30 days",
        meaning="How many quotes are closed. A booking that names no quote goes to the quote last sent before it.",
        events=("quote.sent", "booking.created", "deal.won", "booking.cancelled"),
    ),
    Kpi(
        id="time_to_booking",
        title="Time to booking",
        subject="sales",
        unit="seconds",
        better="down",
        figure=Quantile(m.BOOKING_WAIT),
        created=KaplanMeier(m.BOOKING_WAIT_COHORT),
        windows=SALES,
        n_min=N_MIN_MEDIAN,
        formula="first booking (or won deal) that was not cancelled − lead created; earlier counts 0",
        meaning="How long leads take to book. At anchor created the curve over all leads: unbooked and lost ones stay at risk.",
        events=("lead.created", "booking.created", "deal.won", "booking.cancelled"),
    ),
)
