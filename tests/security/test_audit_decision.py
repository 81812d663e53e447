"""What follows from the answers of pip-audit: each of them as it gives it, and the excuses."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import REPOSITORY

TODAY = date(2026, 11, 22)


def _loaded() -> ModuleType:
    """The script, which is no package's."""
    found = importlib.util.spec_from_file_location("ci_audit", REPOSITORY / ".ci" / "audit.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["ci_audit"] = module
    found.loader.exec_module(module)
    return module


audit = _loaded()
FINE: dict[str, Any] = {"name": "orjson", "version": "3.11.0", "vulns": []}
NOT_THERE: dict[str, Any] = {"name": "msgspec", "skip_reason": "Dependency not found on PyPI and could not be audited: msgspec (0.22.0)"}
ODD: dict[str, Any] = {"name": "ours", "skip_reason": "Dependency has an invalid version: x"}
WEAK: dict[str, Any] = {
    "name": "httpx",
    "version": "0.1",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1", "GHSA-aaaa"], "fix_versions": ["0.2"], "description": "long"}],
}


def excuse(id: str, until: date = TODAY) -> Any:
    """An excuse that holds until a day, and on it."""
    return audit.Excuse(id, "not reachable", until)


CASES = [
    pytest.param(0, [FINE], [], 0, "audited: 1 packages", id="all is well"),
    pytest.param(0, [NOT_THERE, NOT_THERE], [], 0, "not audited: the database", id="a mirror without the database"),
    pytest.param(0, [FINE, NOT_THERE], [], 1, "msgspec: could not be looked up", id="one package is missing"),
    pytest.param(0, [ODD], [], 1, "ours: could not be looked up", id="another reason"),
    pytest.param(0, [NOT_THERE, ODD], [], 1, "ours: could not be looked up", id="another reason among missing ones"),
    pytest.param(1, [FINE, WEAK], [], 1, "httpx 0.1: CVE-2026-1, GHSA-aaaa, PYSEC-2026-1; put right in 0.2", id="a weakness"),
    pytest.param(0, [WEAK], [], 1, "put right in 0.2", id="a weakness, whatever the exit code"),
    pytest.param(1, [WEAK, NOT_THERE], [], 1, "put right in 0.2", id="a weakness among missing ones"),
    pytest.param(1, [FINE, WEAK], [excuse("PYSEC-2026-1")], 0, "borne until 2026-11-22: PYSEC-2026-1", id="excused"),
    pytest.param(1, [FINE, WEAK], [excuse("CVE-2026-1")], 0, "borne until", id="excused by another name"),
    pytest.param(1, [WEAK], [excuse("CVE-2026-1", date(2026, 11, 21))], 1, "put right in", id="an excuse that has ended"),
    pytest.param(1, [WEAK], [excuse("CVE-2026-2")], 1, "CVE-2026-2 is excused in", id="an excuse for something else"),
    pytest.param(0, [FINE], [excuse("CVE-2026-2")], 0, "not found: take it out", id="an excuse for nothing"),
    pytest.param(1, [FINE], [], 1, "pip-audit ended with 1", id="an exit code without a reason"),
    pytest.param(0, [], [], 1, "pip-audit broke", id="nothing was looked at"),
    pytest.param(2, [FINE], [], 1, "pip-audit broke (exit code 2)", id="wrong usage"),
]


@pytest.mark.parametrize(("code", "dependencies", "excuses", "expected", "says"), CASES)
def test_the_verdict(code: int, dependencies: list[dict[str, Any]], excuses: list[Any], expected: int, says: str) -> None:
    found = audit.verdict(code, json.dumps({"dependencies": dependencies, "fixes": []}), "", excuses, TODAY)
    assert found.code == expected, found.lines
    assert says in "\n".join(found.lines)


@pytest.mark.parametrize("said", ["", "Traceback", "[]", '{"dependencies": 3}', '{"dependencies": [{"name": "x"}]}', "null"])
@pytest.mark.parametrize("code", [0, 1, -9])
def test_a_crash_is_a_failure_and_shows_its_last_words(said: str, code: int) -> None:
    found = audit.verdict(code, said, "one\nConnectionError: no route", [], TODAY)
    assert found.code == 1
    assert found.lines[-1] == "ConnectionError: no route"


def test_excuses_are_read_and_one_without_a_reason_or_a_day_is_refused() -> None:
    assert audit.excuses_of('[[allowed]]\nid = "A"\nreason = "b"\nuntil = 2026-12-01') == [audit.Excuse("A", "b", date(2026, 12, 1))]
    assert audit.excuses_of("") == []
    for text in ('id = "A"\nuntil = 2026-12-01', 'id = "A"\nreason = "b"', 'id = "A"\nreason = " "\nuntil = 2026-12-01', 'reason = "b"'):
        with pytest.raises(ValueError, match="without id, reason or until"):
            audit.excuses_of(f"[[allowed]]\n{text}")
