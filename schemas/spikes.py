"""What is told of unusual numbers: the open incidents with their causes, and every series that is watched."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class SpikeCause(Struct, kw_only=True):
    """A slice that carries the excess: `share` of it (0–1); `surprise` is corrected for the number of slices looked at."""

    dims: dict[str, str]
    observed: int
    expected: float
    share: float
    surprise: float


class Watched(Struct, kw_only=True):
    """One series of a KPI in the window in which it is most surprising now.

    `surprise` is −log10 of the chance of so much, None while there is too little history; `usual_low` and `usual_high` hold 95 %
    of all windows. A longest wait is in seconds and has the window "now".
    """

    kpi: str
    watch: str
    dims: dict[str, str]
    window: str
    observed: float
    expected: float | None
    usual_low: float | None
    usual_high: float | None
    surprise: float | None
    unit: str


class Spike(Struct, kw_only=True):
    """One open incident (`spike_alert`).

    `id` is the same while it lasts. `dims` is the series that carries it ({}: the whole), `since` when it began, `opened_at` when
    it was found. `once_in_seconds` is how often chance alone does this among all that is watched. `flat` are the dimensions in which
    nothing stands out, `tickets` the newest cases of it.
    """

    id: str
    kpi: str
    watch: str
    title: str
    dims: dict[str, str]
    window: str
    since: str
    opened_at: str
    state: Literal["open", "closing"]
    observed: float
    expected: float
    usual_low: float
    usual_high: float
    unit: str
    surprise: float
    once_in_seconds: float | None
    causes: list[SpikeCause] = field(default_factory=list)
    flat: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
