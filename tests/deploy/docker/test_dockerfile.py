"""Reading a Dockerfile and a .dockerignore: what is understood, what is refused, and what ours say."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from deploy.docker.dockerfile import Ignored, stages, substituted
from deploy.docker.rehearse import DOCKERFILE
from tests.conftest import REPOSITORY

OURS = DOCKERFILE.read_text(encoding="utf-8")


def test_lines_go_on_and_comments_between_them_do_not_count() -> None:
    [stage] = stages("FROM a\nRUN one \\\n  # said aside\n && two\n# end\n")
    assert [(i.name, i.text) for i in stage.instructions] == [("RUN", "one && two")]


def test_arguments_go_before_defaults() -> None:
    text = "ARG BASE=a\nFROM ${BASE} AS first\nFROM $BASE\nCOPY --from=first /x /y\n"
    assert [(s.name, s.base) for s in stages(text)] == [("first", "a"), ("", "a")]
    assert [s.base for s in stages(text, {"BASE": "b"})] == ["b", "b"]
    assert stages(text)[1].last("COPY").flags == {"from": "first"}


def test_words_and_pairs() -> None:
    [stage] = stages('FROM a\nCMD ["x", "y z"]\nENV A=1 B="2 3"\nARG C\n')
    assert stage.last("CMD").words() == ["x", "y z"]
    assert stage.last("ENV").pairs() == {"A": "1", "B": "2 3"}
    assert stage.last("ARG").pairs() == {"C": ""}


@pytest.mark.parametrize("text", ["FROM a\nADD x y\n", "RUN x\nFROM a\n"], ids=["an instruction", "a step of no stage"])
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ADD is not known|before the first FROM"):
        stages(text)


def test_a_name_without_value_is_refused() -> None:
    with pytest.raises(KeyError):
        substituted("${NOBODY}", {})


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("services/settings.py", False),
        ("requirements/runtime.lock", False),
        ("services/__pycache__/settings.pyc", True),
        ("deskpulse.egg-info/PKG-INFO", True),
        ("deskpulse.toml", True),
        ("secrets/services.env", True),
        (".env", True),
        (".git/config", True),
        ("tests/conftest.py", True),
    ],
)
def test_what_the_image_is_built_from(path: str, ignored: bool) -> None:
    assert (PurePosixPath(path) in Ignored((REPOSITORY / ".dockerignore").read_text(encoding="utf-8"))) is ignored


def test_the_image_runs_as_somebody_without_name_or_compiler() -> None:
    build, last = stages(OURS)
    assert last.last("USER").text == "10001:10001"
    assert build.base == last.base == "python:3.13-slim-trixie"
    assert last.last("STOPSIGNAL").text == "SIGTERM"
    assert last.last("ENTRYPOINT").words() == ["deskpulse"]
    labels = {name for instruction in last.all("LABEL") for name in instruction.pairs()}
    assert {"org.opencontainers.image.title", "org.opencontainers.image.description"} <= labels
    assert [i.text for i in last.all("RUN") if "pip" in i.text or "apt" in i.text] == []


def test_everything_is_installed_from_the_lock() -> None:
    installs = [
        step for i in stages(OURS)[0].all("RUN") for step in i.text.split(" && ") if "pip install" in step or "pip download" in step
    ]
    installs += [step for i in stages(OURS)[0].all("RUN") for step in i.text.split(" && ") if "python install" in step]
    assert len(installs) == 3
    assert all("--require-hashes" in step or "--no-index" in step for step in installs)
