"""The real logs by the oracle: every figure that compute makes of a log is what SQL makes of it. The files alone, no services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from kpis.window import NOW
from schemas.canonical import event_from, millis_from
from tests.oracle.compared import Asked, Both
from tests.real.answers import SPANS
from tests.real.services import SOURCE, settings_of
from tests.real.translate import Log, translated

pytestmark = pytest.mark.real

DAY = 86_400_000
_RECEIVED_MS = 1_790_000_000_000
SPLITS = [(name,) for name in ("channel", "team", "priority", "issue_type", "queue", "product", "region", "customer_tier", "handled_by")]
"""Single dimensions; agents are left out, since one log has thousands and their figures are the same sums."""
INSTANTS = {
    "its end": None,
    "an hour before": 3_600_000,
    "three days before": 3 * DAY,
    "forty days before": 40 * DAY,
    "a year before": 400 * DAY,
}


@pytest.fixture(scope="module", params=get_args(Log))
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Log, Both]]:
    """One log at a time, since each takes a few hundred megabytes."""
    log: Log = request.param
    events = (event_from(outside, source=SOURCE, received_at_ms=_RECEIVED_MS)[0] for outside in translated(log))
    with Both(events, settings_of(Path(), "127.0.0.1:1")) as found:
        yield log, found


@pytest.mark.parametrize("before_ms", [pytest.param(ms, id=name) for name, ms in INSTANTS.items()])
def test_the_windows_of_a_log_are_the_oracle_s(both: tuple[Log, Both], before_ms: int | None) -> None:
    _, found = both
    asked = Asked(None if before_ms is None else found.now_ms - before_ms)
    assert found.differences(asked, splits=SPLITS if before_ms in (None, 3 * DAY) else []) == []


def test_the_whole_of_a_log_is_the_oracle_s(both: tuple[Log, Both]) -> None:
    log, found = both
    start, end = SPANS[log]
    assert found.differences(Asked(span=(millis_from(start), millis_from(end))), splits=SPLITS) == []


def test_there_is_much_to_compare(both: tuple[Log, Both]) -> None:
    _, found = both
    busy = {kpi for kpi in found.reader.kpis if NOW not in found.reader.kpi(kpi).windows and _entries(found, kpi)}
    assert len(busy) >= 3


def _entries(found: Both, kpi: str) -> int:
    rows = found.oracle.figures(kpi, now_ms=found.now_ms, span=(0, found.now_ms + 1))
    return sum(row.n for (_, _, cut), row in rows.items() if not cut)
