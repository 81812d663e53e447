"""docker-compose.yml as compose would read it: variables put in, anchors and merges resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
OURS = ("topics", "ingest", "aggregator", "api", "archive")
"""The containers of our own image."""


def composition(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole file, with these variables (and the defaults that it names) put in."""
    given = environ or {}
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: given.get(match[1]) or match[2], FILE.read_text(encoding="utf-8"))
    assert "$" not in re.sub(r"#.*", "", text), "a variable without a default"
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Each service by its name."""
    found: dict[str, dict[str, Any]] = composition()["services"]
    return found


def environment(service: str) -> dict[str, str]:
    """The variables that a service is given."""
    return {name: str(value) for name, value in services()[service].get("environment", {}).items()}


def mounts(service: str) -> list[tuple[str, str, bool]]:
    """What a service mounts: the source (a path or a volume), the place inside, whether it is read-only."""
    found = []
    for volume in services()[service].get("volumes", []):
        if isinstance(volume, str):
            source, target, *mode = volume.split(":")
            found.append((source, target, mode == ["ro"]))
        else:
            found.append((volume["source"], volume["target"], bool(volume.get("read_only"))))
    return found


def mounted_from(service: str, inside: str) -> Path:
    """The file or folder of the repository behind a path within a container. Raises LookupError when none is mounted there."""
    for source, target, _ in mounts(service):
        if source.startswith("./") and (inside == target or inside.startswith(f"{target}/")):
            return REPOSITORY / source / inside.removeprefix(target).lstrip("/")
    raise LookupError(f"{service} mounts nothing at {inside}")
