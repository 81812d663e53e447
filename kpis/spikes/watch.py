"""What of a KPI is watched for unusual numbers: one declaration, from which metrics, alerts, dashboards and the wall follow."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kpis.measures import Measure

MINUTE_MS = 60_000
SHORT_MS, LONG_MS = 15 * MINUTE_MS, 60 * MINUTE_MS


class Watch(Struct, frozen=True, kw_only=True):
    """A count that is watched: of one measure, all its classes or those that `classes` picks.

    `id` names the metric (`deskpulse_<id>_surprise`), `noun` begins the sentence "… are unusually high", `unit` is what is counted.
    `windows_ms` are whole buckets of the measure's finest level, ascending. `by` are the dimensions whose values are watched beside
    the total, since an incident that lies in one of them shows there long before it shows in the whole.
    """

    id: str
    noun: str
    unit: str
    measure: Measure
    classes: Callable[[str], bool] | None = None
    windows_ms: tuple[int, ...] = (5 * MINUTE_MS, SHORT_MS, LONG_MS)
    by: tuple[str, ...] = ("channel", "team")


class WaitWatch(Struct, frozen=True, kw_only=True):
    """A longest wait that is watched: `waiting` is the gauge of what waits, `waits` are the durations of the waits that ended."""

    id: str
    noun: str
    waiting: Measure
    waits: tuple[Measure, ...]
    unit: str = "seconds"
