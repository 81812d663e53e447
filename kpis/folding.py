"""Folding `differences`: cells and everything that adds up beside them. The fold and every board are the same `Folded`."""

from __future__ import annotations

from collections import Counter

from kpis.cells import Cells
from kpis.dimensions import SETS
from kpis.measures import BY_KEY
from kpis.names import OTHER
from kpis.window import HOUR
from schemas.cells import CellsMarker, ShardState
from schemas.differences import Differences

TallyKey = tuple[str, str, str, str, str]
"""(measure, class, channel, team, priority) of a gross counter; "" where not said."""
LABELS = ("channel", "team", "priority")
LABELS_MAX_CHARS = 150_000
"""Names of gross counters kept apart: some thousand of them, in a marker below 900 KB. Past it hostile values share `__other__`."""


class Folded:
    """Cells, and how far each shard and source has come."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.offset = -1
        self.shards: dict[str, ShardState] = {}
        self.sources: dict[str, int] = {}
        self.tallies: Counter[TallyKey] = Counter()
        self.events = 0
        self.late: Counter[int] = Counter()
        self._labels_chars = 0

    def add(self, differences: Differences, offset: int) -> None:
        """Add one record of `differences`."""
        self.cells.add(differences)
        self.offset = offset
        shard = self.shards.setdefault(differences.shard, ShardState())
        shard.last_offset = max(shard.last_offset, differences.last_offset)
        shard.watermark_ms = max(shard.watermark_ms, differences.watermark_ms)
        shard.newest_ms = max(shard.newest_ms, differences.newest_ms)
        shard.at_ms = max(shard.at_ms, differences.at_ms)
        for source, newest in differences.sources.items():
            self.sources[source] = max(self.sources.get(source, 0), newest)
        for slot, attribute, n in differences.tallies:
            self._count(_tally_key(*differences.slots[slot], differences.attributes[attribute]), n)
        self.events += differences.events
        self.late.update(differences.late)

    def _count(self, key: TallyKey, n: int) -> None:
        if key not in self.tallies:
            if self._labels_chars > LABELS_MAX_CHARS:
                key = (key[0], OTHER, OTHER, OTHER, OTHER)
            self._labels_chars += sum(map(len, key))
        self.tallies[key] += n

    def late_between(self, start_ms: int, end_ms: int) -> int:
        """How many events of a span came more than an hour late; spans are rounded outward to hours."""
        return sum(n for hour, n in self.late.items() if start_ms - HOUR < hour < end_ms)

    @property
    def newest_ms(self) -> int:
        """The newest event time of any shard, 0 before the first event."""
        return max((shard.newest_ms for shard in self.shards.values()), default=0)

    def watermark_ms(self, idle_before_ms: int | None = None) -> int | None:
        """The least watermark of the active shards; shards that wrote nothing since `idle_before_ms` do not hold it back."""
        active = [s.watermark_ms for s in self.shards.values() if s.watermark_ms and (idle_before_ms is None or s.at_ms >= idle_before_ms)]
        if not active:
            active = [max((s.watermark_ms for s in self.shards.values()), default=0)]
        return min(active) or None

    def marker(self) -> CellsMarker:
        """What stands beside the cells in `cells`."""
        return CellsMarker(
            offset=self.offset,
            shards=dict(self.shards),
            sources=dict(self.sources),
            tallies=[(*key, n) for key, n in sorted(self.tallies.items())],
            events=self.events,
            late=dict(self.late),
        )

    def restore(self, marker: CellsMarker) -> None:
        """Take the newest marker of `cells`."""
        self.offset = marker.offset
        self.shards = dict(marker.shards)
        self.sources = dict(marker.sources)
        self.tallies = Counter({(row[0], row[1], row[2], row[3], row[4]): row[5] for row in marker.tallies})
        self._labels_chars = sum(len(text) for key in self.tallies for text in key)
        self.events, self.late = marker.events, Counter(marker.late)


def _tally_key(measure_key: str, cls: str, attributes: tuple[str | None, ...]) -> TallyKey:
    names = SETS[str(attributes[0])].names
    said = dict(zip(names, attributes[1:], strict=True))
    channel, team, priority = (said.get(label) or "" for label in LABELS)
    measure = BY_KEY.get(measure_key)
    return (measure.tally if measure is not None else measure_key, cls, channel, team, priority)
