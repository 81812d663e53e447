"""What is known of a ticket: groups of frozen facts, and what is counted along its log."""

from __future__ import annotations

from msgspec import Struct

from kpis.dimensions import TICKET, Attributes
from kpis.lifecycles import answers as answered
from kpis.lifecycles.business import Schedules
from kpis.lifecycles.groups import Clock, Connect, Entry, FirstSolve, Run, Shown, Solve

DONE = frozenset({"solved", "closed"})
WAITS = frozenset({"new", "open", "on_hold"})


class Ticket(Struct, array_like=True):
    """What is known of one ticket after its events so far; None and "" mean nothing was seen yet.

    `wait_business_ms` is None once a part of the wait passed while no calendar was known; `end_attributes` are those of the latest
    solve, with what was not said by then filled in later. `opened_ms` is known from the first event on when any event of the log
    tells it (`foreseen`).
    """

    attributes: Attributes = TICKET.nothing()
    status: str = ""
    status_since_ms: int = 0
    opened_ms: int | None = None
    by_customer: bool = False
    entry: Entry | None = None
    clock: Clock | None = None
    solve: Solve | None = None
    first_solve: FirstSolve | None = None
    connect: Connect | None = None
    shown: Shown | None = None
    waiting_since_ms: int | None = None
    runs: tuple[Run, ...] = ()
    wait_ms: int = 0
    human_replies: int = 0
    bot_replies: int = 0
    reopenings: int = 0
    last_solve_ms: int | None = None
    kinds: tuple[str, ...] = ()
    logged_ms: int | None = None
    last_replier: str | None = None
    customer_id: str | None = None
    complaints: tuple[str, ...] = ()
    answers: list[answered.Standing] = []
    invitations: list[answered.Invitation] = []
    relationship: list[answered.Recommendation] = []
    schedules: Schedules = ()
    wait_business_ms: int | None = 0
    end_attributes: Attributes = ()
    public: bool = True

    @property
    def run_since_ms(self) -> int | None:
        """Start of the run of messages that waits for a reply, None without one."""
        return self.runs[-1].at_ms if self.runs and self.runs[-1].ended_ms is None else None

    def end_run(self, at_ms: int, *, replied: bool) -> None:
        """End the run that waits."""
        self.runs = (*self.runs[:-1], self.runs[-1].but(ended_ms=at_ms, replied=replied))
