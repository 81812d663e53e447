"""What one may ask of the figures, and how a question that cannot be answered is refused."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Anchor = Literal["completed", "created"]
Clock = Literal["calendar", "business"]


class Query(Struct, frozen=True, kw_only=True):
    """One question: which KPIs, over which windows, split how, as of when.

    `as_of_ms` None means now; `span` (start_ms, end_ms, half open) stands instead of windows. `by` is one dimension or a
    configured pair; `where` filters on dimension values. `anchor` None is the KPI's own.
    """

    kpis: tuple[str, ...]
    windows: tuple[str, ...] = ()
    as_of_ms: int | None = None
    span: tuple[int, int] | None = None
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    anchor: Anchor | None = None
    clock: Clock = "calendar"


class Unanswerable(ValueError):
    """A question that cannot be answered as put: an unknown name, a cut that is not kept, a past that was not kept.

    `parameter` is the query parameter at fault; the message says what can be asked instead.
    """

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter


class Point(Struct, frozen=True, kw_only=True):
    """One value of a series: the bucket [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    value: float | None
    n: int
