"""One round of watching every declared KPI: what each series counts, which incidents are open, and what carries them.

Laws: a round is a function of the cells, the instant and the rounds before it; `catch_up` walks through the last two hours, so
that whoever starts anew knows the incidents that were open and those that are over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from kpis.cells import Cells
from kpis.dimensions import TOTAL, Cut
from kpis.kpi import Kpi
from kpis.slices import Slice
from kpis.spikes import causes as scan
from kpis.spikes import history
from kpis.spikes.baseline import Rates, expected, fit
from kpis.spikes.incidents import Incident, Watcher, began
from kpis.spikes.judging import Judged, judge, unusual
from kpis.spikes.waiting import Waiting
from kpis.spikes.watch import WaitWatch, Watch
from kpis.window import HOUR, MINUTE, Bounds

REFRESH_MS = 10 * MINUTE
"""How old a baseline may be: late corrections reach it by then; a new hour makes it anew at once."""
REPLAYED_MS = 2 * HOUR
_AGENT = "agent"


class Seen(NamedTuple):
    """What a round saw of one KPI."""

    kpi: Kpi
    judged: list[Judged]
    incident: Incident | None

    @property
    def enough(self) -> bool:
        """Whether there is history to judge by."""
        return bool(self.judged)


class _Baseline(NamedTuple):
    made_at_ms: int
    cells: int
    hours: history.Grid
    cuts: list[Cut]
    rates: list[Rates]


class Detector:
    """The watchers of every KPI that declares a watch."""

    def __init__(self, kpis: Iterable[Kpi]) -> None:
        self.kpis = [kpi for kpi in kpis if kpi.watch is not None]
        self._watchers = {kpi.id: Watcher() for kpi in self.kpis}
        self._baselines: dict[str, _Baseline] = {}
        self._waiting = {kpi.id: Waiting(kpi.watch) for kpi in self.kpis if isinstance(kpi.watch, WaitWatch)}

    def catch_up(self, cells: Cells, now_ms: int) -> Iterator[list[Seen]]:
        """The rounds of the last two hours, a minute apart; waits have no past and are left out."""
        for at in range(now_ms - REPLAYED_MS, now_ms, MINUTE):
            yield self.round(cells, at, now_ms=now_ms)

    def forget(self) -> None:
        """Learn anew what is usual before the next round: the history has changed."""
        self._baselines.clear()

    def round(self, cells: Cells, at_ms: int, *, now_ms: int | None = None, settled: bool = True) -> list[Seen]:
        """One round as of an instant; `now_ms` is the present, where that is another.

        While a history is being written (not `settled`) nothing opens: half of it would make the present look like much.
        """
        now = at_ms if now_ms is None else now_ms
        for kpi in self.stale(cells, now):
            self.refresh(kpi, cells, now)
        judged: dict[str, list[Judged]] = {}
        recents: dict[str, history.Recent] = {}
        for kpi in self.kpis:
            watch = kpi.watch
            if isinstance(watch, Watch):
                base = self._baselines[kpi.id]
                recents[kpi.id] = history.recent(cells, watch, base.cuts, at_ms)
                clear = self._watchers[kpi.id].clear_from_ms
                judged[kpi.id] = judge(watch, recents[kpi.id], base.cuts, base.rates, base.hours, at_ms, clear)
            elif at_ms == now:
                judged[kpi.id] = self._waiting[kpi.id].judge(cells, now)
            else:
                judged[kpi.id] = []
        found = unusual([one for some in judged.values() for one in some]) if settled else []
        out = []
        for kpi in self.kpis:
            mine = [each for each in found if kpi.watch is not None and each[0].watch == kpi.watch.id]
            began_ms = partial(self._began_ms, kpi, recents.get(kpi.id))
            out.append(Seen(kpi, judged[kpi.id], self._watchers[kpi.id].step(judged[kpi.id], mine, began_ms, at_ms)))
        return out

    def _began_ms(self, kpi: Kpi, recent: history.Recent | None, one: Judged) -> int:
        """When something unusual began; a wait (no `recent`) says so itself."""
        if recent is None:
            return one.start_ms
        base = self._baselines[kpi.id]
        return began(recent, base.rates[one.series], base.hours, one, self._watchers[kpi.id].clear_from_ms)

    def causes(self, seen: Seen, cells: Cells, now_ms: int) -> scan.Causes:
        """What carries an open incident: values of dimensions and configured pairs, agents left out."""
        watch, incident = seen.kpi.watch, seen.incident
        if incident is None or not isinstance(watch, Watch):
            return scan.Causes([], [])
        base = self._baselines[seen.kpi.id]
        step = history.step_ms(watch.measure)
        end = now_ms + -now_ms % step
        level = cells.levels.all[1 if step == MINUTE else 2]
        inside = Slice(cells, Bounds("span", incident.since_ms, end, level), now_ms, level.number, False)
        days = base.hours.day_starts  # the newest, today, first
        weeks = Slice(cells, Bounds("span", days[-1], days[0], cells.levels.all[4]), now_ms, 4, False)
        classes = tuple(history.classes_of(cells, watch))

        def counted(cut: Cut) -> scan.Slice:
            return scan.Slice(cut, inside.n((cut,), watch.measure, classes), weeks.n((cut,), watch.measure, classes))

        names = set(watch.measure.by.names) - {_AGENT}
        slices = [counted(cut) for cut in cells.cuts() if cut and all(name in names for name, _ in cut)]
        whole = counted(TOTAL)
        mean, variance = expected(base.rates[0], history.hours_of(base.hours, incident.since_ms, min(end, now_ms)))
        held = [one for one in slices if one.observed or one.before]
        return scan.find(whole.observed, mean, max(1.0, variance / mean if mean else 1.0), whole.before, held)

    def stale(self, cells: Cells, now_ms: int) -> list[Kpi]:
        """The KPIs whose baseline is to be made anew: at every full hour, and when it is older than `REFRESH_MS`."""
        return [kpi for kpi in self.kpis if isinstance(kpi.watch, Watch) and not self._is_fresh(kpi, cells, now_ms)]

    def _is_fresh(self, kpi: Kpi, cells: Cells, now_ms: int) -> bool:
        base = self._baselines.get(kpi.id)
        return (
            base is not None
            and base.cells == id(cells)
            and 0 <= now_ms - base.made_at_ms < REFRESH_MS
            and now_ms // HOUR == base.made_at_ms // HOUR
        )

    def refresh(self, kpi: Kpi, cells: Cells, now_ms: int) -> None:
        """Learn anew what is usual for one KPI. Raises TypeError when it watches no count."""
        watch = kpi.watch
        if not isinstance(watch, Watch):
            raise TypeError(f"{kpi.id} watches no count")
        hours = history.grid(cells, now_ms)
        cuts = history.series_of(cells, watch, now_ms)
        first = history.first_known_ms(cells, watch)
        known = history.known(hours, now_ms if first is None else first, now_ms)
        counts = history.by_hour(cells, watch, cuts, hours)
        whole = fit(counts[0], known)
        sums = (counts * known).sum(axis=(1, 2, 3))
        shares = (sums + 0.5) / (sums[0] + 0.5 * len(cuts))
        rates = [whole, *(fit(counts[i], known, whole, float(shares[i])) for i in range(1, len(cuts)))]
        self._baselines[kpi.id] = _Baseline(now_ms, id(cells), hours, cuts, rates)
