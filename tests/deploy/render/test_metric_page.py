"""docs/metrics.md against what the services tell: no family is missing, of another kind or with other labels, and none is made up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from deploy.render import metric_page
from kpis.catalogue import KPIS
from services.api.app import create_app
from services.api.histograms import QUEUE
from services.settings import Settings
from tests.deploy.grafana.serving import AGENTS_PATH, API_PATH, AggregatorGoingOn, ingest_goes_on, ingest_metrics, told_board
from tests.services.api.calling import calling
from tests.services.api.filled_board import filled

WHILE_PARTS_ARE_LEFT_OUT = {"deskpulse_series_suppressed"}
Shape = tuple[str, frozenset[str]]
"""A family's type and the labels of its samples."""
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
PAGE = metric_page.page(KPIS)


def _on_the_page(*titles: str) -> dict[str, Shape]:
    """The rows of the sections that begin so, those told beside a value included."""
    found: dict[str, Shape] = {}
    for section in PAGE.split("\n## ")[1:]:
        if not section.startswith(titles):
            continue
        for name, kind, _, labels, *rest in re.findall(
            r"^\| `(\w+)` \| (\w+) \| (\S+) \| ([^|]+) \| (?:((?:`…\w+`(?:, )?)+|–) \| )?", section, re.M
        ):
            shape = kind, frozenset(re.findall(r"`(\w+)`", labels))
            found[name] = shape
            found |= {name + suffix: ("gauge", shape[1]) for suffix in re.findall(r"`…(\w+)`", rest[0])}
    return found


def _told(families: Iterable[Any]) -> dict[str, Shape]:
    found = {}
    for one in families:
        name = one.name + {"counter": "_total", "info": "_info"}.get(one.type, "")
        found[name] = one.type, frozenset({label for sample in one.samples for label in sample.labels} - {"le"})
    return found


async def _api(board: Any, path: str) -> dict[str, Shape]:
    async with calling(create_app(Settings(), board, environ={})) as client:
        return _told(parse_openmetrics((await client.get(path, headers=OPENMETRICS)).text))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("path", "titles"), [(API_PATH, ("API: what", "API: whether", "API: figures\n")), (AGENTS_PATH, ("API: figures by agent",))]
)
async def test_the_page_holds_what_the_api_tells_and_nothing_else(path: str, titles: tuple[str, ...]) -> None:
    page = _on_the_page(*titles)
    assert len(page) > 10
    made_up, real = await _api(told_board(), path), await _api(filled(), path)
    assert {name: shape for name, shape in made_up.items() if page.get(name) != shape} == {}
    assert {
        name: shape for name, shape in real.items() if name not in page or page[name][0] != shape[0] or not shape[1] <= page[name][1]
    } == {}
    assert set(page) - set(made_up) - set(real) == WHILE_PARTS_ARE_LEFT_OUT


def test_the_page_holds_what_ingest_tells_and_nothing_else() -> None:
    metrics = ingest_metrics()
    ingest_goes_on(metrics)
    told = _told(parse_text(generate_latest(metrics.registry).decode()))
    assert {name: shape for name, shape in told.items() if name.startswith("deskpulse_") and not name.endswith("_created")} == _on_the_page(
        "Ingest\n"
    )


def test_the_page_holds_what_an_aggregator_tells_and_nothing_else() -> None:
    assert _told(parse_text(AggregatorGoingOn().look())) == _on_the_page("Aggregator\n")


def test_a_gauge_histogram_is_told_as_one() -> None:
    assert _on_the_page("API: what")[QUEUE] == ("gaugehistogram", frozenset({"channel"}))


def test_a_further_kpi_arrives_by_itself() -> None:
    assert "`deskpulse_active_issues`" in PAGE
    without = metric_page.page(tuple(kpi for kpi in KPIS if kpi.id != "active_issues"))
    assert "`deskpulse_active_issues`" not in without
