"""The walk-through of docs/adding-a-kpi.md, executed from the page: one declaration, and the KPI is everywhere with its history."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.render.artefacts import artefacts
from kpis import batch
from kpis.catalogue import KPIS, solving
from kpis.cells import Cells
from kpis.kpi import Kpi
from kpis.query import Query
from kpis.reading import Reader
from kpis.window import Levels, Zone
from schemas.events import Event, TicketCreated, TicketPublicReply, TicketSolved
from services.api.app import create_app
from services.api.board import Board
from services.settings import Settings
from tests.conftest import REPOSITORY
from tests.docs.pages import blocks
from tests.services.api.calling import calling

PAGE = "docs/adding-a-kpi.md"
NAME = "no_reply_closure_rate"
NOW_MS = 1_795_003_200_000
HOUR_MS = 3_600_000
TICKETS = 24
"""Solved one an hour up to now; every third never got a reply, so that the last 24 h hold 8 of 24."""


def tape() -> Iterator[Event]:
    for i in range(TICKETS):
        ticket, solved_ms = f"t-{i}", NOW_MS - (TICKETS - i) * HOUR_MS
        team, channel = ("billing", "returns")[i % 2], "email"
        yield TicketCreated(
            id=f"{ticket}-1", occurred_at_ms=solved_ms - HOUR_MS, ticket_id=ticket, team=team, channel=channel, customer_id=f"c-{i}"
        )
        if i % 3:
            yield TicketPublicReply(id=f"{ticket}-2", occurred_at_ms=solved_ms - 1_000, ticket_id=ticket, message_id="m")
        yield TicketSolved(id=f"{ticket}-3", occurred_at_ms=solved_ms, ticket_id=ticket)


@pytest.fixture(scope="module")
def cells() -> Cells:
    """What was counted before anybody thought of the KPI."""
    assert NAME not in {kpi.id for kpi in KPIS}, f"{NAME} is in the catalogue now: give {PAGE} another example"
    return batch.run(tape(), levels=Levels(Zone()), now_ms=NOW_MS).cells


@pytest.fixture(scope="module")
def kpis(cells: Cells) -> tuple[Kpi, ...]:
    """The catalogue with the entry of the page, which knows only the names that the catalogue's file imports."""
    [block] = blocks(PAGE, "python")
    added = eval(compile(f"(\n{block})", PAGE, "eval"), dict(vars(solving)))  # the block ends in a comma: a tuple of entries
    return (*KPIS, *added)


@pytest.fixture
def board(cells: Cells, kpis: tuple[Kpi, ...]) -> Board:
    """A board that has caught up with those cells."""
    made = Board(Settings(), kpis=kpis, clock=lambda: NOW_MS)
    made.folded.cells = cells
    made.caught_up = True
    return made


def test_it_is_one_entry(kpis: tuple[Kpi, ...]) -> None:
    assert [kpi.id for kpi in kpis[len(KPIS) :]] == [NAME]


def test_it_has_its_history_at_once(cells: Cells, kpis: tuple[Kpi, ...]) -> None:
    reader = Reader(cells, now_ms=NOW_MS, watermark_ms=None, kpis=kpis)
    [day] = reader.read(Query(kpis=(NAME,), windows=("24h",)))
    assert (day.value, day.numerator, day.n, day.quality) == (8 / 24, 8, 24, "provisional")
    assert day.ci_low is not None
    assert day.ci_high is not None
    assert 0 < day.ci_low < 8 / 24 < day.ci_high < 1
    [earlier] = reader.read(Query(kpis=(NAME,), windows=("4h",), as_of_ms=NOW_MS - 12 * HOUR_MS))
    assert (earlier.n, earlier.quality) == (4, "insufficient")
    by_team = reader.read(Query(kpis=(NAME,), windows=("24h",), by=("team",)))
    assert [(f.dims["team"], f.numerator, f.n) for f in by_team] == [("billing", 4, 12), ("returns", 4, 12)]
    [(_, points)] = reader.series(NAME, step_ms=3 * HOUR_MS, start_ms=NOW_MS - 24 * HOUR_MS, end_ms=NOW_MS)
    assert [(point.n, point.value) for point in points] == [(3, 1 / 3)] * 8


async def test_it_is_in_the_api_and_in_the_metrics(board: Board) -> None:
    async with calling(create_app(Settings(), board, environ={})) as client:
        entry = (await client.get(f"/v1/kpis/{NAME}")).json()
        answer = (await client.get("/v1/figures", params={"kpi": NAME, "window": "24h", "by": "team"})).json()
        series = (await client.get("/v1/series", params={"kpi": NAME, "step": "1h"})).json()
        exposition = (await client.get("/metrics")).text
    assert (entry["title"], entry["unit"], entry["measures"]) == ("Closed without a reply", "ratio", ["ticket_solved"])
    assert "team" in entry["dimensions"]
    assert [figure["value"] for figure in answer["figures"]] == [4 / 12, 4 / 12]
    assert series
    samples = {
        (sample.name, sample.labels.get("channel")): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if NAME in sample.name and sample.labels.get("window") == "24h"
    }
    for name, channel in ((f"deskpulse_all_window_{NAME}_ratio", None), (f"deskpulse_window_{NAME}_ratio", "email")):
        assert samples[name, channel] == pytest.approx(8 / 24)
        assert samples[f"{name}_numerator", channel] == 8
        assert samples[f"{name}_denominator", channel] == 24


def test_it_is_in_the_docs_and_changes_nothing_else_there(kpis: tuple[Kpi, ...]) -> None:
    before, after = artefacts(), artefacts(kpis)
    dashboards = ["deploy/grafana/dashboards/kpis.json", "deploy/grafana/dashboards/agents.json"]
    assert [name for name in before if before[name] != after[name]] == ["docs/kpis.md", "docs/metrics.md", *dashboards]
    assert [name for name in dashboards if "Closed without a reply" not in after[name]] == []
    new = [line for line in after["docs/kpis.md"].splitlines() if line not in before["docs/kpis.md"].splitlines()]
    assert f'### <a id="{NAME}"></a>Closed without a reply' in new
    assert "share(part = ticket_solved{no_reply}, of = ticket_solved)" in "\n".join(new)


async def test_every_address_of_the_page_answers(board: Board) -> None:
    addresses = re.findall(r"`GET (/[^`]*)`", (REPOSITORY / PAGE).read_text(encoding="utf-8"))
    assert len(addresses) == 4
    async with calling(create_app(Settings(), board, environ={})) as client:
        assert [(await client.get(address)).status_code for address in addresses] == [200] * 4
