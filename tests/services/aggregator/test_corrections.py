"""Late events are seen: the figures they change say how often they were corrected, and changes of what was final are counted."""

from __future__ import annotations

from typing import Any

import pytest

from kpis.query import Query
from kpis.reading import Reader
from kpis.window import DAY, HOUR, MINUTE
from schemas.events import Event, FactWithdrawn, PurchaseCompleted, TicketCreated, TicketSolved
from schemas.figures import Figure
from tests.services.aggregator.shards import NOON_MS, record
from tests.services.aggregator.test_shards import Line

pytestmark = pytest.mark.parametrize("restarts", [pytest.param(False, id="running"), pytest.param(True, id="restarted each time")])


def created(number: int, at_ms: int, received_ms: int | None = None) -> Event:
    return TicketCreated(id=f"c{number}", ticket_id=f"t{number}", **_common(at_ms, received_ms))


def solved(number: int, at_ms: int, received_ms: int | None = None) -> Event:
    return TicketSolved(id=f"s{number}", ticket_id=f"t{number}", **_common(at_ms, received_ms))


def _common(at_ms: int, received_ms: int | None) -> dict[str, Any]:
    return {
        "source": "desk",
        "customer_id": "ann",
        "occurred_at_ms": at_ms,
        "received_at_ms": at_ms if received_ms is None else received_ms,
    }


def sent(line: Line, *events: Event) -> None:
    for event in events:
        line.send(record([event]))
        line.pump()


def figure(line: Line, kpi: str, window: str) -> Figure:
    folded = line.shards[2].folded
    reader = Reader(
        folded.cells, now_ms=folded.newest_ms + 1, watermark_ms=folded.watermark_ms(), late=folded.late_between, revision=folded.revision_of
    )
    [found] = reader.read(Query(kpis=(kpi,), windows=(window,)))
    return found


def test_events_in_their_order_correct_nothing(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS), solved(1, NOON_MS + 5 * HOUR), created(2, NOON_MS + 5 * HOUR))
    assert [figure(line, kpi, "24h").revision for kpi in ("issues_created", "resolved_issues", "resolution_rate")] == [0, 0, 0]
    assert (line.shards[2].folded.corrections, line.shards[2].folded.corrections_of_final) == (0, 0)


def test_an_event_within_the_skew_of_clocks_corrects_nothing(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS + MINUTE), created(2, NOON_MS + 1))
    assert figure(line, "issues_created", "1h").revision == 0


def test_a_late_event_revises_what_it_changes_and_nothing_else(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS), created(2, NOON_MS + 5 * HOUR), created(3, NOON_MS + 6 * HOUR))
    sent(line, created(4, NOON_MS + 2 * HOUR, NOON_MS + 6 * HOUR))
    assert (figure(line, "issues_created", "24h").value, figure(line, "issues_created", "24h").revision) == (4, 1)
    assert figure(line, "issues_created", "24h").late_applied == 1
    assert figure(line, "issues_created", "1h").revision == 0
    assert figure(line, "resolved_issues", "24h").revision == 0
    sent(line, created(4, NOON_MS + 2 * HOUR, NOON_MS + 6 * HOUR))
    assert figure(line, "issues_created", "24h").revision == 1, "a repetition is no correction"
    sent(line, FactWithdrawn(id="w", of="c4", **_common(NOON_MS + 6 * HOUR, None)))
    assert (figure(line, "issues_created", "24h").value, figure(line, "issues_created", "24h").revision) == (3, 2)


def test_a_late_event_revises_what_a_customer_s_ledger_holds(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS), solved(1, NOON_MS + HOUR), created(2, NOON_MS + 6 * HOUR))
    bought = PurchaseCompleted(id="p", purchase_id="p", amount_minor=100, currency="EUR", **_common(NOON_MS + 2 * HOUR, NOON_MS + 6 * HOUR))
    before = figure(line, "service_conversion_rate", "7d")
    sent(line, bought)
    after = figure(line, "service_conversion_rate", "7d")
    assert (before.numerator, before.revision, after.numerator) == (0, 0, 1)
    assert after.revision == 1


def test_a_change_of_a_day_that_was_final_is_counted(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS), created(2, NOON_MS + 3 * DAY), created(3, NOON_MS + HOUR, NOON_MS + 3 * DAY))
    folded = line.shards[2].folded
    assert folded.corrections > 0
    assert folded.corrections_of_final == folded.corrections
    assert figure(line, "issues_created", "7d").revision == 1


def test_what_came_late_is_forgotten_with_its_day(restarts: bool) -> None:
    line = Line(restarts)
    sent(line, created(1, NOON_MS), created(2, NOON_MS + DAY), created(3, NOON_MS + HOUR, NOON_MS + DAY))
    assert len(line.shards[2].folded.late) == 1
    sent(line, created(4, NOON_MS + 900 * DAY))
    assert line.shards[2].folded.late == {}
    assert [key for key in line.kept[2].records if key.startswith(b"late|")] == []
