"""The form of a board: which figures stand where, over which window, held against what.

It is what `PUT /v1/controls/board/{id}` takes and what is kept in `controls`. Law: whatever is read, a Declaration comes out or
`Unreadable` is raised, saying where; an
unknown field is refused, because a misspelt one would be lost without a word.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from services.api.problems import nearest

MOST_BOARDS = 50
MOST_TILES = 40
MOST_BYTES = 65_536
"""Of one declaration as JSON: forty tiles with long filters need a tenth of it."""
BOARD_ID = r"^[a-z][a-z0-9-]{0,39}$"
TargetPart = Literal["p50", "within", "share"]


class TargetOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of the settings' `targets`: the number changes with the settings, on every board at once."""

    name: str
    part: TargetPart


class Tile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number of a board. `windows` are tried in order: the first that the KPI is kept over is shown.

    `title` "" is the KPI's own. The number is held against `target_of` where the settings say it, else against `target` (in the
    KPI's own unit; None: neither). The tile warns between the target and `watch`: beyond the target the number is not yet bad up to
    there, before it it is not quite good from there on. None: up to 10 % beyond the target.
    `dims` shows one slice instead of the total.
    """

    kpi: str
    windows: tuple[str, ...]
    title: str = ""
    target: float | None = None
    target_of: TargetOf | None = None
    watch: float | None = None
    dims: dict[str, str] = field(default_factory=dict)


class Strip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line below the tiles: one box for each value of a dimension, with two figures."""

    dimension: str
    count: Tile
    wait: Tile


class Declaration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page of the wall; `sources` adds the list of sources and how each stands."""

    title: str
    tiles: tuple[Tile, ...] = ()
    strip: Strip | None = None
    sources: bool = False


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong: `pointer` into the declaration, `index` of the tile where it is one."""

    pointer: str
    reason: str
    index: int | None = None


class Unreadable(ValueError):
    """What is no declaration; `finding` says where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


def read(body: bytes) -> Declaration:
    """A declaration from JSON. Raises Unreadable."""
    try:
        return _decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_finding(error)) from None


def kept(value: Any) -> Declaration:
    """A declaration as `controls` keeps it. Raises Unreadable."""
    try:
        return msgspec.convert(value, Declaration)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_finding(error)) from None


def bare(declaration: Declaration) -> dict[str, Any]:
    """A declaration as plain values: what is kept, and what a page edits and sends back."""
    out: dict[str, Any] = msgspec.to_builtins(declaration)
    return out


def _finding(error: Exception) -> Finding:
    if not isinstance(error, msgspec.ValidationError):
        return Finding(pointer="", reason="this is not JSON in UTF-8")
    reason, _, path = str(error).partition(" - at `$")
    steps = re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", path.rstrip("`"))
    pointer = "".join(f"/{name or number}" for name, number in steps)
    index = int(steps[1][1]) if len(steps) > 1 and steps[0][0] == "tiles" and steps[1][1].isdigit() else None
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", reason, re.DOTALL):
        of = _FORMS.get(pointer.rpartition("/")[2] if pointer else "$", Tile)
        name = unknown[1][:60]
        shown = name if name.isprintable() else "of that name"
        reason = f"there is no field {shown}{nearest(name, of.__struct_fields__)}"
    return Finding(pointer=pointer, reason=reason[:300], index=index)


_FORMS: dict[str, type[Struct]] = {"$": Declaration, "target_of": TargetOf, "strip": Strip}
_decoder = msgspec.json.Decoder(Declaration)
