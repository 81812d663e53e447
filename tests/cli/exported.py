"""Exports for tests: a file, its mapping, and the events and figures that come of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from cli.compute import figures_of
from cli.exports.backlog import Backlog, Survey
from cli.exports.mapping import read_mapping
from kpis.query import Query
from schemas.canonical import event_from, millis_from
from schemas.events import Event
from services.settings import Settings

NOW = "2026-03-02T12:00:00Z"
NOW_MS = millis_from(NOW)
MAPPING = """
tickets_of = "zendesk"
[columns]
ticket_id = "ID"
status = "Status"
opened_at = "Created"
"""


def looked_through(
    folder: Path, content: str | bytes, mapping: str = MAPPING, name: str = "tickets.csv", *, take_back: bool = False
) -> tuple[Survey, list[dict[str, Any]]]:
    """What is found in an export of this content, and what it tells."""
    backlog = Backlog(
        str(_written(folder / name, content)), read_mapping(str(_written(folder / "map.toml", mapping))), NOW_MS, take_back=take_back
    )
    survey = backlog.look_through()
    lines = list(backlog.lines())
    assert list(backlog.lines()) == lines
    return survey, [orjson.loads(line) for line in lines]


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def admitted(said: Iterable[dict[str, Any]], received_at_ms: int = NOW_MS) -> list[Event]:
    """The events of outside forms, as the door lets them in for the helpdesk."""
    return [event_from(one, source="zendesk", received_at_ms=received_at_ms, customer_prefix="zendesk:")[0] for one in said]


def values(
    events: Iterable[Event], kpi: str, window: str = "now", by: tuple[str, ...] = (), now_ms: int = NOW_MS
) -> dict[str, float | None]:
    """The figures of a KPI by the values of a dimension; "" is the whole."""
    reader = figures_of(events, Settings(), now_ms=now_ms)
    found = reader.read(Query(kpis=(kpi,), windows=(window,), by=by))
    return {"/".join(figure.dims.values()): figure.value for figure in found}
