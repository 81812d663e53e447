"""Folding `differences`: cells and everything that adds up beside them. The fold and every board are the same `Folded`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kpis.cells import Cells
from kpis.dimensions import SETS
from kpis.measures import BY_KEY
from kpis.names import OTHER
from kpis.tallies import OWN_CLASSES
from kpis.window import DAY, HOUR
from schemas.cells import LATE_KEY, CellsMarker, Late, ShardState, decode_late, decode_marker
from schemas.differences import Differences
from schemas.topics import MARKER

TallyKey = tuple[str, str, str, str, str]
"""(measure, class, channel, team, priority) of a gross counter; "" where not said."""
LABELS = ("channel", "team", "priority")
FINAL_AFTER_MS = DAY
"""A closed calendar period becomes final when the watermark has passed its end by this much."""
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
        self.late: dict[int, Late] = {}
        """By UTC day, so that what a late event changes is one small record."""
        self.late_touched: set[int] = set()
        self.corrections = self.corrections_of_final = 0
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
        self._came_late(differences)

    def _came_late(self, differences: Differences) -> None:
        for hour, n in differences.late.items():
            events = self._late_of(hour).events
            events[hour] = events.get(hour, 0) + n
        zone = self.cells.levels.zone
        for measure, hour, n in differences.corrections:
            by_hour = self._late_of(hour).corrections.setdefault(measure, {})
            by_hour[hour] = by_hour.get(hour, 0) + n
            self.corrections += n
            if self.newest_ms >= zone.day_after(hour) + FINAL_AFTER_MS:
                self.corrections_of_final += n

    def _late_of(self, hour: int) -> Late:
        day = hour - hour % DAY
        self.late_touched.add(day)
        return self.late.setdefault(day, Late())

    def prune(self, now_ms: int) -> list[int]:
        """Forget what came late for days that the cells no longer hold; returns these days."""
        oldest = now_ms - self.cells.levels.all[4].kept_ms - DAY
        gone = [day for day in self.late if day < oldest]
        for day in gone:
            del self.late[day]
            self.late_touched.discard(day)
        return gone

    def _count(self, key: TallyKey, n: int) -> None:
        if key not in self.tallies:
            if self._labels_chars > LABELS_MAX_CHARS:
                key = (key[0], key[1] if key[0] in OWN_CLASSES else OTHER, OTHER, OTHER, OTHER)
            self._labels_chars += sum(map(len, key))
        self.tallies[key] += n

    def late_between(self, start_ms: int, end_ms: int) -> int:
        """How many events of a span came more than an hour late; spans are rounded outward to hours."""
        return sum(n for late in self._late_within(start_ms, end_ms) for hour, n in late.events.items() if start_ms - HOUR < hour < end_ms)

    def revision_of(self, measures: Iterable[str], start_ms: int, end_ms: int) -> int:
        """How many late corrections what these measures (by name) hold of a span has had; spans are rounded outward to hours."""
        names = set(measures)
        found = (by_hour for late in self._late_within(start_ms, end_ms) for name, by_hour in late.corrections.items() if name in names)
        return sum(n for by_hour in found for hour, n in by_hour.items() if start_ms - HOUR < hour < end_ms)

    def _late_within(self, start_ms: int, end_ms: int) -> Iterable[Late]:
        if not self.late:
            return ()
        first = (start_ms - HOUR) // DAY * DAY
        if (end_ms - first) // DAY > len(self.late):
            return self.late.values()
        return (late for day in range(first, end_ms, DAY) if (late := self.late.get(day)) is not None)

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
            corrections=(self.corrections, self.corrections_of_final),
        )

    def take(self, key: bytes, value: bytes) -> None:
        """Take one record of `cells`: the marker, what came late, or cells; the newest of each key, in any order."""
        if key == MARKER:
            self.restore(decode_marker(value))
        elif key.startswith(LATE_KEY):
            self.late[int(key.removeprefix(LATE_KEY))] = decode_late(value)
        else:
            self.cells.restore(key, value)

    def restore(self, marker: CellsMarker) -> None:
        """Take the newest marker of `cells`."""
        self.offset = marker.offset
        self.shards = dict(marker.shards)
        self.sources = dict(marker.sources)
        self.tallies = Counter({(row[0], row[1], row[2], row[3], row[4]): row[5] for row in marker.tallies})
        self._labels_chars = sum(len(text) for key in self.tallies for text in key)
        self.events = marker.events
        self.corrections, self.corrections_of_final = marker.corrections


def _tally_key(measure_key: str, cls: str, attributes: tuple[str | None, ...]) -> TallyKey:
    names = SETS[str(attributes[0])].names
    said = dict(zip(names, attributes[1:], strict=True))
    channel, team, priority = (said.get(label) or "" for label in LABELS)
    measure = BY_KEY.get(measure_key)
    return (measure.tally if measure is not None else measure_key, cls, channel, team, priority)
