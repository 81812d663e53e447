"""The wall boards as declarations: which figures stand where, over which window, against which target.

A board shows its chosen tiles large and every other KPI of the catalogue below them, so that a new KPI is on the wall the
moment it is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from kpis.query import Query
from services.settings import Settings, TargetSettings


class Tile(Struct, frozen=True, kw_only=True):
    """One number of a board. `windows` are tried in order: the first that the KPI is kept over is shown.

    `target` names a key of the settings' `targets` and which of its values the number is held against.
    """

    kpi: str
    windows: tuple[str, ...]
    title: str = ""
    target: tuple[str, Literal["p50", "within", "share"]] | None = None


class Strip(Struct, frozen=True, kw_only=True):
    """The line below the tiles: one box for each value of a dimension, with two figures."""

    dimension: str
    count: Tile
    wait: Tile


class WallBoard(Struct, frozen=True, kw_only=True):
    """One page of the wall."""

    id: str
    title: str
    tiles: tuple[Tile, ...]
    strip: Strip | None = None


_NOW = ("now", "1h", "24h")
_HOUR = ("1h", "24h", "now")
_DAY = ("24h", "today", "7d", "28d")
_MONTH = ("28d", "24h", "7d", "90d")

OPERATIONS = WallBoard(
    id="operations",
    title="Operations",
    tiles=(
        Tile(kpi="active_issues", windows=_NOW, target=("active_issues", "within")),
        Tile(kpi="current_longest_wait", windows=_NOW, title="Longest wait", target=("current_longest_wait_seconds", "within")),
        Tile(kpi="first_reply_time", windows=_HOUR, title="First reply, median", target=("first_reply_time_seconds", "p50")),
        Tile(kpi="resolved_issues", windows=_DAY),
        Tile(kpi="service_level", windows=_DAY, title="Service level, 20 s", target=("speed_of_answer_seconds", "share")),
        Tile(kpi="escalation_rate", windows=_DAY, target=("escalation_rate", "share")),
        Tile(kpi="csat_score", windows=_DAY, title="Satisfaction", target=("csat_score", "share")),
        Tile(kpi="nps", windows=_MONTH, title="Net promoter score"),
        Tile(kpi="service_conversion_rate", windows=_MONTH, title="Conversion after contact", target=("service_conversion_rate", "share")),
    ),
    strip=Strip(
        dimension="team",
        count=Tile(kpi="active_issues", windows=_NOW),
        wait=Tile(kpi="first_reply_time", windows=("24h", "1h"), target=("first_reply_time_seconds", "p50")),
    ),
)
BOARDS: Mapping[str, WallBoard] = {OPERATIONS.id: OPERATIONS}
_REST = ("24h", "now", "today", "7d", "28d", "90d")
_TRENDS = {"now": ("5m", 3 * 3600), "5m": ("1m", 3600), "15m": ("1m", 3600), "1h": ("5m", 3 * 3600), "4h": ("15m", 12 * 3600)}
_LONG_TREND = ("1h", 24 * 3600)


def definition(board: WallBoard, catalogue: Iterable[Mapping[str, Any]], settings: Settings) -> dict[str, Any]:
    """What the page needs to lay the board out: tiles with names, units, targets and trends. KPIs that do not exist are left out."""
    entries = {str(entry["id"]): entry for entry in catalogue}
    chosen = [(tile, entries[tile.kpi]) for tile in board.tiles if tile.kpi in entries]
    rest = [(Tile(kpi=kpi, windows=_REST), entry) for kpi, entry in entries.items() if kpi not in {tile.kpi for tile, _ in chosen}]
    strip = None
    if board.strip and all(
        tile.kpi in entries and board.strip.dimension in entries[tile.kpi].get("dimensions", ())
        for tile in (board.strip.count, board.strip.wait)
    ):
        strip = {
            "dimension": board.strip.dimension,
            "count": _tile(board.strip.count, entries[board.strip.count.kpi], settings),
            "wait": _tile(board.strip.wait, entries[board.strip.wait.kpi], settings),
        }
    return {
        "id": board.id,
        "title": board.title,
        "tenant": settings.tenant,
        "time_zone": settings.time_zone,
        "now": settings.now,
        "sources": sorted(settings.sources),
        "tiles": [_tile(tile, entry, settings) for tile, entry in chosen],
        "rest": [_tile(tile, entry, settings) for tile, entry in rest],
        "strip": strip,
    }


def questions(laid_out: Mapping[str, Any]) -> tuple[Query, ...]:
    """Every question a board asks, one for each window, so that one stream feeds all of it."""
    by_window: dict[str, list[str]] = {}
    for tile in (*laid_out["tiles"], *laid_out["rest"]):
        by_window.setdefault(tile["window"], []).append(tile["kpi"])
    out = [Query(kpis=tuple(kpis), windows=(window,)) for window, kpis in by_window.items()]
    if strip := laid_out["strip"]:
        out += [Query(kpis=(strip[part]["kpi"],), windows=(strip[part]["window"],), by=(strip["dimension"],)) for part in ("count", "wait")]
    return tuple(out)


def _tile(tile: Tile, entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    windows = tuple(entry.get("windows", ()))
    window = next((w for w in tile.windows if w in windows), windows[0] if windows else "now")
    step, span_seconds = _TRENDS.get(window, _LONG_TREND)
    return {
        "kpi": tile.kpi,
        "title": tile.title or entry["title"],
        "about": str(entry.get("meaning") or entry.get("formula") or ""),
        "unit": entry.get("unit", ""),
        "better": entry.get("better", ""),
        "window": window,
        "target": _target(tile, settings.targets),
        "trend": {"step": step, "span_seconds": span_seconds},
    }


def _target(tile: Tile, targets: Mapping[str, TargetSettings]) -> float | None:
    if tile.target is None:
        return None
    key, part = tile.target
    held = targets.get(key)
    value: float | None = getattr(held, part) if held else None
    return value
