"""Corrections: what a late event changes of hours that the watermark had passed, counted by measure and hour.

They tell how figures came about, not what they are: two installations with the same events may have had other corrections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kpis.contributions import Row
from kpis.measures import SLOTS, STARTS
from kpis.window import HOUR


def note_corrections(corrections: Counter[tuple[str, int]], rows: Iterable[tuple[Row, int]], watermark_ms: int) -> None:
    """Count, once for each measure and hour, that what lies behind the watermark was changed."""
    corrections.update(
        {
            (SLOTS[slot][0], time_ms // HOUR * HOUR)
            for (slot, time_ms, _, _), count in rows
            if time_ms < watermark_ms and count and not SLOTS[slot][1].startswith(STARTS)
        }
    )
