"""Every figure of the product equals the oracle's: on a simulated company, and on random worlds.

By default as many examples as a minute holds; ORACLE_EXAMPLES=200 asks for more random companies, ORACLE_SIZE=1 for a larger one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cli.compute import cells_of
from kpis.catalogue import KPIS
from schemas.events import Event, TicketCreated
from services.settings import Settings
from tests.kpis.strategies import END_MS, worlds
from tests.oracle.companies import NOW_MS, side_by_side, simulated
from tests.oracle.compared import Asked, Both
from tests.oracle.frame import kpi_files

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "3"))
SIZE = float(os.environ.get("ORACLE_SIZE", "0.06"))
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ZONE = "America/New_York"
"""Not the zone of the others, so that local days, weeks and hours are seen to be counted."""


def test_every_kpi_has_its_oracle() -> None:
    assert set(kpi_files()) == {kpi.id for kpi in KPIS}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return simulated(7, SIZE, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def both(company: list[Event]) -> Iterator[Both]:
    with Both(company, Settings(time_zone=ZONE), NOW_MS) as both:
        yield both


def test_the_company_is_busy(company: list[Event], both: Both) -> None:
    assert len(company) > 900
    assert both.done.entities.refused == []


COHORTS = [kpi for kpi in KPIS if "created" in kpi.anchors]
SPLITS = (
    None
    if SIZE > 0.1
    else [("channel",), ("team",), ("agent",), ("handled_by",), ("customer_tier",), ("survey_channel",), ("channel", "team")]
)
"""By what the figures of now are split: by everything, by hand."""
ASKED = {
    "now": (Asked(), SPLITS),
    "three hours ago": (Asked(as_of_ms=NOW_MS - 3 * HOUR), [("channel", "team")]),
    "yesterday": (Asked(as_of_ms=NOW_MS - 30 * HOUR - 7 * MINUTE), [("channel",)]),
    "on the edge of a day": (Asked(as_of_ms=NOW_MS - NOW_MS % DAY + 5 * HOUR), []),
    "a week ago": (Asked(as_of_ms=NOW_MS - 7 * DAY), [("team",)]),
    "a span": (Asked(span=(NOW_MS - 12 * DAY - 3 * HOUR, NOW_MS - 2 * DAY)), [("channel",)]),
}


@pytest.mark.parametrize(("asked", "splits"), [pytest.param(*asked, id=name) for name, asked in ASKED.items()])
def test_a_company_s_figures_are_the_oracle_s(both: Both, asked: Asked, splits: list[tuple[str, ...]] | None) -> None:
    assert both.differences(asked, splits=splits) == []


def opened_later(event: Event) -> bool:
    """Whether a creation says that its ticket was opened later than it says so: of that no definition speaks."""
    return isinstance(event, TicketCreated) and event.opened_at_ms is not None and event.opened_at_ms > event.occurred_at_ms


@hypothesis_settings(max_examples=EXAMPLES)
@given(drawn=st.lists(worlds(most=14), min_size=1, max_size=30), zone=st.sampled_from(["UTC", ZONE]))
def test_the_figures_of_any_worlds_are_the_oracle_s(drawn: list[list[Event]], zone: str) -> None:
    events = side_by_side([[event for event in world if not opened_later(event)] for world in drawn])
    with Both(events, Settings(time_zone=zone), END_MS) as both:
        assert both.differences(Asked(), splits=[("brand",)]) == []


def test_what_is_compared_can_differ(company: list[Event], both: Both) -> None:
    """A tenth of the events less on one side only, and nearly every KPI is another number."""
    whole = both.done
    try:
        both.take(cells_of([event for event in company if not event.id.endswith("7")], both.settings, NOW_MS))
        differing = {difference.kpi for difference in both.differences(Asked(windows=("28d", "month", "now")), splits=[])}
    finally:
        both.take(whole)
    assert len(differing) > 0.8 * len(KPIS)
