"""Prometheus's and Alertmanager's own tools, as they come with Debian."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
ALERTMANAGER = REPOSITORY / "deploy" / "alertmanager" / "alertmanager.yml"


def tool(*names: str) -> str:
    """The first of these programs that there is; skips where there is none (which CI does not accept)."""
    for name in names:
        if (found := shutil.which(name)) is not None:
            return found
    pytest.skip(f"no {names[0]} on this machine (Debian: apt install prometheus prometheus-alertmanager)")


def said(*command: str | Path) -> str:
    """What a command says; fails with it when the command does."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
