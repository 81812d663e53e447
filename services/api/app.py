"""The API as an application: assembles the routes around a board. Nothing happens at import."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

import uvicorn
import uvloop
from fastapi import FastAPI

from services.api import problems
from services.api.access import BearerToken
from services.api.board import Board
from services.api.lineage import Lineages, StateLineages
from services.api.ports import Figures
from services.api.routes import catalogue, figures, health, lineage, metrics, series, sources, stream, wall
from services.api.scrape import Scrape
from services.api.stream import Hub
from services.settings import Settings

HEARTBEAT_SECONDS = 10.0
SHUTDOWN_SECONDS = 3
"""How long open requests may take to end; streams are told to at once."""


def create_app(
    settings: Settings,
    board: Figures,
    lineages: Lineages | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> FastAPI:
    """The application that serves a board, and where its figures come from. Raises ConfigError when a token is named but not set."""
    token = settings.api.token(environ)
    build = _version()
    hub = Hub(board)
    scrapes = Scrape(board, build, clients=lambda: hub.listeners), Scrape(board, build, agents=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()
        for scrape in scrapes:
            await scrape.close()

    app = FastAPI(
        title="deskpulse",
        version=build,
        summary="Live customer-service figures.",
        lifespan=lifespan,
        docs_url=None,  # our own page: no script from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    problems.install(app)
    for router in (
        catalogue.router(board),
        figures.router(board),
        series.router(board),
        stream.router(board, hub, settings, heartbeat_seconds),
        metrics.router(board, *scrapes),
        sources.router(board),
        health.router(board),
        wall.router(),
    ):
        app.include_router(router)
    if lineages is not None:
        app.include_router(lineage.router(board, lineages))
    if token:
        app.add_middleware(BearerToken, token=token)
    return app


async def serve(settings: Settings) -> bool:
    """Runs the board and the server until a signal ends them. Returns whether the server could start."""
    board = Board(settings)
    config = uvicorn.Config(
        create_app(settings, board, StateLineages(board)),
        host=settings.api.host,
        port=settings.api.port,
        ws="none",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    await board.start()
    try:
        await server.serve()
    finally:
        await board.stop()
    return server.started


def run(settings: Settings) -> int:
    """`deskpulse api`: serves until it is told to end. Returns the exit code."""
    # uvicorn raises a signal again once it has stopped in good order: then it must end this call, not the process
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return 0 if runner.run(serve(settings)) else 1
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _version() -> str:
    try:
        return version("deskpulse")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
