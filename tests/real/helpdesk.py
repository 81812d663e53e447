"""The Italian helpdesk log as canonical events.

* `ticket.created` at the first event of a case; Take in charge, Wait, Resolve and Closed are changes of status, every other
  activity is a `ticket.note`.
* The id of an event is a hash of its row, so each of the 127 exact duplicates is the same event again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.real.logfiles import FILES, Outside, fingerprint, moment, rfc3339, rows, said

STATUS = {"Take in charge ticket": "open", "Wait": "pending", "Resolve ticket": "solved", "Closed": "closed"}
_TIME = "%Y/%m/%d %H:%M:%S.%f"
# By position: the header names "Variant" twice. Seriousness is the same on every row; the second column of it is the one that varies.
_CASE, _ACTIVITY, _RESOURCE, _AT = 0, 1, 2, 3
_CUSTOMER, _PRODUCT, _SERIOUSNESS, _SERVICE, _SECTION = 8, 9, 11, 13, 14


def helpdesk(path: Path = FILES["helpdesk"]) -> Iterator[Outside]:
    """The events of the helpdesk log in the order of its rows, each case's creation before its first row."""
    entries = list(rows(path))
    firsts: dict[str, str] = {}
    for row in entries:
        # The times are written so that their text sorts as they do.
        firsts[row[_CASE]] = min(firsts.get(row[_CASE], row[_AT]), row[_AT])
    for row in entries:
        case = row[_CASE]
        if case in firsts:
            yield {
                "type": "ticket.created",
                "id": f"{case}:created",
                "occurred_at": rfc3339(moment(firsts.pop(case), _TIME)),
                "ticket_id": case,
                **said(customer_id=row[_CUSTOMER]),
            }
        yield _event_of(row)


def _event_of(row: list[str]) -> Outside:
    event: Outside = {
        "id": f"{row[_CASE]}:row:{fingerprint(row)}",
        "occurred_at": rfc3339(moment(row[_AT], _TIME)),
        "ticket_id": row[_CASE],
        **said(
            customer_id=row[_CUSTOMER],
            agent_id=row[_RESOURCE],
            product=row[_PRODUCT],
            priority=row[_SERIOUSNESS],
            issue_type=row[_SERVICE],
            team=row[_SECTION],
        ),
    }
    to = STATUS.get(row[_ACTIVITY])
    if to is None:
        return event | {"type": "ticket.note", "message_id": event["id"]}
    return event | {"type": "ticket.status_changed", "to": to}
