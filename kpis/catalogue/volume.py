"""How much there is: tickets that come, are open and are solved; complaints."""

from __future__ import annotations

from kpis import measures as m
from kpis.formulas import Ages, Balance, Count, LevelOf, Resolved, SplitCount
from kpis.kpi import ALL, Kpi
from kpis.spikes.watch import Watch
from kpis.window import NOW

KPIS: tuple[Kpi, ...] = (
    Kpi(
        id="active_issues",
        title="Active issues",
        subject="volume",
        unit="tickets",
        better="down",
        figure=LevelOf(m.TICKET_OPEN, beside=(("waiting", m.CONTACT_WAITING),)),
        windows=(NOW, *ALL),
        formula="tickets that are new, open, pending or on hold at the instant; over a window their exact time mean",
        meaning="How much work is open. Parts: each status, those waiting for an answer, and over a window the last level and the "
        "greatest at bucket ends.",
        events=("ticket.created", "ticket.status_changed", "ticket.solved", "ticket.reopened", "ticket.closed"),
    ),
    Kpi(
        id="issues_created",
        title="Tickets created",
        subject="volume",
        unit="tickets",
        better="none",
        figure=Count(m.TICKET_CREATED, parts_by_class=True),
        windows=ALL,
        formula="ticket.created, without backfill; merged, deleted and spam tickets are taken back",
        meaning="How many tickets came in. Parts: linked to a known customer or not.",
        events=("ticket.created",),
        watch=Watch(id="created_ticket", noun="New tickets", unit="tickets", measure=m.TICKET_CREATED),
    ),
    Kpi(
        id="resolved_issues",
        title="Resolved issues",
        subject="volume",
        unit="tickets",
        better="up",
        figure=Resolved(m.TICKET_SOLVED, m.TICKET_SOLVED_GROSS, m.SOLVED_CUSTOMER),
        windows=ALL,
        formula="net: tickets whose latest state is solved, dated at the latest solve; gross: every solve; customers: distinct",
        meaning="How many tickets were solved. One ticket solved twice is one net, two gross; a customer with two is one customer.",
        events=("ticket.solved", "ticket.closed", "ticket.status_changed", "ticket.reopened"),
    ),
    Kpi(
        id="backlog_growth",
        title="Backlog growth",
        subject="volume",
        unit="tickets",
        better="down",
        figure=Balance(m.TICKET_CREATED, m.TICKET_SOLVED_GROSS, m.TICKET_REOPENED, m.TICKET_ENTERED_OTHERWISE),
        windows=ALL,
        formula="created − solve transitions + reopenings",
        meaning="Whether the backlog grows. The change of active issues is this plus the part entered_otherwise, exactly.",
        events=("ticket.created", "ticket.solved", "ticket.reopened"),
    ),
    Kpi(
        id="backlog_age",
        title="Age of open tickets",
        subject="volume",
        unit="seconds",
        better="down",
        figure=Ages(m.TICKET_OPEN),
        windows=(NOW,),
        formula="median of (now − created) over open tickets",
        meaning="How old the open work is: median, p90, the oldest, and the shares below 1, 3, 7 and 30 days. For the present only.",
        n_min=5,
        events=("ticket.created", "ticket.status_changed"),
    ),
    Kpi(
        id="tickets_by_channel",
        title="Tickets by channel",
        subject="volume",
        unit="tickets",
        better="none",
        figure=SplitCount(m.TICKET_CREATED, "channel", m.TICKET_CHANNEL_SWITCHED),
        windows=ALL,
        formula="created tickets by their first channel, with the share of each",
        meaning="Where tickets come from. Part: the share whose channel changed later.",
        events=("ticket.created",),
    ),
    Kpi(
        id="complaint_count",
        title="Complaints",
        subject="volume",
        unit="complaints",
        better="down",
        figure=Count(m.COMPLAINT, parts_by_class=True),
        windows=ALL,
        formula="complaint.raised, each complaint once",
        meaning="How many customers complained, by category.",
        events=("complaint.raised",),
        watch=Watch(id="complaint", noun="Complaints", unit="complaints", measure=m.COMPLAINT),
    ),
)
