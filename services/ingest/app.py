"""Assembles ingest: settings, sources, packer, publisher and routes; `run` serves them until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from services.controls import Control, follow
from services.generations import entered, live_of
from services.ingest.answers import STRICT, TITLES
from services.ingest.documentation import PAGE_POLICY, page
from services.ingest.door import Door
from services.ingest.metrics import Metrics
from services.ingest.openapi import with_webhooks
from services.ingest.packer import Packer
from services.ingest.publisher import KafkaPublisher, Publisher
from services.ingest.reporting import Before, BeforeRhythms, door_of, report, report_rhythms, rhythms_before, told_before
from services.ingest.rhythms import Rhythms
from services.ingest.routes import PREFIX, Receive, Scope, Send, Webhooks
from services.ingest.sources import configured
from services.kafka import client_options
from services.protocol import BoundedHttp
from services.settings import Settings

_AGAIN = 75
"""Exit code that asks to be started again (EX_TEMPFAIL)."""
_ENTER_SECONDS = 5.0
_GRACE_SECONDS = 12
"""How long a stop waits for requests in flight: a little longer than they wait for Kafka."""


def wall_clock_ms() -> int:
    """The time now, in ms since 1970."""
    return time.time_ns() // 1_000_000


def say_on_terminal(text: str) -> None:
    """One plain line for whoever watches the process."""
    print(f"ingest: {text}", file=sys.stderr, flush=True)


class IngestApp(FastAPI):
    """FastAPI for everything but the webhook paths, which go past its routing and middleware: they are the hot path."""

    deliveries: Webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (scope["path"].startswith(f"{PREFIX}/") or scope["path"] == PREFIX):
            await self.deliveries(scope, receive, send)
        else:
            await super().__call__(scope, receive, _strictly(send) if scope["type"] == "http" else send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the webhook paths."""
        if self.openapi_schema is None:
            self.openapi_schema = with_webhooks(super().openapi())
        return self.openapi_schema


def create_app(
    settings: Settings,
    publisher: Publisher,
    clock: Callable[[], int] = wall_clock_ms,
    *,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = say_on_terminal,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    before: Before | None = None,
    before_rhythms: BeforeRhythms | None = None,
) -> IngestApp:
    """The app. `clock` gives ms since 1970; `environ` holds the secrets; `beside` runs while the app does.

    `before` and `before_rhythms` give what this door told of its sources last; without them nothing is told. Raises ConfigError.
    """
    sources = configured(settings, environ, say)
    metrics = Metrics({name: source.standing(door_of(settings)) for name, source in sources.items()})
    packer = Packer(publisher.send, linger_ms=settings.ingest.linger_ms)
    metrics.unacknowledged.set_function(lambda: packer.unacknowledged_bytes)
    door = Door(packer, settings.kafka.partitions, metrics)

    def ended(connection: asyncio.Task[None]) -> None:
        if not connection.cancelled():  # it should have run for ever: better a process that ends and is started again than a deaf one
            say(f"publishing ended: {type(connection.exception()).__name__}; ingest stops")
            signal.raise_signal(signal.SIGTERM)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connection = asyncio.create_task(publisher.run())
        connection.add_done_callback(ended)
        following = asyncio.create_task(beside()) if beside is not None else None
        reporting = asyncio.create_task(report(metrics, before, publisher.send, clock)) if before is not None else None
        rhythmic = None
        if before_rhythms is not None:
            metrics.rhythms = Rhythms(sources, door_of(settings), clock())
            rhythmic = asyncio.create_task(report_rhythms(metrics.rhythms, before_rhythms, publisher.send, clock))
        try:
            yield
            await packer.drain()
        finally:
            for task in (connection, following, reporting, rhythmic):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    app = IngestApp(
        title="deskpulse ingest",
        description="Webhooks in, canonical events out.",
        lifespan=lifespan,
        docs_url=None,  # our own page: nothing from elsewhere
        redoc_url=None,
    )
    app.deliveries = Webhooks(sources, door, metrics, settings.ingest.max_body_bytes, clock)

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Alive."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], responses={503: {"description": "cannot publish now"}})
    async def readyz() -> Response:
        """Whether events can be published."""
        why = publisher.why_not_ready()
        return JSONResponse({"status": "ready"}) if why is None else _problem(503, f"cannot publish: {why}")

    @app.get("/metrics", tags=["health"], response_class=Response)
    async def own_metrics() -> Response:
        """Ingest's own metrics, in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> Response:
        return Response(page(app.openapi()), headers={"content-security-policy": PAGE_POLICY}, media_type="text/html")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, f"{error.detail}: see /docs for the paths")

    return app


def _strictly(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            named = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *((name, value) for name, value in STRICT if name not in named)]
        await send(message)

    return sending


def _problem(status: int, detail: str) -> Response:
    said = {"type": "about:blank", "title": TITLES.get(status, "Refused"), "status": status, "detail": detail}
    headers = {"retry-after": "5"} if status == 503 else {}
    return JSONResponse(said, status, headers, media_type="application/problem+json")


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. The exit code: 75 asks to be started again.

    Raises ConfigError.
    """
    client_options(settings)  # refuses here what the publisher would find out only later
    settings, events = asyncio.run(_entered(settings))
    moved = threading.Event()

    def heed(standing: list[Control]) -> None:
        live = live_of(standing)
        if live is not None and not settings.kafka.generation and (live.events, live.partitions) != events and not moved.is_set():
            where = f"generation {live.events} with {live.partitions} partitions"
            say_on_terminal(f"events go to {where} now: ingest ends, to be started again")
            moved.set()
            signal.raise_signal(signal.SIGTERM)

    app = create_app(
        settings,
        KafkaPublisher(settings, say_on_terminal),
        beside=lambda: follow(settings, heed),
        before=lambda: told_before(settings),
        before_rhythms=lambda: rhythms_before(settings),
    )
    config = uvicorn.Config(
        app,
        host=settings.ingest.host,
        port=settings.ingest.port,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        log_level="warning",
        access_log=False,  # its lines would hold path tokens
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    # uvicorn raises a signal again once it has stopped in good order: then it must end this call, not the process
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
    if moved.is_set():
        return _AGAIN
    return 0 if server.started else 1


async def _entered(settings: Settings) -> tuple[Settings, tuple[int, int]]:
    """The settings within the live generation, and which `events` it takes; where Kafka does not answer, what the settings say.

    In that case the follower of the controls finds out later whether that was right.
    """
    try:
        async with asyncio.timeout(_ENTER_SECONDS):
            within, generation = await entered(settings, wall_clock_ms(), say_on_terminal)
    except (KafkaError, OSError, TimeoutError):
        return settings, (1, settings.kafka.partitions)
    pinned = settings.kafka.generation
    kafka = within.kafka.model_copy(update={"generation": pinned})
    return within.model_copy(update={"kafka": kafka}), (generation.events, generation.partitions)
