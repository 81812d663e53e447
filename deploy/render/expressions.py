"""A formula as text: `share(part = ticket_solved{one_touch}, of = ticket_solved{one_touch, replied})`.

Every formula is a NamedTuple of measures, terms and plain values, so its fields say all of it but the functions for parts.
"""

from __future__ import annotations

import re
from typing import Any

from kpis.formulas import Term
from kpis.kpi import Formula
from kpis.measures import Measure


def expression(formula: Formula) -> str:
    """A formula with all that is set in it; functions, which add parts, are left out."""
    values: dict[str, Any] = formula._asdict()  # type: ignore[attr-defined]  # every formula is a NamedTuple
    said = [f"{name} = {text}" for name, value in values.items() if (text := _said(name, value))]
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(formula).__name__).lower()
    return f"{word}({', '.join(said)})"


def _said(name: str, value: Any) -> str:
    if isinstance(value, Measure):
        return value.name
    if isinstance(value, Term):
        return value.measure.name + ("" if value.classes is None else "{" + ", ".join(value.classes) + "}")
    if value is None or value is False or value == () or callable(value):
        return ""
    if isinstance(value, tuple):
        return _together(name, value)
    if value is True:
        return "yes"
    if isinstance(value, int) and name.endswith("_ms"):
        return f"{value / 1000:g} s"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _together(name: str, values: tuple[Any, ...]) -> str:
    texts = [text for value in values if (text := _said(name, value))]
    if isinstance(values[0], Term):
        return " + ".join(texts)
    if isinstance(values[0], str):
        return f"{texts[0]}: {' '.join(texts[1:])}"
    return f"({', '.join(texts)})"
