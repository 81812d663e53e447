"""The API as an application: assembles the routes around a board. Nothing happens at import."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from services.api import problems
from services.api.access import Access
from services.api.board import Board
from services.api.boards.kept import Boards
from services.api.headers import with_strict_headers
from services.api.hosts import Hosts, names_of
from services.api.hub import Hub
from services.api.lineage import Lineages, StateLineages
from services.api.ports import Decisions, Figures
from services.api.routes import boards, catalogue, controls, figures, health, lineage, metrics, series, sources, spikes, stream, wall
from services.api.scrape import Scrape
from services.api.spikes import Spikes
from services.api_settings import TOKEN_LEAST_CHARS
from services.protocol import BoundedHttp
from services.settings import Settings

HEARTBEAT_SECONDS = 10.0
SHUTDOWN_SECONDS = 3
"""How long open requests may take to end; streams are told to at once."""
log = logging.getLogger("deskpulse.api")


class Api(FastAPI):
    """FastAPI whose every answer has the strict headers, those to a fault of ours too, which no middleware sees."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await super().__call__(scope, receive, with_strict_headers(send) if scope["type"] == "http" else send)


def create_app(
    settings: Settings,
    board: Figures,
    lineages: Lineages | None = None,
    *,
    decisions: Decisions | None = None,
    environ: Mapping[str, str] = os.environ,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    send_seconds: float = stream.SEND_SECONDS,
) -> FastAPI:
    """The application that serves a board, where its figures come from, and where decisions go.

    Raises ConfigError when a token is named but not set.
    """
    tokens = settings.api.tokens(environ)
    for variable in settings.api.short(environ):
        log.warning(
            "the token in %s has fewer than %d characters: make a longer one with openssl rand -hex 24", variable, TOKEN_LEAST_CHARS
        )
    build = _version()
    walls = Boards(board, settings, editable=tokens.edit is not None or tokens.controls is not None)
    hub = Hub(board)
    scrapes = Scrape(board, build, clients=lambda: hub.listeners), Scrape(board, build, agents=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()
        for scrape in scrapes:
            await scrape.close()

    app = Api(
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
        stream.router(board, hub, walls, heartbeat_seconds=heartbeat_seconds, send_seconds=send_seconds),
        boards.router(walls),
        controls.router(board, walls, decisions, settings, tokens),
        metrics.router(board, *scrapes),
        sources.router(board),
        spikes.router(board),
        health.router(board),
        wall.router(walls),
    ):
        app.include_router(router)
    if lineages is not None:
        app.include_router(lineage.router(board, lineages))
    app.add_middleware(Access, tokens=tokens)
    if tokens.read is None and (names := names_of(settings.api)) is not None:
        app.add_middleware(Hosts, names=names)
    return app


def server_config(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """How the application is served: no line for each request, and no word of what serves it."""
    return uvicorn.Config(
        app,
        host=settings.api.host,
        port=settings.api.port,
        ws="none",
        http=BoundedHttp,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
    )


async def serve(settings: Settings) -> bool:
    """Runs the board and the server until a signal ends them. Returns whether the server could start."""
    board = Board(settings)
    config = server_config(settings, create_app(settings, board, StateLineages(board), decisions=board.decisions))
    server = uvicorn.Server(config)
    await board.start()
    watching = asyncio.create_task(Spikes(board).run(), name="spikes")
    try:
        await server.serve()
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await board.stop()
    return server.started


def run(settings: Settings) -> int:
    """`deskpulse api`: serves until it is told to end. Returns the exit code."""
    # uvicorn raises a signal again once it has stopped in good order: then it must end this call, not the process
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Modules and the catalogue are large and without cycles: looking through them all for cycles held up the loop for 85 ms.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
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
