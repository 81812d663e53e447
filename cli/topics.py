"""`deskpulse topics`: creates the topics, or checks those that are there."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from cli.terminal import AsJson, say, show
from services.generations import prepared
from services.kafka import wait_for_broker
from services.settings import Settings, load_settings
from services.topics import TopicState


def topics(
    wait_seconds: Annotated[float, typer.Option("--wait", min=0, help="How long to wait for a broker that is away, in seconds.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Create what is missing, check the rest. Doing it twice is doing it once.

    A topic whose partition count differs from the settings is left alone, and so is whatever else waits for `deskpulse rebuild`:
    exit 1, and a word on what to do.
    """
    settings = load_settings()
    try:
        waiting: list[str] = []
        states = asyncio.run(_ensure(settings, wait_seconds, waiting))
    except (KafkaError, TimeoutError) as error:
        say(f"deskpulse: {error}. Start the broker, or set kafka.bootstrap to where it is.")
        raise typer.Exit(1) from None
    rows = [{"topic": s.name, "partitions": s.partitions, "state": _word(s), "holds": s.about, "wrong": s.wrong} for s in states]
    show(rows, ("topic", "partitions", "state", "holds"), as_json=as_json)
    for wrong in [*waiting, *(state.wrong for state in states if state.wrong)]:
        say(f"deskpulse: {wrong}")
    raise typer.Exit(1 if waiting or any(state.wrong for state in states) else 0)


async def _ensure(settings: Settings, wait_seconds: float, waiting: list[str]) -> list[TopicState]:
    await wait_for_broker(settings, say, wait_seconds)
    return (await prepared(settings, waiting.append))[1]


def _word(state: TopicState) -> str:
    return "differs" if state.wrong else "created" if state.created else "there"
