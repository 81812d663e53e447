"""The ServiceNow incident log as canonical events.

* `ticket.created` at `opened_at`; then every row is `ticket.status_changed` at `sys_updated_at` with `sys_mod_count` as sequence.
* A row of the state "-100" says nothing of the status: it is a `ticket.note`, so that its attributes still count.
* `resolved_at`, `closed_at` and `made_sla` stand on every row of a case as outcomes and are never read.
* The created event says only what the opening of a case fixed (channel and caller, of its earliest row); team, agent, priority
  and category come with the rows, each as of its own time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.real.logfiles import FILES, Outside, fingerprint, header, moment, rfc3339, rows, said

STATUS = {
    "New": "new",
    "Active": "open",
    "Awaiting User Info": "pending",
    "Awaiting Vendor": "on_hold",
    "Awaiting Problem": "on_hold",
    "Awaiting Evidence": "on_hold",
    "Resolved": "solved",
    "Closed": "closed",
}
_TIME = "%d/%m/%Y %H:%M"


def incidents(path: Path = FILES["incidents"]) -> Iterator[Outside]:
    """The events of the incident log, case after case, each case's creation before its rows."""
    names = header(path)
    case: list[dict[str, str]] = []
    for row in rows(path):
        entry = dict(zip(names, row, strict=True)) | {"fingerprint": fingerprint(row)}
        if case and case[0]["number"] != entry["number"]:
            yield from _events_of(case)
            case = []
        case.append(entry)
    if case:
        yield from _events_of(case)


def _events_of(case: list[dict[str, str]]) -> Iterator[Outside]:
    first = min(case, key=lambda entry: (moment(entry["sys_updated_at"], _TIME), int(entry["sys_mod_count"])))
    number = first["number"]
    yield {
        "type": "ticket.created",
        "id": f"{number}:created",
        "occurred_at": rfc3339(moment(first["opened_at"], _TIME)),
        "ticket_id": number,
        **said(channel=_channel(first), customer_id=first["caller_id"]),
    }
    for entry in case:
        yield _event_of(entry)


def _event_of(entry: dict[str, str]) -> Outside:
    number = entry["number"]
    event: Outside = {
        "id": f"{number}:row:{entry['fingerprint']}",
        "occurred_at": rfc3339(moment(entry["sys_updated_at"], _TIME)),
        "sequence": int(entry["sys_mod_count"]),
        "ticket_id": number,
        **said(
            channel=_channel(entry),
            customer_id=entry["caller_id"],
            team=entry["assignment_group"],
            agent_id=entry["assigned_to"],
            priority=entry["priority"].partition(" - ")[2].lower(),
            issue_type=entry["category"],
        ),
    }
    to = STATUS.get(entry["incident_state"])
    if to is None:
        return event | {"type": "ticket.note", "message_id": event["id"]}
    return event | {"type": "ticket.status_changed", "to": to}


def _channel(entry: dict[str, str]) -> str:
    return entry["contact_type"].lower().replace(" ", "_")
