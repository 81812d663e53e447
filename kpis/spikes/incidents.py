"""Incidents: one for each watch at a time, from when it began until it is over, so that people are woken once.

Laws: it opens after two rounds in which it is unusual; while it is open nothing else of the same watch opens; it closes after
`CALM_MS` in which its window was as usual, and what came before its end is not looked at again, so that a longer window does not
open it once more; the same rounds give the same incidents, so that every replica tells the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log

from msgspec import Struct

from kpis.spikes.baseline import Rates, expected
from kpis.spikes.history import Grid, Recent, hours_of
from kpis.spikes.judging import Judged
from kpis.spikes.watch import LONG_MS, SHORT_MS

ROUNDS_TO_OPEN = 2
CALM = 1.3
"""A surprise below which a window is as usual: one chance in twenty."""
CALM_MS = 3 * 60_000


class Incident(Struct, kw_only=True):
    """One incident.

    `now` is its series and window as last judged; `corrected` the surprise after the correction for all that is watched.

    `calm_window_ms` is the window that must be as usual before it closes: the shortest that was unusual, a quarter of an hour at least.
    """

    since_ms: int
    opened_at_ms: int
    now: Judged
    corrected: float
    calm_since_ms: int | None = None
    calm_window_ms: int = LONG_MS

    @property
    def closing(self) -> bool:
        """Whether it is calm again, though not yet for long enough."""
        return self.calm_since_ms is not None


class Watcher:
    """The incidents of one watch, one after the other."""

    def __init__(self) -> None:
        self.incident: Incident | None = None
        self.clear_from_ms = 0
        """Nothing before is looked at: it belongs to an incident that is over."""
        self._rounds = 0

    def step(
        self, judged: Sequence[Judged], found: Sequence[tuple[Judged, float]], began_ms: Callable[[Judged], int], now_ms: int
    ) -> Incident | None:
        """One round: all that was judged, what of it is unusual (strongest first), and when such a thing began.

        Returns the incident that is open after it.
        """
        if self.incident is None:
            self._rounds = self._rounds + 1 if found else 0
            if self._rounds >= ROUNDS_TO_OPEN:
                strongest, corrected = found[0]
                self.incident = Incident(since_ms=began_ms(strongest), opened_at_ms=now_ms, now=strongest, corrected=corrected)
                self._look_at(self.incident, found)
            return self.incident
        incident = self.incident
        if found:
            incident.now, incident.corrected = found[0]
        else:  # the numbers go on to be those of now, of the series that carried it
            same = [one for one in judged if one.cut == incident.now.cut and one.window_ms == incident.now.window_ms]
            if same:
                incident.now = same[0]
        self._look_at(incident, found)
        unusual = any(one.window_ms <= incident.calm_window_ms for one, _ in found)  # a longer one still holds what is over
        self._rest(incident, judged, unusual, now_ms)
        return self.incident

    def _look_at(self, incident: Incident, found: Sequence[tuple[Judged, float]]) -> None:
        shortest = min((one.window_ms for one, _ in found), default=LONG_MS)
        incident.calm_window_ms = max(SHORT_MS, min(incident.calm_window_ms, shortest))

    def _rest(self, incident: Incident, judged: Sequence[Judged], unusual: bool, now_ms: int) -> None:
        own = (one for one in judged if one.cut == incident.now.cut and one.window_ms >= incident.calm_window_ms)
        judging = min(own, key=lambda one: one.window_ms, default=None)
        loud = judging is not None and judging.surprise >= CALM and judging.observed > judging.expected + 1
        if unusual or loud:
            incident.calm_since_ms = None
        elif incident.calm_since_ms is None:
            incident.calm_since_ms = now_ms
        elif now_ms - incident.calm_since_ms >= CALM_MS:
            self.incident, self._rounds, self.clear_from_ms = None, 0, now_ms


def began(recent: Recent, rates: Rates, hours: Grid, judged: Judged, not_before_ms: int = 0) -> int:
    """When a run of unusual steps that lasts until now most likely began: the start with the greatest likelihood ratio."""
    best, since = 0.0, judged.start_ms
    start = max(recent.first_ms, not_before_ms + -not_before_ms % recent.step_ms)
    for at in range(judged.end_ms - recent.step_ms, start - 1, -recent.step_ms):
        count = recent.between(judged.series, at, judged.end_ms)
        mean, _ = expected(rates, hours_of(hours, at, judged.end_ms))
        ratio = count * log(count / mean) - (count - mean) if count > mean > 0 else 0.0
        if ratio > best and recent.between(judged.series, at, at + recent.step_ms):
            best, since = ratio, at
    return since
