"""The records of `differences` that one checkpoint writes, each small enough for a broker, however long the values in it are."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from kpis.contributions import ROWS_PER_RECORD, Contributions, Row, to_columns
from kpis.dimensions import SETS, Attributes
from kpis.folding import LABELS
from kpis.measures import SLOTS
from kpis.window import Levels
from schemas.differences import Differences

RECORD_MAX_BYTES = 700_000
"""Below the broker's 1 MiB even where the estimate is short."""
TALLIES_PER_RECORD = 250
_ROW_BYTES = 40


def columns_of(
    rows: Contributions, levels: Levels, clock_ms: int, shard: str, last_offset: int, counters: Counter[str]
) -> list[Differences]:
    """Rows as records, at least one: the last one carries what the shard says of itself."""
    items = iter(rows.rows.items())
    records: list[Differences] = []
    while chunk := list(islice(items, ROWS_PER_RECORD)):
        records += _small(chunk, levels, clock_ms, shard, last_offset, counters)
    return records or [Differences(shard=shard, last_offset=last_offset)]


def _small(
    chunk: list[tuple[Row, int]], levels: Levels, clock_ms: int, shard: str, last_offset: int, counters: Counter[str]
) -> list[Differences]:
    record = Differences(shard=shard, last_offset=last_offset)
    beyond = to_columns(chunk, levels, clock_ms, record)
    if _bytes_of(record) > RECORD_MAX_BYTES and len(chunk) > 1:
        half = len(chunk) // 2
        parts = chunk[:half], chunk[half:]
        return [small for part in parts for small in _small(part, levels, clock_ms, shard, last_offset, counters)]
    counters["beyond_levels"] += beyond
    return [record]


def _bytes_of(record: Differences) -> int:
    """An upper estimate: a character takes up to four bytes."""
    names = sum(4 * len(value) + 6 for values in record.attributes for value in values if value is not None)
    return names + sum(4 * (len(key) + len(cls)) for key, cls in record.slots) + _ROW_BYTES * len(record.level)


def tally_records(tallies: Counter[tuple[int, Attributes]], shard: str, last_offset: int) -> list[Differences]:
    """Tallies by the labels they are published with."""
    totals: Counter[tuple[int, Attributes]] = Counter()
    for (slot, values), n in tallies.items():
        totals[slot, _labels(values)] += n
    items = iter(totals.items())
    records = []
    while chunk := list(islice(items, TALLIES_PER_RECORD)):
        slots = list(dict.fromkeys(slot for (slot, _), _ in chunk))
        attributes = list(dict.fromkeys(values for (_, values), _ in chunk))
        slot_at = {slot: i for i, slot in enumerate(slots)}
        attribute_at = {values: i for i, values in enumerate(attributes)}
        records.append(
            Differences(
                shard=shard,
                last_offset=last_offset,
                slots=[SLOTS[slot] for slot in slots],
                attributes=attributes,
                tallies=[(slot_at[slot], attribute_at[values], n) for (slot, values), n in chunk],
            )
        )
    return records


def _labels(attributes: Attributes) -> Attributes:
    names = SETS[str(attributes[0])].names
    return (attributes[0], *(value if name in LABELS else None for name, value in zip(names, attributes[1:], strict=True)))
