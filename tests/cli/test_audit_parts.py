"""The parts of the audit that need no company: what is covered, what is asked, what is left behind."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cli.archiving.layout import Contents, Piece
from cli.auditing.beginning import whole_from
from cli.auditing.comparison import questions
from cli.auditing.coverage import Coverage, covered
from cli.auditing.publication import Published, text, write_textfile
from cli.compute import figures_of
from kpis.catalogue import KPIS, by_id
from kpis.query import Query
from schemas.canonical import CLOCK_AHEAD_MS, millis_from
from services.api.declared import entry_of
from services.settings import Settings
from tests.services.aggregator.shards import NOON_MS, PAIRS, afternoon

HOUR_MS = 3_600_000
CATALOGUE = [entry_of(kpi) for kpi in KPIS]


def test_every_kpi_is_asked_by_every_anchor_clock_and_dimension_that_it_has() -> None:
    asked = {(kpi, q.by, q.anchor, q.clock) for q in questions(CATALOGUE, PAIRS) for kpi in q.kpis}
    for kpi in KPIS:
        wanted = [(), *((name,) for name in kpi.dimensions), *(pair for pair in PAIRS if set(pair) <= set(kpi.dimensions))]
        assert asked >= {(kpi.id, by, anchor, "calendar") for by in wanted for anchor in kpi.anchors}
        assert asked.isdisjoint({(kpi.id, by, None, "business") for by in wanted}) == ("business" not in kpi.clocks)


def test_a_span_is_asked_of_every_kpi_that_is_not_a_figure_of_now() -> None:
    reader = figures_of(afternoon(10), Settings(), now_ms=NOON_MS + HOUR_MS)
    asked = list(questions(CATALOGUE, PAIRS, (NOON_MS - HOUR_MS, NOON_MS)))
    assert {kpi for q in asked for kpi in q.kpis} == {kpi.id for kpi in KPIS if set(kpi.windows) != {"now"}}
    for question in asked:
        assert reader.read(question.query()) is not None  # none of them is refused


def test_what_began_before_the_events_that_are_kept_is_left_out_and_named() -> None:
    figures = figures_of(afternoon(10), Settings(), now_ms=NOON_MS + 600_000).read(Query(kpis=()))
    coverage = Coverage(by_id(KPIS))
    assert covered(figures, coverage) == figures
    assert coverage.named() == []
    coverage.begins_with_receipt(NOON_MS - 3 * HOUR_MS)
    coverage.begins_with_receipt(NOON_MS - 5 * HOUR_MS)  # of another partition: the latest beginning counts
    kept = covered(figures, coverage)
    assert {f.window for f in kept} == {"5m", "15m", "1h"}
    assert all(millis_from(f.window_start or "") >= NOON_MS - 3 * HOUR_MS + CLOCK_AHEAD_MS for f in kept)
    assert not {f.kpi for f in kept} & {"active_issues", "relationship_nps"}
    assert len(kept) + len({(f.kpi, f.window) for f in figures} & coverage.left_out) == len(figures)


@pytest.mark.parametrize(
    ("spans", "first"),
    [
        pytest.param([(0, 4), (5, 9)], 0, id="whole"),
        pytest.param([(3, 4), (5, 12)], 3, id="begins late, goes on beside Kafka"),
        pytest.param([(0, 2), (5, 9)], 5, id="after its hole"),
        pytest.param([(0, 8)], 10, id="does not reach Kafka"),
        pytest.param([], 10, id="empty"),
    ],
)
def test_the_archive_counts_from_where_it_is_whole(spans: list[tuple[int, int]], first: int) -> None:
    assert whole_from(Contents(Piece("2026-11-22", 0, *span) for span in spans), 0, 10) == first


def test_the_textfile_is_written_whole_and_leaves_out_a_success_that_never_was(tmp_path: Path) -> None:
    result = Published(differences=3, compared=10, events=5, finished_at_ms=NOON_MS, last_success_ms=None)
    assert "deskpulse_audit_differences 3\n" in text(result)
    assert "last_success" not in text(result)
    write_textfile(tmp_path / "audit.prom", msgspec.structs.replace(result, last_success_ms=NOON_MS))
    assert f"deskpulse_audit_last_success_timestamp_seconds {NOON_MS / 1000:.3f}\n" in (tmp_path / "audit.prom").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["audit.prom"]
