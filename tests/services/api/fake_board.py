"""A board of made-up figures that keeps the laws of `services.api.ports.Figures`.

Its clock stands still until told; every KPI has one value per window and cut, which a test can set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any, Literal, NamedTuple

from kpis.query import Anchor, Point, Query, Unanswerable
from kpis.steps import Steps
from schemas.canonical import rfc3339
from schemas.figures import Figure, Quality
from schemas.standing import Standing
from services.api.ports import Counted, Durations, Freshness, Series
from services.controls import Control

HOUR_MS = 3_600_000
NOON_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z
WIDTHS_MS = {
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "24h": 86_400_000,
    "7d": 604_800_000,
    "28d": 2_419_200_000,
    "90d": 7_776_000_000,
}
CHANNELS = ("email", "chat", "phone", "web")
TEAMS = ("billing", "returns", "technical", "sales", "onboarding", "vip")
AGENTS = ("a-1", "a-2", "a-3")
PAIRS = (("channel", "team"),)
Cut = tuple[tuple[str, str], ...]
_SHORT = ("15m", "1h", "24h", "7d")
_LONG = ("24h", "7d", "28d")
_TICKET = ("channel", "team", "agent", "priority")


class Made(NamedTuple):
    """One made-up KPI: what the catalogue says of it, and its total."""

    id: str
    title: str
    unit: str
    better: Literal["up", "down", "target", ""]
    windows: tuple[str, ...]
    value: float
    numerator: float
    denominator: float
    dimensions: tuple[str, ...] = _TICKET


MADE: tuple[Made, ...] = (
    Made("active_issues", "Active issues", "tickets", "down", ("now", "1h"), 312, 312, 1),
    Made("current_longest_wait", "Longest wait now", "seconds", "down", ("now",), 2290, 2290, 1),
    Made("backlog_age", "Age of open tickets", "seconds", "down", ("now",), 40_000, 312, 312),
    Made("first_reply_time", "First reply time", "seconds", "down", _SHORT, 1440, 204_480, 142),
    Made("next_reply_time", "Next reply time", "seconds", "down", _SHORT, 2012, 201_200, 100),
    Made("requester_wait_time", "Requester wait", "seconds", "down", _SHORT, 9400, 940_000, 100),
    Made("first_resolution_time", "Time to first solve", "seconds", "down", _SHORT, 15_000, 1_500_000, 100),
    Made("full_resolution_time", "Resolution time", "seconds", "down", _SHORT, 19_800, 1_980_000, 100),
    Made("open_age_adjusted_resolution", "Resolution incl. open tickets", "seconds", "down", _LONG, 26_000, 80, 100),
    Made("service_level", "Service level 80/20", "ratio", "up", ("15m", "1h", "24h"), 507 / 611, 507, 611),
    Made("speed_of_answer", "Speed of answer", "seconds", "down", ("15m", "1h", "24h"), 14, 8_554, 611),
    Made("abandonment_rate", "Gave up", "ratio", "down", ("15m", "1h", "24h"), 40 / 650, 40, 650),
    Made("handle_time", "Handle time", "seconds", "target", ("15m", "1h", "24h"), 372, 37_200, 100),
    Made("issues_created", "Tickets created", "tickets", "", _SHORT, 428, 428, 1),
    Made("resolved_issues", "Resolved issues", "tickets", "up", _SHORT, 401, 401, 1),
    Made("backlog_growth", "Backlog growth", "tickets", "down", _SHORT, 27, 27, 1),
    Made("tickets_by_channel", "Tickets by medium", "tickets", "", _SHORT, 428, 428, 1),
    Made("complaint_count", "Complaints", "complaints", "down", _SHORT, 9, 9, 1),
    Made("resolved_within_24h", "Solved within 24 h", "ratio", "up", _LONG, 0.78, 780, 1000),
    Made("resolution_rate", "Share solved", "ratio", "up", _LONG, 0.91, 910, 1000),
    Made("reopen_rate", "Reopened", "ratio", "down", _LONG, 0.052, 52, 1000),
    Made("one_touch_rate", "One-touch", "ratio", "up", _LONG, 0.44, 440, 1000),
    Made("transfer_rate", "Transferred", "ratio", "target", _LONG, 0.12, 120, 1000),
    Made("escalation_rate", "Escalated", "ratio", "down", _SHORT, 14 / 401, 14, 401),
    Made("time_to_escalate", "Time to escalation", "seconds", "", _SHORT, 8_100, 113_400, 14),
    Made("csat_score", "Customer satisfaction", "ratio", "up", _LONG, 0.93, 93, 100, (*_TICKET, "survey_type")),
    Made("csat_response_rate", "Survey response rate", "ratio", "up", _LONG, 0.31, 100, 322, ("channel", "survey_type")),
    Made("nps", "Net Promoter Score", "score", "up", ("28d", "90d"), 42, 51, 120, ("channel", "survey_type")),
    Made("ces", "Customer effort score", "ratio", "up", _LONG, 0.81, 81, 100, ("channel", "survey_type")),
    Made("lead_response_time", "Lead response", "seconds", "down", _SHORT, 660, 66_000, 100, ("channel", "team")),
    Made("lead_to_booking_rate", "Lead to booking", "ratio", "up", ("28d", "90d"), 0.23, 23, 100, ("channel", "team")),
    Made("quote_to_booking_rate", "Closing ratio", "ratio", "up", ("28d", "90d"), 0.38, 38, 100, ("team",)),
    Made("time_to_booking", "Time to booking", "seconds", "down", ("28d", "90d"), 190_000, 23, 100, ()),
    Made("service_conversion_rate", "Conversion after contact", "ratio", "up", ("7d", "28d"), 0.087, 87, 1000),
    Made("repeat_contact_rate", "Repeat contacts", "ratio", "down", ("7d", "28d"), 0.14, 140, 1000),
)
_BY_ID = {made.id: made for made in MADE}
_VALUES = {"channel": CHANNELS, "team": TEAMS, "agent": AGENTS, "priority": ("high", "normal"), "survey_type": ("csat", "nps")}


class Told(NamedTuple):
    """A value that a test has set."""

    value: float | None
    n: int
    numerator: float | None
    denominator: float | None
    quality: Quality
    reason: str | None


class FakeBoard:
    """A board whose figures stay as they are until `tell` is called."""

    def __init__(self, *, now_ms: int = NOON_MS, ready: bool = True, empty: Iterable[str] = (), made: tuple[Made, ...] = MADE) -> None:
        self._now_ms = now_ms
        self._made = {one.id: one for one in made}
        self._told: dict[tuple[str, str, Cut], Told] = {}
        self._empty = frozenset(empty)
        self._changed = asyncio.Event()
        self.fresh = Freshness(
            ready=ready,
            reason="" if ready else "shard events-3 is 120000 records behind",
            version=7,
            last_event_ms=now_ms - 400,
            watermark_ms=now_ms - 60_400,
            applied_at_ms=now_ms - 200,
            lag_seconds=0.4,
            shards={"events-0": {"watermark_ms": now_ms - 60_400, "at_ms": now_ms - 200}},
            sources={"zendesk": now_ms - 400, "aircall": now_ms - 2_000, "surveys": now_ms - 2_520_000},
            progress={"events-0": 4711, "facts-0": 815},
            standings=[
                Standing(
                    source="aircall",
                    kind="aircall",
                    door="a",
                    at_ms=now_ms,
                    last_delivery_ms=now_ms - 2_000,
                    deliveries={"accepted": 700, "rejected": 3, "refused": 2},
                    accepted=700,
                    rejected={"bad_time": 3},
                    refused={"401": 2},
                    quiet_after_ms=HOUR_MS,
                ),
                Standing(source="surveys", kind="typeform", door="a", at_ms=now_ms, quiet_after_ms=HOUR_MS, ready=False),
                Standing(
                    source="zendesk", kind="zendesk", door="a", at_ms=now_ms, last_delivery_ms=now_ms - 7_200_000, quiet_after_ms=3_600_000
                ),
            ],
        )
        self.gross = Counted(
            counters=[
                ("issues_created", {"channel": "chat"}, 900),
                ("issues_created", {"channel": "email"}, 1_400),
                ("escalations", {"channel": "chat", "kind": "complaint"}, 5),
                ("events", {}, 48_211),
            ],
            durations=[
                Durations(kpi="first_reply_time", channel="chat", counts={60_000: 3, 3_600_000: 5, inf: 1}, sum_ms=1_000_000),
                Durations(kpi="first_reply_time", channel="email", counts={86_400_000: 7}, sum_ms=90_000_000),
            ],
            waiting=[("chat", [(now_ms - 90_000, 2), (now_ms - 4_000, 1)]), ("email", [])],
            limits_ms=(20_000, 3_600_000),
        )
        self.computed = 0
        self._decided = 0
        self._strangers: tuple[str, ...] = ()

    def tell(self, kpi: str, window: str, value: float | None, *, n: int = 10, cut: Cut = (), reason: str | None = None) -> None:
        """Sets one figure and raises the version."""
        quality: Quality = "no_data" if value is None else "provisional"
        self._told[kpi, window, cut] = Told(value, n, None if value is None else value * n, float(n), quality, reason)
        self.advance()

    def hostile(self, words: str) -> None:
        """Has every dimension tell a value that a stranger has chosen."""
        self._strangers = (words,)

    def advance(self, by_ms: int = 0) -> None:
        """Moves the clock and raises the version."""
        self._now_ms += by_ms
        self.fresh.version += 1
        self.fresh.applied_at_ms = self._now_ms
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
        """As `Decisions.decide`; every decision has another instant, though the clock stands still."""
        self._decided += 1
        control = Control(kind=kind, id=id, valid_from_ms=0, value=value, at_ms=self._now_ms + self._decided)
        others = [c for c in self.fresh.controls if c.key != control.key]
        self.fresh.controls = sorted([*others, control], key=lambda c: (c.kind, c.id, c.valid_from_ms))
        self.advance()
        return control

    def figures(self, query: Query) -> list[Figure]:
        """As `Figures.figures`."""
        self.computed += 1
        self._check(query.by, query.where)
        out = []
        for kpi in query.kpis:
            one = self._one(kpi)
            if unknown := [d for d in (*query.by, *(d for d, _ in query.where)) if d not in one.dimensions]:
                raise Unanswerable(f"{kpi} is not kept by {unknown[0]}; it is kept by {', '.join(one.dimensions) or 'nothing'}", "by")
            if query.clock == "business":
                raise Unanswerable("business hours are not counted yet: ask for clock=calendar", "clock")
            windows = (f"{rfc3339(query.span[0])}/{rfc3339(query.span[1])}",) if query.span else query.windows or one.windows
            for window in windows:
                if not query.span and window not in one.windows:
                    raise Unanswerable(f"{kpi} is not kept over {window}; it is over {', '.join(one.windows)}", "window")
                out += [self._figure(one, window, cut, query) for cut in self._cuts(query)]
        return out

    def figures_in_steps(self, query: Query) -> Steps[list[Figure]]:
        """As `Figures.figures_in_steps`."""
        figures = self.figures(query)
        yield
        return figures

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
        """As `Figures.series_in_steps`: a gentle wave around the total, empty where the KPI is."""
        one = self._one(kpi)
        self._check(by, where)
        if unknown := [d for d in (*by, *(d for d, _ in where)) if d not in one.dimensions]:
            raise Unanswerable(f"{kpi} is not kept by {unknown[0]}", "by")
        if kpi == "current_longest_wait":
            raise Unanswerable("current_longest_wait has no past: ask for the figure now", "kpi")
        first = start_ms - start_ms % step_ms
        out: Series = []
        for cut in self._cuts(Query(kpis=(kpi,), by=by, where=where)):
            points = []
            for i, at_ms in enumerate(range(first, end_ms, step_ms)):
                wave = 1 + 0.12 * (((i * 7) % 11) / 11 - 0.5) + 0.06 * (((i * 3) % 17) / 17)
                value = None if kpi in self._empty else round(one.value * wave, 4)
                points.append(Point(start_ms=at_ms, end_ms=at_ms + step_ms, value=value, n=0 if value is None else 12))
            out.append((dict(cut), points))
            yield
        return out

    def catalogue(self) -> list[dict[str, Any]]:
        """As `Figures.catalogue`."""
        return [
            {
                "id": one.id,
                "title": one.title,
                "unit": one.unit,
                "better": one.better,
                "windows": list(one.windows),
                "dimensions": list(one.dimensions),
                "anchors": ["completed"],
                "clocks": ["calendar"],
                "formula": f"how {one.title.lower()} is formed",
                "meaning": f"What {one.title.lower()} tells.",
                "source": "made up",
                "version": 1,
                "exposed": True,
                "watch": None,
            }
            for one in self._made.values()
        ]

    def freshness(self) -> Freshness:
        """As `Figures.freshness`."""
        return self.fresh

    def counted(self) -> Counted:
        """As `Figures.counted`."""
        return self.gross

    async def changed(self, since: int) -> int:
        """As `Figures.changed`."""
        while self.fresh.version <= since:
            await self._changed.wait()
        return self.fresh.version

    def now_ms(self) -> int:
        """As `Figures.now_ms`."""
        return self._now_ms

    def wall_ms(self) -> int:
        """As `Figures.wall_ms`."""
        return self._now_ms

    def _one(self, kpi: str) -> Made:
        if kpi not in self._made:
            raise Unanswerable(f"there is no KPI {kpi}", "kpi")
        return self._made[kpi]

    def _check(self, by: tuple[str, ...], where: tuple[tuple[str, str], ...]) -> None:
        names = (*by, *(name for name, _ in where if name not in by))
        if len(names) > 1 and names not in PAIRS and names[::-1] not in PAIRS:
            raise Unanswerable(f"{' and '.join(names)} are not counted together: add the pair to dimensions.pairs", "by")

    def _cuts(self, query: Query) -> list[Cut]:
        cuts: list[Cut] = [()]
        for name in query.by:
            values = [v for n, v in query.where if n == name] or [*_VALUES.get(name, ()), *self._strangers]
            cuts = [(*cut, (name, value)) for cut in cuts for value in values]
        fixed = tuple((n, v) for n, v in query.where if n not in query.by)
        return [(*cut, *fixed) for cut in cuts]

    def _figure(self, one: Made, window: str, cut: Cut, query: Query) -> Figure:
        as_of_ms = self._now_ms if query.as_of_ms is None else query.as_of_ms
        told = self._told.get((one.id, window, cut))
        if told is None:
            told = _made_up(one, cut) if one.id not in self._empty else Told(None, 0, 0, 0, "no_data", "no_data")
        spread = 0.0 if told.value is None else abs(told.value) * 0.08
        interval = told.value is not None and one.unit in ("ratio", "seconds", "score") and window != "now"
        end_ms = query.span[1] if query.span else as_of_ms
        start_ms = query.span[0] if query.span else end_ms - WIDTHS_MS.get(window, 0)
        return Figure(
            kpi=one.id,
            version=1,
            window=window,
            window_start=None if window == "now" else rfc3339(start_ms),
            window_end=rfc3339(end_ms),
            anchor=query.anchor or "completed",
            clock=query.clock,
            dims=dict(cut),
            as_of=rfc3339(as_of_ms),
            watermark=rfc3339(as_of_ms - 60_400),
            value=told.value,
            unit=one.unit,
            n=told.n,
            numerator=told.numerator,
            denominator=told.denominator,
            ci_low=None if not interval or told.value is None else told.value - spread,
            ci_high=None if not interval or told.value is None else told.value + spread,
            quality=told.quality,
            reason=told.reason,
            parts={"p50": told.value, "p90": told.value * 3, "mean": told.value * 1.5}
            if one.unit == "seconds" and told.value is not None
            else {},
        )


def _made_up(one: Made, cut: Cut) -> Told:
    share = 1.0
    for _, name in cut:
        share *= (len(name) + 2) / 40
    whole = one.unit in ("tickets", "complaints")
    value = float(round(one.value * share)) if whole else one.value * (1 + (share - 1) / 4 if cut else 1)
    n = max(1, round((one.value if whole else one.denominator) * share))
    return Told(
        value, n, value if whole else round(one.numerator * share), 1 if whole else round(one.denominator * share), "provisional", None
    )
