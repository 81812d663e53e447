"""What the events still cover: which figures can be computed again, and which only by events that are gone.

Law: a figure is compared only when every event that may count in it is there: its window begins after the first event that is
kept, and it is no level that has been adding up since before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kpis.kpi import Kpi
from schemas.canonical import CLOCK_AHEAD_MS, millis_from
from schemas.figures import Figure


class Coverage:
    """From when on all events are there: `from_ms` None means from the very first."""

    def __init__(self, kpis: Mapping[str, Kpi]) -> None:
        self.from_ms: int | None = None
        self.left_out: set[tuple[str, str]] = set()
        self._levels = {kpi.id for kpi in kpis.values() if any(measure.kind == "gauge" for measure in kpi.measures)}

    def begins_with_receipt(self, received_at_ms: int) -> None:
        """The first record kept of a partition was received then: an earlier one may have told of up to 5 min later."""
        self.from_ms = max(self.from_ms or 0, received_at_ms + CLOCK_AHEAD_MS)

    def covers(self, figure: Figure) -> bool:
        """Whether a figure can be computed again; one that cannot is noted in `left_out`."""
        if self.from_ms is None:
            return True
        start = figure.window_start
        if start is not None and millis_from(start) >= self.from_ms and figure.kpi not in self._levels:
            return True
        self.left_out.add((figure.kpi, figure.window))
        return False

    def named(self) -> list[str]:
        """What was left out, as `kpi: windows`."""
        windows: dict[str, list[str]] = {}
        for kpi, window in sorted(self.left_out):
            windows.setdefault(kpi, []).append(window)
        return [f"{kpi}: {', '.join(names)}" for kpi, names in windows.items()]


def covered(figures: Iterable[Figure], coverage: Coverage) -> list[Figure]:
    """The figures that can be computed again."""
    return [figure for figure in figures if coverage.covers(figure)]
