"""The door for canonical events: a decoded JSON object from outside becomes an Event, or `Rejected` with a pointer and a reason.

Law: whatever object comes in, an Event and the names of stripped fields come out, or `Rejected` is raised; nothing else.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from schemas.events import BY_TYPE, TIME_MAX_MS, Answer, Event
from schemas.rejections import Reason, Rejected

CLOCK_AHEAD_MS = 300_000
"""How far a source's clock may run ahead of ours before its event is kept out."""

_INSIDE_ONLY = frozenset({"occurred_at_ms", "received_at_ms", "source", "ticket_source"})
_FIELDS: dict[str, frozenset[str]] = {}
_TIMES: dict[str, tuple[str, ...]] = {}
_REQUIRED: dict[str, tuple[str, ...]] = {}
_FAMILIES: dict[str, tuple[str, ...]] = {}
_ANSWER_FIELDS = frozenset(Answer.__struct_fields__)


def _learn_fields() -> None:
    for name, cls in BY_TYPE.items():
        family = name.partition(".")[0]
        _FAMILIES[family] = (*_FAMILIES.get(family, ()), name)
        fields = msgspec.structs.fields(cls)
        times = tuple(f.encode_name.removesuffix("_ms") for f in fields if f.encode_name.endswith("_ms"))
        _TIMES[name] = tuple(t for t in times if t not in ("received_at", "occurred_at"))
        _FIELDS[name] = frozenset({f.encode_name.removesuffix("_ms") for f in fields} | {"type"})
        _REQUIRED[name] = tuple(f.encode_name.removesuffix("_ms") for f in fields if f.required and f.encode_name != "occurred_at_ms")


_learn_fields()


def event_from(
    outside: Any, *, source: str, received_at_ms: int, ticket_source: str | None = None, customer_prefix: str = ""
) -> tuple[Event, tuple[str, ...]]:
    """One canonical event from its outside form, and the names of the unknown fields that were left out.

    `source` is the configured source, never the sender's word. Without `occurred_at` the time of receipt stands in, marked
    `time_is_received`. `customer_prefix` is put before customer ids (a source whose ids are its own).
    Raises Rejected: what is wrong, with the JSON pointer of the field.
    """
    if not isinstance(outside, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, f"an event is a JSON object, this is {_name_of(outside)}")
    kind = outside.get("type")
    if not isinstance(kind, str):
        raise Rejected(
            Reason.MISSING_FIELD if kind is None else Reason.BAD_FIELD,
            "an event names its type as a string, such as ticket.created",
            "/type",
        )
    known = _FIELDS.get(kind)
    if known is None or kind == "ticket.absorbed":
        raise Rejected(Reason.UNKNOWN_TYPE, f"no event type of this name{_nearest(kind)}", "/type")
    stripped = tuple(sorted(k if isinstance(k, str) else "?" for k in outside if k not in known or k in _INSIDE_ONLY))
    inside = {k: v for k, v in outside.items() if k in known and k not in _INSIDE_ONLY and v is not None}
    if kind == "survey.responded" and isinstance(inside.get("answers"), list):
        inside["answers"], more = _known_answers(inside["answers"])
        stripped += more
    if kind == "ticket.assigned":
        inside |= {k: None for k in ("agent_id", "team") if k in outside and outside[k] is None}
    for name in _TIMES[kind]:
        if name in inside:
            inside[f"{name}_ms"] = millis_from(inside.pop(name), f"/{name}")
        elif name == "due_at" and name in outside:
            inside["due_at_ms"] = None
    inside["occurred_at_ms"] = _occurred_at(inside, received_at_ms)
    inside["received_at_ms"] = received_at_ms
    inside["source"] = source
    if ticket_source is not None and "ticket_source" in known:
        inside["ticket_source"] = ticket_source
    if customer_prefix:
        for name in ("customer_id", "into_customer_id", "by_customer_id"):
            if isinstance(inside.get(name), str):
                inside[name] = customer_prefix + inside[name]
    for name in _REQUIRED[kind]:
        if name not in inside and f"{name}_ms" not in inside:
            raise Rejected(Reason.MISSING_FIELD, f"{kind} needs the field {name}", f"/{name}")
    return _convert(inside, kind), stripped


def _known_answers(answers: list[Any]) -> tuple[list[Any], tuple[str, ...]]:
    unknown = {name for answer in answers if isinstance(answer, dict) for name in answer if name not in _ANSWER_FIELDS}
    if not unknown:
        return answers, ()
    known = [{k: v for k, v in answer.items() if k in _ANSWER_FIELDS} if isinstance(answer, dict) else answer for answer in answers]
    return known, tuple(f"answers/{name}" for name in sorted(unknown))


def _convert(inside: dict[str, Any], kind: str) -> Event:
    try:
        return msgspec.convert(inside, BY_TYPE[kind], strict=True)
    except (ValueError, RecursionError, OverflowError) as error:
        text, _, path = str(error).partition(" - at ")
        pointer = re.sub(r"\.|\[", "/", path.strip("`").removeprefix("$").replace("]", "")) or ""
        raise Rejected(Reason.BAD_FIELD, text, pointer.replace("_at_ms", "_at")) from None


def _occurred_at(inside: dict[str, Any], received_at_ms: int) -> int:
    given = inside.pop("occurred_at", None)
    if given is None:
        inside["time_is_received"] = True
        return received_at_ms
    at_ms = millis_from(given, "/occurred_at")
    if at_ms > received_at_ms + CLOCK_AHEAD_MS:
        raise Rejected(
            Reason.CLOCK_AHEAD,
            "the time lies more than 5 min ahead of our clock: set the sender's clock right, then send the event again",
            "/occurred_at",
        )
    return at_ms


def millis_from(value: Any, pointer: str = "") -> int:
    """Milliseconds since 1970 of an RFC 3339 time with a zone (or a plain date, read as UTC midnight). Raises Rejected."""
    if not isinstance(value, str) or len(value) > 64:
        raise Rejected(
            Reason.BAD_TIME, f"a time is an RFC 3339 string such as 2026-11-22T08:15:30.123Z, this is {_name_of(value)}", pointer
        )
    try:
        at = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        raise Rejected(Reason.BAD_TIME, "a time is written as in 2026-11-22T08:15:30.123Z", pointer) from None
    if at.tzinfo is None:
        raise Rejected(Reason.BAD_TIME, "the time names no zone: end it with Z or an offset such as +02:00", pointer)
    try:
        whole = (at - _EPOCH) // _MILLISECOND
    except OverflowError:
        whole = -1
    if not 0 <= whole < TIME_MAX_MS:
        raise Rejected(Reason.BAD_TIME, "the time lies before 1970 or after the year 2999", pointer)
    return whole


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def _nearest(kind: str) -> str:
    if len(kind) > 64:  # the search takes time in proportion to the length, and no name of ours is half as long
        return ""
    family = kind.partition(".")[0]  # first the family, then the name in it: a search of all names takes ten times as long
    if family not in _FAMILIES:
        family = next(iter(difflib.get_close_matches(family, _FAMILIES, 1)), "")
    near = difflib.get_close_matches(kind, _FAMILIES.get(family, ()), 1)
    return f"; the nearest is {near[0]}" if near else ""


def _name_of(value: Any) -> str:
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def outside_of(event: Event) -> dict[str, Any]:
    """The outside form of an event, as `deskpulse send` reads it: times as RFC 3339, no fields of ours.

    The inverse of `event_from` for what a sender may say.
    """
    out: dict[str, Any] = msgspec.to_builtins(event)
    out.pop("source", None)
    out.pop("received_at_ms", None)
    out.pop("ticket_source", None)
    for name in [k for k in out if k.endswith("_ms")]:
        value = out.pop(name)
        out[name.removesuffix("_ms")] = None if value is None else rfc3339(value)
    return out


def rfc3339(at_ms: int) -> str:
    """An instant as people and other systems read it: RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
