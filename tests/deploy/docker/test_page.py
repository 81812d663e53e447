"""The page of the deployment: its configuration is accepted, its commands are ones that there are, its figures are measured ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from cli.app import COMMANDS
from services.settings import load_settings
from tests.conftest import REPOSITORY
from tests.deploy.docker.composition import composition, services
from tests.docs.pages import blocks

PAGE = "docs/deployment.md"
TEXT = (REPOSITORY / PAGE).read_text(encoding="utf-8")
TOKENS = {f"DESKPULSE_{name}_TOKEN": f"{name}-with-enough-characters" for name in ("READ", "EDIT", "CONTROLS")}


@pytest.mark.parametrize("number", range(len(blocks(PAGE, "toml"))))
def test_its_configuration_is_accepted(number: int, tmp_path: Path) -> None:
    file = tmp_path / "deskpulse.toml"
    file.write_text(blocks(PAGE, "toml")[number], encoding="utf-8")
    settings = load_settings(file, TOKENS)
    assert settings.api.tokens(TOKENS) is not None


def test_its_override_fits_the_file() -> None:
    [block] = blocks(PAGE, "yaml")
    file, override = composition(), yaml.safe_load(block)["services"]
    assert override.keys() <= file["services"].keys()
    for name, more in override.items():
        service: dict[str, Any] = file["services"][name]
        service["environment"] = {**service.get("environment", {}), **more.get("environment", {})}
        service["volumes"] = [*service.get("volumes", []), *more.get("volumes", [])]
        service["profiles"] = more.get("profiles", [])
        assert more.keys() <= {"environment", "volumes", "profiles"}
    found = PyCompose.from_json(json.dumps(file))
    found.validate()
    waiting = {name: needs["kafka"]["required"] for name, s in services().items() if "kafka" in (needs := s.get("depends_on", {}))}
    assert set(waiting.values()) == {False}  # or compose would refuse a project without its kafka


def test_its_commands_are_ones_that_there_are() -> None:
    shell = "\n".join(blocks(PAGE, "sh"))
    named = re.findall(r"docker compose (run|exec|stop)((?: --?[\w-]+)*)((?: [a-z]+)+)", shell)
    assert named
    for how, _, words in named:
        first, *rest = words.split()
        if how == "stop":
            assert {first, *rest} <= services().keys()
            continue
        assert first in services()
        rest = [word for word in rest if word != "deskpulse"]
        known = {command.name for command in COMMANDS} | {"restore", "du"}
        assert rest[:1] == [] or rest[0] in known, (first, rest)
    assert set(re.findall(r"deskpulse_(\w+):/(?:from|to)", shell)) <= composition()["volumes"].keys()


def test_its_capacity_is_what_was_measured() -> None:
    measured = (REPOSITORY / "docs/benchmarks.md").read_text(encoding="utf-8")
    [table] = re.findall(r"## Capacity.*?(\| what \| how much \|.*?)\n\n", TEXT, re.DOTALL)
    numbers = re.findall(r"\d[\d,.]*\d(?:,\d{3})*", table)
    assert len(numbers) > 8
    assert [number for number in numbers if number not in measured] == []
