"""What stands in `cells`, number by number, against what an undisturbed computation over the same events gives.

Law: two sets of cells are compared at one named instant, at which both let go of what is too old for its level; every number of
every cut of every bucket must be the same, and none may be there on one side only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from cli.compute import cells_of
from kpis.cells import BASE, Cells
from kpis.entities import Entities
from kpis.folding import Folded
from kpis.measures import CONVERSION
from kpis.window import Levels, Zone
from schemas import topics
from schemas.cells import LATE_KEY, decode_marker
from schemas.events import Event
from services.aggregator.columns import tally_records
from services.controls import timeline_of_settings
from services.kafka import read_partition
from services.settings import Settings, topic
from tests.kpis.simulated import at_rest

Numbers = dict[str, int]
"""By `level|bucket|slot|cut` (the slot is measure@version/component) the integer that stands there."""

_cell = msgspec.json.Decoder(dict[str, dict[str, int]])


class Differing(NamedTuple):
    """One number that differs; None where there is none."""

    name: str
    expected: int | None
    found: int | None


class Verdict(NamedTuple):
    """What came out of a comparison."""

    numbers: int
    differing: list[Differing]

    @property
    def holds(self) -> bool:
        """Whether anything was compared and nothing differs."""
        return self.numbers > 0 and not self.differing

    def text(self, most: int = 8) -> str:
        """The verdict in words, with the first differences."""
        if self.holds:
            return f"all {self.numbers:,} numbers of the cells are equal"
        if not self.differing:
            return "nothing was expected, so nothing was compared"
        listed = [f"  {d.name}: expected {d.expected}, found {d.found}" for d in self.differing[:most]]
        return "\n".join([f"{len(self.differing):,} of {self.numbers:,} numbers of the cells differ", *listed])


def compared(expected: Mapping[str, int], found: Mapping[str, int]) -> Verdict:
    """Every number of the one against every number of the other."""
    names = expected.keys() | found.keys()
    differing = [Differing(n, expected.get(n), found.get(n)) for n in sorted(names) if expected.get(n) != found.get(n)]
    return Verdict(len(expected), differing)


async def kept(settings: Settings, now_ms: int) -> Numbers:
    """What the topic `cells` holds, as it is kept at an instant. Records that repeat a cell are added up, as readers do."""
    newest: dict[bytes, bytes | None] = {}
    async for record in read_partition(settings, topic(settings, topics.CELLS), 0):
        newest[record.key] = record.value
    newest.pop(topics.MARKER, None)
    cells = {key: value for key, value in newest.items() if value is not None and not key.startswith(LATE_KEY)}
    return numbers_of(cells, levels_of(settings), now_ms)


def undisturbed(events: Iterable[Event], settings: Settings, now_ms: int) -> Numbers:
    """What a plain computation over these events gives, as it is kept at an instant."""
    return of_cells(cells_of(events, settings, now_ms).cells, now_ms)


def of_cells(cells: Cells, now_ms: int) -> Numbers:
    """The numbers of some cells, as they are kept at an instant."""
    return numbers_of(at_rest(cells), cells.levels, now_ms)


async def counted(settings: Settings) -> Numbers:
    """The gross counts that stand beside the cells."""
    marker = None
    async for record in read_partition(settings, topic(settings, topics.CELLS), 0):
        marker = record.value if record.key == topics.MARKER else marker
    folded = Folded(Cells(levels_of(settings)))
    if marker is not None:
        folded.restore(decode_marker(marker))
    return _tallies_of(folded)


def counted_once(events: Iterable[Event], settings: Settings) -> Numbers:
    """The same when each event is applied once, in this order."""
    entities, folded = Entities(timeline_of_settings(settings)), Folded(Cells(levels_of(settings)))
    for event in events:
        entities.apply(event)
    for record in tally_records(entities.tallies, "events-0", 0):
        folded.add(record, 0)
    return _tallies_of(folded)


def _tallies_of(folded: Folded) -> Numbers:
    # conversions are news or history by the clock of the checkpoint that finds them, so no two runs need agree
    return {f"tally|{'|'.join(key)}": n for key, n in folded.tallies.items() if key[0] != CONVERSION.tally}


def levels_of(settings: Settings) -> Levels:
    """The levels that these settings give."""
    return Levels(Zone(settings.time_zone), settings.aggregator.day_level_days)


def numbers_of(records: Mapping[bytes, bytes], levels: Levels, now_ms: int) -> Numbers:
    """The records of cells number by number; of each level what is kept at the instant, of days and the base everything."""
    found: Counter[str] = Counter()
    for key, value in records.items():
        level, start, measure, _ = key.decode().split("|", 3)
        if int(level) not in (4, BASE) and now_ms - int(start) >= levels.all[int(level)].kept_ms:
            continue
        for cut, components in _cell.decode(value).items():
            for component, amount in components.items():
                found[f"{level}|{start}|{measure}/{component}|{cut}"] += amount
    return dict(found)
