"""Where the rules and their tests lie: in deploy/prometheus for the defaults, in a folder of its own for a company's targets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deploy.render import rule_tests, rules
from deploy.render.rules import SHIPPED, Links
from kpis.kpi import Kpi
from services.settings import Settings


def shipped(kpis: tuple[Kpi, ...]) -> Mapping[str, str]:
    """The committed files by their path from the repository's root."""
    return {f"deploy/prometheus/{name}": text for name, text in named(SHIPPED, kpis, Links()).items()}


def named(settings: Settings, kpis: tuple[Kpi, ...], links: Links) -> Mapping[str, str]:
    """The text of every file, as `rules/…` and `tests/…`. Raises ConfigError for a target that can never wake anybody."""
    made = {f"rules/{name}": text for name, text in rules.files(settings, kpis, links).items()}
    return {**made, **{f"tests/{name}": text for name, text in rule_tests.files(settings, kpis, links).items()}}


def write(root: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write them under `root`; returns the paths. Raises OSError."""
    written = []
    for name, text in texts.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        written.append(file)
    return written
