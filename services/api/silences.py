"""Sources that are unusually silent, judged by how often each delivers at these hours of the week.

Laws: a source whose rhythm is not known for every hour of its silence is not judged; a silence opens after two rounds, with room for
how many sources are watched, and ends with the next delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from kpis.spikes import silence
from kpis.spikes.incidents import ROUNDS_TO_OPEN
from kpis.spikes.judging import ALARM
from schemas.canonical import rfc3339
from schemas.rhythm import Rhythm
from schemas.spikes import Spike, Watched
from schemas.standing import Standing

KPI = WATCH = "source_silence"
"""The name of what is watched; it is no figure of the catalogue."""
UNIT = "deliveries"


def watched(standings: Sequence[Standing], rhythms: Sequence[Rhythm], now_ms: int) -> list[Watched]:
    """Every source that ever delivered: what is usual since its last delivery, and how surprising it is that nothing came."""
    out = []
    for standing in standings:
        since = standing.last_delivery_ms
        own = [rhythm for rhythm in rhythms if rhythm.source == standing.source]
        if since is None or not own:
            continue
        usual = silence.expected(own, since, max(since, now_ms))
        told = None if usual is None else silence.surprise(usual, silence.dispersion(own))
        out.append(
            Watched(
                kpi=KPI, watch=WATCH, dims={"source": standing.source}, window="now", observed=0,
                expected=None if usual is None else round(usual, 3), usual_low=None, usual_high=None,
                surprise=None if told is None else round(min(told, 300.0), 2), unit=UNIT,
            )
        )  # fmt: skip
    return out


class Silences:
    """The silences that are open, one after the other for each source."""

    def __init__(self) -> None:
        self._rounds: dict[str, int] = {}
        self._opened: dict[str, int] = {}

    def step(self, judged: Sequence[Watched], standings: Sequence[Standing], now_ms: int) -> list[Spike]:
        """One round; returns the silences that are open after it."""
        last = {standing.source: standing.last_delivery_ms for standing in standings}
        alarm = ALARM + log10(max(1, len(judged)))
        out = []
        rounds: dict[str, int] = {}
        for one in judged:
            source = one.dims["source"]
            since = last.get(source)
            if since is None or one.surprise is None or one.expected is None or one.surprise <= alarm:
                continue
            rounds[source] = self._rounds.get(source, 0) + 1
            if rounds[source] < ROUNDS_TO_OPEN:
                continue
            self._opened.setdefault(source, now_ms)
            out.append(
                Spike(
                    id=f"{KPI}@{source}@{rfc3339(since)}", kpi=KPI, watch=WATCH, title=f"{source} is unusually silent", dims=dict(one.dims),
                    window="now", since=rfc3339(since), opened_at=rfc3339(self._opened[source]), state="open", observed=0,
                    expected=one.expected, usual_low=one.expected, usual_high=one.expected, unit=UNIT, surprise=one.surprise,
                    once_in_seconds=None,
                )
            )  # fmt: skip
        self._rounds = rounds
        self._opened = {source: at for source, at in self._opened.items() if rounds.get(source, 0) >= ROUNDS_TO_OPEN}
        return out
