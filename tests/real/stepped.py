"""The detector stepped through the weeks of a real log, as of each instant, and every incident it opened.

Only the watched facts of a log are read: creations of tickets, calls that were given up. Their minutes are kept for the whole log, so
that one set of cells serves every instant; what is usual is learnt anew for each day, from the days before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kpis.batch import run
from kpis.catalogue import KPIS
from kpis.cells import Cells
from kpis.spikes.detector import Detector, Seen
from kpis.spikes.judging import Judged, unusual
from kpis.window import DAY, MINUTE, Levels, Zone
from schemas.canonical import event_from, millis_from, rfc3339
from tests.real.logfiles import Outside
from tests.real.services import SOURCE
from tests.real.translate import Log, translated

_KEPT_MS = 5000 * DAY
_RECEIVED_MS = 1_790_000_000_000


class Opened(NamedTuple):
    """An incident of a log: what was judged when it was strongest, and how many rounds it stood."""

    since: str
    opened: str
    strongest: Judged
    corrected: float
    rounds: int


def cells_of(log: Log) -> Cells:
    """The watched facts of a log, by the minute throughout."""
    levels = Levels(Zone("UTC"), day_level_days=5000)
    levels.all = tuple(level._replace(kept_ms=_KEPT_MS) if level.number else level for level in levels.all)
    events = [event_from(one, source=SOURCE, received_at_ms=_RECEIVED_MS)[0] for one in _watched(translated(log))]
    return run(events, levels=levels, pairs=(("channel", "priority"),)).cells


def _watched(events: Sequence[Outside]) -> Iterator[Outside]:
    given_up = {one["call_id"] for one in events if one["type"] == "call.abandoned"}
    for one in events:
        if one["type"] == "ticket.created" or one.get("call_id") in given_up:
            yield one


def stepped(cells: Cells, kpi_id: str, start: str, end: str, step_minutes: int) -> list[Opened]:
    """Every incident of one KPI from one day to another."""
    kpi = next(kpi for kpi in KPIS if kpi.id == kpi_id)
    detector = Detector([kpi])
    found: list[Opened] = []
    for day in range(millis_from(start), millis_from(end), DAY):
        for at in range(day, day + DAY, step_minutes * MINUTE):
            seen = detector.round(cells, at, now_ms=day)[0]
            if unusual(seen.judged):
                seen = detector.round(cells, at, now_ms=day)[0]  # rounds are seconds apart, steps are not
            _note(seen, found)
    return found


def _note(seen: Seen, found: list[Opened]) -> None:
    incident = seen.incident
    if incident is None:
        return
    opened = rfc3339(incident.opened_at_ms)
    if not found or found[-1].opened != opened:
        found.append(Opened(rfc3339(incident.since_ms), opened, incident.now, incident.corrected, 1))
        return
    last = found[-1]
    strongest, corrected = (incident.now, incident.corrected) if incident.corrected > last.corrected else (last.strongest, last.corrected)
    found[-1] = Opened(last.since, opened, strongest, corrected, last.rounds + 1)
