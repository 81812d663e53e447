"""What was found in an export, in words: what is told, what is not and why, and what to write into the mapping."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.exports.backlog import Survey
from cli.terminal import stdout
from services.ingest.providers.desk import STATUSES


def tell_survey(survey: Survey) -> None:
    """Print it."""
    for line in words_of(survey):
        stdout().print(line)


def words_of(survey: Survey) -> list[str]:
    """The lines to print."""
    statuses = ", ".join(f"{count:,} {status}" for status, count in survey.statuses.most_common())
    as_of = "" if survey.as_of_ms is None else f", as of {datetime.fromtimestamp(survey.as_of_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    out = [f"export: {survey.rows:,} rows, {survey.tickets:,} tickets to tell{f' ({statuses})' if statuses else ''}{as_of}"]
    for count, why in (
        (survey.closed, 'solved or closed (closed = "send" tells of them too)'),
        (survey.closed_untimed, "solved or closed without a time of the solve"),
        (survey.by_webhooks, "opened since the webhooks tell"),
        (survey.duplicates, "rows of a ticket that has another row: the one changed last counts"),
    ):
        if count:
            out.append(f"  skipped {count:,}: {why}")
    for field, count in survey.left_out.items():
        out.append(f"  left out {count:,} times: {field} is a name or an address, not an id (give it one in [words.{field}])")
    for reason, count in survey.refused.most_common():
        rows = ", ".join(str(number) for number in survey.rows_of[reason])
        out.append(f"  refused {count:,}: {reason} (row {rows}{', …' if count > len(survey.rows_of[reason]) else ''})")
    if survey.unknown_statuses:
        out.append(f"  add to the mapping, each with one of {', '.join(STATUSES)}:")
        out.append("    [words.status]")
        out += [f'    "{word}" = "…"    # {count:,} rows' for word, count in survey.unknown_statuses.most_common(50)]
    return out
