"""What providers write, read carefully: any JSON value in, the value that was meant or nothing out; never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import ID_MAX_CHARS

TAGS_MAX = 100


def id_in(value: Any) -> str:
    """An id as text, whether it came as text or as a number; "" when there is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30 else ""


def name_in(value: Any) -> str | None:
    """An id or a name that may stand in an attribute; what is too long for one is no attribute, and costs no event."""
    found = id_in(value)
    return found if 0 < len(found) <= ID_MAX_CHARS else None


def lower_name_in(value: Any) -> str | None:
    """A name in lower case, for values that a provider shouts."""
    return name_in(value.strip().lower()) if isinstance(value, str) else None


def object_in(value: Any) -> Mapping[str, Any]:
    """The object, empty when it is none."""
    return value if isinstance(value, dict) else {}


def tags_in(value: Any) -> list[str]:
    """The tags of a list that may stand in an event, at most 100."""
    found = [tag for tag in value if isinstance(tag, str) and 0 < len(tag) <= ID_MAX_CHARS] if isinstance(value, list) else []
    return found[:TAGS_MAX]
