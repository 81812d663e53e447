"""The suite can fail: without one of the guards, the fault that it is there for does damage, and the comparison says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.faults.sabotaged import GUARDS
from tests.faults.scenarios import QUICK, play
from tests.faults.verdict import Verdict

pytestmark = [pytest.mark.faults, pytest.mark.broker]


async def verdicts(kafka: str, settings_for: SettingsFor, folder: Path, *, sabotaged: bool) -> dict[str, Verdict]:
    """By guard the verdict after its fault, all at once since they mostly wait."""

    async def verdict(guard: str) -> Verdict:
        settings = settings_for(kafka, now="watermark", aggregator=QUICK)
        settings = settings.model_copy(update={"data_dir": folder / guard})
        await ensure_topics(settings)
        return await play(settings, folder / guard, guard, guard if sabotaged else None)

    return dict(zip(GUARDS, await asyncio.gather(*(verdict(guard) for guard in GUARDS)), strict=True))


async def test_without_its_guard_each_fault_does_damage_that_is_found(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    for guard, verdict in (await verdicts(kafka, settings_for, tmp_path, sabotaged=True)).items():
        assert verdict.differing, f"without {guard} nothing was found: {verdict.text()}"


async def test_with_the_guards_the_same_faults_do_none(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    for guard, verdict in (await verdicts(kafka, settings_for, tmp_path, sabotaged=False)).items():
        assert verdict.holds, f"{guard}: {verdict.text()}"
