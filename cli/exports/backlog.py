"""A whole export: looked through first, so that everything wrong is told before anything is sent, then told in events.

Laws: the same file and mapping give the same lines in the same order; a ticket of several rows counts by the row changed last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from cli.exports.mapping import ExportMapping
from cli.exports.rows import Row, read_rows
from cli.exports.tickets import BadRow, Reader, Ticket, UnknownStatus, check, events_of, taken_back

_EXAMPLES = 5


class Survey:
    """What an export holds: rows, tickets that are told of by status in so many events, and why the others are not.

    `refused` counts the rows that cannot be used by reason, `rows_of` names the first of them; `unknown_statuses` are words that
    the mapping lacks. `as_of_ms` is the instant of the export, None when no row can be used.
    """

    def __init__(self) -> None:
        self.rows = self.closed = self.closed_untimed = self.by_webhooks = self.duplicates = self.events = 0
        self.statuses: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.rows_of: dict[str, list[int]] = {}
        self.unknown_statuses: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.as_of_ms: int | None = None

    @property
    def tickets(self) -> int:
        """How many tickets are told of."""
        return sum(self.statuses.values())

    def refuse(self, number: int, reason: str) -> None:
        """A row cannot be used."""
        self.refused[reason] += 1
        rows = self.rows_of.setdefault(reason, [])
        if len(rows) < _EXAMPLES:
            rows.append(number)

    def as_dict(self) -> dict[str, Any]:
        """The whole survey, for `--json`."""
        return {
            "rows": self.rows,
            "tickets": self.tickets,
            "events": self.events,
            "statuses": dict(self.statuses.most_common()),
            "skipped_closed": self.closed,
            "skipped_closed_without_time": self.closed_untimed,
            "skipped_by_webhooks_since": self.by_webhooks,
            "skipped_duplicates": self.duplicates,
            "refused": sum(self.refused.values()),
            "reasons": {reason: {"count": n, "rows": self.rows_of[reason]} for reason, n in self.refused.most_common()},
            "unknown_statuses": dict(self.unknown_statuses.most_common()),
            "left_out": dict(self.left_out),
        }


class Backlog:
    """An export and its mapping. `now_ms` is the instant after which no time can be a fact. Raises BadExport and OSError when read.

    With `take_back` its lines withdraw the events instead of telling them.
    """

    def __init__(self, file: str, mapping: ExportMapping, now_ms: int, *, take_back: bool = False) -> None:
        self._file = file
        self._mapping = mapping
        self._now_ms = now_ms
        self._take_back = take_back
        self._chosen: dict[str, tuple[int, int]] = {}
        self.survey = Survey()

    def look_through(self) -> Survey:
        """Read the whole file once; what is found decides what `lines` tells."""
        survey, reader = Survey(), Reader(self._mapping, self._now_ms)
        found: dict[str, tuple[str, int]] = {}
        newest_ms = -1
        for row in read_rows(self._file, self._mapping):
            survey.rows += 1
            try:
                ticket = _ticket(reader, row)
                events = list(events_of(ticket, ticket.newest_ms, self._mapping))
                check(events, self._now_ms)
            except UnknownStatus as unknown:
                survey.unknown_statuses[unknown.word] += 1
                survey.refuse(row.number, str(unknown))
                continue
            except BadRow as bad:
                survey.refuse(row.number, str(bad))
                continue
            newest_ms = max(newest_ms, ticket.newest_ms)
            before = self._chosen.get(ticket.id)
            survey.duplicates += before is not None
            if before is None or (ticket.updated_ms or 0) >= before[1]:
                self._chosen[ticket.id] = (row.number, ticket.updated_ms or 0)
                found[ticket.id] = (self._kept_from(ticket) or ticket.status, len(events))
        for status, count in found.values():
            if status == "closed, skipped":
                survey.closed += 1
            elif status == "closed, no time":
                survey.closed_untimed += 1
            elif status == "by webhooks":
                survey.by_webhooks += 1
            else:
                survey.statuses[status] += 1
                survey.events += count
        survey.left_out = reader.left_out
        survey.as_of_ms = self._mapping.as_of_ms if self._mapping.as_of_ms is not None else newest_ms if newest_ms >= 0 else None
        self.survey = survey
        return survey

    def lines(self) -> Iterator[bytes]:
        """The events as JSON, a line each, ticket by ticket in the order of the file; `look_through` comes first."""
        if self.survey.as_of_ms is None:
            return
        reader = Reader(self._mapping, self._now_ms)
        for row in read_rows(self._file, self._mapping):
            try:
                ticket = _ticket(reader, row)
            except BadRow:
                continue
            chosen = self._chosen.get(ticket.id)
            if chosen is None or chosen[0] != row.number or self._kept_from(ticket):
                continue
            for event in events_of(ticket, self.survey.as_of_ms, self._mapping):
                yield msgspec.json.encode(taken_back(event) if self._take_back else event)

    def _kept_from(self, ticket: Ticket) -> str:
        """Why nothing is told of a ticket; "" when it is."""
        since_ms = self._mapping.webhooks_since_ms
        if since_ms is not None and ticket.opened_ms >= since_ms:
            return "by webhooks"
        if not ticket.is_done:
            return ""
        if self._mapping.closed == "skip":
            return "closed, skipped"
        return "" if ticket.solved_ms is not None else "closed, no time"


def _ticket(reader: Reader, row: Row) -> Ticket:
    if row.problem:
        raise BadRow(row.problem)
    return reader.ticket(row.said)
