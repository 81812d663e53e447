"""The longest wait of a KPI that declares a `WaitWatch`, read from cells and judged beside the waits of four weeks."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from kpis.cells import Cells
from kpis.dimensions import TOTAL, Cut
from kpis.slices import Slice
from kpis.spikes.judging import LEAST_RATIO, Judged
from kpis.spikes.waits import Waits, waits_of
from kpis.spikes.watch import WaitWatch
from kpis.window import DAY, HOUR, MINUTE, NOW, Bounds

WEEKS_MS = 28 * DAY
REFRESH_MS = 10 * MINUTE


class _Past(NamedTuple):
    made_at_ms: int
    cells: int
    by_cut: dict[Cut, Waits]


class Waiting:
    """The waits of a KPI, in all and by channel."""

    def __init__(self, watch: WaitWatch) -> None:
        self.watch = watch
        self._past: _Past | None = None

    def judge(self, cells: Cells, now_ms: int) -> list[Judged]:
        """Every series of which enough waits have ended; observed, expected and variance (what 97.5 % stay below) are in ms."""
        past = self._waits(cells, now_ms)
        here = Slice(cells, cells.levels.window(NOW, now_ms, now_ms, self.watch.waiting.finest), now_ms, self.watch.waiting.finest, True)
        out = []
        for i, (cut, waits) in enumerate(past.by_cut.items()):
            starts = here.starts((cut,), self.watch.waiting)
            if not starts:
                out.append(Judged(self.watch.id, i, cut, 0, now_ms, now_ms, 0, 0, 0, 0.0))
                continue
            oldest, waiting = starts[0][0], sum(count for _, count in starts)
            wait = max(0, now_ms - oldest)
            came = waiting + self._ended(cells, cut, oldest, now_ms)
            usual = waits.usual_ms(came, 0.5)
            told = waits.surprise(wait, came) if wait >= LEAST_RATIO * usual else 0.0
            out.append(Judged(self.watch.id, i, cut, 0, oldest, now_ms, wait, usual, waits.usual_ms(came, 0.025), told))
        return out

    def _ended(self, cells: Cells, cut: Cut, since_ms: int, now_ms: int) -> int:
        level = cells.levels.all[min(cells.levels.readable(since_ms, now_ms, 1), 4)]
        bounds = Bounds("span", cells.levels.zone.bucket_start(since_ms, level.number), now_ms + -now_ms % MINUTE, level)
        inside = Slice(cells, bounds, now_ms, 1, False)
        return sum(inside.get((cut,), measure, "n") for measure in self.watch.waits)

    def _waits(self, cells: Cells, now_ms: int) -> _Past:
        past = self._past
        if past is not None and past.cells == id(cells) and 0 <= now_ms - past.made_at_ms < REFRESH_MS:
            return past
        zone = cells.levels.zone
        bounds = Bounds("span", zone.bucket_start(now_ms - WEEKS_MS, 3), zone.bucket_start(now_ms - HOUR, 3), cells.levels.all[3])
        weeks = Slice(cells, bounds, now_ms, 3, False)
        by_cut = {}
        for cut in [TOTAL, *(cut for cut in cells.cuts() if len(cut) == 1 and cut[0][0] == "channel")]:
            bins: Counter[int] = Counter()
            for measure in self.watch.waits:
                if weeks.has_sketch((cut,), measure):
                    bins.update(weeks.bins((cut,), measure, "b"))
            waits = waits_of(bins)
            if waits is not None:
                by_cut[cut] = waits
        past = self._past = _Past(now_ms, id(cells), by_cut)
        return past
