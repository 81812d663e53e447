"""Where the real logs lie, and what their four translators share: reading rows, times as RFC 3339, ids made of a row.

The logs are no part of the project: they are looked for in `shared/data` beside the repository and may be absent.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO, cast

Outside = dict[str, Any]
"""A canonical event in its outside form: what `deskpulse send` reads, times as RFC 3339."""

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = {
    "incidents": DATA / "incident_event_log" / "incident_event_log.csv.gz",
    "helpdesk": DATA / "helpdesk_italian" / "helpdesk.csv.gz",
    "calls": DATA / "anonymous_bank_calls" / "august_1999_calls.csv.gz",
    "leads": DATA / "olist_marketing_funnel" / "olist_marketing_qualified_leads_dataset.csv",
}
DEALS = DATA / "olist_marketing_funnel" / "olist_closed_deals_dataset.csv"


def rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file below its header, plain or gzipped. Lists, since one header names a column twice."""
    with _opened(path) as text:
        table = csv.reader(text)
        next(table)
        yield from table


def header(path: Path) -> list[str]:
    """The names of the columns of a CSV file, plain or gzipped."""
    with _opened(path) as text:
        return next(csv.reader(text))


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def fingerprint(row: Sequence[str]) -> str:
    """A short name of a row's content: an exact duplicate of the row has the same one."""
    return hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=100_000)
def moment(text: str, form: str) -> datetime:
    """A time of a log, read as UTC. Remembered, since whole cases share their minutes and parsing is slow."""
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def rfc3339(at: datetime) -> str:
    """An instant as events carry it outside, to the millisecond."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def seconds(count: int) -> timedelta:
    """A span of whole seconds."""
    return timedelta(seconds=count)


def said(**attributes: str | None) -> dict[str, str]:
    """The attributes that a row really says: empty ones, None and the logs' "?" are absent."""
    return {name: value for name, value in attributes.items() if value and value != "?"}
