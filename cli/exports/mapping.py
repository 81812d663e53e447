"""The mapping file of an export: which column says what, in which words and times. TOML, written by whoever connects the helpdesk.

Laws: a name that is not known stops the command and says which are; what the mapping does not name is not read.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.canonical import millis_from
from schemas.rejections import Rejected
from services.ingest.providers.desk import STATUSES
from services.ingest.providers.times import zone_of

DIMENSIONS = ("channel", "team", "queue", "priority", "issue_type", "product", "brand", "region", "language", "customer_tier")
IDS = ("agent_id", "customer_id", "organisation_id")
TIMES = ("opened_at", "updated_at", "first_reply_at", "customer_message_at", "solved_at")
COLUMNS = ("ticket_id", "status", *TIMES, "first_reply_after", *DIMENSIONS, *IDS, "tags")
CONSTANTS = ("status", "by", "public", *DIMENSIONS, "tags")
REVISIONS = 50
_STATUS_WORDS = {**{status: status for status in STATUSES}, "hold": "on_hold", "resolved": "solved"}


class BadMapping(ValueError):
    """The mapping cannot be used; the message says what to change."""


class FileForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the export is written. `auto` looks at the file; `records` is the path to the array in a JSON object, such as `data.tickets`."""

    form: Literal["auto", "csv", "jsonl", "json"] = "auto"
    delimiter: str = "auto"
    encoding: str = "utf-8"
    records: str = ""


class ExportMapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each field is taken from.

    `tickets_of` is the source whose webhooks tell of the same tickets. `words.FIELD` turns the export's words into ours; for
    `status`, `"*"` stands for every other word. Tickets opened at or after `webhooks_since` are left to the webhooks. `as_of` is when
    the export was made; without it the newest time in the file stands in. `time_format` is in the signs of `strptime`. Where the export
    says how long the first reply took instead of when it was (`first_reply_after`), a plain number is in `first_reply_unit`. `revision` is
    raised when words or constants were corrected and the same file is sent again: of two that speak of one instant the higher holds.
    `taken_back` counts how often what was sent was taken back: what is withdrawn stays so, what comes after it needs other ids.
    """

    tickets_of: str
    columns: dict[str, str]
    constants: dict[str, Any] = {}
    words: dict[str, dict[str, str]] = {}
    file: FileForm = FileForm()
    time_zone: str = "UTC"
    time_format: str = ""
    first_reply_unit: Literal["seconds", "minutes", "hours"] = "minutes"
    closed: Literal["skip", "send"] = "skip"
    webhooks_since: str | None = None
    as_of: str | None = None
    tags_separator: str = ","
    revision: Annotated[int, Meta(ge=0, lt=REVISIONS)] = 0
    taken_back: Annotated[int, Meta(ge=0, lt=1000)] = 0

    @property
    def zone(self) -> tzinfo:
        """Of times that name none."""
        return zone_of(self.time_zone)

    @property
    def webhooks_since_ms(self) -> int | None:
        """From when on the webhooks tell everything."""
        return None if self.webhooks_since is None else millis_from(self.webhooks_since)

    @property
    def as_of_ms(self) -> int | None:
        """When the export was made, where that is said."""
        return None if self.as_of is None else millis_from(self.as_of)

    def digest(self) -> str:
        """What tells one mapping from another; comments and order do not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def status_words(self) -> Mapping[str, str]:
        """Our status for each word that is known, in lower case."""
        return {**_STATUS_WORDS, **self.words_of("status")}

    def words_of(self, field: str) -> Mapping[str, str]:
        """The export's words for a field, in lower case, and ours for them."""
        return {word.strip().lower(): ours for word, ours in self.words.get(field, {}).items()}


def read_mapping(path: str) -> ExportMapping:
    """The mapping in a file. Raises BadMapping."""
    try:
        said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadMapping(f"the mapping {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadMapping(f"the mapping {path} is no TOML: {error}") from None
    said = {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in said.items()}
    _known("the mapping", said, ExportMapping.__struct_fields__)
    try:
        mapping = msgspec.convert(said, ExportMapping)
    except ValueError as error:
        raise BadMapping(f"the mapping {path}: {str(error).replace('Object', 'the file').replace('`$.', '`')}") from None
    _known("[columns]", mapping.columns, COLUMNS)
    _known("[constants]", mapping.constants, CONSTANTS)
    _known("[words]", mapping.words, ("status", *DIMENSIONS, *IDS))
    _check(mapping)
    return mapping


def _check(mapping: ExportMapping) -> None:
    for field in ("ticket_id", "opened_at"):
        if field not in mapping.columns:
            raise BadMapping(f'[columns] names no column for {field}: add {field} = "…"')
    if "status" not in mapping.columns and "status" not in mapping.constants:
        raise BadMapping('[columns] names no column for status: add status = "…", or to [constants] status = "open" if all are open')
    if mapping.closed == "send" and "solved_at" not in mapping.columns:
        raise BadMapping('closed = "send" needs the time of the solve: add solved_at = "…" to [columns]')
    for word, status in mapping.words.get("status", {}).items():
        if status not in STATUSES:
            raise BadMapping(f'[words.status] "{word}" = "{status}": it is one of {", ".join(STATUSES)}')
    for name, size in (("tags_separator", mapping.tags_separator), ("file.delimiter", mapping.file.delimiter)):
        if len(size) != 1 and size != "auto":
            raise BadMapping(f"{name} is one character")
    try:
        mapping.zone  # noqa: B018 - whether there is such a zone
        datetime(2026, 1, 2).strftime(mapping.time_format)  # noqa: DTZ001
        "".encode(mapping.file.encoding)
    except LookupError:
        raise BadMapping(f"file.encoding {mapping.file.encoding} is not known: utf-8, utf-16, latin-1, cp1252, …") from None
    except ValueError as error:
        raise BadMapping(f"the mapping: {error}") from None
    for name in ("webhooks_since", "as_of"):
        try:
            getattr(mapping, f"{name}_ms")
        except Rejected as rejected:
            raise BadMapping(f"{name}: {rejected.detail}") from None


def nearest(name: str, among: Iterable[str]) -> str:
    """`; the nearest is …`, or nothing."""
    by_lower = {known.lower(): known for known in among}
    near = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f"; the nearest is {by_lower[near[0]]}" if near else ""


def _known(where: str, said: Iterable[str], known: tuple[str, ...]) -> None:
    for name in said:
        if name not in known:
            raise BadMapping(f"{where} has no {name}{nearest(name, known)}; there are: {', '.join(known)}")
