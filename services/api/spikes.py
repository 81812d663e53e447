"""Watching for unusual numbers beside the board: a round every five seconds, the open incidents with causes and newest cases.

Laws: nothing is judged before the board has caught up; a replica that starts anew walks through the last two hours first, so that
it tells what the others tell; whoever asks for figures never waits longer than for one series of baselines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kpis.dimensions import Cut
from kpis.folding import Folded
from kpis.kpi import Kpi, Targets, Value
from kpis.measures import Measure
from kpis.query import Query, Unanswerable
from kpis.reading import Reader
from kpis.slices import Cuts, Slice
from kpis.spikes.causes import Causes
from kpis.spikes.detector import Detector, Seen
from kpis.spikes.incidents import Incident
from kpis.spikes.judging import Judged
from kpis.spikes.tails import usual
from kpis.spikes.watch import WaitWatch, Watch
from kpis.window import MINUTE
from schemas.canonical import rfc3339
from schemas.rhythm import Rhythm
from schemas.spikes import Spike, SpikeCause, Watched
from schemas.standing import Standing
from services.api import silences
from services.api.lineage import Lineages, Shown, StateLineages, Unreadable
from services.settings import Settings

EVERY_SECONDS = 5.0
FIRST_SECONDS = 0.2
"""How often it is looked whether there are figures to judge, before the first round."""
CASES = 5
CASES_SECONDS = 60.0
"""How often the newest cases of an open incident are read again: reading logs costs more than counting."""
BACKFILL_EVENTS, BACKFILL_SHARE = 20, 0.1
"""So many events of a round came over an hour late, and such a share of all: a history is being written."""
ONCE_MAX_SECONDS = 1e12
"""What chance does less often than this is told as this often: three times as long as people write."""
log = logging.getLogger("deskpulse.api")


class Watchable(Protocol):
    """What of a board is watched."""

    within: Settings
    folded: Folded
    caught_up: bool
    kpis: tuple[Kpi, ...]
    standings: list[Standing]
    rhythms: list[Rhythm]

    def wall_ms(self) -> int:
        """The wall clock's instant: deliveries come by it."""

    def now_ms(self) -> int:
        """The instant that "now" means."""

    async def changed(self, since: int) -> int:
        """Waits until the version is greater than `since`; returns the new version."""

    async def note(self, spikes: list[Spike], watched: list[Watched]) -> None:
        """Takes what was found, to be told with the figures."""


class Spikes:
    """The rounds over one board."""

    def __init__(
        self, board: Watchable, *, lineages: Callable[[Shown], Lineages] = StateLineages, every_seconds: float = EVERY_SECONDS
    ) -> None:
        """`lineages` reads the cases of what a board shows."""
        self._board = board
        self._lineages = lineages
        self._every_seconds = every_seconds
        self._silences = silences.Silences()
        self._detector: Detector | None = None
        self._folded: Folded | None = None
        self._counted = (0, 0)
        self._was_settled = True
        self._cases: dict[str, tuple[float, list[str]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Watch until cancelled. A round that fails is logged and the next one tried: figures go on without alarms."""
        try:
            while True:
                if self._board.caught_up and self._board.now_ms() > 0:
                    try:
                        await self.round()
                    except Exception:
                        log.exception("watching for unusual numbers failed; the next round tries again")
                        self._detector = None
                        await asyncio.sleep(self._every_seconds)
                # the first round comes as soon as there are figures: an incident that is open should not be missing from them
                await asyncio.sleep(self._every_seconds if self._detector is not None else FIRST_SECONDS)
        finally:
            if self._reading is not None:
                self._reading.cancel()

    async def round(self) -> None:
        """One round: judge, find causes, tell."""
        folded, now_ms = self._board.folded, self._board.now_ms()
        detector = self._detector
        if detector is None or folded is not self._folded:
            detector = self._detector = Detector(self._board.kpis)
            self._folded, self._cases = folded, {}
            self._counted, self._was_settled = _late_and_all(folded), True
            await self._refresh(detector, folded, now_ms)
            for _ in detector.catch_up(folded.cells, now_ms):
                await asyncio.sleep(0)
        settled = self._settled(folded)
        if settled and not self._was_settled:
            detector.forget()
        self._was_settled = settled
        await self._refresh(detector, folded, now_ms)
        seen = detector.round(folded.cells, now_ms, settled=settled)
        spikes = [
            spike_of(one, one.incident, detector.causes(one, folded.cells, now_ms), self._cases_of(one, one.incident))
            for one in seen
            if one.incident is not None
        ]
        silent = silences.watched(self._board.standings, self._board.rhythms, self._board.wall_ms())
        told = [told for one in seen for told in watched_of(one)]
        spikes += self._silences.step(silent, self._board.standings, self._board.wall_ms())
        spikes.sort(key=lambda spike: (-spike.surprise, spike.kpi))
        await self._board.note(spikes, [*told, *silent])
        self._read_cases(seen, spikes)

    def _settled(self, folded: Folded) -> bool:
        """Whether no history is being written: a backfill that is half in would make the present look like much."""
        before, self._counted = self._counted, _late_and_all(folded)
        late, events = self._counted[0] - before[0], self._counted[1] - before[1]
        return late < max(BACKFILL_EVENTS, BACKFILL_SHARE * events)

    async def _refresh(self, detector: Detector, folded: Folded, now_ms: int) -> None:
        for kpi in detector.stale(folded.cells, now_ms):
            detector.refresh(kpi, folded.cells, now_ms)
            await asyncio.sleep(0)

    # ---- the newest cases ----------------------------------------------------------------------

    def _cases_of(self, seen: Seen, incident: Incident) -> list[str]:
        return self._cases.get(spike_id(seen.kpi, incident), (0.0, []))[1]

    def _read_cases(self, seen: list[Seen], spikes: list[Spike]) -> None:
        if self._reading is not None and not self._reading.done():
            return
        at = asyncio.get_running_loop().time()
        known = {spike.id for spike in spikes}
        self._cases = {id: cases for id, cases in self._cases.items() if id in known}
        causes = {spike.id: spike.causes for spike in spikes}
        for one in seen:
            if one.incident is None or not isinstance(one.kpi.watch, Watch):
                continue
            id = spike_id(one.kpi, one.incident)
            if at - self._cases.get(id, (at - CASES_SECONDS, []))[0] >= CASES_SECONDS:
                where = next((tuple(cause.dims.items()) for cause in causes[id]), one.incident.now.cut)
                self._reading = asyncio.create_task(self._read(id, one.kpi, one.kpi.watch, one.incident.since_ms, where))
                return  # one a round: lineages are read one at a time

    async def _read(self, id: str, kpi: Kpi, watch: Watch, since_ms: int, where: Cut) -> None:
        counting = _Counting(self._board, kpi, watch)
        now_ms = self._board.now_ms()
        query = Query(kpis=(kpi.id,), span=(since_ms, now_ms + -now_ms % MINUTE), where=where)
        cases: list[str] = []
        try:
            found = await self._lineages(counting).lineage(query, CASES)
            cases = list(dict.fromkeys(one.entity.split(":", 2)[-1] for one in found.entities))[:CASES]
        except (Unanswerable, Unreadable) as error:
            log.info("the newest cases of an unusual number cannot be read: %s", error)
        self._cases[id] = (asyncio.get_running_loop().time(), cases)


class _Total(NamedTuple):
    """The watched count as a formula, so that its cases can be read as those of a figure."""

    measure: Measure
    classes: Callable[[str], bool] | None

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.measure,)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        classes = cells.classes(self.measure)
        n = cells.n(cuts, self.measure, classes if self.classes is None else tuple(filter(self.classes, classes)))
        return Value(value=n, n=n)


class _Counting:
    """A board on which the watched count stands in place of its KPI's figure."""

    def __init__(self, board: Watchable, kpi: Kpi, watch: Watch) -> None:
        self._board = board
        self.within = board.within
        self._kpi = Kpi(
            id=kpi.id, title=kpi.title, subject=kpi.subject, unit="tickets", better="none", formula=kpi.formula, meaning=kpi.meaning,
            figure=_Total(watch.measure, watch.classes), windows=kpi.windows,
        )  # fmt: skip

    def reader(self) -> Reader:
        """A reader of this instant."""
        return Reader(self._board.folded.cells, now_ms=self._board.now_ms(), watermark_ms=None, kpis=(self._kpi,))

    async def changed(self, since: int) -> int:
        """As the board's."""
        return await self._board.changed(since)


# ---- as it is told -----------------------------------------------------------------------------


def spike_id(kpi: Kpi, incident: Incident) -> str:
    """The id of an incident, the same while it lasts and on every replica."""
    return f"{kpi.id}@{rfc3339(incident.since_ms)}"


def spike_of(seen: Seen, incident: Incident, causes: Causes, cases: list[str]) -> Spike:
    """An open incident as it is told."""
    watch = seen.kpi.watch
    assert watch is not None
    now = incident.now
    told = _told(seen.kpi, watch, now)
    verb = "is" if isinstance(watch, WaitWatch) else "are"
    once = now.window_ms / 1000 * 10.0 ** min(incident.corrected, 300.0)
    return Spike(
        id=spike_id(seen.kpi, incident),
        kpi=seen.kpi.id,
        watch=watch.id,
        title=f"{watch.noun} {verb} unusually {'long' if isinstance(watch, WaitWatch) else 'high'}",
        dims=told.dims,
        window=told.window,
        since=rfc3339(incident.since_ms),
        opened_at=rfc3339(incident.opened_at_ms),
        state="closing" if incident.closing else "open",
        observed=told.observed,
        expected=told.expected or 0.0,
        usual_low=told.usual_low or 0.0,
        usual_high=told.usual_high or 0.0,
        unit=watch.unit,
        surprise=round(min(now.surprise, 300.0), 2),
        once_in_seconds=min(once, ONCE_MAX_SECONDS) if now.window_ms else None,
        causes=[
            SpikeCause(
                dims=dict(cause.cut),
                observed=cause.observed,
                expected=round(cause.expected, 3),
                share=round(cause.share, 3),
                surprise=round(min(cause.surprise, 300.0), 2),
            )
            for cause in causes.named
        ],
        flat=causes.flat,
        tickets=cases,
    )


def watched_of(seen: Seen) -> list[Watched]:
    """Every series of a KPI in the window in which it is most surprising; the whole is there before anything can be judged."""
    watch = seen.kpi.watch
    if watch is None:
        return []
    strongest: dict[Cut, Judged] = {}
    for one in seen.judged:
        before = strongest.get(one.cut)
        if before is None or one.surprise > before.surprise:
            strongest[one.cut] = one
    if not strongest:
        return [
            Watched(
                kpi=seen.kpi.id, watch=watch.id, dims={}, window="", observed=0, expected=None, usual_low=None, usual_high=None,
                surprise=None, unit=watch.unit,
            )
        ]  # fmt: skip
    return [_told(seen.kpi, watch, one) for _, one in sorted(strongest.items())]


def _told(kpi: Kpi, watch: Watch | WaitWatch, one: Judged) -> Watched:
    if isinstance(watch, WaitWatch):  # milliseconds inside, seconds outside; the variance holds what 97.5 % stay below
        observed, expected, low, high = (value / 1000 for value in (one.observed, one.expected, 0.0, one.variance))
        window = "now"
    else:
        low, high = usual(one.expected, one.variance)
        observed, expected, window = one.observed, one.expected, _window(one.window_ms)
    return Watched(
        kpi=kpi.id,
        watch=watch.id,
        dims=dict(one.cut),
        window=window,
        observed=observed,
        expected=round(expected, 3),
        usual_low=low,
        usual_high=high,
        surprise=round(min(one.surprise, 300.0), 2),
        unit=watch.unit,
    )


def _late_and_all(folded: Folded) -> tuple[int, int]:
    return sum(n for late in folded.late.values() for n in late.events.values()), folded.events


def _window(width_ms: int) -> str:
    minutes = width_ms // MINUTE
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
