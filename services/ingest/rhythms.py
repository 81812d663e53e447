"""How often each source delivers, hour by hour, told once an hour so that its silence can be judged.

Laws: only hours in which this ingest was up throughout are told; a rhythm goes on where the same door stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kpis.spikes.silence import add_hour
from kpis.window import HOUR
from schemas.rhythm import Rhythm, unknown


class Rhythms:
    """The rhythms of one ingest's sources."""

    def __init__(self, sources: Iterable[str], door: str, now_ms: int) -> None:
        self._rhythms = {source: unknown(source, door) for source in sources}
        self._counts = dict.fromkeys(self._rhythms, 0)
        self._hour = now_ms // HOUR
        self._whole = now_ms % HOUR == 0

    def go_on(self, earlier: Mapping[str, Rhythm]) -> None:
        """Take over what the same door told before."""
        for source, rhythm in earlier.items():
            if source in self._rhythms:
                self._rhythms[source] = rhythm

    def delivered(self, source: str) -> None:
        """A verified sender delivered."""
        if source in self._counts:
            self._counts[source] += 1

    def told(self, now_ms: int) -> list[Rhythm]:
        """What is to be told: nothing within an hour, at its end every source."""
        hour = now_ms // HOUR
        if hour == self._hour:
            return []
        ended, whole = self._hour, self._whole
        counts, self._counts = self._counts, dict.fromkeys(self._counts, 0)
        self._hour, self._whole = hour, True
        if not whole:
            return []
        for source, rhythm in self._rhythms.items():
            add_hour(rhythm, ended, counts[source])
            for between in range(ended + 1, hour):  # a machine that slept: unknown, not silent
                rhythm.hour = max(rhythm.hour, between)
        return list(self._rhythms.values())
