"""YAML as text: mappings, lists and scalars in block style, so that a generated file reads as if it had been written.

Laws: any YAML 1.1 or 1.2 parser reads back exactly what was given; the order of keys is kept; nothing is folded or aliased.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./()-]*( [A-Za-z0-9_./()-]+)*|\d+[smhd]")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""Plain words that some parsers take for another type."""
_SPECIAL = re.compile("[^\x20-\x7e\xa1-\u1fff\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
"""Spaces of other kinds, marks of direction, control characters and what lies beyond: always written as escapes."""


def document(value: Mapping[str, Any], *, heading: str = "") -> str:
    """A file: comment lines first, then the mapping. Raises TypeError for what is no mapping, list, text, number, truth or None."""
    comments = "".join(f"# {line}".rstrip() + "\n" for line in heading.splitlines())
    return comments + "\n".join(_mapping(value, 0)) + "\n"


def _mapping(value: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, held in value.items():
        yield from _entry(" " * indent + _scalar(key) + ":", held, indent)


def _sequence(value: Sequence[Any], indent: int) -> Iterator[str]:
    for held in value:
        lines = _entry(" " * indent + "-", held, indent)
        first = next(lines)
        if isinstance(held, Mapping | list | tuple) and held:  # the first key stands beside the dash
            yield f"{first} {next(lines).lstrip(' ')}"
        else:
            yield first
        yield from lines


def _entry(head: str, held: Any, indent: int) -> Iterator[str]:
    if isinstance(held, Mapping):
        yield head if held else f"{head} {{}}"
        yield from _mapping(held, indent + 2)
    elif isinstance(held, list | tuple):
        yield head if held else f"{head} []"
        yield from _sequence(held, indent + 2)
    elif isinstance(held, str) and "\n" in held and _fits_a_block(held):
        yield f"{head} |" + ("" if held.endswith("\n") else "-")
        yield from (" " * (indent + 2) + line if line else "" for line in held.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(held)}"


def _fits_a_block(text: str) -> bool:
    return not _SPECIAL.search(text.replace("\n", "")) and not text.startswith((" ", "\n")) and not text.endswith("\n\n")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        if ('"' in value or "\\" in value) and not _SPECIAL.search(value):  # in single quotes only a single quote is doubled
            return "'" + value.replace("'", "''") + "'"
        return _SPECIAL.sub(lambda found: f"\\U{ord(found[0]):08x}", json.dumps(value, ensure_ascii=False))
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} has no place in a generated file")
