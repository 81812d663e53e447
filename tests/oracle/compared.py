"""What the product makes of some events beside what the oracle makes of them: every figure, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cli.compute import cells_of, reader_of
from kpis.batch import Batch
from kpis.catalogue import KPIS
from kpis.kpi import Kpi
from kpis.query import Anchor, Query, Unanswerable
from kpis.reading import Reader
from kpis.window import NOW
from schemas.canonical import millis_from
from schemas.codec import encode_event
from schemas.events import Event
from schemas.figures import Figure
from services.api.declared import targets_of
from services.controls import timeline_of_settings
from services.settings import Settings
from tests.oracle.frame import Oracle, Row, close

SKETCH = 0.0101
"""How far a quantile of a sketch may lie from the exact one."""
RANKS_EXACT = 200
"""Up to so many values the ranks of a quantile's interval are exact, beyond they may be off by one."""
_OF_SKETCHES = ("p50", "p90")
_IN_WORDS = ("customers_reason", "survey_type")


class Difference(NamedTuple):
    """One number of one figure in which the two disagree."""

    kpi: str
    window: str
    anchor: str
    cut: str
    what: str
    product: Any
    oracle: Any


class Asked(NamedTuple):
    """What is asked of both: the instant (None: the present) or a span, and by which dimensions beside the total."""

    as_of_ms: int | None = None
    span: tuple[int, int] | None = None
    windows: tuple[str, ...] = ()


class Both:
    """The product's cells and the oracle over the same events."""

    def __init__(self, events: Iterable[Event], settings: Settings, now_ms: int | None = None) -> None:
        listed = list(events)
        self.settings = settings
        self.now_ms = now_ms if now_ms is not None else max((event.occurred_at_ms for event in listed), default=0)
        self.done: Batch = cells_of(listed, settings, self.now_ms)
        self.reader: Reader = reader_of(self.done, settings, self.now_ms)
        controls = timeline_of_settings(settings).at(self.now_ms)
        self.oracle = Oracle(
            (encode_event(event).decode() for event in listed),
            time_zone=settings.time_zone,
            pairs=settings.dimensions.pairs,
            targets={kpi: aims.within_ms / 1000 for kpi, aims in targets_of(settings, KPIS).items() if aims.within_ms},
            answer_within_ms=controls.answer_within_ms,
            short_abandon_ms=controls.short_abandon_ms,
            escalation_kinds=sorted(controls.escalation_kinds),
        )

    def take(self, done: Batch) -> None:
        """Compare these cells instead of those of the oracle's events."""
        self.done, self.reader = done, reader_of(done, self.settings, self.now_ms)

    def __enter__(self) -> Both:
        return self

    def __exit__(self, *_: object) -> None:
        self.oracle.close()

    def differences(self, asked: Asked, kpis: Sequence[Kpi] = KPIS, splits: Sequence[tuple[str, ...]] | None = None) -> list[Difference]:
        """Every difference in these KPIs, at both anchors, as the total and by each split (None: all dimensions and pairs)."""
        found: list[Difference] = []
        for kpi in kpis:
            found += self._of(kpi, asked, splits)
        return found

    def _of(self, kpi: Kpi, asked: Asked, splits: Sequence[tuple[str, ...]] | None) -> Iterator[Difference]:
        windows = tuple(w for w in kpi.windows if not asked.windows or w in asked.windows)
        if (asked.span is not None and kpi.windows == (NOW,)) or (asked.span is None and not windows):
            return
        known = self.oracle.figures(kpi.id, windows, as_of_ms=asked.as_of_ms, now_ms=self.now_ms, span=asked.span)
        pairs = tuple(tuple(pair) for pair in self.settings.dimensions.pairs)
        kept = [(), *((name,) for name in kpi.dimensions), *(pair for pair in pairs if set(pair) <= set(kpi.dimensions))]
        wanted = [by for by in kept if splits is None or not by or by in splits]
        seen: set[tuple[str, str, str]] = set()
        for anchor in kpi.anchors:
            for by in wanted:
                try:
                    figures = self.reader.read(
                        Query(
                            kpis=(kpi.id,),
                            windows=() if asked.span else windows,
                            as_of_ms=asked.as_of_ms,
                            span=asked.span,
                            by=by,
                            anchor=anchor,
                        )
                    )
                except Unanswerable:
                    assert asked.as_of_ms is not None
                    assert kpi.windows == (NOW,)
                    return
                for figure in figures:
                    cut = "|".join(f"{name}={value}" for name, value in figure.dims.items())
                    seen.add((anchor, figure.window, cut))
                    yield from self._figure(kpi, figure, anchor, cut, known.get((anchor, figure.window, cut)), asked)
        for (anchor_known, window, cut), row in known.items():
            dims = tuple(part.partition("=")[0] for part in cut.split("|")) if cut else ()
            if dims in wanted and row.n and (anchor_known, window, cut) not in seen:
                yield Difference(kpi.id, window, anchor_known, cut, "figure", "missing", row)

    def _figure(self, kpi: Kpi, figure: Figure, anchor: Anchor, cut: str, row: Row | None, asked: Asked) -> Iterator[Difference]:
        def differ(what: str, product: Any, oracle: Any) -> Difference:
            return Difference(kpi.id, figure.window, anchor, cut, what, product, oracle)

        if cut == "":
            yield from (differ(what, product, oracle) for what, product, oracle in self._edges(kpi, figure, asked))
        if row is None:
            if figure.n or figure.value:
                yield differ("figure", figure, "nothing")
            return
        for what, product, oracle in (
            ("n", figure.n, row.n),
            ("numerator", figure.numerator, row.numerator),
            ("denominator", figure.denominator, row.denominator),
        ):
            if oracle is not None and product is not None and not close(product, oracle):
                yield differ(what, product, oracle)
        if figure.reason == "no_sketch":
            if not cut:
                yield differ("reason", figure.reason, "a total has a sketch")
            if "mean" in row.parts and not close(_number(figure.parts.get("mean")), row.parts["mean"]):
                yield differ("parts.mean", figure.parts.get("mean"), row.parts["mean"])
            return
        if kpi.unit == "ratio" and row.extra.get("mature") is False and not _is_sketched(kpi, cut):
            yield from (differ(*three) for three in _grown(figure, row))
            return
        yield from (differ(*three) for three in _values(kpi, figure, row))
        yield from (differ(*three) for three in _parts(kpi, figure, row))

    def _edges(self, kpi: Kpi, figure: Figure, asked: Asked) -> Iterator[tuple[str, Any, Any]]:
        as_of = self.now_ms if asked.as_of_ms is None else asked.as_of_ms
        if asked.span is not None:
            start, end = self.oracle.calendar.span(*asked.span, self.now_ms, kpi.finest)
        else:
            start, end = self.oracle.edges(kpi.id, [figure.window], as_of, self.now_ms)[figure.window]
        if figure.window_end is None or millis_from(figure.window_end) != end:
            yield "window_end", figure.window_end, end
        if (figure.window_start is not None or start < end) and (figure.window_start is None or millis_from(figure.window_start) != start):
            yield "window_start", figure.window_start, start


Three = tuple[str, Any, Any]


def _values(kpi: Kpi, figure: Figure, row: Row) -> Iterator[Three]:
    of_sketch = kpi.unit == "seconds"
    relative, absolute = (SKETCH, 0.001) if of_sketch else (1e-9, 1e-9)
    if row.value_low is not None or row.value_high is not None:
        if not _between(figure.value, row.value_low, row.value_high, relative, absolute):
            yield "value", figure.value, (row.value_low, row.value_high)
    elif not close(figure.value, row.value, relative, absolute) and not (figure.value == 0 and row.value is None and row.n == 0):
        yield "value", figure.value, row.value
    for end, product, oracle in (("ci_low", figure.ci_low, row.ci_low), ("ci_high", figure.ci_high, row.ci_high)):
        if oracle is None or close(product, oracle, relative, absolute):
            continue
        least, most = row.extra.get(f"{end}_least"), row.extra.get(f"{end}_most")
        if row.n > RANKS_EXACT and least is not None and most is not None and _between(product, least, most, relative, absolute):
            continue
        yield end, product, oracle
    if figure.value is not None and figure.ci_low is not None and figure.ci_high is not None:
        slack = SKETCH * abs(figure.value) if of_sketch else 1e-9
        if not figure.ci_low - slack <= figure.value <= figure.ci_high + slack:
            yield "interval", (figure.ci_low, figure.ci_high), figure.value


def _parts(kpi: Kpi, figure: Figure, row: Row) -> Iterator[Three]:
    between: Mapping[str, Sequence[float]] = row.extra.get("between") or {}
    between = {**between, **{n.removeprefix("between_"): v for n, v in row.extra.items() if n.startswith("between_") and v}}
    for name in sorted(figure.parts.keys() | row.parts.keys()):
        product, oracle = figure.parts.get(name), row.parts.get(name)
        if name in _IN_WORDS:
            continue
        if name == "max_at_bucket_ends":
            if not row.extra["highest_least"] <= (_number(product) or 0) <= row.extra["highest_most"]:
                yield name, product, (row.extra["highest_least"], row.extra["highest_most"])
        elif name in between:
            relative = SKETCH if kpi.unit == "seconds" and not name.startswith("within") else 1e-9
            low, high = between[name]
            if product is not None and not _between(_number(product), low, high, relative, 1e-9):
                yield f"parts.{name}", product, between[name]
        elif name in ("p50", "max") and kpi.windows == (NOW,):
            if not close(_number(product), figure.value, 1e-9):
                yield f"parts.{name}", product, figure.value
        else:
            wide = name in _OF_SKETCHES
            same = close(_number(product), oracle, SKETCH if wide else 1e-9, 0.001 if wide else 1e-9)
            if not same and not ((product or 0) == 0 and (oracle or 0) == 0):
                yield f"parts.{name}", product, oracle
    by_channel = row.extra.get("by_channel")
    if by_channel is not None:
        items = {item.key: item.n for item in figure.items}
        if items != by_channel:
            yield "items", items, by_channel


def _grown(figure: Figure, row: Row) -> Iterator[Three]:
    """A young cohort on a cut that holds no bins shows what entered in mature buckets only."""
    least, most, k = row.extra["grown_n_least"], row.extra["grown_n_most"], row.extra["grown_k"]
    n = figure.parts.get("mature_n", 0)
    if not least <= (_number(n) or 0) <= most:
        yield "parts.mature_n", n, (least, most)
    if k is not None and not close(figure.value, k / least if least else None):
        yield "value", figure.value, (k, least)


def _is_sketched(kpi: Kpi, cut: str) -> bool:
    """Whether a cohort's cut holds bins: the total and some single dimensions do."""
    if not cut:
        return True
    return "|" not in cut and all(cut.partition("=")[0] in m.sketch_by for m in kpi.measures if m.kind == "cohort")


def _between(value: float | None, low: float | None, high: float | None, relative: float, absolute: float) -> bool:
    """Whether a value lies between two others; an end that is not there stands for "not reached"."""
    if value is None:
        return high is None
    if low is None:
        return False
    return value >= low - abs(low) * relative - absolute and (high is None or value <= high + abs(high) * relative + absolute)


def _number(part: Any) -> float | None:
    return None if part is None or isinstance(part, str) else float(part)
