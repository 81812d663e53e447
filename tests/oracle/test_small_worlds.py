"""A few events a case, the figure worked out by pencil: the oracle and the product must both say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kpis.query import Query
from services.settings import Settings
from tests.kpis.drawn import drawn, moment
from tests.oracle.compared import Both
from tests.oracle.frame import Row, close
from tests.oracle.worlds.answers import ANSWERS
from tests.oracle.worlds.calls import CALLS
from tests.oracle.worlds.case import Case
from tests.oracle.worlds.customers import CUSTOMERS
from tests.oracle.worlds.differing import DIFFERING
from tests.oracle.worlds.edges import EDGES
from tests.oracle.worlds.sales import SALES

WEEK = (moment("Mon", "00:00"), moment("Mon2", "00:00"))
SKETCH, BIN = 0.0101, 0.0201


def named(cases: list[Case]) -> list[Any]:
    """The cases with their names."""
    return [pytest.param(case, id=f"{case.kpi}: {case.name}") for case in cases]


def both_say(case: Case) -> tuple[list[str], list[str]]:
    """What the oracle says wrong of a case, and what the product does."""
    now_ms = moment(*case.now.split())
    span = None if case.window else WEEK
    windows = (case.window,) if case.window else ()
    where = tuple((name, value) for name, _, value in [case.cut.partition("=")] if name)
    with Both([*drawn(case.drawing), *case.more], Settings(), now_ms) as both:
        (figure,) = both.reader.read(Query(kpis=(case.kpi,), windows=windows, span=span, where=where, anchor=case.anchor))
        row = both.oracle.figures(case.kpi, windows, now_ms=now_ms, span=span).get((figure.anchor, case.window or "span", case.cut))
    if row is None:
        oracle = [] if case.n == 0 else ["no row"]
    else:
        value = row.value if row.value is not None else _between(case.value, row)
        # a curve is drawn over bins, which tell a time by their upper end
        oracle = _wrong(case, row.n, value, row.parts, BIN if row.value_low is not None and value != 0 else 1e-9)
    return oracle, _wrong(case, figure.n, figure.value, figure.parts, SKETCH if figure.unit == "seconds" else 1e-9)


def _between(expected: float | None, row: Row) -> float | None:
    """What is expected, if it lies where the oracle says that it must; else an end of that."""
    if expected is None or row.value_low is None or row.value_high is None:
        return row.value_low
    return min(max(expected, row.value_low), row.value_high)


def _wrong(case: Case, n: int, value: float | None, parts: Mapping[str, Any], relative: float) -> list[str]:
    out = [] if n == case.n else [f"n is {n}, not {case.n}"]
    if not close(value, case.value, relative):
        out.append(f"value is {value}, not {case.value}")
    out += [
        f"{name} is {parts.get(name)}, not {part}"
        for name, part in case.parts.items()
        if not close(parts.get(name), part, max(relative, 1e-9))
    ]
    return out


@pytest.mark.parametrize("case", named([*CALLS, *ANSWERS, *SALES, *CUSTOMERS, *EDGES]))
def test_both_say_what_the_pencil_says(case: Case) -> None:
    oracle, product = both_say(case)
    assert (oracle, product) == ([], [])


@pytest.mark.parametrize("case", named(DIFFERING))
def test_the_product_does_not_say_yet_what_the_definition_says(case: Case) -> None:
    oracle, product = both_say(case)
    assert oracle == []
    assert product != []
