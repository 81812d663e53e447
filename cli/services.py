"""`deskpulse ingest`, `aggregator`, `api`: one service in this process, until it is asked to end."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

import typer

from cli.service_log import log_to_terminal
from services.kafka import refuse_what_is_refused
from services.settings import Settings, load_settings

IMPORT_OF = {name: f"services.{name}.app" for name in ("ingest", "aggregator", "api")}


def ingest() -> None:
    """Take webhooks over HTTP, verify and translate them, write them to Kafka.

    Answers a sender only after Kafka has acknowledged.
    """
    _run("ingest")


def aggregator() -> None:
    """Run the Faust agents: events to facts, contributions and cells.

    Several may run at once: the partitions are shared among them.
    """
    _run("aggregator")


def api() -> None:
    """Serve the figures: JSON, the live stream, the wall board, /metrics."""
    _run("api")


def _run(name: str) -> None:
    log_to_terminal()
    settings = load_settings()
    try:
        asyncio.run(refuse_what_is_refused(settings))
        run: Callable[[Settings], int | None] = importlib.import_module(IMPORT_OF[name]).run
        code = run(settings)
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(int(code or 0))
