"""Reading figures from cells: a question (`Query`) becomes figures, or is refused with what can be asked instead.

The API, `deskpulse compute` and the tests read through this one door, so they cannot show two numbers.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from itertools import pairwise

from kpis.catalogue import KPIS, by_id
from kpis.cells import Cells
from kpis.dimensions import NAMES, TOTAL, Cut
from kpis.folding import FINAL_AFTER_MS
from kpis.formulas.counts import SplitCount
from kpis.formulas.gauges import Ages, LevelOf
from kpis.kpi import Formula, Kpi, Targets, Value
from kpis.measures import CONTACT_WAITING
from kpis.names import OTHER
from kpis.query import Anchor, Clock, Point, Query, Unanswerable
from kpis.slices import Cuts, Slice
from kpis.steps import Steps, finished
from kpis.strips import Strip
from kpis.window import CALENDAR, NOW, WINDOWS, Bounds
from schemas.canonical import rfc3339
from schemas.figures import Figure, Quality

SERIES_MAX_POINTS = 2_000
SERIES_MAX_VALUES = 200_000
"""Points of all lines of one series together: some 20 MB of an answer."""
LateCount = Callable[[int, int], int]
"""How many events of a span came late."""
Revision = Callable[[Iterable[str], int, int], int]
"""How many late corrections what measures (by name) hold of a span has had."""


class Reader:
    """Figures from one set of cells as of one instant; made anew (cheaply) whenever the cells or the clock moved.

    It reads the cells as they were when it was made, so that what it tells in steps is of one moment, whatever is added between them.
    """

    def __init__(
        self,
        cells: Cells,
        *,
        now_ms: int,
        watermark_ms: int | None,
        targets: Mapping[str, Targets] | None = None,
        kpis: Iterable[Kpi] = KPIS,
        max_values: int = 500,
        late: LateCount = lambda start_ms, end_ms: 0,
        revision: Revision = lambda measures, start_ms, end_ms: 0,
    ) -> None:
        self.cells = cells.still()
        self.now_ms = now_ms
        self.watermark_ms = watermark_ms
        self.targets = targets or {}
        self.kpis = by_id(tuple(kpis))
        self.max_values = max_values
        self._living = cells
        self._late = late
        self._revision = revision
        self._slices: dict[tuple[int, int, int, str], Slice] = {}
        self._corrected: dict[tuple[str, Anchor | None, Clock, int, int], tuple[int, int]] = {}

    # ---- questions -----------------------------------------------------------------------------

    def read(self, query: Query) -> list[Figure]:
        """The figures a question asks for. Raises Unanswerable, saying what can be asked instead."""
        return finished(self.read_in_steps(query))

    def read_in_steps(self, query: Query) -> Steps[list[Figure]]:
        """As `read`, a figure a step; all of them are as of this call. Raises Unanswerable at once, not at a step."""
        asked = list(self._asked(query))
        for kpi, formula, cells, _ in asked:
            self._corrections(kpi, formula, cells.bounds, query)  # counted now: who counts them goes on counting between the steps
        return self._figures(asked, query)

    def _figures(self, asked: list[tuple[Kpi, Formula, Slice, list[Cut]]], query: Query) -> Steps[list[Figure]]:
        out: list[Figure] = []
        for kpi, formula, cells, cuts in asked:
            if not isinstance(formula, Ages):
                yield from cells.levels_in_steps() if isinstance(formula, LevelOf) else cells.total_in_steps()
            figures: list[Figure] = []
            for cut in cuts:
                figures.append(self._figure(kpi, formula, cells, (cut,), query, dict(cut)))
                yield
            out += figures if len(figures) <= self.max_values else self._folded(kpi, formula, cells, figures, cuts, query)
        return out

    def series(
        self, kpi_id: str, *, step_ms: int, start_ms: int, end_ms: int,
        by: tuple[str, ...] = (), where: tuple[tuple[str, str], ...] = (), anchor: Anchor | None = None,
    ) -> list[tuple[dict[str, str], list[Point]]]:  # fmt: skip
        """One value for each step of [start_ms, end_ms), for each cut. Raises Unanswerable."""
        return finished(self.series_in_steps(kpi_id, step_ms=step_ms, start_ms=start_ms, end_ms=end_ms, by=by, where=where, anchor=anchor))

    def series_in_steps(
        self, kpi_id: str, *, step_ms: int, start_ms: int, end_ms: int,
        by: tuple[str, ...] = (), where: tuple[tuple[str, str], ...] = (), anchor: Anchor | None = None,
    ) -> Steps[list[tuple[dict[str, str], list[Point]]]]:  # fmt: skip
        """As `series`, a value a step; all of them are of the same cells. Raises Unanswerable, at the first step."""
        kpi = self.kpi(kpi_id)
        formula = self._formula(kpi, Query(kpis=(kpi_id,), anchor=anchor))
        if step_ms < 1 or (end_ms - start_ms) / step_ms > SERIES_MAX_POINTS:
            raise Unanswerable(f"a series has at most {SERIES_MAX_POINTS} points: take a longer step or a shorter span", "step")
        if isinstance(formula, Ages):
            raise Unanswerable(f"{kpi_id} is an age of what is open now: it has no past", "kpi")
        cuts = self._cuts(kpi, by, where)
        edges = self._edges(start_ms, end_ms, step_ms, kpi.finest)
        if len(cuts) * (len(edges) - 1) > SERIES_MAX_VALUES:
            raise Unanswerable(
                f"that is {len(cuts)} series of {len(edges) - 1} points: take a longer step or a shorter span, or filter", "by"
            )
        targets, level = self.targets.get(kpi.id, Targets()), self.cells.levels.all[kpi.finest]
        strip = Strip(self.cells, formula.measures, cuts, self.now_ms, kpi.finest)
        yield from strip.begin(edges[0])
        lines: list[tuple[dict[str, str], list[Point]]] = [(dict(cut), []) for cut in cuts]
        for low, high in pairwise(edges):
            present = self._present(kpi, high)
            values = strip.values(Bounds("step", low, high, level), present, lambda piece: formula.read(piece, piece.cuts, targets))
            for value, (_, points) in zip(values, lines, strict=True):
                points.append(Point(start_ms=low, end_ms=high, value=_finite(value.value), n=value.n))
                yield
        return lines

    def opened(self, query: Query) -> list[tuple[Kpi, Formula, Slice, Cut]]:
        """What `read` reads for each figure, before any are folded into one: its formula, the slice and the cut. Raises Unanswerable."""
        return [(kpi, formula, cells, cut) for kpi, formula, cells, cuts in self._asked(query) for cut in cuts]

    def waiting(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Who waits now: (channel, [(start of the bucket in which they began to, how many)]); "" holds who said no channel."""
        kpi = next((kpi for kpi in self.kpis.values() if CONTACT_WAITING in kpi.measures and "channel" in kpi.dimensions), None)
        if kpi is None:
            return []
        cells = self._slice(kpi, self.cells.levels.window(NOW, self.now_ms, self.now_ms, kpi.finest), None)
        said = [(dict(cut)["channel"], cells.starts((cut,), CONTACT_WAITING)) for cut in self._cuts(kpi, ("channel",), ())]
        unsaid = Counter(dict(cells.starts((TOTAL,), CONTACT_WAITING)))
        for _, starts in said:
            unsaid.subtract(dict(starts))
        rest = sorted((since, n) for since, n in unsaid.items() if n > 0)
        return [*([("", rest)] if rest else []), *said]

    def again(self) -> Reader:
        """A reader of the same instant, for cells that may have moved since."""
        other = copy(self)
        other.cells, other._slices, other._corrected = self._living.still(), {}, {}
        return other

    def kpi(self, kpi_id: str) -> Kpi:
        """One KPI of the catalogue. Raises Unanswerable with the nearest name."""
        kpi = self.kpis.get(kpi_id)
        if kpi is None:
            raise Unanswerable(f"no KPI is called {kpi_id[:80]!r}{_nearest(kpi_id, self.kpis)}", "kpi")
        return kpi

    # ---- parts of a question -------------------------------------------------------------------

    def _asked(self, query: Query) -> Iterator[tuple[Kpi, Formula, Slice, list[Cut]]]:
        for kpi_id in query.kpis or tuple(self.kpis):
            kpi = self.kpi(kpi_id)
            formula = self._formula(kpi, query)
            cuts = self._cuts(kpi, query.by, query.where)
            for bounds in self._bounds(kpi, query):
                cells = self._slice(kpi, bounds, query.as_of_ms)
                self._refuse_past(kpi, formula, cells)
                yield kpi, formula, cells, cuts

    def _formula(self, kpi: Kpi, query: Query) -> Formula:
        if query.clock == "business":
            if kpi.business is None:
                raise Unanswerable(f"{kpi.id} is kept by the calendar clock only: leave clock out", "clock")
            if query.anchor not in (None, kpi.anchor):
                raise Unanswerable(f"business time is kept with anchor={kpi.anchor} only: leave anchor out", "anchor")
            return kpi.business
        formula = kpi.formula_for(query.anchor)
        if formula is None:
            raise Unanswerable(f"{kpi.id} can be anchored at {' or '.join(kpi.anchors)}", "anchor")
        return formula

    def _bounds(self, kpi: Kpi, query: Query) -> list[Bounds]:
        levels = self.cells.levels
        if query.span is not None:
            if query.span[0] >= query.span[1]:
                raise Unanswerable("from lies before to", "from")
            if kpi.windows == (NOW,):
                raise Unanswerable(f"{kpi.id} is a figure of now: ask for window=now", "from")
            return [levels.span(*query.span, self.now_ms, kpi.finest)]
        as_of = self.now_ms if query.as_of_ms is None else query.as_of_ms
        for name in query.windows:
            if name not in WINDOWS:
                raise Unanswerable(
                    f"no window is called {name[:80]!r}{_nearest(name, WINDOWS)}; windows are {', '.join(WINDOWS)}", "window"
                )
            if name not in kpi.windows:
                raise Unanswerable(f"{kpi.id} has the windows {', '.join(kpi.windows)}", "window")
        return [levels.window(name, as_of, self.now_ms, kpi.finest) for name in query.windows or kpi.windows]

    def _cuts(self, kpi: Kpi, by: tuple[str, ...], where: tuple[tuple[str, str], ...]) -> list[Cut]:
        for name in (*by, *(name for name, _ in where)):
            if name not in NAMES:
                raise Unanswerable(f"no dimension is called {name[:80]!r}{_nearest(name, NAMES)}", "by" if name in by else name)
            if name not in kpi.dimensions:
                raise Unanswerable(f"{kpi.id} is kept by {', '.join(kpi.dimensions)}", "by" if name in by else name)
        said = dict(where)
        names = tuple(dict.fromkeys((*by, *said)))
        if not names:
            return [TOTAL]
        order = self._order(names)
        found = [
            cut for cut in self.cells.cuts()
            if tuple(name for name, _ in cut) == order and all(said.get(name, value) == value for name, value in cut)
        ]  # fmt: skip
        if not by and not found:
            return [tuple((name, said[name]) for name in order)]
        return sorted(found)

    def _order(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) == 1:
            return names
        pairs = self.cells.dimension_pairs
        for pair in pairs:
            if set(pair) == set(names):
                return tuple(pair)
        known = ", ".join(f"{a} × {b}" for a, b in pairs) or "none"
        raise Unanswerable(f"{' × '.join(names)} is not kept; configured pairs ([dimensions] pairs) are {known}", "by")

    def _slice(self, kpi: Kpi, bounds: Bounds, as_of_ms: int | None) -> Slice:
        present = as_of_ms is None or self._present(kpi, bounds.end_ms)
        key = (bounds.start_ms, bounds.end_ms, kpi.finest, bounds.name)
        cells = self._slices.get(key)
        if cells is None:
            cells = self._slices[key] = Slice(self.cells, bounds, self.now_ms, kpi.finest, present)
        return cells

    def _present(self, kpi: Kpi, end_ms: int) -> bool:
        """Whether a span with this end reaches up to now."""
        return self.cells.levels.zone.ceil(self.now_ms, kpi.finest) <= end_ms

    def _refuse_past(self, kpi: Kpi, formula: Formula, cells: Slice) -> None:
        if isinstance(formula, Ages) and not cells.present:
            raise Unanswerable(f"{kpi.id} is an age of what is open now: leave as_of out", "as_of")

    def _edges(self, start_ms: int, end_ms: int, step_ms: int, finest: int) -> list[int]:
        levels = self.cells.levels
        level = min(levels.readable(start_ms, self.now_ms, finest), 4)
        edges = [levels.zone.bucket_start(start_ms, level)]
        while edges[-1] < end_ms:
            following = levels.zone.ceil(edges[-1] + max(step_ms, 1), level)
            if following <= edges[-1]:  # pragma: no cover - a bucket always has a width
                break
            edges.append(following)
        return edges

    # ---- figures -------------------------------------------------------------------------------

    def _figure(self, kpi: Kpi, formula: Formula, cells: Slice, cuts: Cuts, query: Query, dims: dict[str, str]) -> Figure:
        value = formula.read(cells, cuts, self.targets.get(kpi.id, Targets()))
        if value.value is None and query.clock == "business" and not self.cells.components_of(formula.measures[0].key):
            value.reason = "no_calendar"
        bounds = cells.bounds
        instant = bounds.start_ms >= bounds.end_ms
        revision, late = self._corrections(kpi, formula, bounds, query)
        return Figure(
            kpi=kpi.id,
            version=kpi.version,
            window=bounds.name,
            window_start=None if instant else rfc3339(bounds.start_ms),
            window_end=rfc3339(bounds.end_ms),
            anchor=query.anchor or kpi.anchor,
            clock=query.clock,
            dims=dims,
            as_of=rfc3339(self.now_ms if query.as_of_ms is None else query.as_of_ms),
            watermark=None if self.watermark_ms is None else rfc3339(self.watermark_ms),
            value=_finite(value.value),
            unit=kpi.unit,
            n=value.n,
            numerator=value.numerator,
            denominator=value.denominator,
            ci_low=_finite(value.ci_low),
            ci_high=_finite(value.ci_high),
            quality=self._quality(kpi, value, bounds),
            reason=value.reason,
            revision=revision,
            late_applied=late,
            parts=value.parts,
            items=value.items,
        )

    def _corrections(self, kpi: Kpi, formula: Formula, bounds: Bounds, query: Query) -> tuple[int, int]:
        """(late corrections of what a formula reads of a span, events of the span that came late); of an instant there are none."""
        start, end = bounds.start_ms, bounds.end_ms
        if start >= end:
            return 0, 0
        key = (kpi.id, query.anchor, query.clock, start, end)  # the formula is told apart by these
        found = self._corrected.get(key)
        if found is None:
            found = self._corrected[key] = self._revision([m.name for m in formula.measures], start, end), self._late(start, end)
        return found

    def _quality(self, kpi: Kpi, value: Value, bounds: Bounds) -> Quality:
        if value.value is None:
            return "no_data" if value.n == 0 else "insufficient"
        if value.n < kpi.n_min:
            return "insufficient"
        closed = (
            bounds.name in (*CALENDAR, "span") and self.watermark_ms is not None and self.watermark_ms >= bounds.end_ms + FINAL_AFTER_MS
        )
        return "final" if closed and value.mature else "provisional"

    def _folded(self, kpi: Kpi, formula: Formula, cells: Slice, figures: list[Figure], cuts: list[Cut], query: Query) -> list[Figure]:
        """The most frequent values, and the others as one: published, never silent."""
        if isinstance(formula, SplitCount):
            return sorted(figures, key=lambda f: -f.n)[: self.max_values]
        ranked = sorted(zip(figures, cuts, strict=True), key=lambda both: (-both[0].n, both[1]))
        kept, rest = ranked[: self.max_values], tuple(cut for _, cut in ranked[self.max_values :])
        other = self._figure(kpi, formula, cells, rest, query, {name: OTHER for name, _ in rest[0]})
        return [*sorted((f for f, _ in kept), key=lambda f: sorted(f.dims.items())), other]


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:80], list(names), 1)
    return f"; the nearest is {near[0]}" if near else ""
