"""What is wrong with a declaration: what it names that does not exist, and what it says that cannot be meant.

Laws: every finding says where it is, what is wrong and what stands nearest; what does not exist is found in what is kept as in
what is sent, what cannot be meant only in what is sent: a change of the settings must not take a tile off the wall.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from kpis.query import Query, Unanswerable
from services.api.boards.declarations import MOST_TILES, Declaration, Finding, Strip, Tile
from services.api.ports import Figures
from services.api.problems import nearest, shown
from services.api.questions import MAX_VALUE_CHARS, Known
from services.settings import TargetSettings

MOST_TITLE_CHARS = 80
MOST_MARKS = 3
"""Marks over one letter: no script needs more, and a tower of them covers the tiles above."""
MOST_FINDINGS = 20
PRIVATE = "agent"
"""No wall shows a single agent: it is a room's number, not a ranking."""
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # invisible, but some scripts and signs are not written without them
_UNIT_RANGES: Mapping[str, tuple[float, float]] = {"ratio": (0, 1), "score": (-100, 100), "seconds": (0, 1e9), "complaints": (0, 1e12)}
_ANY_COUNT = (-1e12, 1e12)
_UNITS = ("_seconds", "_ratio", "_score", "_tickets", "_complaints")


def missing(tile: Tile, known: Known, board: Figures, *, by: str = "") -> Iterator[tuple[str, str]]:
    """What a tile (of a strip by a dimension, when `by` is one) names that does not exist, as (field, reason)."""
    entry = known.by_id.get(tile.kpi)
    if entry is None:
        yield "kpi", f"there is no KPI {shown(tile.kpi)}{nearest(tile.kpi, known.by_id)}"
        return
    windows = tuple(entry.get("windows", ()))
    window = next((w for w in tile.windows if w in windows), None)
    if window is None:
        asked = ", ".join(shown(w) for w in tile.windows[:5]) or "no window"
        yield "windows", f"{tile.kpi} is not kept over {asked}; it is over {', '.join(windows)}"
    dimensions = tuple(entry.get("dimensions", ()))
    for name in tile.dims:
        if name not in dimensions:
            yield f"dims/{escaped(name)}", f"{tile.kpi} is not kept by {shown(name)}{nearest(name, dimensions)}"
            return
    if by and by not in dimensions:
        yield "kpi", f"{tile.kpi} is not kept by {shown(by)}{nearest(by, dimensions)}"
    elif window is not None and len(tile.dims) > 1:  # the board alone knows which pairs its cells have
        try:
            board.figures(Query(kpis=(tile.kpi,), windows=(window,), where=tuple(sorted(tile.dims.items()))))
        except Unanswerable as error:
            yield "dims", str(error)


def findings(declaration: Declaration, known: Known, board: Figures, targets: Mapping[str, TargetSettings]) -> list[Finding]:
    """Everything that is wrong with what was sent, at most `MOST_FINDINGS`; none: it may be kept."""
    found: list[Finding] = []
    for pointer, index, reason in _every(declaration, known, board, targets):
        found.append(Finding(pointer=pointer, reason=reason, index=index))
        if len(found) == MOST_FINDINGS:
            break
    return found


def target_of(tile: Tile, targets: Mapping[str, TargetSettings]) -> float | None:
    """The number that a tile is held against, None: none."""
    named = tile.target_of
    held = None if named is None or named.name not in targets else getattr(targets[named.name], named.part)
    return tile.target if held is None else float(held)


def escaped(name: str) -> str:
    """A member's name in a JSON pointer, short and printable."""
    return shown(name).replace("~", "~0").replace("/", "~1")


def _every(
    declaration: Declaration, known: Known, board: Figures, targets: Mapping[str, TargetSettings]
) -> Iterator[tuple[str, int | None, str]]:
    if not declaration.title.strip():
        yield "/title", None, "a board has a title"
    for reason in _title(declaration.title):
        yield "/title", None, reason
    if not (declaration.tiles or declaration.strip or declaration.sources):
        yield "/tiles", None, "a board shows something: at least one tile, a strip or the sources"
    if len(declaration.tiles) > MOST_TILES:
        yield "/tiles", None, f"a board has at most {MOST_TILES} tiles, this one {len(declaration.tiles)}"
    for index, tile in enumerate(declaration.tiles[:MOST_TILES]):
        for where, reason in (*missing(tile, known, board), *_unmeant(tile, known, targets)):
            yield f"/tiles/{index}/{where}", index, reason
    if declaration.strip is not None:
        for where, reason in strip_missing(declaration.strip, known, board):
            yield f"/strip/{where}", None, reason
        for part, tile in (("count", declaration.strip.count), ("wait", declaration.strip.wait)):
            for where, reason in _unmeant(tile, known, targets):
                yield f"/strip/{part}/{where}", None, reason


def strip_missing(strip: Strip, known: Known, board: Figures) -> Iterator[tuple[str, str]]:
    """What a strip names that does not exist, as (pointer below the strip, reason)."""
    if strip.dimension not in known.dimensions:
        yield "dimension", f"there is no dimension {shown(strip.dimension)}{nearest(strip.dimension, known.dimensions)}"
        return
    if strip.dimension == PRIVATE:
        yield "dimension", "a wall shows teams, not single agents: take another dimension"
        return
    for part, tile in (("count", strip.count), ("wait", strip.wait)):
        if tile.dims:
            yield f"{part}/dims", "a strip shows every value of its dimension: leave dims out"
        for where, reason in missing(tile, known, board, by=strip.dimension):
            yield f"{part}/{where}", reason


def _unmeant(tile: Tile, known: Known, targets: Mapping[str, TargetSettings]) -> Iterator[tuple[str, str]]:
    """What a tile says that exists and cannot be meant, as (field, reason)."""
    for reason in _title(tile.title):
        yield "title", reason
    for i, window in enumerate(tile.windows):
        if window not in known.windows:
            yield f"windows/{i}", f"there is no window {shown(window)}; there are {', '.join(known.windows)}"
            break
    for name, value in tile.dims.items():
        if name == PRIVATE:
            yield f"dims/{name}", "a wall shows teams, not single agents: take another dimension"
        if not 0 < len(value) <= MAX_VALUE_CHARS:
            yield f"dims/{escaped(name)}", f"a value has 1 to {MAX_VALUE_CHARS} characters"
    entry = known.by_id.get(tile.kpi)
    if entry is None:
        return
    if tile.target_of is not None and (reason := _no_target(tile.target_of.name, known, targets)):
        yield "target_of/name", reason
    low, high = _UNIT_RANGES.get(str(entry.get("unit")), _ANY_COUNT)
    for name, number in (("target", tile.target), ("watch", tile.watch)):
        if number is not None and not low <= number <= high:
            yield name, f"{tile.kpi} is {_said(low)} to {_said(high)} ({entry.get('unit')}): {_said(number)} is never reached"
    if tile.watch is not None and tile.target is None and tile.target_of is None:
        yield "watch", "a tile warns between its target and watch: give it a target too"


def _no_target(name: str, known: Known, targets: Mapping[str, TargetSettings]) -> str:
    of_kpis = [*known.by_id, *(f"{kpi}_{entry.get('unit')}" for kpi, entry in known.by_id.items())]
    if name in targets or name in of_kpis or any(name.removesuffix(unit) in known.by_id for unit in _UNITS):
        return ""
    return f"there is no target {shown(name)}{nearest(name, [*targets, *of_kpis])}; targets are named in [targets] of the settings"


def _title(title: str) -> Iterator[str]:
    if len(title) > MOST_TITLE_CHARS:
        yield f"a title has at most {MOST_TITLE_CHARS} characters, this one {len(title)}"
    marks = 0
    for at, sign in enumerate(title[: MOST_TITLE_CHARS + 1]):
        kind = unicodedata.category(sign)
        if kind in _INVISIBLE and sign not in _JOINERS:
            yield f"a title is visible text: character {at + 1} (U+{ord(sign):04X}) is a control or direction mark"
            return
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            yield f"a title has at most {MOST_MARKS} marks on one letter: character {at + 1} is one more"
            return


def _said(number: float) -> str:
    return f"{number:g}"
