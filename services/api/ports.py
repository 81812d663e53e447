"""What the API needs of the board it serves: answers to queries, the catalogue, and how fresh all of it is.

Laws of an implementation: `version` never falls, and rises with every applied change; the same version and the same instant
give the same figures; a question that cannot be answered raises `Unanswerable` and changes nothing.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct, field

from kpis.query import Anchor, Point, Query
from kpis.steps import Steps
from schemas.figures import Figure
from schemas.spikes import Spike, Watched
from schemas.standing import Standing
from services.controls import Control


class Freshness(Struct, kw_only=True):
    """How far the board has come, and whether its figures may be believed as current.

    `ready` is False, with a `reason`, until every shard is fresh. `last_event_ms` is the newest event applied, None before the
    first. `applied_at_ms` is when the newest change arrived here. `sources` holds the newest event of each source. `progress` maps a
    shard to the newest offset included. `generation` is the number of the generation shown, 0 before any. `corrections` counts what
    late events changed behind the watermark and, of these, changes of days that were final. `audit` is what the newest audit said,
    None before the first. `standings` is how each source of webhooks stands, by name. `controls` is every decision that stands:
    another list whenever one has changed. `spikes` are the unusual numbers that are open, the most surprising first, and `watched`
    every series that is watched for them.
    """

    ready: bool
    reason: str = ""
    version: int = 0
    last_event_ms: int | None = None
    watermark_ms: int | None = None
    applied_at_ms: int | None = None
    lag_seconds: float | None = None
    shards: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    progress: dict[str, int] = field(default_factory=dict)
    generation: int = 0
    corrections: tuple[int, int] = (0, 0)
    audit: dict[str, Any] | None = None
    standings: list[Standing] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    spikes: list[Spike] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)


class Durations(Struct, kw_only=True):
    """How long something took, of one channel ("" where none was said): gross counts by the bound in ms they lie below, and their sum."""

    kpi: str
    channel: str
    counts: dict[float, float] = field(default_factory=dict)
    sum_ms: float = 0.0


class Counted(Struct, kw_only=True):
    """What `/metrics` shows beside figures and freshness.

    `counters` are gross (name, labels, value) and never fall, nor does anything in `durations`. `waiting` is who waits now:
    (channel, [(since ms, how many)]). `limits_ms` are the configured limits of waits.
    """

    counters: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    durations: list[Durations] = field(default_factory=list)
    waiting: list[tuple[str, list[tuple[int, int]]]] = field(default_factory=list)
    limits_ms: tuple[int, ...] = ()


Series = list[tuple[dict[str, str], list[Point]]]
"""For each cut (its dimensions and values) the points in order of time."""


class Figures(Protocol):
    """A board that answers."""

    def figures(self, query: Query) -> list[Figure]:
        """Every figure the query asks for. Raises Unanswerable."""

    def figures_in_steps(self, query: Query) -> Steps[list[Figure]]:
        """As `figures`, to be made little by little: all are of the version at this call. Raises Unanswerable, here or at a step."""

    def series_in_steps(
        self,
        kpi: str,
        *,
        step_ms: int,
        start_ms: int,
        end_ms: int,
        by: tuple[str, ...],
        where: tuple[tuple[str, str], ...],
        anchor: Anchor | None,
    ) -> Steps[Series]:
        """One value per bucket of [start_ms, end_ms), made and of one version as `figures_in_steps`. Raises Unanswerable as that does."""

    def catalogue(self) -> list[dict[str, Any]]:
        """One entry per KPI: id, title, unit, formula, windows, anchors, clocks, dimensions, better, source, version, exposed, meaning."""

    def freshness(self) -> Freshness:
        """How far the board has come."""

    def counted(self) -> Counted:
        """What was counted gross, and who waits now."""

    async def changed(self, since: int) -> int:
        """Waits until `version` is greater than `since`; returns the new version."""

    def now_ms(self) -> int:
        """The instant that "now" means: the wall clock's, or that of the newest event."""

    def wall_ms(self) -> int:
        """The wall clock's instant: deliveries come by it, whatever the figures are as of."""


class Decisions(Protocol):
    """Where decisions are kept."""

    async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
        """Keeps a decision, or with None that there is none any more; once it returns, `Freshness.controls` has it.

        Raises Undecided.
        """


class Undecided(Exception):
    """A decision could not be kept, or it is not known whether it was; the message says why."""
