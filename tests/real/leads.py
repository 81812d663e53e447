"""The marketing leads and won deals as canonical events.

`lead.created` at the contact date, 00:00; `deal.won` names its lead and is the lead's booking. One deal was won before its lead's
first contact. The origin is the channel; an empty one is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.real.logfiles import DEALS, FILES, Outside, moment, rfc3339, rows, said


def leads(path: Path = FILES["leads"], deals: Path = DEALS) -> Iterator[Outside]:
    """The events of the leads in the order of their file, then of the deals in the order of theirs."""
    for lead, contacted_on, origin in rows(path):
        yield {
            "type": "lead.created",
            "id": f"{lead}:created",
            "occurred_at": rfc3339(moment(contacted_on, "%m/%d/%Y")),
            "lead_id": lead,
            **said(channel=origin),
        }
    for row in rows(deals):
        lead, won_at = row[0], row[4]
        yield {
            "type": "deal.won",
            "id": f"{lead}:won",
            "occurred_at": rfc3339(moment(won_at, "%Y-%m-%d %H:%M:%S")),
            "deal_id": lead,
            "lead_id": lead,
        }
