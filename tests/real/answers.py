"""What the real logs must yield by deskpulse's own definitions: known answers, asked as the API is asked.

An answer is exact to the digits it is written with; a quantile comes from a sketch and may be off by one part in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HOUR = 3_600.0
DAY = 86_400.0

SPANS = {
    "incidents": ("2016-02-01T00:00:00Z", "2017-02-19T00:00:00Z"),
    "helpdesk": ("2010-01-01T00:00:00Z", "2014-01-04T00:00:00Z"),
    "calls": ("2010-08-01T00:00:00Z", "2010-09-02T00:00:00Z"),
    "leads": ("2017-06-01T00:00:00Z", "2018-11-15T00:00:00Z"),
}
"""From and to that hold a whole log, on edges of days so that no bucket is cut."""


@dataclass(frozen=True)
class Answer:
    """One known number: the field of a figure (`parts.mean` goes into its parts), asked for a span or for an instant.

    `expected` is in units of `unit` seconds when that is not 1 and holds to `digits` decimals, or to `share_off` of itself.
    `times_n`: the field is a share, the known number is the count behind it.
    """

    kpi: str
    field: str
    expected: float
    unit: float = 1.0
    digits: int = 0
    share_off: float = 0.0
    times_n: bool = False
    span: tuple[str, str] | None = None
    at: str | None = None
    where: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The name of the test, and of the number in the reference."""
        cut = [f"{name}={value}" for name, value in self.where]
        when = [edge[:10] for edge in (self.at, self.span and self.span[0]) if edge]
        return "-".join([self.kpi, self.field, *cut, *when])

    def params(self, log: str) -> dict[str, str]:
        """The query of `GET /v1/figures` that asks for it."""
        if self.at is not None:
            return {"kpi": self.kpi, "window": "now", "as_of": self.at, **dict(self.where)}
        start, end = self.span or SPANS[log]
        return {"kpi": self.kpi, "from": start, "to": end, **dict(self.where)}

    def read(self, figure: dict[str, Any]) -> float | None:
        """The number as this figure says it, in the answer's unit; None where the figure says none."""
        found: Any = figure
        for step in self.field.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        if not isinstance(found, int | float):
            return None
        return found * figure["n"] if self.times_n else found / self.unit

    def holds(self, found: float | None) -> bool:
        """Whether the number found is the known one."""
        if found is None:
            return False
        if self.share_off:
            return abs(found - self.expected) <= self.share_off * abs(self.expected)
        return round(found, self.digits) == self.expected


def _share(kpi: str, numerator: float, denominator: float) -> list[Answer]:
    return [Answer(kpi, "numerator", numerator), Answer(kpi, "denominator", denominator)]


def _mean(kpi: str, expected: float, unit: float, digits: int) -> Answer:
    return Answer(kpi, "parts.mean", expected, unit=unit, digits=digits)


def _quantile(kpi: str, part: str, expected: float, unit: float) -> Answer:
    return Answer(kpi, f"parts.{part}", expected, unit=unit, share_off=0.01)


def _within_day(kpi: str, expected: float) -> Answer:
    return Answer(kpi, "parts.within", expected, times_n=True)


def _won_in(month: int, expected: float) -> Answer:
    return Answer("time_to_booking", "n", expected, span=(f"2018-{month:02d}-01T00:00:00Z", f"2018-{month + 1:02d}-01T00:00:00Z"))


def _active(day: str, expected: float) -> Answer:
    return Answer("active_issues", "value", expected, at=f"{day}T00:00:00Z")


def _created_by(channel: str, expected: float) -> Answer:
    return Answer("issues_created", "value", expected, where=(("channel", channel),))


_CHANNELS = {"phone": 24_684, "self_service": 161, "email": 61, "ivr": 9, "direct_opening": 3}

ANSWERS: dict[str, list[Answer]] = {
    "incidents": [
        Answer("issues_created", "value", 24_918),
        # By the channel at the opening, the earliest row's.
        *(_created_by(channel, n) for channel, n in _CHANNELS.items()),
        Answer("resolved_issues", "value", 24_918),
        Answer("resolved_issues", "parts.gross", 25_250),
        # created - solve transitions + reopenings: with the two above it says that there were 332 reopenings.
        Answer("backlog_growth", "value", 0),
        *_share("reopen_rate", 272, 24_918),
        *_share("resolved_within_24h", 13_714, 24_918),
        *_share("resolution_rate", 19_702, 24_918),
        Answer("full_resolution_time", "n", 24_918),
        _mean("full_resolution_time", 165.330740, HOUR, 6),
        _quantile("full_resolution_time", "p50", 15.125, HOUR),
        _quantile("full_resolution_time", "p90", 357.533, HOUR),
        _within_day("full_resolution_time", 13_690),
        Answer("first_resolution_time", "n", 24_918),
        _mean("first_resolution_time", 162.842037, HOUR, 6),
        _quantile("first_resolution_time", "p50", 13.8167, HOUR),
        _within_day("first_resolution_time", 13_757),
        Answer("requester_wait_time", "n", 24_918),
        _mean("requester_wait_time", 115.467636, HOUR, 6),
        _quantile("requester_wait_time", "p50", 4.5667, HOUR),
        _active("2016-04-01", 1_481),
        _active("2016-05-01", 1_195),
        _active("2016-06-01", 1_181),
    ],
    "helpdesk": [
        Answer("issues_created", "value", 4_580),
        Answer("resolved_issues", "value", 4_568),
        Answer("resolved_issues", "parts.gross", 4_729),
        # 4,580 created - 4,729 solved + 161 reopened
        Answer("backlog_growth", "value", 12),
        Answer("full_resolution_time", "n", 4_568),
        _mean("full_resolution_time", 11.528692, DAY, 6),
        _quantile("full_resolution_time", "p50", 6.6098, DAY),
        _within_day("full_resolution_time", 1_295),
        Answer("first_resolution_time", "n", 4_569),
        _mean("first_resolution_time", 11.122515, DAY, 6),
    ],
    "calls": [
        *_share("abandonment_rate", 6_958, 38_360),
        *_share("service_level", 15_857, 36_674),
        Answer("speed_of_answer", "n", 31_402),
        _mean("speed_of_answer", 73.807496, 1.0, 6),
        Answer("handle_time", "n", 31_402),
        _mean("handle_time", 184.398, 1.0, 3),
        _quantile("handle_time", "p50", 110, 1.0),
    ],
    "leads": [
        *_share("lead_to_booking_rate", 547, 8_000),
        Answer("time_to_booking", "n", 842),
        _mean("time_to_booking", 49.1022, DAY, 4),
        *(_won_in(month, wins) for month, wins in enumerate((73, 113, 147, 207, 122), start=1)),
    ],
}
