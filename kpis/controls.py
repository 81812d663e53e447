"""What a company decides and contributions depend on: targets, kinds and business hours, each in force from an instant on.

Law: an event is judged by what was in force when it happened, so that replaying a log gives the same again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from kpis.calendar import Calendar

DEFAULT_CALENDAR = "default"
"""The schedule of whatever names none."""


class Controls(Struct, frozen=True, kw_only=True):
    """The decisions that life cycles read.

    `escalation_kinds` are those that `escalation_rate` counts; `answer_within_ms` is the target of a call's wait;
    `first_reply_within_ms` is the target that counters of breaches hold first replies against;
    `short_abandon_ms` is how soon a caller may hang up without counting as a loss (5 s: no industry standard exists);
    `limits_ms` are the limits of other durations by KPI, each a bound of its histogram;
    `calendars` are the business hours by the name of their schedule, empty where there is no business clock.
    """

    escalation_kinds: frozenset[str] = frozenset({"functional", "hierarchic", "complaint", "priority"})
    answer_within_ms: int = 20_000
    first_reply_within_ms: int = 3_600_000
    short_abandon_ms: int = 5_000
    limits_ms: Mapping[str, int] = {}
    calendars: Mapping[str, Calendar] = {}

    def limit_ms(self, kpi: str) -> int | None:
        """The limit within which a duration is to be, None where none is set."""
        own = {"first_reply_time": self.first_reply_within_ms, "speed_of_answer": self.answer_within_ms}
        return own.get(kpi) or self.limits_ms.get(kpi)

    def at(self, at_ms: int) -> Controls:
        """What is in force at an instant: these, always."""
        return self


class Timeline:
    """Controls one after the other, each from its instant on."""

    def __init__(self, versions: Iterable[tuple[int, Controls]]) -> None:
        """Takes (from ms, controls); the first holds from the beginning. Raises ValueError without any."""
        ordered = sorted(versions, key=lambda version: version[0])
        if not ordered:
            raise ValueError("a timeline holds at least one version of the controls")
        self._starts = [start for start, _ in ordered[1:]]
        self._controls = [controls for _, controls in ordered]

    def become(self, other: Timeline) -> None:
        """Take over what another timeline says, so that whoever holds this one follows."""
        self._starts, self._controls = other._starts, other._controls

    def at(self, at_ms: int) -> Controls:
        """What is in force at an instant."""
        if not self._starts:
            return self._controls[0]
        return self._controls[bisect_right(self._starts, at_ms)]


InForce = Controls | Timeline
DEFAULT = Controls()
