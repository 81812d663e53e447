"""A KPI: one declaration, from which the API, the metrics, the board, the docs and the tests take everything they know of it.

A KPI over known measures is one `Kpi(...)` in `kpis/catalogue/`; its figure is a formula of `kpis.formulas`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct, field

from kpis.measures import Measure
from kpis.query import Anchor, Clock
from kpis.slices import Cuts, Slice
from kpis.spikes.watch import WaitWatch, Watch
from kpis.window import WINDOWS
from schemas.figures import Item

Unit = Literal["ratio", "seconds", "tickets", "complaints", "score"]
Better = Literal["up", "down", "none"]

LIVE = ("5m", "15m", "1h", "4h", "24h", "today")
DAYS = ("24h", "7d", "28d", "week", "month")
LONG = ("28d", "90d", "365d", "month", "quarter")
ALL = tuple(w for w in WINDOWS if w in {*LIVE, *DAYS, *LONG})
COHORT = tuple(w for w in WINDOWS if w in {*DAYS, *LONG})
N_MIN_SHARE, N_MIN_MEDIAN = 10, 5
"""Below these a figure is published as insufficient."""


class Value(Struct, kw_only=True):
    """What a formula makes of a slice: the number and everything that belongs beside it."""

    value: float | None
    n: int
    numerator: float | None = None
    denominator: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    reason: str | None = None
    mature: bool = True
    parts: dict[str, float | int | str | None] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)


class Formula(Protocol):
    """How a figure follows from measures, applied when read."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures whose dimensions and finest level bind the figure."""
        ...

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The value for one cut of one slice."""
        ...


class Targets(NamedTuple):
    """What a company aims at for one KPI: half of all below `p50_ms`, a `share` of all within `within_ms`; None where not set."""

    p50_ms: int | None = None
    within_ms: int | None = None
    share: float | None = None


class Kpi(Struct, frozen=True, kw_only=True):
    """One declared KPI.

    `figure` is anchored at completion; `created` is the formula of anchor=created where the KPI has one. `n_min` is how many
    it needs not to be called insufficient (0: counts and levels, which are exact). `watch` says what of it is watched for
    unusual numbers. Raises ValueError for a declaration that
    contradicts itself.
    """

    id: str
    title: str
    subject: str
    unit: Unit
    better: Better
    formula: str
    meaning: str
    figure: Formula
    windows: tuple[str, ...]
    created: Formula | None = None
    anchor: Anchor = "completed"
    n_min: int = 0
    version: int = 1
    exposed: bool = True
    events: tuple[str, ...] = ()
    source: str = "docs/kpis.md"
    watch: Watch | WaitWatch | None = None

    def __post_init__(self) -> None:
        unknown = [w for w in self.windows if w not in WINDOWS]
        if unknown or not self.windows:
            raise ValueError(f"{self.id}: windows are some of {', '.join(WINDOWS)}; found {unknown or 'none'}")
        if not self.figure.measures:
            raise ValueError(f"{self.id}: a figure reads at least one measure")
        if not self.dimensions:
            raise ValueError(f"{self.id}: its measures share no dimension")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Every measure the KPI reads, in either anchor."""
        formulas = (self.figure, self.created, self.business)
        return tuple(dict.fromkeys(measure for formula in formulas if formula is not None for measure in formula.measures))

    @property
    def business(self) -> Formula | None:
        """The same figure in business time, None where it has none; kept at completion only."""
        twin: Callable[[], Formula | None] | None = getattr(self.figure, "in_business_time", None)
        return None if twin is None else twin()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """By what the KPI may be split: the dimensions all its measures are kept by."""
        first, *rest = self.measures
        return tuple(d for d in first.by.names if all(d in m.by.names for m in rest))

    @property
    def finest(self) -> int:
        """The level of time the KPI is read at: the coarsest of its measures' finest levels."""
        return max(m.finest for m in self.measures)

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The anchors the KPI can be read at."""
        return ("completed", "created") if self.created is not None else (self.anchor,)

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The clocks the KPI can be read by."""
        return ("calendar",) if self.business is None else ("calendar", "business")

    def formula_for(self, anchor: Anchor | None) -> Formula | None:
        """The formula of an anchor (None: the KPI's own) by the calendar clock, or None when it has no such anchor."""
        if anchor is None or anchor == self.anchor:
            return self.figure
        return self.created if anchor == "created" else None
