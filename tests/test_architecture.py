"""The arrows between the parts, and what may never stand in a file of this project."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PARTS = ("schemas", "kpis", "services", "cli", "deploy")
SHARED_BY_SERVICES = frozenset(
    {
        "settings",
        "settings_errors",
        "api_settings",
        "source_settings",
        "calendar_settings",
        "calendars",
        "kafka",
        "kafka_login",
        "kafka_security",
        "topics",
        "partition",
        "controls",
        "generations",
        "compacted",
        "protocol",
        "standings",
    }
)
PURE = sys.stdlib_module_names | {"msgspec", "numpy"}
FAUST_FILES = ("services/aggregator/app.py", "services/aggregator/overrides.py")
HERE = Path(__file__).name


def _modules(part: str) -> list[Path]:
    return sorted((REPOSITORY / part).rglob("*.py"))


def _imports(file: Path) -> Iterator[str]:
    """Every dotted name a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _reached(part: str) -> list[tuple[str, str]]:
    return [(str(file.relative_to(REPOSITORY)), name) for file in _modules(part) for name in _imports(file)]


@pytest.mark.parametrize(
    ("part", "may"),
    [
        pytest.param("schemas", {"schemas"}, id="schemas"),
        pytest.param("kpis", {"kpis", "schemas"}, id="kpis"),
        pytest.param("services", {"services", "kpis", "schemas"}, id="services"),
        # cli and deploy are the outermost tools: the pages of the sources are rendered from the table of providers
        pytest.param("deploy", {"deploy", "services", "kpis", "schemas"}, id="deploy"),
    ],
)
def test_a_part_imports_only_what_lies_to_its_right(part: str, may: set[str]) -> None:
    wrong = [
        (file, name) for file, name in _reached(part) if (head := name.split(".")[0]) in (*PARTS, "tests", "benchmarks") and head not in may
    ]
    assert wrong == []


def test_ingest_never_calls_out() -> None:
    """What a body names can make ingest fetch nothing: it imports no client of any protocol but Kafka's."""
    clients = ("httpx", "aiohttp", "requests", "urllib.request", "urllib3", "http.client", "socket", "ftplib", "smtplib", "grpc")
    wrong = [(file, name) for file, name in _reached("services") if file.startswith("services/ingest/") and name.startswith(clients)]
    assert wrong == []


@pytest.mark.parametrize("part", ["schemas", "kpis"])
def test_the_core_is_pure(part: str) -> None:
    assert [(file, name) for file, name in _reached(part) if name.split(".")[0] not in {*PURE, "schemas", "kpis"}] == []


def test_services_never_import_each_other() -> None:
    wrong = []
    for file, name in _reached("services"):
        own, reached = file.split("/")[1], name.split(".")
        if reached[0] == "services" and len(reached) > 1 and reached[1] != own and reached[1] not in SHARED_BY_SERVICES:
            wrong.append((file, name))
    assert wrong == []


def test_what_services_share_knows_no_service() -> None:
    files = [REPOSITORY / "services" / f"{name}.py" for name in SHARED_BY_SERVICES if (REPOSITORY / "services" / f"{name}.py").exists()]
    wrong = [(f.name, n) for f in files for n in _imports(f) if n.startswith("services.") and n.split(".")[1] not in SHARED_BY_SERVICES]
    assert files
    assert wrong == []


def test_faust_appears_only_in_the_files_named_for_it() -> None:
    found = [(file, name) for part in PARTS for file, name in _reached(part) if name.split(".")[0] in ("faust", "mode")]
    plain_types = [(file, name) for file, name in found if file.startswith("services/aggregator/") and name.startswith("faust.types.")]
    assert [(file, name) for file, name in found if file not in FAUST_FILES and (file, name) not in plain_types] == []


def test_nothing_imports_the_tests() -> None:
    assert [(f, n) for part in PARTS for f, n in _reached(part) if n.split(".")[0] in ("tests", "conftest", "pytest", "hypothesis")] == []


FORBIDDEN = [  # with a line that each must catch
    pytest.param(re.compile(r"(?<![\w.:/~])/(home|Users|work|root)/\w"), "data = /home/someone/data", id="a path of one machine"),
    pytest.param(
        re.compile(r"\b(pypi|pythonhosted|repo1?\.maven|maven\.org|npmjs|registry\.|artifactory|nexus\.)\S*\.(org|com|net|io)\b"),
        "see https://pypi.org/simple",
        id="a registry",
    ),
    pytest.param(
        re.compile(r"--(extra-)?index-url |--trusted-host |find-links ="),
        "pip install --index-url https://x",
        id="an option that names a registry",
    ),
    pytest.param(re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}"), "-----BEGIN RSA PRIVATE KEY-----", id="a key"),
]
TEXT = {".py", ".toml", ".md", ".lock", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".sh", ".txt", ".cfg", ""}


def _files() -> Iterator[Path]:
    for file in sorted(REPOSITORY.rglob("*")):
        parts = file.relative_to(REPOSITORY).parts
        hidden = any((p.startswith(".") and p not in (".ci", ".gitignore")) or p.endswith(".egg-info") or p == "__pycache__" for p in parts)
        if not hidden and file.is_file() and file.suffix in TEXT and file.name != HERE:
            yield file


@pytest.mark.parametrize(("pattern", "caught"), FORBIDDEN)
def test_no_file_holds(pattern: re.Pattern[str], caught: str) -> None:
    assert pattern.search(caught)
    found = [
        f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}"
        for file in _files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("part", PARTS)
def test_every_module_says_what_it_is(part: str) -> None:
    assert [str(f.relative_to(REPOSITORY)) for f in _modules(part) if not ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))] == []


def test_no_file_is_named_for_being_unspecific() -> None:
    names = {"utils", "helpers", "common", "manager", "base", "util", "misc"}
    assert [str(f) for part in (*PARTS, "tests") for f in _modules(part) if f.stem in names] == []
