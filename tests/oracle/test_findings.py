"""Where the product is known to differ from the definition: each of these tests fails until that is mended."""

from __future__ import annotations

import pytest

from kpis.catalogue import KPIS
from services.settings import Settings
from tests.kpis.drawn import drawn, moment
from tests.oracle.compared import Asked, Both
from tests.oracle.known import FINDINGS, Finding


@pytest.mark.parametrize(
    "finding", [pytest.param(finding, id=finding.name, marks=pytest.mark.xfail(strict=True, reason=finding.says)) for finding in FINDINGS]
)
def test_the_smallest_events_that_show_it(finding: Finding) -> None:
    touched = [kpi for kpi in KPIS if any(name.partition("/")[0] == kpi.id for name in finding.excuses)]
    with Both(drawn(finding.events), Settings(), moment(*finding.now)) as both:
        assert [difference for difference in both.differences(Asked(), touched) if finding.excused(difference)] == []
