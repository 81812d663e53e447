"""A figure's formula with the numbers filled in, as one line that can be checked with a pencil."""

from __future__ import annotations

from collections.abc import Iterable

from kpis.formulas import (
    Ages,
    Balance,
    Cohort,
    Count,
    KaplanMeier,
    LevelOf,
    NetPromoter,
    Quantile,
    Resolved,
    Share,
    SplitCount,
    Term,
    TopBox,
)
from kpis.kpi import Formula
from kpis.lineage_reads import Reads
from kpis.measures import PART, Measure
from kpis.window import NOW
from schemas.figures import Figure


def filled(formula: Formula, figure: Figure, reads: Reads) -> str:
    """The formula of a figure in numbers, ending with its value as people read it."""
    result = _result(figure)
    if isinstance(formula, Share):
        k, n = _whole(figure.numerator), _whole(figure.denominator)
        named = f"{_terms(formula.part, reads)} / ({_terms(formula.of, reads)})"
        return f"{named} = {k} / {n} = {result}"
    if isinstance(formula, Quantile):
        return _duration(figure, formula, result)
    if isinstance(formula, Cohort):
        text = f"{_whole(figure.numerator)} within {_span(formula.measure.horizon_ms)} / {_whole(figure.denominator)} entered"
        mature = figure.value is None or reads.end_ms + formula.measure.horizon_ms <= reads.now_ms
        return f"{text} = {result}" if mature else f"{text}; with those still open at risk = {result}"
    if isinstance(formula, KaplanMeier):
        return f"{_whole(figure.numerator)} outcomes of {figure.n} entered, the others at risk: median = {result}"
    if isinstance(formula, TopBox):
        return f"{_whole(figure.numerator)} in the positive set / {_whole(figure.denominator)} answers = {result}"
    if isinstance(formula, NetPromoter):
        parts = figure.parts
        return f"100 × ({parts['promoters']} promoters - {parts['detractors']} detractors) / {figure.n} answers = {result}"
    if isinstance(formula, Balance):
        parts = figure.parts
        return f"{parts['created']} created - {parts['solved']} solved + {parts['reopened']} reopened = {result}"
    if isinstance(formula, Resolved):
        return f"{_split(formula.net, reads)} = {result} (every solve: {figure.parts['gross']})"
    if isinstance(formula, Count | SplitCount):
        return f"{_split(formula.measure, reads)} = {result}"
    if isinstance(formula, LevelOf):
        return _level(figure, formula, result)
    if isinstance(formula, Ages):
        return f"{'longest' if formula.longest else 'median'} of {figure.n} that are open = {result}"
    if figure.numerator is not None and figure.denominator is not None:
        return f"{_whole(figure.numerator)} / {_whole(figure.denominator)} = {result}"
    return result


def _duration(figure: Figure, formula: Quantile, result: str) -> str:
    if figure.n == 0:
        return f"median of 0 = {result}"
    total, mean = _amount(figure.numerator or 0.0, "seconds"), figure.parts.get("mean")
    text = f"median of {figure.n} {_words(formula.measure.name)}s = {result}"
    return text if mean is None else f"{text}; mean {total} / {figure.n} = {_amount(mean, 'seconds')}"


def _level(figure: Figure, formula: LevelOf, result: str) -> str:
    states = {name: n for name, n in figure.parts.items() if name not in ("last", "max_at_bucket_ends", *(n for n, _ in formula.beside))}
    named = " + ".join(f"{n} {_words(name)}" for name, n in states.items()) or "0"
    if figure.window == NOW:
        return f"{named} = {result} at {figure.window_end}"
    return f"time mean from {figure.window_start} to {figure.window_end} = {result}; at its end {named} = {figure.parts.get('last')}"


def _terms(terms: Iterable[Term], reads: Reads) -> str:
    return " + ".join(_term(term, reads) for term in terms)


def _term(term: Term, reads: Reads) -> str:
    classes = _classes(term.measure, reads) if term.classes is None else term.classes
    n = sum(reads.sums.get((term.measure.key, cls), 0) for cls in classes)
    named = "" if term.classes is None or classes == ("n",) else f" ({', '.join(_words(cls) for cls in classes)})"
    return f"{n} {_words(term.measure.name)}{named}"


def _split(measure: Measure, reads: Reads) -> str:
    held = [(cls, n) for cls in sorted(_classes(measure, reads)) if (n := reads.sums[measure.key, cls])]
    return " + ".join(f"{n} {_words(cls) if cls != 'n' else _words(measure.name)}" for cls, n in held) or "0"


def _classes(measure: Measure, reads: Reads) -> tuple[str, ...]:
    return tuple(component for key, component in reads.sums if key == measure.key and not component.startswith(PART))


def _result(figure: Figure) -> str:
    return f"none ({_words(figure.reason or 'no_data')})" if figure.value is None else _amount(figure.value, figure.unit)


def _amount(value: float, unit: str) -> str:
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    if unit == "seconds":
        return _span(value * 1000)
    return f"{value:+.1f}" if unit == "score" else f"{value:g}" if value == round(value) else f"{value:.2f}"


def _span(ms: float) -> str:
    for unit, width in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if abs(ms) >= width:
            return f"{ms / width:.4g} {unit}"
    return f"{ms / 1000:.4g} s"


def _whole(value: float | None) -> str:
    return "0" if value is None else f"{value:g}"


def _words(name: str) -> str:
    return name.replace("_", " ")
