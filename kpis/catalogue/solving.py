"""How problems are solved: in time, for good, in one touch, without being passed on."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Cohort, KaplanMeier, Quantile, Share, Term
from kpis.formulas.counts import parts_of
from kpis.kpi import ALL, COHORT, N_MIN_MEDIAN, N_MIN_SHARE, Kpi
from kpis.slices import Cuts, Slice
from kpis.spikes.watch import Watch


def _escalation_parts(cells: Slice, cuts: Cuts) -> dict[str, float | int | str | None]:
    parts = parts_of(m.TICKET_SOLVED_ESCALATED, m.TICKET_SOLVED)(cells, cuts)
    return {**parts, "escalations": cells.get(cuts, m.TICKET_ESCALATED, "n")}


KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="resolution_rate",
        title="Resolution rate",
        subject="solving",
        unit="ratio",
        better="up",
        figure=Cohort(m.FIRST_RESOLUTION_COHORT),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of tickets created in the window, the share solved within 7 days",
        meaning="How much of what comes in gets solved. Tickets still younger than 7 days are at risk, not failures.",
        events=("ticket.created", "ticket.solved"),
    ),
    Kpi(
        id="resolved_within_24h",
        title="Solved within 24 h",
        subject="solving",
        unit="ratio",
        better="up",
        figure=Cohort(m.LASTING_SOLVE),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of tickets created in the window, the share whose first lasting solve came within 24 h",
        meaning="How much is solved within a day and stays solved for a day.",
        events=("ticket.created", "ticket.solved", "ticket.reopened"),
    ),
    Kpi(
        id="reopen_rate",
        title="Reopened",
        subject="solving",
        unit="ratio",
        better="down",
        figure=Cohort(m.REOPENING),
        anchor="created",
        windows=COHORT,
        n_min=N_MIN_SHARE,
        formula="of tickets first solved in the window, the share reopened within 14 days",
        meaning="How often a solution did not hold.",
        events=("ticket.solved", "ticket.reopened"),
    ),
    Kpi(
        id="one_touch_rate",
        title="One touch",
        subject="solving",
        unit="ratio",
        better="up",
        figure=Share(part=(Term(m.TICKET_SOLVED, ("one_touch",)),), of=(Term(m.TICKET_SOLVED, ("one_touch", "replied")),)),
        windows=ALL,
        n_min=N_MIN_SHARE,
        formula="solved with exactly one public human reply and no reopening / solved with at least one",
        meaning="How often one answer was enough. Tickets closed without a word do not count.",
        events=("ticket.public_reply", "ticket.solved"),
    ),
    Kpi(
        id="transfer_rate",
        title="Transferred",
        subject="solving",
        unit="ratio",
        better="none",
        figure=Share(
            part=(Term(m.CONTACT_TRANSFERRED, ("n",)),),
            of=(Term(m.CONTACT_CONNECTED, ("n",)),),
            parts=parts_of(m.CONTACT_TRANSFERRED, m.CONTACT_CONNECTED),
        ),
        windows=ALL,
        n_min=N_MIN_SHARE,
        formula="contacts that a second agent or team took over / connected inbound contacts",
        meaning="How often customers are passed on. A transfer can be good; parts tell how it was done.",
        events=("ticket.transferred", "ticket.assigned", "ticket.public_reply", "call.transferred", "call.answered"),
    ),
    Kpi(
        id="escalation_rate",
        title="Escalated",
        subject="solving",
        unit="ratio",
        better="down",
        figure=Share(part=(Term(m.TICKET_SOLVED_ESCALATED, ("n",)),), of=(Term(m.TICKET_SOLVED),), parts=_escalation_parts),
        created=Cohort(m.ESCALATION_WAIT_COHORT),
        windows=ALL,
        n_min=N_MIN_SHARE,
        formula="solved tickets with at least one counted escalation / solved tickets; created: escalated within 7 days / created",
        meaning="How often the first line was not enough. Parts: each kind, and escalations of the window.",
        events=("ticket.escalated", "ticket.solved"),
        watch=Watch(id="escalation", noun="Escalations", unit="tickets", measure=m.TICKET_ESCALATED),
    ),
    Kpi(
        id="time_to_escalate",
        title="Time to escalation",
        subject="solving",
        unit="seconds",
        better="none",
        figure=Quantile(m.ESCALATION_WAIT, by_class=True),
        created=KaplanMeier(m.ESCALATION_WAIT_COHORT),
        windows=ALL,
        n_min=N_MIN_MEDIAN,
        formula="first counted escalation − creation, of escalated tickets",
        meaning="How long it takes to see that more skill or authority is needed; n and mean for each kind.",
        events=("ticket.created", "ticket.escalated"),
    ),
)
