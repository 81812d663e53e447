"""The fold: one partition of `differences`, added up to cells, which stand in `cells` for readers that start."""

from __future__ import annotations

from kpis.cells import BASE, Cells
from kpis.folding import Folded
from kpis.window import Levels
from schemas import topics
from schemas.cells import LATE_KEY, encode_late, encode_marker
from schemas.differences import decode_differences
from services.aggregator.shard import Input, Outgoing, Pair, Progress


class FoldShard(Progress):
    """Applies records of `differences`; writes changed cells every `fold_ms`."""

    def __init__(self, number: int, *, levels: Levels, pairs: tuple[tuple[str, str], ...], fold_ms: int, wall: bool) -> None:
        super().__init__(Input(topics.DIFFERENCES, number), fold_ms)
        self.folded = Folded(Cells(levels, pairs))
        self._wall = wall
        self._at_rest: dict[tuple[int, int], frozenset[bytes]] = {}

    def step_over(self, offset: int) -> None:
        """Include the offsets up to this one, which hold no records."""
        super().step_over(offset)
        self.folded.offset = self.last_offset

    def apply(self, value: bytes, offset: int) -> None:
        """Take one record. Raises msgspec.DecodeError for a record that no shard wrote: the worker stops."""
        if offset <= self.last_offset:
            return
        self.folded.add(decode_differences(value), offset)
        self.last_offset = offset

    def snapshot(self, now_ms: int) -> Outgoing:
        """Every bucket that changed, tombstones for what was let go of, and the marker."""
        cells = self.folded.cells
        clock_ms = now_ms if self._wall else self.folded.newest_ms
        gone = cells.prune(clock_ms)
        pairs: list[Pair] = [(_late_key(day), None) for day in self.folded.prune(clock_ms)]
        pairs += [(_late_key(day), encode_late(self.folded.late[day])) for day in sorted(self.folded.late_touched)]
        self.folded.late_touched.clear()
        if any(level == 4 for level, _ in gone):
            pairs += self._written(BASE, 0)
        for level, start in gone:
            pairs += [(key, None) for key in self._at_rest.pop((level, start), frozenset())]
        for level, start in sorted(cells.touched):
            pairs += self._written(level, start)
        cells.touched.clear()
        pairs.append((topics.MARKER, encode_marker(self.folded.marker())))
        self._snapshot_taken(now_ms)
        return {(topics.CELLS, self.input.partition): pairs}

    def _written(self, level: int, start: int) -> list[Pair]:
        records = self.folded.cells.at_rest(level, start)
        before = self._at_rest.get((level, start), frozenset())
        self._at_rest[level, start] = frozenset(records)
        return [*records.items(), *((key, None) for key in before if key not in records)]

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record of `cells`; the reader hands over only the newest of each key."""
        if key is None or value is None:
            return
        self.folded.take(key, value)
        if key == topics.MARKER:
            self._restored(self.folded.offset)
        elif not key.startswith(LATE_KEY):
            level, start, _, _ = key.decode().split("|", 3)
            at = (int(level), int(start))
            self._at_rest[at] = self._at_rest.get(at, frozenset()) | {key}


def _late_key(day_ms: int) -> bytes:
    return LATE_KEY + str(day_ms).encode()
