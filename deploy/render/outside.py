"""The outside form of an event's fields: what a sender writes, as `schemas.canonical` reads it.

Inside, times are integers named `…_ms`; outside they are RFC 3339 strings under the same name without it. What only we may say
(the source, when it arrived) is no field outside.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import msgspec

from schemas import events as ev
from schemas.canonical import outside_of

SENDABLE: tuple[type[ev.Event], ...] = tuple(cls for cls in ev.EVENT_CLASSES if cls is not ev.TicketAbsorbed)
"""Every type but the one that the aggregator writes itself."""

OCCURRED_AT = "occurred_at"


class Outside(NamedTuple):
    """One field: its name outside and inside, whether it is a time, whether it must be there."""

    name: str
    inside: str
    is_time: bool
    required: bool


@cache
def fields_of(cls: type[ev.Event]) -> tuple[Outside, ...]:
    """The fields a sender may write, `type` left out, in the order of declaration."""
    sent = outside_of(everything_said(cls))
    found = []
    for field in _fields(cls):
        name = field.encode_name.removesuffix("_ms")
        if name in sent:
            is_time = field.encode_name.endswith("_ms")
            found.append(Outside(name, field.encode_name, is_time, field.required and name != OCCURRED_AT))
    return tuple(found)


def everything_said(cls: type[ev.Event], *, left_out: frozenset[str] = frozenset()) -> Any:
    """An event in which every field holds its own name in braces (a time holds 1); made without validation."""
    values: dict[str, Any] = {}
    for field in _fields(cls):
        if field.name not in left_out:
            values[field.name] = 1 if field.name.endswith("_ms") else f"{{{field.encode_name}}}"
    return cls(**values)


@cache  # every look at the fields of a class evaluates all its annotations again
def _fields(cls: type[ev.Event]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(cls)
