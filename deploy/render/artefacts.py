"""The generated files: which there are, what stands in each, and which of those on disk are out of date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deploy.render import alert_page, event_page, grafana_alerts, json_schemas, kpi_page, metric_page, rule_files, source_page
from deploy.render.dashboards import files as dashboards
from kpis.catalogue import KPIS
from kpis.kpi import Kpi


def artefacts(kpis: tuple[Kpi, ...] = KPIS) -> Mapping[str, str]:
    """The text of every generated file by its path from the repository's root."""
    return {
        "docs/kpis.md": kpi_page.page(kpis),
        "docs/events.md": event_page.page(),
        "docs/metrics.md": metric_page.page(kpis),
        "docs/alerts.md": alert_page.page(kpis),
        "schemas/json/event.json": json_schemas.as_text(json_schemas.event()),
        "schemas/json/figure.json": json_schemas.as_text(json_schemas.figure()),
        **source_page.pages(),
        **rule_files.shipped(kpis),
        **grafana_alerts.shipped(kpis),
        **dashboards.files(kpis),
    }


def outdated(root: Path) -> list[str]:
    """The paths whose files are missing or hold something else than their declarations say."""
    return [name for name, text in artefacts().items() if not _holds(root / name, text)]


def write(root: Path) -> None:
    """Write every generated file under `root`."""
    for name, text in artefacts().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode()
