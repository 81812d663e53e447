"""Cells: for each level and bucket, how much every component of every cut holds. They add, and subtract exactly.

A cell is one integer key (cut and component, see `kpis.names`); a bucket is a sparse column of keys and amounts. Adding is
appending, and a bucket is summed up when it is read or written. What is older than the oldest bucket stays in a base for gauges.
Laws: order, repetition of taking back and splitting of what is added cannot matter; a cell of 0 is not there; what a bucket holds
never changes (more makes another one), so that `Cells.still` keeps a moment for next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import pairwise

import msgspec
import numpy as np

from kpis.dimensions import Cut
from kpis.expansion import EMPTY, Amounts, Expansion
from kpis.names import COMPONENT_BITS, COMPONENT_MASK, Names
from kpis.steps import Steps, finished
from kpis.window import Levels, Longs
from schemas.differences import Differences

_KEY_BITS = 42
"""Bits of a key (22 of the cut, 20 of the component) when a bucket's ordinal stands before it in one integer."""


def _room(keys: Longs) -> int:
    """How many amounts may wait beside so many keys before they are summed up."""
    return 4096 + 2 * len(keys)


class Bucket:
    """A sparse column: ascending keys and their amounts; or, until it is first read, another bucket and what it has more."""

    __slots__ = ("_amounts", "_before", "_cuts", "_dense", "_keys", "_room")

    def __init__(self, keys: Longs = EMPTY, amounts: Longs = EMPTY, before: Bucket | None = None) -> None:
        self._keys = keys
        self._amounts = amounts
        self._before = before
        self._room: int = _room(keys) if before is None else before._room - len(keys)
        self._dense: Longs | None = None
        self._cuts: Longs | None = None

    def plus(self, keys: Longs, amounts: Longs) -> Bucket:
        """A bucket of what this one holds and some amounts more; they may repeat keys and be negative."""
        more = Bucket(keys, amounts, self)
        if more._room < 0:
            more.column()
        return more

    def column(self) -> tuple[Longs, Longs]:
        """(keys ascending, amounts not 0)."""
        if self._before is not None:
            keys, amounts = [self._keys], [self._amounts]
            at: Bucket | None = self._before
            while at is not None:
                keys.append(at._keys)
                amounts.append(at._amounts)
                at = at._before
            self._keys, self._amounts = summed(np.concatenate(keys[::-1]), np.concatenate(amounts[::-1]))
            self._before, self._room = None, _room(self._keys)
        return self._keys, self._amounts

    def cuts(self) -> Longs:
        """The numbers of the cuts that hold anything."""
        keys, _ = self.column()
        if self._cuts is None:
            self._cuts = np.unique(keys >> COMPONENT_BITS)
        return self._cuts

    def of(self, keys: Longs) -> Longs:
        """The amounts of ascending keys, 0 where it holds none."""
        held, amounts = self.column()
        if not len(held):
            return np.zeros(len(keys), dtype=np.int64)
        at = np.minimum(np.searchsorted(held, keys), len(held) - 1)
        return np.where(held[at] == keys, amounts[at], 0)

    def dense(self, places: Places) -> tuple[Longs, Longs]:
        """(places of the keys in a dense array of totals, amounts)."""
        keys, amounts = self.column()
        if self._dense is None:
            self._dense = places.of(keys)
        return self._dense, amounts


_NOTHING = Bucket()


class Places:
    """A place in dense arrays of totals for every key that was ever read."""

    def __init__(self) -> None:
        self._sorted = EMPTY
        self._places = EMPTY

    def __len__(self) -> int:
        """How many places there are."""
        return len(self._sorted)

    def of(self, keys: Longs) -> Longs:
        """The places of ascending keys, given on first sight."""
        at = np.searchsorted(self._sorted, keys)
        missing = keys if not len(self._sorted) else keys[self._sorted[np.minimum(at, len(self._sorted) - 1)] != keys]
        if len(missing):
            fresh = np.arange(len(self._sorted), len(self._sorted) + len(missing), dtype=np.int64)
            where = np.searchsorted(self._sorted, missing)
            self._places = np.insert(self._places, where, fresh)
            self._sorted = np.insert(self._sorted, where, missing)
            at = np.searchsorted(self._sorted, keys)
        return self._places[at]

    def find(self, key: int) -> int | None:
        """The place of a key, None when it was never seen."""
        at = int(np.searchsorted(self._sorted, key))
        return int(self._places[at]) if at < len(self._sorted) and self._sorted[at] == key else None

    def find_all(self, keys: Longs) -> Longs:
        """`find` for many keys, −1 for one that was never seen."""
        if not len(self._sorted):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        return np.where(self._sorted[at] == keys, self._places[at], -1)


class Cells:
    """All cells of all levels."""

    def __init__(self, levels: Levels, pairs: tuple[tuple[str, str], ...] = (("channel", "team"),)) -> None:
        self.levels = levels
        self.dimension_pairs = pairs
        self.names = Names()
        self.places = Places()
        self.buckets: list[dict[int, Bucket]] = [{} for _ in levels.all]
        self.base = Bucket()
        self.touched: set[tuple[int, int]] = set()
        self.version = 0
        self._expansion = Expansion(self.names, pairs)
        self._known_cuts: dict[int, list[Cut]] = {}
        self._known_bins: dict[tuple[str, str], tuple[int, Longs, Longs]] = {}

    # ---- names ---------------------------------------------------------------------------------

    def cuts(self) -> list[Cut]:
        """Every cut that holds anything now: one of which everything was taken back is forgotten."""
        known = self._known_cuts.get(self.version)
        if known is None:
            held = np.unique(np.concatenate([self.base.cuts(), *(bucket.cuts() for bucket in self.buckets[4].values())]))
            known = [self.names.cuts[number] for number in held.tolist()]
            self._known_cuts.clear()
            self._known_cuts[self.version] = known
        return known

    def components_of(self, measure_key: str) -> list[str]:
        """All components a measure ever had, in order of first sight."""
        return self.names.components_of(measure_key)

    def bins_of(self, measure_key: str, letter: str) -> tuple[Longs, Longs]:
        """(bins ascending, the number of each one's component) of a measure's sketch."""
        names = self.components_of(measure_key)
        known = self._known_bins.get((measure_key, letter))
        if known is None or known[0] != len(names):
            found = sorted((int(n[1:]), self.names.component(measure_key, n)) for n in names if n[0] == letter and n[1:].isdigit())
            both = np.array(found, dtype=np.int64).reshape(-1, 2)
            known = self._known_bins[measure_key, letter] = len(names), both[:, 0].copy(), both[:, 1].copy()
        return known[1:]

    def values_of(self, dimension: str) -> list[str]:
        """All values a dimension ever had, sorted."""
        return sorted({cut[0][1] for cut in self.cuts() if len(cut) == 1 and cut[0][0] == dimension})

    # ---- adding --------------------------------------------------------------------------------

    def add(self, differences: Differences) -> None:
        """Add the contributions of one record, at the level of each row and all coarser ones."""
        amounts = self._expansion.expand(differences)
        if amounts is not None:
            self._add_levels(amounts)
            self.version += 1

    def _add_levels(self, all_of: Amounts) -> None:
        """Sum at the finest level first: a coarser one then adds up far fewer amounts."""
        keys, starts, amounts = EMPTY, EMPTY, EMPTY
        for level in range(5):
            own = all_of.level == level
            if own.any():
                keys = np.concatenate([keys, all_of.keys[own]])
                starts = np.concatenate([starts, all_of.time[own]])
                amounts = np.concatenate([amounts, all_of.amounts[own]])
            if len(keys):
                keys, starts, amounts = self._add_level(level, keys, starts, amounts)

    def _add_level(self, level: int, keys: Longs, time: Longs, amounts: Longs) -> tuple[Longs, Longs, Longs]:
        starts, ordinal = np.unique(self.levels.zone.bucket_starts(time, level), return_inverse=True)
        both, amounts = summed(ordinal.astype(np.int64) << _KEY_BITS | keys, amounts)
        ordinal, keys = both >> _KEY_BITS, both & ((1 << _KEY_BITS) - 1)
        edges = np.searchsorted(ordinal, np.arange(len(starts) + 1)).tolist()
        buckets = self.buckets[level]
        for start, (low, high) in zip(starts.tolist(), pairwise(edges), strict=True):
            if low < high:
                buckets[start] = buckets.get(start, _NOTHING).plus(keys[low:high], amounts[low:high])
                self.touched.add((level, start))
        return keys, starts[ordinal], amounts

    # ---- reading -------------------------------------------------------------------------------

    def still(self) -> Cells:
        """These cells as they are now, to be read while more is added to the others; they share buckets and names."""
        other = copy(self)
        other.buckets = [dict(buckets) for buckets in self.buckets]
        return other

    def total(self, start_ms: int | None, end_ms: int, now_ms: int, finest: int = 0) -> Longs:
        """Σ of every cell over [start_ms, end_ms), by place; `start_ms` None is everything before, the base included."""
        return finished(self.total_in_steps(start_ms, end_ms, now_ms, finest))

    def total_in_steps(self, start_ms: int | None, end_ms: int, now_ms: int, finest: int = 0) -> Steps[Longs]:
        """As `total`, a bucket a step."""
        columns = []
        if start_ms is None:
            columns.append(self.base.dense(self.places))
            start_ms = min(self.buckets[4], default=end_ms)
        for _, _, bucket in self.tiles(start_ms, end_ms, now_ms, finest):
            columns.append(bucket.dense(self.places))
            yield
        out = np.zeros(len(self.places), dtype=np.int64)
        for places, amounts in columns:
            out[places] += amounts
            yield
        return out

    def place(self, cut: Cut, measure_key: str, component: str) -> int | None:
        """Where a total holds a cell, None when nothing was ever added to it."""
        key = self.names.key(cut, measure_key, component)
        return None if key is None else self.places.find(key)

    def tiles(
        self, start_ms: int, end_ms: int, now_ms: int, finest: int = 0, *, by_age: int | None = None
    ) -> Iterator[tuple[int, int, Bucket]]:
        """(level, start, bucket) of the buckets that tile [start_ms, end_ms); empty ones are left out.

        They are as few as possible, or, with the finest level that is asked `by_age`, so small that the age of a bucket is that of
        what is in it.
        """
        levels = self.levels
        if by_age is None:
            parts = levels.cover(start_ms, end_ms, now_ms, finest)
        else:
            parts = levels.cover_by_age(start_ms, end_ms, now_ms, by_age, finest)
        for level, low, high in parts:
            buckets = self.buckets[level]
            width = self.levels.all[level].width_ms
            if (high - low) // width > 2 * len(buckets):
                found = sorted(s for s in buckets if low <= s < high)
            else:
                found = []
                at = low
                while at < high:
                    if at in buckets:
                        found.append(at)
                    at = self.levels.zone.bucket_end(at, level)
            for start in found:
                yield level, start, buckets[start]

    # ---- keeping -------------------------------------------------------------------------------

    def prune(self, now_ms: int) -> list[tuple[int, int]]:
        """Let go of buckets older than their level keeps them; gauges of the day level go into the base. What went: (level, start)."""
        gone: list[tuple[int, int]] = []
        for level in self.levels.all:
            buckets = self.buckets[level.number]
            for start in [s for s in buckets if now_ms - s >= level.kept_ms + level.width_ms]:
                bucket = buckets.pop(start)
                gone.append((level.number, start))
                self.touched.discard((level.number, start))
                if level.number == 4:
                    self._to_base(bucket)
        return gone

    def _to_base(self, bucket: Bucket) -> None:
        keys, amounts = bucket.column()
        gauges = np.isin(keys & COMPONENT_MASK, np.array(sorted(self.names.gauges), dtype=np.int64))
        if gauges.any():
            self.base = self.base.plus(keys[gauges], amounts[gauges])

    # ---- at rest -------------------------------------------------------------------------------

    def at_rest(self, level: int, start_ms: int) -> dict[bytes, bytes]:
        """One bucket as records of `cells`: key level|start|measure|part, value {cut: {component: amount}}; canonical bytes."""
        bucket = self.base if level == BASE else self.buckets[level].get(start_ms)
        by_measure: dict[str, dict[str, dict[str, int]]] = {}
        if bucket is not None:
            keys, amounts = bucket.column()
            for key, amount in zip(keys.tolist(), amounts.tolist(), strict=True):
                cut, measure_key, component = self.names.of_key(key)
                by_measure.setdefault(measure_key, {}).setdefault(cut_name(cut), {})[component] = amount
        out: dict[bytes, bytes] = {}
        for measure, cuts in by_measure.items():
            for part, held in enumerate(_small(cuts)):
                out[f"{level}|{start_ms}|{measure}|{part}".encode()] = b"{" + b",".join(held) + b"}"
        return out

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of `cells`."""
        level, start, measure, _ = key.decode().split("|", 3)
        keys, amounts = [], []
        for name, held in _CELL.decode(value).items():
            cut = cut_from(name)
            for component, amount in held.items():
                self.names.component(measure, component)
                self.names.cut(cut)
                known = self.names.key(cut, measure, component)
                if known is not None:
                    keys.append(known)
                    amounts.append(amount)
        more = np.array(keys, dtype=np.int64), np.array(amounts, dtype=np.int64)
        if int(level) == BASE:
            self.base = self.base.plus(*more)
        else:
            buckets = self.buckets[int(level)]
            buckets[int(start)] = buckets.get(int(start), _NOTHING).plus(*more)
        self.version += 1


RECORD_MAX_BYTES = 700_000
"""Size of one record of `cells` before another is begun; one cut with all its bins takes some 20 KB."""
BASE = 9
"""The level under which the base of gauges stands in `cells`."""


def summed(keys: Longs, amounts: Longs) -> tuple[Longs, Longs]:
    """Keys ascending and each once, with the sums of their amounts; sums of 0 are left out."""
    order = np.argsort(keys, kind="stable")
    keys, amounts = keys[order], amounts[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else EMPTY
    sums = np.add.reduceat(amounts, first) if len(keys) else EMPTY
    held = sums != 0
    return keys[first][held], sums[held]


def _small(cuts: dict[str, dict[str, int]]) -> Iterator[list[bytes]]:
    """The members of the JSON object of some cuts, ascending, in lists that make records of bounded size."""
    chunk: list[bytes] = []
    size = 0
    for name in sorted(cuts):
        member = _CANONICAL.encode({name: cuts[name]})[1:-1]
        if chunk and size + len(member) > RECORD_MAX_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(member)
        size += len(member) + 1
    if chunk:
        yield chunk


def cut_name(cut: Cut) -> str:
    """A cut as text that no value can forge."""
    return _CANONICAL.encode([list(part) for part in cut]).decode()


def cut_from(name: str) -> Cut:
    """The inverse of `cut_name`."""
    return _CUT.decode(name)


_CANONICAL = msgspec.json.Encoder(order="deterministic")
_CELL = msgspec.json.Decoder(dict[str, dict[str, int]])
_CUT = msgspec.json.Decoder(Cut)
