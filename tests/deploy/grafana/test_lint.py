"""The rules of Grafana's dashboard-linter that are about Prometheus, over every dashboard; what is let off has its reason in one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import promql_parser as promql
import pytest

from tests.deploy.grafana.reading import (
    Expression,
    Json,
    dashboards,
    expressions,
    filled_in,
    functions,
    parsed,
    selectors,
    showing,
    variables,
)

SOURCES = ("$datasource", "${datasource}")
UNITS = frozenset({"none", "locale", "short", "percentunit", "s", "bytes", "cps"})
"""Those of Grafana's units that are used here."""


class Excluded(NamedTuple):
    """What a rule lets off: findings that begin so."""

    rule: str
    begins: str
    reason: str


EXCLUSIONS: tuple[Excluded, ...] = ()
"""None so far: a first one comes with the reason why the rule does not fit."""


def _template_datasource(board: Json) -> Iterator[str]:
    found = [v for v in variables(board).values() if v["type"] == "datasource"]
    if [(v["name"], v["label"], v["query"]) for v in found] != [("datasource", "Data source", "prometheus")]:
        yield "needs one variable `datasource`, labelled Data source, of the type prometheus"


def _template(name: str) -> Callable[[Json], Iterator[str]]:
    def rule(board: Json) -> Iterator[str]:
        variable = variables(board).get(name)
        if variable is None:
            yield f"has no variable {name}"
            return
        if variable["datasource"]["uid"] not in SOURCES:
            yield f"{name}: not of $datasource"
        if variable["type"] != "query":
            yield f"{name}: no query"
        if variable["label"] != name.capitalize():
            yield f"{name}: labelled {variable['label']}"
        if not variable["multi"]:
            yield f"{name}: only one can be chosen"
        if variable["allValue"] != ".+":
            yield f"{name}: all is {variable['allValue']}"

    return rule


def _template_label_promql(board: Json) -> Iterator[str]:
    for variable in variables(board).values():
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), *\w+\)", variable["query"]["query"])
        if found is None:
            yield f"{variable['name']}: not label_values(selector, label)"
            continue
        try:
            promql.parse(filled_in(found[1], board))
        except ValueError as error:
            yield f"{variable['name']}: {error}"


def _template_on_time_change_reload(board: Json) -> Iterator[str]:
    for variable in variables(board).values():
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield f"{variable['name']}: not read anew when the time range changes"


def _panel_datasource(board: Json) -> Iterator[str]:
    for panel in showing(board):
        if any(held["datasource"]["uid"] not in SOURCES for held in (panel, *panel["targets"])):
            yield f"{panel['title']}: not of $datasource"


def _panel_title_description(board: Json) -> Iterator[str]:
    for panel in showing(board):
        if not panel.get("title", "").strip() or len(panel.get("description", "").strip()) < 15:
            yield f"panel {panel['id']} {panel.get('title')}: no title or no description"


def _panel_units(board: Json) -> Iterator[str]:
    for panel in showing(board):
        said = [panel["fieldConfig"]["defaults"].get("unit")]
        said += [p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit"]
        if not set(said) <= UNITS:
            yield f"{panel['title']}: unit {said}"


def _panel_no_targets(board: Json) -> Iterator[str]:
    for panel in showing(board):
        if not panel.get("targets"):
            yield f"{panel['title']}: asks for nothing"


def _target_promql(asked: Expression) -> Iterator[str]:
    try:
        parsed(asked)
    except ValueError as error:
        yield str(error)


def _target_rate_interval(asked: Expression) -> Iterator[str]:
    for found in re.finditer(r"\b(rate|irate|deriv)\(", asked.expr):
        inside = asked.expr[found.end() :]
        if not re.match(r"[^\[\]]*\[\$__rate_interval\]", inside):
            yield f"{found[1]} not over $__rate_interval"


def _target_matcher(label: str) -> Callable[[Expression], Iterator[str]]:
    def rule(asked: Expression) -> Iterator[str]:
        for selector in re.findall(r"\{[^{}]*\}", asked.expr):
            if f'{label}=~"${label}"' not in selector:
                yield f"{selector} does not keep to ${label}"
        if len(re.findall(r"\{[^{}]*\}", asked.expr)) != len(list(selectors(asked))):
            yield "a selector without braces"

    return rule


def _target_counter_agg(asked: Expression) -> Iterator[str]:
    for selector, above in selectors(asked):
        if str(selector.name).endswith("_total") and not {"rate", "irate", "increase"} & set(functions(above)[:1]):
            yield f"{selector.name} is a counter and not within rate, irate or increase"


def _uneditable(board: Json) -> Iterator[str]:
    if board["editable"]:
        yield "can be edited, and the next start would undo it"


BOARD_RULES: dict[str, Callable[[Json], Iterator[str]]] = {
    "template-datasource-rule": _template_datasource,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": _template_label_promql,
    "template-on-time-change-reload-rule": _template_on_time_change_reload,
    "panel-datasource-rule": _panel_datasource,
    "panel-title-description-rule": _panel_title_description,
    "panel-units-rule": _panel_units,
    "panel-no-targets-rule": _panel_no_targets,
    "uneditable-dashboard-rule": _uneditable,
}
TARGET_RULES: dict[str, Callable[[Expression], Iterator[str]]] = {
    "target-promql-rule": _target_promql,
    "target-rate-interval-rule": _target_rate_interval,
    "target-job-rule": _target_matcher("job"),
    "target-instance-rule": _target_matcher("instance"),
    "target-counter-agg-rule": _target_counter_agg,
}


def _let_off(rule: str, finding: str) -> bool:
    return any(excluded.rule == rule and finding.startswith(excluded.begins) for excluded in EXCLUSIONS)


@pytest.mark.parametrize("rule", BOARD_RULES)
@pytest.mark.parametrize("name", list(dashboards()))
def test_a_dashboard_keeps_the_rule(rule: str, name: str) -> None:
    findings = [f"{name}: {finding}" for finding in BOARD_RULES[rule](dashboards()[name])]
    assert [finding for finding in findings if not _let_off(rule, finding)] == []


@pytest.mark.parametrize("rule", TARGET_RULES)
def test_every_expression_keeps_the_rule(rule: str) -> None:
    findings = [f"{asked}: {finding}" for asked in expressions() for finding in TARGET_RULES[rule](asked)]
    assert [finding for finding in findings if not _let_off(rule, finding)] == []


def test_there_are_fifteen_rules_and_each_exclusion_is_needed() -> None:
    assert len(BOARD_RULES) + len(TARGET_RULES) == 15
    found = [(rule, f"{name}: {f}") for rule, check in BOARD_RULES.items() for name, board in dashboards().items() for f in check(board)]
    found += [(rule, f"{asked}: {f}") for rule, check in TARGET_RULES.items() for asked in expressions() for f in check(asked)]
    for excluded in EXCLUSIONS:
        assert excluded.reason
        assert any(rule == excluded.rule and finding.startswith(excluded.begins) for rule, finding in found), excluded


_ONE = {"title": "One", "description": "What is shown here.", "id": 1, "type": "stat", "datasource": {"uid": "${datasource}"}}
_ASKED = {"expr": "up", "datasource": {"uid": "${datasource}"}, "refId": "A", "instant": True}


def _board(**panel: Any) -> Json:
    base = {**_ONE, "targets": [_ASKED], "fieldConfig": {"defaults": {"unit": "s"}, "overrides": []}}
    return {"panels": [{**base, **panel}], "templating": {"list": []}, "editable": False}


@pytest.mark.parametrize(
    ("rule", "board"),
    [
        ("template-datasource-rule", _board()),
        ("template-job-rule", _board()),
        ("template-instance-rule", _board()),
        (
            "template-label-promql-rule",
            {**_board(), "templating": {"list": [{"name": "x", "type": "query", "query": {"query": "label_values(up{, x)"}}]}},
        ),
        ("template-on-time-change-reload-rule", {**_board(), "templating": {"list": [{"name": "x", "type": "query", "refresh": 1}]}}),
        ("panel-datasource-rule", _board(datasource={"uid": "mine"})),
        ("panel-title-description-rule", _board(description=" ")),
        ("panel-units-rule", _board(fieldConfig={"defaults": {}, "overrides": []})),
        ("panel-no-targets-rule", _board(targets=[])),
        ("uneditable-dashboard-rule", {**_board(), "editable": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_about_a_dashboard_finds_what_it_is_for(rule: str, board: Json) -> None:
    assert list(BOARD_RULES[rule](board))


_KEPT = 'job=~"$job",instance=~"$instance"'


@pytest.mark.parametrize(
    ("rule", "expr"),
    [
        ("target-promql-rule", "sum(x"),
        ("target-rate-interval-rule", f"rate(x_total{{{_KEPT}}}[5m])"),
        ("target-job-rule", 'x{instance=~"$instance"}'),
        ("target-job-rule", "x"),
        ("target-instance-rule", 'x{job=~"$job"}'),
        ("target-counter-agg-rule", f"sum(x_total{{{_KEPT}}})"),
        ("target-counter-agg-rule", f"max_over_time(x_total{{{_KEPT}}}[5m])"),
    ],
)
def test_each_rule_about_an_expression_finds_what_it_is_for(rule: str, expr: str) -> None:
    asked = Expression("kpis.json", "P", "A", expr, True)
    assert list(TARGET_RULES[rule](asked))
    good = Expression("kpis.json", "P", "A", f"sum(rate(x_total{{{_KEPT}}}[$__rate_interval]))", True)
    assert list(TARGET_RULES[rule](good)) == []
