"""The published figure: one number with everything needed to trust it, in the form all surfaces share."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

Quality = Literal["final", "provisional", "insufficient", "no_data"]


class Item(Struct, kw_only=True):
    """One line of a rank, curve or distribution."""

    key: str
    value: float | None
    n: int
    ci_low: float | None = None
    ci_high: float | None = None


class Figure(Struct, kw_only=True):
    """One KPI for one window and one cut.

    Shares are 0–1, NPS −100…100, durations seconds, money minor units. `value` is None, with a `reason`, when there is
    nothing to divide; it is never NaN. Times are RFC 3339; `window_start` is None where a figure is of an instant.
    """

    kpi: str
    version: int
    window: str
    window_start: str | None
    anchor: str
    clock: str
    dims: dict[str, str]
    as_of: str
    watermark: str | None
    value: float | None
    unit: str
    n: int
    numerator: float | None
    denominator: float | None
    ci_low: float | None
    ci_high: float | None
    quality: Quality
    reason: str | None = None
    revision: int = 0
    late_applied: int = 0
    window_end: str | None = None
    parts: dict[str, Any] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
