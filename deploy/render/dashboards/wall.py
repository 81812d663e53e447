"""The operations wall for a screen nobody sits at: eight numbers of now, how old they are, and what is unusual with its cause.

They are the first tiles of the wall board Operations as it is shipped, with the same windows, targets and thresholds. A number that
is held against a target says so in its title and, below the number, how it stands: as a word, a sign and a colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from deploy.render.dashboards.frame import Line, Placed, Section
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.palette import BLUE, ORANGE, PLAIN, VERMILION
from deploy.render.dashboards.panels import Ask, Steps, Word, number, unit_of
from deploy.render.dashboards.promql import NOW, exposed, total, whole
from deploy.render.dashboards.sdk import m, stat
from deploy.render.dashboards.spikes import spike_table
from kpis.kpi import Kpi
from services.api.boards.checks import target_of
from services.api.boards.declarations import Tile
from services.api.boards.shipped import SHIPPED
from services.api.metrics import Exposed
from services.settings import TargetSettings

BEHIND_SECONDS, STALE_SECONDS = 10, 60
"""Events that wait for so long to be counted make the figures late, and then stale; /readyz turns at the first."""
WATCH_SHARE = 0.1
"""How far beyond its target a number is watched before it is called off target, where the board does not say it."""
MOST_TILES = 8
"""More numbers than that nobody takes in from afar; the further ones of the board are on the board itself."""
_SPOKEN = {NOW: "now", "1h": "last hour", "24h": "last 24 h", "28d": "last 28 days"}
_TILE_WIDTH, _TILE_HEIGHT = 6, 8
_NAME_PIXELS = 24
"""A panel's own title cannot be read from five metres, so that the name and the target stand above the number too, so large."""


def dashboard(kpis: tuple[Kpi, ...], targets: Mapping[str, TargetSettings]) -> m.Dashboard:
    """The dashboard."""
    tiles = [Placed(_TILE_WIDTH, tile) for tile in _tiles(kpis, targets)]
    below = (Placed(_TILE_WIDTH, _unusual()), Placed(12, spike_table(kpis)), Placed(_TILE_WIDTH, _age()))
    in_rows = [Line(_TILE_HEIGHT, tiles[i : i + 4]) for i in range(0, len(tiles), 4)]
    return framed(
        "deskpulse-operations",
        "Operations wall",
        "Eight numbers of now against their targets, how old they are, and what is unusual. Made for ?kiosk&autofitpanels.",
        [Section("", [*in_rows, Line(_TILE_HEIGHT, below)])],
        since="now-1h",
        refresh="10s",
    )


def _tiles(kpis: tuple[Kpi, ...], targets: Mapping[str, TargetSettings]) -> Iterator[stat.Panel]:
    declared, shown = {kpi.id: kpi for kpi in kpis}, {one.kpi: one for one in exposed(kpis)}
    for tile in SHIPPED["operations"].tiles[:MOST_TILES]:
        if tile.kpi in shown:
            yield _tile(tile, declared[tile.kpi], shown[tile.kpi], targets)


def _tile(tile: Tile, kpi: Kpi, one: Exposed, targets: Mapping[str, TargetSettings]) -> stat.Panel:
    window = next((window for window in tile.windows if window in one.windows), one.windows[0])
    target = target_of(tile, targets)
    value = total(one, window)
    about = f"{kpi.meaning} How: {kpi.formula}."
    heading = f"{tile.title or kpi.title} · {_SPOKEN.get(window, window)}"
    unit, decimals = unit_of(one.unit), None if one.unit == "seconds" else 1
    link = ("History and parts", "/d/deskpulse-kpis")
    if target is None or kpi.better == "none":
        asks = [Ask(value, heading)]
        return number(heading, f"{about} No target is set.", unit, asks, name_pixels=_NAME_PIXELS, decimals=decimals, link=link)
    rising = kpi.better == "down"
    limit = target * (1 + WATCH_SHARE if rising else 1 - WATCH_SHARE) if tile.watch is None else tile.watch
    near, far = sorted((target, limit), reverse=not rising)
    state = " + ".join(f"({value} {'>' if rising else '<'} bool {line:.12g})" for line in (near, far))
    side, aim = "over" if rising else "under", f"target {'≤' if rising else '≥'} {spoken(target, one.unit)}"
    return number(
        f"{heading} · {aim}",
        f"{about} Watched beyond {spoken(near, one.unit)}, off target beyond {spoken(far, one.unit)}.",
        unit,
        [Ask(value, heading), Ask(state, aim)],
        steps=_steps(near, far, rising=rising),
        verdict={
            0: Word("● on target", BLUE),
            1: Word(f"◆ just {side}" if near == target else "◆ near the target", ORANGE),
            2: Word(f"▲ {side} target", VERMILION),
        },
        name_pixels=_NAME_PIXELS,
        decimals=decimals,
        link=link,
    )


def spoken(value: float, unit: str) -> str:
    """A target as a person says it: `30 min`, `80 %`, `300`."""
    if unit == "ratio":
        return f"{value * 100:.4g} %"
    if unit != "seconds":
        return f"{value:.6g}"
    size, name = next(((size, name) for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")) if value >= size), (1, "s"))
    return f"{value / size:.3g} {name}"


def _steps(near: float, far: float, *, rising: bool) -> Steps:
    """Grafana colours from a step's value on, while a number that is just at a line is still good: so the next number begins a step."""
    if rising:
        return ((None, PLAIN), (math.nextafter(near, math.inf), ORANGE), (math.nextafter(far, math.inf), VERMILION))
    return ((None, VERMILION), (far, ORANGE), (near, PLAIN))


def _unusual() -> stat.Panel:
    how_many = f"sum({whole('deskpulse_spike_alert', 'kpi')})"
    return number(
        "Unusual now",
        "How many of the watched numbers are unusually high; beside it stands which, and where that comes from. NO DATA: nothing could be "
        "judged, which is no all-clear.",
        "none",
        [Ask(how_many, "unusually high"), Ask(f"clamp_max({how_many}, 1)", "of what is watched")],
        steps=((None, PLAIN), (1, VERMILION)),
        verdict={0: Word("● as usual", BLUE), 1: Word("▲ look here", VERMILION)},
        name_pixels=_NAME_PIXELS,
        link=("Spikes", "/d/deskpulse-spikes"),
    )


def _age() -> stat.Panel:
    lag = whole("deskpulse_ingest_lag_seconds")
    return number(
        "Data age · newest event",
        "How long ago the newest event of any source happened; quiet nights are no fault. The word below is about us: "
        f"figures are behind when an event has waited {BEHIND_SECONDS} s to be counted, stale from {STALE_SECONDS} s on. "
        "NO DATA: the API is away or still catching up, and no number of this wall may be believed.",
        "s",
        [
            Ask(f"clamp_min(time() - {whole('deskpulse_all_last_event_timestamp_seconds')}, 0)", "since the newest event"),
            Ask(f"({lag} > bool {BEHIND_SECONDS}) + ({lag} > bool {STALE_SECONDS})", "figures"),
        ],
        verdict={0: Word("● live", BLUE), 1: Word("◆ behind", ORANGE), 2: Word("▲ stale", VERMILION)},
        name_pixels=_NAME_PIXELS,
        decimals=0,
        link=("Sources and pipeline", "/d/deskpulse-pipeline"),
    )
