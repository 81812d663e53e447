"""Every name and label that a dashboard asks for is told by the services' own code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import promql_parser as promql
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kpis.catalogue import KPIS
from services.api.app import create_app
from services.api.declared import entry_of
from services.settings import Settings
from tests.deploy.grafana.reading import dashboards, expressions, filled_in, selectors, variables
from tests.deploy.grafana.serving import (
    AGENTS_PATH,
    API_PATH,
    EVERY_KPI,
    AggregatorGoingOn,
    ingest_goes_on,
    ingest_metrics,
    told_board,
)
from tests.services.api.calling import calling
from tests.services.api.filled_board import filled

FROM_THE_SCRAPE = {"job", "instance"}
Told = Mapping[str, set[frozenset[str]]]


def _told(text: str) -> dict[str, set[frozenset[str]]]:
    """The names of all samples, each with the sets of labels it comes with."""
    out: dict[str, set[frozenset[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            out.setdefault(sample.name, set()).add(frozenset(sample.labels))
    return out


def _grouped_by(above: tuple[Any, ...]) -> set[str]:
    """The labels by which the aggregation nearest to a selector groups."""
    nearest = next((node for node in reversed(above) if isinstance(node, promql.AggregateExpr)), None)
    return set() if nearest is None or nearest.modifier is None else set(nearest.modifier.labels)


@pytest.fixture
async def told() -> Told:
    """What all services tell."""
    metrics = ingest_metrics()
    ingest_goes_on(metrics)
    texts = [generate_latest(metrics.registry).decode(), AggregatorGoingOn().look()]
    async with calling(create_app(Settings(), told_board(), environ={})) as client:
        texts += [(await client.get(path)).text for path in (API_PATH, AGENTS_PATH)]
    out: dict[str, set[frozenset[str]]] = {"deskpulse_series_suppressed": {frozenset({"family"})}}  # only while parts are left out
    for text in texts:
        for name, labels in _told(text).items():
            out.setdefault(name, set()).update(labels)
    return out


async def test_every_metric_that_is_asked_for_is_told_with_its_labels(told: Told) -> None:
    wrong = []
    for asked in expressions():
        for selector, above in selectors(asked):
            if selector.name is None or selector.name not in told:
                wrong.append(f"{asked}: nothing tells {selector.name}")
                continue
            told_of = frozenset().union(*told[selector.name]) | FROM_THE_SCRAPE
            wanted = {matcher.name for matcher in selector.matchers.matchers} | _grouped_by(above)
            if wanted - told_of:
                wrong.append(f"{asked}: {selector.name} has no label {sorted(wanted - told_of)}")
    assert wrong == []


async def test_variables_ask_for_metrics_and_labels_that_exist(told: Told) -> None:
    for name, board in dashboards().items():
        for variable in variables(board).values():
            if variable["type"] != "query":
                continue
            selector, label = re.fullmatch(r"label_values\((.+), *(\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
            tree = promql.parse(filled_in(selector, board))
            assert isinstance(tree, promql.VectorSelector)
            names = [m.value for m in tree.matchers.matchers if m.name == "__name__"] or [str(tree.name)]
            found = [labels for said, labels in told.items() if re.fullmatch(names[0], said)]
            assert found, f"{name}: ${variable['name']} looks for {names[0]}"
            assert label in FROM_THE_SCRAPE or any(label in kind for labels in found for kind in labels)


async def test_the_made_up_board_names_families_as_the_real_one_does() -> None:
    """Else the proof would be one about itself."""
    async with calling(create_app(Settings(), filled(), environ={})) as client:
        real = {path: _told((await client.get(path)).text) for path in (API_PATH, AGENTS_PATH)}
    async with calling(create_app(Settings(), told_board(), environ={})) as client:
        made_up = {path: _told((await client.get(path)).text) for path in (API_PATH, AGENTS_PATH)}
    for path, families in real.items():
        figures = {name for name in families if re.search(r"_(all_|agent_)?(window_)?(" + "|".join(kpi.id for kpi in KPIS) + ")", name)}
        tallied = {name for name in figures if name.endswith("_total")}
        assert len(figures) > 20
        assert figures - tallied <= set(made_up[path])
    assert {one.id: (one.windows, one.dimensions) for one in EVERY_KPI} == {
        str(entry["id"]): (tuple(entry["windows"]), tuple(entry["dimensions"])) for entry in map(entry_of, KPIS)
    }
