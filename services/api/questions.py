"""The query string of the API as a question: parsed strictly, so that a misspelt name is refused with the nearest known.

Law: whatever the query string, a question comes out or `Unanswerable` is raised, naming the parameter at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from msgspec import Struct

from kpis.lineage import LIMIT, LIMIT_MAX
from kpis.query import Anchor, Clock, Query, Unanswerable
from kpis.window import WINDOWS
from schemas.canonical import millis_from
from schemas.rejections import Rejected
from services.api.problems import nearest, shown

Given = Iterable[tuple[str, str]]
"""The pairs of a query string, in their order."""

MAX_POINTS = 2_000
"""Points of one series: more than a screen has pixels across."""
MAX_VALUE_CHARS = 512
DEFAULT_POINTS = 60
_STEP = re.compile(r"([1-9]\d{0,5})(s|m|h|d)")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FIGURES = frozenset({"kpi", "window", "by", "as_of", "from", "to", "anchor", "clock"})
_SERIES = frozenset({"kpi", "step", "by", "from", "to", "anchor"})
_STREAM = frozenset({"kpi", "window", "by", "anchor", "clock"})
_LINEAGE = frozenset({"kpi", "window", "as_of", "from", "to", "anchor", "clock", "limit"})
_USUAL_WINDOWS = ("24h", "now", "today", "28d", "90d")
"""Of a question for a lineage without a window: the first of these that the KPI has."""
_REPEATABLE = frozenset({"kpi", "window"})


class SeriesQuery(Struct, frozen=True, kw_only=True):
    """One question for a series: buckets of `step_ms` over [start_ms, end_ms)."""

    kpis: tuple[str, ...]
    step_ms: int
    start_ms: int
    end_ms: int
    by: tuple[str, ...]
    where: tuple[tuple[str, str], ...]
    anchor: Anchor | None


class Known:
    """The names that exist: KPIs, the windows and dimensions they are kept by."""

    def __init__(self, catalogue: list[dict[str, Any]], windows: Iterable[str] = WINDOWS) -> None:
        self.by_id: dict[str, dict[str, Any]] = {str(entry["id"]): entry for entry in catalogue}
        self.windows = tuple(dict.fromkeys([*windows, *(w for e in catalogue for w in e.get("windows", ()))]))
        self.dimensions = tuple(dict.fromkeys(d for e in catalogue for d in e.get("dimensions", ())))

    def kpi(self, name: str) -> dict[str, Any]:
        """The catalogue entry of a KPI. Raises Unanswerable."""
        if (entry := self.by_id.get(name)) is None:
            raise Unanswerable(f"there is no KPI {shown(name)}{nearest(name, self.by_id)}", "kpi")
        return entry


def figures_query(given: Given, known: Known) -> Query:
    """A question for figures: no `kpi` means all of them, no `window` each KPI's own. Raises Unanswerable."""
    return _query(_parsed(given, _FIGURES, known), known)


def stream_query(given: Given, known: Known) -> Query:
    """A question for a stream: as for figures, but always of now. Raises Unanswerable."""
    return _query(_parsed(given, _STREAM, known), known)


def lineage_query(given: Given, known: Known) -> tuple[Query, int]:
    """A question for the lineage of one figure, and how many entities it lists. Raises Unanswerable."""
    named, where = _parsed(given, _LINEAGE, known)
    for name in ("kpi", "window"):
        if len(named.get(name, ())) > 1:
            raise Unanswerable(f"a lineage is of one figure: {name} is given {len(named[name])} times", name)
    if "kpi" not in named:
        raise Unanswerable("a lineage is of a KPI: add kpi=…; /v1/kpis lists them", "kpi")
    entry = known.kpi(named["kpi"][0])
    if not {"window", "from", "to"} & named.keys():
        windows = tuple(entry.get("windows", ()))
        named["window"] = [next((w for w in _USUAL_WINDOWS if w in windows), next(iter(windows), "24h"))]
    limit = _one(named, "limit") or str(LIMIT)
    if not limit.isascii() or not limit.isdigit() or len(limit) > 6 or not 1 <= int(limit) <= LIMIT_MAX:
        raise Unanswerable(f"limit is a number from 1 to {LIMIT_MAX}", "limit")
    return _query((named, where), known), int(limit)


def series_query(given: Given, known: Known, now_ms: int) -> SeriesQuery:
    """A question for a series; without `from` the last 60 steps, without `to` until now. Raises Unanswerable."""
    named, where = _parsed(given, _SERIES, known)
    kpis = tuple(dict.fromkeys(named.get("kpi", ())))
    if not kpis:
        raise Unanswerable("a series is of a KPI: add kpi=…; /v1/kpis lists them", "kpi")
    for name in kpis:
        known.kpi(name)
    step_ms = _step_ms(_one(named, "step") or "1m")
    end_ms = _time(named, "to")
    end_ms = now_ms if end_ms is None else end_ms
    start_ms = _time(named, "from")
    start_ms = end_ms - DEFAULT_POINTS * step_ms if start_ms is None else start_ms
    if start_ms >= end_ms:
        raise Unanswerable("from lies at or after to: a span begins before it ends", "from")
    if (end_ms - start_ms) > MAX_POINTS * step_ms:
        raise Unanswerable(f"that is more than {MAX_POINTS} points: ask for a shorter span or a longer step", "step")
    return SeriesQuery(
        kpis=kpis,
        step_ms=step_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        by=_by(named, known),
        where=where,
        anchor=_choice(named, "anchor", Anchor),
    )


def _query(parsed: tuple[Mapping[str, list[str]], tuple[tuple[str, str], ...]], known: Known) -> Query:
    named, where = parsed
    kpis = tuple(dict.fromkeys(named.get("kpi", ()))) or tuple(known.by_id)
    for name in kpis:
        known.kpi(name)
    windows = tuple(dict.fromkeys(named.get("window", ())))
    for window in windows:
        if window not in known.windows:
            raise Unanswerable(f"there is no window {shown(window)}; there are {', '.join(known.windows)}", "window")
    return Query(
        kpis=kpis,
        windows=windows,
        as_of_ms=_time(named, "as_of"),
        span=_span(named, windows),
        by=_by(named, known),
        where=where,
        anchor=_choice(named, "anchor", Anchor),
        clock=_choice(named, "clock", Clock) or "calendar",
    )


def _parsed(given: Given, allowed: frozenset[str], known: Known) -> tuple[dict[str, list[str]], tuple[tuple[str, str], ...]]:
    named: dict[str, list[str]] = {}
    where: dict[str, str] = {}
    for name, value in given:
        if len(value) > MAX_VALUE_CHARS:
            raise Unanswerable(f"a value has at most {MAX_VALUE_CHARS} characters", shown(name))
        if name in allowed:
            named.setdefault(name, []).append(value)
        elif name in known.dimensions:
            if where.setdefault(name, value) != value:
                raise Unanswerable(f"{name} is given twice: a filter has one value; split with by={name} to see several", name)
        else:
            hint = nearest(name, [*allowed, *known.dimensions])
            raise Unanswerable(f"there is no parameter {shown(name)}{hint}", shown(name))
    for name, values in named.items():
        if name not in _REPEATABLE and len(values) > 1:
            raise Unanswerable(f"{name} is given {len(values)} times: once is enough", name)
    return named, tuple(sorted(where.items()))


def _by(named: Mapping[str, list[str]], known: Known) -> tuple[str, ...]:
    given = _one(named, "by")
    if given is None:
        return ()
    names = tuple(given.split(","))
    for name in names:
        if name not in known.dimensions:
            raise Unanswerable(f"there is no dimension {shown(name)}{nearest(name, known.dimensions)}", "by")
    if len(names) > 2 or len(set(names)) < len(names):
        raise Unanswerable("by takes one dimension, or a configured pair of two such as channel,team", "by")
    return names


def _span(named: Mapping[str, list[str]], windows: tuple[str, ...]) -> tuple[int, int] | None:
    start_ms, end_ms = _time(named, "from"), _time(named, "to")
    if start_ms is None and end_ms is None:
        return None
    if start_ms is None or end_ms is None:
        raise Unanswerable("a span has both from and to", "to" if end_ms is None else "from")
    if windows:
        raise Unanswerable("from and to stand instead of window: leave one of them out", "window")
    if start_ms >= end_ms:
        raise Unanswerable("from lies at or after to: a span begins before it ends", "from")
    return start_ms, end_ms


def _time(named: Mapping[str, list[str]], name: str) -> int | None:
    given = _one(named, name)
    if given is None:
        return None
    try:
        return millis_from(given.replace(" ", "+"))  # a + that the sender did not escape arrives as a space
    except Rejected as error:
        raise Unanswerable(f"{name}: {error.detail}", name) from None


def _step_ms(given: str) -> int:
    if (match := _STEP.fullmatch(given)) is None:
        raise Unanswerable("a step is a number and s, m, h or d, such as 1m", "step")
    return int(match[1]) * _UNIT_MS[match[2]]


def _choice(named: Mapping[str, list[str]], name: str, of: Any) -> Any:
    given = _one(named, name)
    if given is not None and given not in (choices := get_args(of)):
        raise Unanswerable(f"{name} is one of {', '.join(choices)}, not {shown(given)}", name)
    return given


def _one(named: Mapping[str, list[str]], name: str) -> str | None:
    values = named.get(name)
    return values[0] if values else None
