"""With which mapping an export was sent last: a corrected one must say that it is newer, or nobody could tell which of the two holds.

Law: this only warns; without the note (another machine, another data_dir) the sending is as it is.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
from msgspec import Struct

from cli.exports.mapping import ExportMapping


class Sent(Struct, frozen=True):
    """The content of the mapping without its counters, and the counters."""

    mapping: str
    revision: int
    taken_back: int


def of(mapping: ExportMapping) -> Sent:
    """What is noted of a mapping."""
    bare = msgspec.structs.replace(mapping, revision=0, taken_back=0)
    return Sent(bare.digest(), mapping.revision, mapping.taken_back)


def objection(path: Path, mapping: ExportMapping) -> str | None:
    """Why this mapping should not be used now; None when nothing is known against it."""
    try:
        before = msgspec.json.decode(path.read_bytes(), type=Sent)
    except (OSError, ValueError):
        return None
    now = of(mapping)
    counters, counters_before = (now.taken_back, now.revision), (before.taken_back, before.revision)
    if counters > counters_before or now == before:
        return None
    return (
        f"this export was sent before with another mapping: add revision = {before.revision + 1} to this one, so that it is known "
        "which holds. Were times wrong, take back first what was sent: --take-back with the mapping of then"
    )


def note(path: Path, mapping: ExportMapping) -> None:
    """Remember with which mapping the export is sent."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".tmp")
        fresh.write_bytes(msgspec.json.encode(of(mapping)))
        fresh.replace(path)
