"""One row of an export into what is known of a ticket, and that into canonical events.

Laws: equal rows of one export give equal events with equal ids, whenever and wherever they are read; what a later export says
otherwise is another event, never the same id with other content. Only what the mapping names is read, and what looks like a
person's name or address where an id belongs is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from cli.exports.mapping import DIMENSIONS, IDS, REVISIONS, TIMES, ExportMapping
from schemas.canonical import CLOCK_AHEAD_MS, event_from, millis_from, rfc3339
from schemas.events import ID_MAX_CHARS
from schemas.rejections import Rejected
from services.ingest.providers.times import any_time

DONE = ("solved", "closed")
_WAITS = ("new", "open", "on_hold")
_LOWER = frozenset({"channel", "priority"})
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}
_NO_ID = re.compile(r"[\s@]")
_FALSE = frozenset({"false", "no", "0", "n", "private", "internal"})


class BadRow(ValueError):
    """The row cannot be used; the message says why, without what stands in it."""


class UnknownStatus(BadRow):
    """The row's status is no word that the mapping knows; `word` is that word."""

    def __init__(self, word: str) -> None:
        super().__init__("the status is no word that the mapping knows")
        self.word = word


class Ticket(Struct, frozen=True, kw_only=True, gc=False):
    """What one row says, read and checked. `opened_until_ms` is the end of the minute (or second) that the opening is written in."""

    id: str
    status: str
    opened_ms: int
    opened_until_ms: int
    first_reply_ms: int | None = None
    customer_message_ms: int | None = None
    solved_ms: int | None = None
    updated_ms: int | None = None
    attributes: Mapping[str, Any] = {}
    nobody: bool = False
    by: str | None = None
    public: bool = True

    @property
    def newest_ms(self) -> int:
        """The newest time that the row names."""
        times = (self.first_reply_ms, self.customer_message_ms, self.solved_ms, self.updated_ms)
        return max(self.opened_ms, *(at or 0 for at in times))

    @property
    def unanswered_ms(self) -> int | None:
        """The customer's message that waits for a reply; before the first reply the opening itself waits, which needs no message."""
        message, reply = self.customer_message_ms, self.first_reply_ms
        return message if message is not None and reply is not None and message > reply and self.status in _WAITS else None

    @property
    def is_done(self) -> bool:
        """Whether nobody waits for anything any more."""
        return self.status in DONE


class Reader:
    """Reads rows with one mapping. `left_out` counts by field what looked like a person instead of an id."""

    def __init__(self, mapping: ExportMapping, now_ms: int) -> None:
        """A time after `now_ms` is a wrong clock or a wrong format, not a fact."""
        self.left_out: Counter[str] = Counter()
        self._mapping = mapping
        self._until_ms = now_ms + CLOCK_AHEAD_MS
        self._status_words = mapping.status_words()
        self._words = {field: mapping.words_of(field) for field in (*DIMENSIONS, *IDS)}
        self._zone = mapping.zone

    def ticket(self, said: Mapping[str, Any]) -> Ticket:
        """What a row says. Raises BadRow."""
        ticket_id = self._text(said, "ticket_id")
        if ticket_id is None:
            raise BadRow("ticket_id is empty")
        times = {field: self._time(said, field) for field in TIMES}
        opened = times.pop("opened_at")
        if opened is None:
            raise BadRow("opened_at is empty")
        if times["first_reply_at"] is None and (after_ms := self._first_reply_after_ms(said)) is not None:
            times["first_reply_at"] = (opened[0] + after_ms, 0)
        known = {field.replace("_at", "_ms"): None if time is None else time[0] for field, time in times.items()}
        return Ticket(
            id=ticket_id,
            status=self._status(said),
            opened_ms=opened[0],
            opened_until_ms=opened[0] + opened[1],
            attributes=self._attributes(said),
            nobody="agent_id" in self._mapping.columns and self._text(said, "agent_id") is None,
            by=self._mapping.constants.get("by"),
            public=str(self._mapping.constants.get("public", True)).lower() not in _FALSE,
            **known,
        )

    def _text(self, said: Mapping[str, Any], field: str) -> str | None:
        value = said.get(self._mapping.columns.get(field, ""))
        if value is None or isinstance(value, dict | list):
            return None
        if isinstance(value, float) and value.is_integer():  # 17.0: a number that went through a table
            value = int(value)
        return str(value).strip() or None

    def _status(self, said: Mapping[str, Any]) -> str:
        word = self._text(said, "status") or self._mapping.constants.get("status")
        if word is None:
            raise BadRow("status is empty")
        plain = str(word).lower()
        found = self._status_words.get(plain) or self._status_words.get(re.sub(r"[\s-]+", "_", plain)) or self._status_words.get("*")
        if found is None:
            raise UnknownStatus(str(word)[:60])
        return found

    def _time(self, said: Mapping[str, Any], field: str) -> tuple[int, int] | None:
        """Milliseconds since 1970, and how much longer the time as written may last; None when nothing is said."""
        text = self._text(said, field)
        if text is None or text in ("-", "0"):
            return None
        try:
            if self._mapping.time_format:
                at = datetime.strptime(text, self._mapping.time_format)  # noqa: DTZ007 - the zone follows
                found_ms = int((at if at.tzinfo else at.replace(tzinfo=self._zone)).timestamp() * 1000 + 0.5)
            else:
                written = any_time(text, "", self._zone)
                if written is None:
                    return None
                found_ms = millis_from(written)
        except (ValueError, OverflowError, OSError, Rejected):
            hint = "does not fit time_format" if self._mapping.time_format else "is written in another way: set time_format"
            raise BadRow(f"{field} {hint}") from None
        if not 0 <= found_ms <= self._until_ms:
            raise BadRow(f"{field} lies in the future: look at time_format and time_zone" if found_ms > 0 else f"{field} lies before 1970")
        return found_ms, _precision_ms(text)

    def _first_reply_after_ms(self, said: Mapping[str, Any]) -> int | None:
        """From the opening to the first reply, written as a number or as hours, minutes and perhaps seconds."""
        text = self._text(said, "first_reply_after")
        if text is None or text == "-":
            return None
        parts = text.split(":")
        try:
            if len(parts) == 1:
                seconds = float(text.replace(",", "")) * _UNITS[self._mapping.first_reply_unit]
            else:
                hours, minutes, *rest = (float(part) for part in parts)
                seconds = 3600 * hours + 60 * minutes + sum(rest)
            if not 0 <= seconds < 1e9 or len(parts) > 3:
                raise ValueError
        except ValueError:
            raise BadRow("first_reply_after is neither a number nor a duration such as 1:23:45") from None
        return round(seconds * 1000)

    def _attributes(self, said: Mapping[str, Any]) -> dict[str, Any]:
        constants, out = self._mapping.constants, {}
        for field in DIMENSIONS:
            value = self._text(said, field)
            if value is not None:
                value = self._words[field].get(value.lower(), value.lower() if field in _LOWER else value)
            value = value or constants.get(field)
            if value is not None:
                out[field] = value
        for field in IDS:
            value = self._text(said, field)
            if value is None:
                continue
            ids = self._words[field]
            value = ids.get(value.lower(), "" if ids else value)  # with a list of names, what is not on it may be one
            if not value or _NO_ID.search(value):
                self.left_out[field] += 1
            else:
                out[field] = value
        if tags := self._tags(said):
            out["tags"] = tags
        return out

    def _tags(self, said: Mapping[str, Any]) -> list[str]:
        value = said.get(self._mapping.columns.get("tags", ""))
        listed = value if isinstance(value, list) else str(value or "").split(self._mapping.tags_separator)
        constant = self._mapping.constants.get("tags", [])
        tags = [str(tag).strip() for tag in (*listed, *(constant if isinstance(constant, list) else [constant]))]
        return [tag for tag in dict.fromkeys(tags) if 0 < len(tag) <= ID_MAX_CHARS and "@" not in tag][:100]


def _precision_ms(text: str) -> int:
    """How long an instant may last that is written like this: a minute without seconds, a second without a fraction."""
    if re.search(r"\d:\d\d:\d\d\.\d", text):
        return 0
    if re.search(r"\d:\d\d:\d\d", text):
        return 999
    return 59_999 if re.search(r"\d:\d\d", text) else 0


def events_of(ticket: Ticket, as_of_ms: int, mapping: ExportMapping) -> Iterator[dict[str, Any]]:
    """The events of one ticket in the outside form, the state of the export as of its instant.

    What is known now is told after all that happened, and after the opening: the creation that a webhook tells of stays the creation.
    """
    at_ms = max(as_of_ms, ticket.newest_ms, ticket.opened_until_ms)
    since_ms = mapping.webhooks_since_ms
    name = f"backlog:{ticket.id}" + (f":{mapping.taken_back}" if mapping.taken_back else "")
    shared = {"ticket_id": ticket.id, **{field: value for field, value in ticket.attributes.items() if field != "agent_id"}}
    # an export that was made later, or read better, replaces what an earlier one said of the same fact
    version = min(as_of_ms // 60_000 * REVISIONS + mapping.revision, 2**31)
    facts: list[tuple[int, dict[str, Any]]] = []
    for kind, what, when in (
        ("ticket.public_reply", "first_reply", ticket.first_reply_ms),
        ("ticket.customer_message", "customer_message", ticket.unanswered_ms),
        ("ticket.solved", "solved", ticket.solved_ms if ticket.is_done else None),
    ):
        if when is None or (since_ms is not None and when >= since_ms):
            continue
        own = {"message_id": f"backlog:{what}:{when}"} if kind != "ticket.solved" else {}
        facts.append(
            (when, {"type": kind, "id": f"{name}:{what}:{when}", "version": version, "occurred_at": rfc3339(when), **own, **shared})
        )
    yield from (event for _, event in sorted(facts, key=lambda fact: fact[0]))
    instant = {"occurred_at": rfc3339(at_ms), **({"sequence": mapping.revision} if mapping.revision else {})}
    now = {**instant, **shared, **({"agent_id": ticket.attributes["agent_id"]} if "agent_id" in ticket.attributes else {})}
    created: dict[str, Any] = {
        "type": "ticket.created",
        "backfill": True,
        "opened_at": rfc3339(ticket.opened_ms),
        "status": ticket.status,
        **({"by": ticket.by} if ticket.by else {}),
        **({} if ticket.public else {"public": False}),
        **now,
    }
    yield _named(name, created)
    yield _named(name, {"type": "ticket.status_changed", "to": ticket.status, **now})
    if ticket.nobody:
        yield _named(name, {"type": "ticket.assigned", "agent_id": None, **instant, "ticket_id": ticket.id})


def taken_back(event: Mapping[str, Any]) -> dict[str, Any]:
    """What takes an event of an export back."""
    return {
        "type": "fact.withdrawn",
        "id": f"taken_back:{event['id']}"[:ID_MAX_CHARS],
        "of": event["id"],
        "occurred_at": event["occurred_at"],
    }


def _named(name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The event with an id of what it says."""
    digest = hashlib.blake2b(msgspec.json.encode(event, order="deterministic"), digest_size=8).hexdigest()
    return {"type": event["type"], "id": f"{name}:{event['type']}:{digest}", **event}


def check(events: list[dict[str, Any]], now_ms: int) -> None:
    """Whether ingest will take these events of one ticket. Raises BadRow."""
    created = next(event for event in events if event["type"] == "ticket.created")  # it says all that the others say
    try:
        event_from(created, source="backlog", received_at_ms=now_ms)
    except Rejected as rejected:
        raise BadRow(f"{rejected.pointer.removeprefix('/') or 'the row'}: {rejected.detail}") from None
