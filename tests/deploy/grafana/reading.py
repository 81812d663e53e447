"""The rendered dashboards as data: their panels, expressions and variables, and what Grafana puts in for variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import promql_parser as promql

from deploy.render.dashboards.files import DASHBOARDS, files

Json = dict[str, Any]
SCRAPE_SECONDS = 5
"""What a datasource says of the interval of its scrapes; the proof scrapes faster, so that a late scrape proves nothing wrong."""
RANGE_SECONDS = 60
_MOST_POINTS = 1_000
_PLAIN_TYPES = frozenset({"row", "text"})


class Expression(NamedTuple):
    """One PromQL expression: of which dashboard and panel, as which query, whether it asks for one instant."""

    dashboard: str
    panel: str
    ref: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel} [{self.ref}]"


@cache
def dashboards() -> Mapping[str, Json]:
    """Every dashboard by its file's name."""
    return {name.rpartition("/")[2]: json.loads(text) for name, text in files().items() if name.startswith(DASHBOARDS)}


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel, those of collapsed rows and the rows themselves included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def showing(dashboard: Json) -> list[Json]:
    """The panels that show data."""
    return [panel for panel in panels(dashboard) if panel["type"] not in _PLAIN_TYPES]


def variables(dashboard: Json) -> dict[str, Json]:
    """The variables by name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def expressions() -> list[Expression]:
    """Every expression of every panel, and of every annotation."""
    found = []
    for name, dashboard in dashboards().items():
        for panel in showing(dashboard):
            found += [Expression(name, panel["title"], t["refId"], t["expr"], t["instant"]) for t in panel["targets"]]
        found += [Expression(name, f"annotation {a['name']}", "A", a["expr"], False) for a in dashboard["annotations"]["list"]]
    return found


def filled_in(expr: str, dashboard: Json, *, scrape_seconds: int = SCRAPE_SECONDS, range_seconds: int = RANGE_SECONDS) -> str:
    """The expression as Grafana sends it while every variable stands as it does at first.

    `$__interval` is the range by the points of a panel, at least the scrape interval; `$__rate_interval` is the greater of it plus
    one scrape and four scrapes.
    """
    interval = max(range_seconds // _MOST_POINTS, scrape_seconds)
    values = {
        "__interval": f"{interval}s",
        "__rate_interval": f"{max(interval + scrape_seconds, 4 * scrape_seconds)}s",
        "__range": f"{range_seconds}s",
    }
    for name, variable in variables(dashboard).items():
        values[name] = _at_first(variable)
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], expr)


def _at_first(variable: Json) -> str:
    if variable["type"] == "datasource":
        return str(variable["query"])
    if not variable.get("includeAll"):
        return str(variable["current"]["value"]) if "current" in variable else ".+"  # the first that there is
    return str(variable["allValue"])


def parsed(expression: Expression) -> promql.Expr:
    """The expression as a tree. Raises ValueError for what is no PromQL."""
    return promql.parse(filled_in(expression.expr, dashboards()[expression.dashboard]))


def walk(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every node of a tree with those above it, the root first."""
    yield node, above
    inner = (*above, node)
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, name, None)
        if isinstance(child, promql.Expr):
            yield from walk(child, inner)
    for child in getattr(node, "args", ()):
        yield from walk(child, inner)


def selectors(expression: Expression) -> Iterator[tuple[promql.VectorSelector, tuple[Any, ...]]]:
    """Every selector of an expression with the nodes above it."""
    for node, above in walk(parsed(expression)):
        if isinstance(node, promql.VectorSelector):
            yield node, above


def functions(above: tuple[Any, ...]) -> list[str]:
    """The names of the functions above a node, the nearest first."""
    return [node.func.name for node in reversed(above) if isinstance(node, promql.Call)]
