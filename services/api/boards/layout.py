"""A board laid out for the page: every tile with its names, unit, target, trend and explanation, and the questions it asks.

A board shows its chosen tiles large and every other KPI of the catalogue below them, so that a new KPI is on the wall the
moment it is declared. What a kept declaration names that is no longer there is left out and said in `problems`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kpis.query import Query
from services.api.boards.checks import PRIVATE, missing, strip_missing, target_of
from services.api.boards.declarations import Declaration, Finding, Strip, Tile
from services.api.ports import Figures
from services.api.questions import Known
from services.settings import Settings

_REST = ("24h", "now", "today", "7d", "28d", "90d")
_HOURS = ("5m", 3 * 3600)
_LONG_TREND = ("1h", 24 * 3600)
_WEEK = ("6h", 7 * 86400)
_MONTH = ("1d", 28 * 86400)
_TRENDS = {
    "now": _HOURS,
    "5m": ("1m", 3600),
    "15m": ("1m", 3600),
    "1h": _HOURS,
    "4h": ("15m", 12 * 3600),
    "7d": _WEEK,
    "week": _WEEK,
} | dict.fromkeys(("28d", "month", "90d", "quarter", "365d"), _MONTH)
"""Of each window, the width of a trend's points and how far it goes back: what changes by the day is not drawn by the hour."""
Questions = tuple[Query, ...]
_EXPLAINED = ("formula", "meaning", "source", "events", "windows", "version", "n_min")


def laid_out(declaration: Declaration, known: Known, board: Figures, settings: Settings) -> dict[str, Any]:
    """What the page needs of a declaration: the tiles that exist, every other KPI, the strip, the settings' targets, what was left out."""
    problems: list[Finding] = []
    chosen: list[Tile] = []
    for index, tile in enumerate(declaration.tiles):
        found = [Finding(pointer=f"/tiles/{index}/{where}", reason=why, index=index) for where, why in missing(tile, known, board)]
        problems += found
        if not found:
            chosen.append(tile)
    strip = declaration.strip
    if strip is not None and (wrong := list(strip_missing(strip, known, board))):
        problems += [Finding(pointer=f"/strip/{where}", reason=why) for where, why in wrong]
        strip = None
    whole = {tile.kpi for tile in chosen if not tile.dims}
    rest = [Tile(kpi=kpi, windows=_REST) for kpi in known.by_id if kpi not in whole]
    return {
        "title": declaration.title,
        "tenant": settings.tenant,
        "time_zone": settings.time_zone,
        "now": settings.now,
        "sources": sorted(settings.sources),
        "tiles": [_tile(tile, known, settings) for tile in chosen],
        "rest": [_tile(tile, known, settings) for tile in rest],
        "strip": None if strip is None else _strip(strip, known, settings),
        "targets": [
            {"name": name, "part": part, "value": value}
            for name, target in sorted(settings.targets.items())
            for part in ("p50", "within", "share")
            if (value := getattr(target, part)) is not None
        ],
        "problems": problems,
    }


def questions(board: Mapping[str, Any]) -> Questions:
    """Every question that a laid out board asks, one for each window and slice, so that one stream feeds all of it."""
    together: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for tile in (*board["tiles"], *board["rest"]):
        kpis = together.setdefault((tile["window"], tuple(sorted(tile["dims"].items()))), [])
        if tile["kpi"] not in kpis:
            kpis.append(tile["kpi"])
    out = [Query(kpis=tuple(kpis), windows=(window,), where=where) for (window, where), kpis in together.items()]
    if strip := board["strip"]:
        out += [Query(kpis=(strip[part]["kpi"],), windows=(strip[part]["window"],), by=(strip["dimension"],)) for part in ("count", "wait")]
    return tuple(out)


def _strip(strip: Strip, known: Known, settings: Settings) -> dict[str, Any]:
    return {
        "dimension": strip.dimension,
        "count": _tile(strip.count, known, settings),
        "wait": _tile(strip.wait, known, settings),
    }


def _tile(tile: Tile, known: Known, settings: Settings) -> dict[str, Any]:
    entry = known.by_id[tile.kpi]
    windows = tuple(entry.get("windows", ()))
    window = next((w for w in tile.windows if w in windows), windows[0] if windows else "now")
    step, span_seconds = _TRENDS.get(window, _LONG_TREND)
    target = target_of(tile, settings.targets)
    return {
        "kpi": tile.kpi,
        "title": tile.title or entry["title"],
        "about": str(entry.get("meaning") or entry.get("formula") or ""),
        "unit": entry.get("unit", ""),
        "better": entry.get("better", ""),
        "window": window,
        "dims": dict(tile.dims),
        "target": target,
        "watch": None if target is None else tile.watch,
        "trend": {"step": step, "span_seconds": span_seconds},
        "breakdowns": _breakdowns(tuple(tile.dims), entry.get("dimensions", ()), settings.dimensions.pairs),
        "definition": {name: entry.get(name) for name in _EXPLAINED},
    }


def _breakdowns(held: tuple[str, ...], dimensions: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """By what a tile can be split further; a slice only by what is counted together with its dimension. Never by agent."""
    together = [set(pair) for pair in pairs]
    free = [name for name in dimensions if name != PRIVATE and name not in held]
    return free if not held else [name for name in free if {*held, name} in together]
