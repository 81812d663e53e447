"""`deskpulse up`: the three services as children of one process."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from contextlib import ExitStack
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from cli.addresses import urls_of
from cli.processes import ChildFailed, Supervisor, services_of
from cli.restarts import CONFIGURATION
from cli.terminal import say
from deploy.kafka.embedded import EmbeddedKafka, EmbeddedKafkaFailed
from deploy.kafka.jars import JarsUnavailable
from deploy.kafka.java import NoJava
from services.generations import prepared
from services.kafka import wait_for_broker
from services.settings import Settings, as_environment, load_settings

_READY_SECONDS = 300
"""A board over a long past takes its time to load; after this long without readiness something is wrong."""


def up(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start the embedded Apache Kafka first, with its data below data_dir.")
    ] = False,
) -> None:
    """Run ingest, aggregator and api against the configured broker; Ctrl-C ends them all.

    A broker that is away is waited for. A service that is killed or gives up for the moment is started again; one that cannot
    start ends them all, with its exit code when that is 2 (its configuration), else with 1.
    """
    settings = load_settings()
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        with ExitStack() as stack:
            if embedded:
                settings = _with_embedded(settings, stack)
            code = _serve(settings, stack, asked)
    except ChildFailed as error:
        say(f"deskpulse: {error}")
        code = CONFIGURATION if error.code == CONFIGURATION else 1
    except (EmbeddedKafkaFailed, JarsUnavailable, NoJava, KafkaError) as error:
        say(f"deskpulse: {error}")
        code = 1
    say("all services have ended")
    raise typer.Exit(code)


def _with_embedded(settings: Settings, stack: ExitStack) -> Settings:
    host, _, port = settings.kafka.bootstrap.partition(":")
    if host not in ("127.0.0.1", "localhost") or "," in port:
        raise typer.BadParameter(f"--embedded starts a broker on this machine, but kafka.bootstrap is {settings.kafka.bootstrap}")
    if (protocol := settings.kafka.security.protocol) != "PLAINTEXT":
        raise typer.BadParameter(
            f"--embedded starts a broker that speaks PLAINTEXT, to this machine alone, but kafka.security.protocol is {protocol}: "
            "take [kafka.security] out, or leave --embedded out and name your broker in kafka.bootstrap"
        )
    say("starting the embedded Apache Kafka")
    broker = stack.enter_context(EmbeddedKafka(settings.data_dir, port=int(port), say=say))
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": broker.bootstrap})})


def _serve(settings: Settings, stack: ExitStack, asked: threading.Event) -> int:
    if not asyncio.run(_prepared(settings, asked)):
        return 0 if asked.is_set() else 1
    children = stack.enter_context(Supervisor(as_environment(settings), say=say))
    urls = urls_of(settings)
    for service in services_of(urls):
        children.start(service)
    deadline = time.monotonic() + _READY_SECONDS
    announced = False
    while not asked.wait(0.2):
        children.start_again()
        if not announced and (announced := children.all_ready()):
            say(f"ready: webhooks at {urls['ingest']}/webhooks/SOURCE, wall board at {urls['api']}/")
        elif not announced and time.monotonic() > deadline:
            children.wait_until_ready(deadline_seconds=0)
    say("ending the services")
    return 0


async def _prepared(settings: Settings, asked: threading.Event) -> bool:
    """Wait for the broker (until asked to end) and make the topics; False when the services should not start."""
    waiting = asyncio.ensure_future(wait_for_broker(settings, say))
    while not waiting.done():
        if asked.is_set():
            waiting.cancel()
            return False
        await asyncio.wait([waiting], timeout=0.2)
    waiting.result()
    _, states = await prepared(settings, say)
    for state in states:
        if state.wrong:
            say(f"deskpulse: {state.wrong}")
    return not any(state.wrong for state in states)
