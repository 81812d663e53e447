"""What a small world is: a few events drawn as text, and the figure that somebody worked out by pencil."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kpis.query import Anchor
from schemas.events import Event

LATER = "Mon8 00:00"


class Case(NamedTuple):
    """What is drawn and what it comes to: `n`, `value` (None: nothing to divide) and some parts.

    It is asked at `cut` for the first week (`Mon 00:00` to `Mon2 00:00`), or for `window` where that is named; `now` is the present:
    seven weeks later every cohort is mature. `more` are events that no drawing has a verb for.
    """

    kpi: str
    name: str
    drawing: str
    n: int
    value: float | None = None
    parts: Mapping[str, float] = {}
    anchor: Anchor | None = None
    cut: str = ""
    window: str | None = None
    now: str = LATER
    more: tuple[Event, ...] = ()
