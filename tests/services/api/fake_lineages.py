"""Made-up lineages of a fake board's figures: three tickets count, one is left out."""

from __future__ import annotations

from kpis.lineage_answer import Contribution, Counted, EventLine, LeftOut, Lineage, Revisions
from kpis.query import Query, Unanswerable
from services.api.lineage import Unreadable
from services.api.ports import Figures

AT = "2026-11-22T08:15:00.000Z"
NAMES = ("35436", "35437", "<b>35438</b>")
"""The last is what a hostile sender might call its ticket."""


class FakeLineages:
    """Answers from the fake board's own figures; `unreadable` says why it cannot."""

    def __init__(self, board: Figures) -> None:
        self.board = board
        self.unreadable: str | None = None
        self.asked: list[tuple[Query, int]] = []

    async def lineage(self, query: Query, limit: int) -> Lineage:
        """As `Lineages.lineage`."""
        self.asked.append((query, limit))
        if self.unreadable is not None:
            raise Unreadable(self.unreadable, 2)
        found = self.board.figures(query)
        if len(found) != 1:
            raise Unanswerable("a lineage is of one figure", "window")
        names = NAMES[:limit]
        return Lineage(
            figure=found[0],
            formula="first public human reply − creation",
            filled="5 within target / 7 offered = 71.4 %",
            entities=[_counted(name) for name in names],
            counted=len(NAMES),
            beside=0,
            more=len(NAMES) - len(names),
            left_out=[LeftOut(entity="ticket:zendesk:35439", reason="merged", detail="into ticket:zendesk:35436", at=AT)],
            left_out_counts={"merged": 1},
            revisions=Revisions(total=0, late_applied=0, late_events=[]),
            complete=True,
            reason=None,
            read_at={"events-0": 4711},
        )


def _counted(name: str) -> Counted:
    return Counted(
        entity=f"ticket:zendesk:{name}",
        counts=[Contribution(measure="first_reply_wait", cls="", at=AT, value_seconds=2520.0, count=1)],
        attributes={"channel": "email", "team": "billing"},
        events=[
            EventLine(
                source="zendesk", id=f"{name}-2", type="ticket.public_reply", occurred_at=AT, received_at=None, version=0,
                made=["first_reply_wait"],
            )
        ],
    )  # fmt: skip
