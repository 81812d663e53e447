"""The weeks of the real logs are quiet: no alarm but on a real burst, and one on a burst that is put among it.

What the logs show stands in docs/spikes.md. A log is watched alone here, so that fewer series are corrected for than in an
installation: it raises an alarm earlier.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import pytest

from kpis import measures as m
from kpis.cells import Cells
from kpis.measures import Measure
from kpis.window import DAY, MINUTE
from schemas.canonical import millis_from, rfc3339
from tests.conftest import REAL_DATA
from tests.kpis.spikes.counted import Counted, add
from tests.real.stepped import cells_of, stepped
from tests.real.translate import Log

pytestmark = [pytest.mark.real, pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real logs beside the repository")]


class Weeks(NamedTuple):
    """The weeks of a log that follow its first ones, the KPI that is watched, and the half hour in which a burst is planted."""

    log: Log
    kpi: str
    start: str
    end: str
    step_minutes: int
    planted: str
    a_minute: int
    measure: Measure
    cls: str
    said: tuple[tuple[str, str], ...]
    bursts: tuple[str, ...] = ()
    """The days of bursts that are really in the log: the only alarms that may be raised."""


CALLS = Weeks(
    "calls", "abandonment_rate", "2010-08-09T00:00:00Z", "2010-09-01T00:00:00Z", 10, "2010-08-24T10:20:00Z", 12,
    m.CALL_ABANDONED, "within", (("channel", "phone"),),
)  # fmt: skip
INCIDENTS = Weeks(
    "incidents", "issues_created", "2016-03-14T00:00:00Z", "2016-05-30T00:00:00Z", 30, "2016-04-13T10:00:00Z", 4,
    m.TICKET_CREATED, "", (("channel", "email"), ("team", "burst")), ("2016-04-20",),
)  # fmt: skip
HELPDESK = Weeks(
    "helpdesk", "issues_created", "2012-01-01T00:00:00Z", "2012-07-01T00:00:00Z", 60, "2012-04-18T09:00:00Z", 1,
    m.TICKET_CREATED, "", (("team", "burst"),), ("2012-04-20",),
)  # fmt: skip
ALL = [pytest.param(weeks, id=weeks.log) for weeks in (CALLS, INCIDENTS, HELPDESK)]


@cache
def _cells(log: Log) -> Cells:
    return cells_of(log)


@pytest.mark.parametrize("weeks", ALL)
def test_nothing_but_its_real_bursts_raises_an_alarm(weeks: Weeks) -> None:
    opened = stepped(_cells(weeks.log), weeks.kpi, weeks.start, weeks.end, weeks.step_minutes)
    assert [one.opened[:10] for one in opened] == list(weeks.bursts)
    assert all(one.strongest.observed > 2.5 * one.strongest.expected for one in opened)


@pytest.mark.parametrize("weeks", ALL)
def test_a_burst_among_it_is_found_once(weeks: Weeks) -> None:
    cells, at = _cells(weeks.log), millis_from(weeks.planted)
    burst = [Counted(at + i * MINUTE, weeks.a_minute, weeks.said) for i in range(30)]
    end = max(one.at_ms for one in burst)
    add(cells, burst, end, weeks.measure, weeks.cls)
    try:
        day = at - at % DAY
        found = stepped(cells, weeks.kpi, rfc3339(day), rfc3339(day + DAY), 5)
    finally:
        add(cells, [one._replace(n=-1) for one in burst], end, weeks.measure, weeks.cls)
    assert len(found) == 1
    assert at <= millis_from(found[0].opened) <= at + 15 * MINUTE
