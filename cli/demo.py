"""`deskpulse demo`: a whole installation on this machine, fed by a simulated company, and the proof that its figures are right.

Laws: everything lies in a folder of its own that is gone afterwards; however it ends, no process is left behind; every webhook
is signed and goes through ingest like a real one.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NamedTuple

import httpx
import typer
from aiokafka.errors import KafkaError

from cli.addresses import urls_of
from cli.company import timeline
from cli.company.deliveries import Delivery
from cli.demo_ending import Ending
from cli.demo_incident import NotFound, Story, play, story
from cli.demo_proof import events_kept, prove
from cli.demo_screen import Screen, show_proof
from cli.demo_sender import DeliveryRefused, Sender, sender
from cli.demo_settings import API_PORT, Demo, api_port, demo_settings
from cli.processes import ChildFailed, Supervisor, services_of
from cli.settled import NotSettled, settled
from cli.terminal import AsJson, say
from deploy.kafka.embedded import EmbeddedKafka, EmbeddedKafkaFailed
from deploy.kafka.jars import JarsUnavailable
from deploy.kafka.java import NoJava
from services.topics import ensure_topics

_FAILURES = (
    ChildFailed, DeliveryRefused, NotSettled, NotFound, EmbeddedKafkaFailed, JarsUnavailable, NoJava, KafkaError, httpx.HTTPError,
)  # fmt: skip
_INTERRUPTED = 130
"""Exit code of a check that was stopped before it could say anything: 128 + SIGINT."""


class _Running(NamedTuple):
    """What has been started: where the services are and who they are."""

    demo: Demo
    urls: dict[str, str]
    children: Supervisor
    screen: Screen


def demo(
    speed: Annotated[float, typer.Option(min=0.05, max=200, help="How much faster new things arrive; the clock stays as it is.")] = 1.0,
    events: Annotated[int | None, typer.Option(min=1, max=2_000_000, help="At least so many events of history.")] = None,
    exit_when_proved: Annotated[bool, typer.Option("--exit", help="Compare every figure with compute, then end.")] = False,
    incident: Annotated[bool, typer.Option("--incident", help="Nine days of history, and an incident that the wall explains.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the wall board and the API.")] = API_PORT,
    as_json: AsJson = False,
) -> None:
    """Start a broker, the three services and a simulated company that posts signed webhooks; Ctrl-C ends them all.

    Eight hours of history come first, then the present. With --exit nothing follows the history: once all of it is in the
    figures, every figure is compared with `deskpulse compute` over the same events; exit 1 when one differs.
    With --incident nine days come first, so that what is usual is known, and soon after the present begins escalations of one pair
    of channel and team come in far above it. With --exit too it ends when they were found (exit 1 when not) and all is compared.
    """
    if incident and speed != 1.0:
        raise typer.BadParameter("with --incident the present is as fast as the past: another speed would be unusual by itself")
    with Ending() as ending:
        try:
            code = _run(speed, events, exit_when_proved, incident, seed, port, as_json, ending)
        except KeyboardInterrupt:
            code = _INTERRUPTED if exit_when_proved else 0
            say("all processes have ended")
        except _FAILURES as error:
            say(f"deskpulse: {error or type(error).__name__}")
            code = 1
    raise typer.Exit(code)


def _run(
    speed: float, events: int | None, exit_when_proved: bool, incident: bool, seed: int, port: int, as_json: bool, ending: Ending
) -> int:
    screen = Screen()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="deskpulse-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            running = _started(folder, port, screen, stack, ending)
            now_ms = time.time_ns() // 1_000_000
            if incident:
                told = story(seed, now_ms, events=events)
                ending.run(_play_incident(running, told, to_the_end=exit_when_proved), running.children)
            else:
                past, rest = timeline.around(seed, now_ms, speed=speed, events=events)
                ending.run(_play(running, past, None if exit_when_proved else rest), running.children)
            return _proved(running, folder, ending, as_json)
        finally:
            ending.hush()


def _started(folder: Path, port: int, screen: Screen, stack: ExitStack, ending: Ending) -> _Running:
    """Broker, topics and the three services, ready for the first webhook; the stack ends them."""
    with screen.step("Apache Kafka") as tell:
        broker = EmbeddedKafka(folder, say=tell)
        stack.callback(broker.stop)  # before the start: an interrupted start must not leave it behind
        broker.start()
    ending.check()
    port, why = api_port(port)
    if why:
        say(why)
    demo = demo_settings(folder, broker.bootstrap, port)
    with screen.step("topics"):
        ending.run(ensure_topics(demo.settings))
    urls = urls_of(demo.settings)
    with screen.step("ingest, aggregator, api"):
        children = stack.enter_context(Supervisor(demo.environment, say=say, log_dir=folder / "logs"))
        for service in services_of(urls):
            children.start(service)
            ending.check()
        children.wait_until_ready(deadline_seconds=90)
    return _Running(demo, urls, children, screen)


async def _play(running: _Running, past: list[Delivery], rest: Iterator[Delivery] | None) -> None:
    """Post the past, then (unless there is no rest) the present until somebody ends it."""
    screen, demo, api_url = running.screen, running.demo, running.urls["api"]
    async with sender(running.urls["ingest"], demo.secrets) as post:
        await _post_past(post, past, screen)
        if rest is None:
            with screen.step("all of it in the figures") as tell:
                await settled(demo.settings, api_url, tell)
            return
        say(f"the wall board: {api_url}/   (Ctrl-C ends everything)")
        with screen.live() as done:
            await post.post_live(rest, done)


async def _play_incident(running: _Running, told: Story, *, to_the_end: bool) -> None:
    """Post nine days, then the present with its incident until somebody ends it, or with `to_the_end` until it was found."""
    screen, demo = running.screen, running.demo
    async with sender(running.urls["ingest"], demo.secrets) as post:
        await _post_past(post, told.past, screen)
        await play(told, post, demo.settings, running.urls["api"], screen, to_the_end=to_the_end)


async def _post_past(post: Sender, past: list[Delivery], screen: Screen) -> None:
    with screen.counted(f"history: {len(past):,} webhooks", len(past)) as done:
        await post.post_past(past, done)
    if rejected := post.answers["rejected"]:
        raise DeliveryRefused(f"ingest could not use {rejected} events of the history")


def _proved(running: _Running, folder: Path, ending: Ending, as_json: bool) -> int:
    """Compare everything that is served with compute over the events of Kafka, and show it; the exit code."""
    from cli.compute import cells_of, reader_of  # what they need is slow to import, and only --exit needs it

    settings, screen, file = running.demo.settings, running.screen, folder / "events.jsonl"
    with screen.step("events read back from Kafka"):
        events = ending.run(events_kept(settings, file), running.children)
    with screen.step("computed from these events alone"):
        cells = cells_of(events, settings, time.time_ns() // 1_000_000)
    with screen.counted("figures compared with compute", None) as done:
        proof = prove(running.urls["api"], events, lambda at_ms: reader_of(cells, settings, at_ms), settings.dimensions.pairs, done)
    show_proof(proof, screen.seconds, as_json=as_json)
    if not proof.differences:
        return 0
    kept = shutil.copy(file, Path(tempfile.gettempdir()) / f"{folder.name}-events.jsonl")
    say(f"the events are kept in {kept}")
    return 1
