"""The short run: a handful of troubles under load, and whatever was acknowledged is in the figures exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.suite import run
from tests.faults.troubles import TROUBLES

pytestmark = [pytest.mark.faults, pytest.mark.broker]

SEED = 7
DELIVERIES = 2500


async def test_no_trouble_changes_a_number(tmp_path: Path) -> None:
    ended = await run(tmp_path, [trouble for trouble in TROUBLES if trouble.short], SEED, DELIVERIES, per_second=100.0, totals_only=True)
    assert not ended.faults(), "\n".join(ended.faults())
    assert ended.verdict.holds
    assert ended.posted_again > 0, "no sender had to post again: the troubles did not reach them"
