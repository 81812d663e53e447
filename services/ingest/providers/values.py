"""What providers write, read carefully: any JSON value in, the value that was meant or nothing out; never an exception."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from schemas.events import ID_MAX_CHARS

TAGS_MAX = 100
_STAND_INS = frozenset({"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"})
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_NOTHING: Mapping[str, Any] = {}
_TELEPHONE = re.compile(r"(?:tel:)?\+\d[\d\s().\-/]{5,}")


def id_in(value: Any) -> str:
    """An id as text, whether it came as text or as a number; "" when there is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30 else ""


def name_in(value: Any) -> str | None:
    """An id or a name that may stand in an attribute; what is too long for one, or reaches a person, is none and costs no event."""
    found = id_in(value)
    return found if 0 < len(found) <= ID_MAX_CHARS and found.lower() not in _STAND_INS and not is_address(found) else None


def is_address(text: str) -> bool:
    """Whether a text reaches a person: an e-mail address, or a telephone number with its country."""
    return "@" in text or ("+" in text[:5] and _TELEPHONE.fullmatch(text) is not None)


def lower_name_in(value: Any) -> str | None:
    """A name in lower case, for values that a provider shouts."""
    return name_in(value.strip().lower()) if isinstance(value, str) else None


def object_in(value: Any) -> Mapping[str, Any]:
    """The object, empty when it is none."""
    return value if isinstance(value, dict) else _NOTHING


def objects_in(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list, empty when it is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def at_path(value: Any, path: str) -> Any:
    """What lies at a path of names and places with dots between (`ticket.tags.0`); None when nothing does."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step[:9]) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def tags_in(value: Any) -> list[str]:
    """The tags of a list that may stand in an event, at most 100."""
    if not isinstance(value, list):
        return []
    found = [tag for tag in value if isinstance(tag, str) and 0 < len(tag) <= ID_MAX_CHARS and not is_address(tag)]
    return found[:TAGS_MAX]


def whole_in(value: Any) -> int | None:
    """A whole number, also one written as text or as a float; None for anything else."""
    found = number_in(value)
    return int(found) if found is not None and found == int(found) else None


def number_in(value: Any) -> float | None:
    """A finite number below 1e9 in size, also one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and len(value) > 40):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= 1e9 else None


def flag_in(value: Any) -> bool | None:
    """A truth value, also one written as text or 0 and 1; None for anything else."""
    if isinstance(value, bool):
        return value
    word = id_in(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def email_hash(address: str) -> str:
    """What stands for an e-mail address where a source's options want one as an id: half of the SHA-256 of it in lower case, in hex."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]
