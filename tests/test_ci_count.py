"""What CI counts: a failure, a skip without excuse and a suite that ran nothing are each enough to fail."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_count", REPOSITORY / ".ci" / "count.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for folder in ("kpis", "browser", "real"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test_it.py").touch()
    monkeypatch.setattr(module, "TESTS", tmp_path)
    monkeypatch.setattr(module, "BESIDE", tmp_path / "shared")
    return module


def _report(folder: Path, *cases: tuple[str, str]) -> str:
    body = "".join(f'<testcase classname="tests.{where}.test_it" name="t">{inside}</testcase>' for where, inside in cases)
    file = folder / "report.xml"
    file.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    return str(file)


GOOD = [("kpis", ""), ("browser", "")]


@pytest.mark.parametrize(
    ("cases", "code", "last"),
    [
        pytest.param(GOOD, 0, "2 passed, 0 failed, 0 skipped", id="all passed"),
        pytest.param([*GOOD, ("kpis", "<failure message='x'/>")], 1, "2 passed, 1 failed, 0 skipped", id="one failed"),
        pytest.param([*GOOD, ("kpis", "<error message='x'/>")], 1, "2 passed, 1 failed, 0 skipped", id="a fixture failed"),
        pytest.param([*GOOD, ("kpis", "<skipped message='no Chromium'/>")], 1, "2 passed, 0 failed, 1 skipped", id="skipped"),
        pytest.param([*GOOD, ("kpis", "<skipped message='Docker is not here'/>")], 0, "2 passed, 0 failed, 1 skipped", id="excused"),
        pytest.param([("kpis", "")], 1, "1 passed, 0 failed, 0 skipped", id="a suite ran nothing"),
        pytest.param([], 1, "0 passed, 0 failed, 0 skipped", id="nothing ran"),
    ],
)
def test_totals(
    count: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], cases: list[tuple[str, str]], code: int, last: str
) -> None:
    assert count.main([_report(tmp_path, *cases)]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_what_lies_beside_the_repository_is_excused_only_while_it_does_not(count: ModuleType, tmp_path: Path) -> None:
    report = _report(tmp_path, *GOOD, ("kpis", "<skipped message='the logs are not beside the repository'/>"))
    assert count.main([report]) == 0
    (tmp_path / "shared").mkdir()
    assert count.main([report]) == 1
