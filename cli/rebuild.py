"""`deskpulse rebuild`: every figure made anew from the events beside the live ones, which go on until the new ones take over."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from cli.archiving.store import ArchiveUnusable
from cli.processes import ChildFailed
from cli.rebuilding.making import Made, make
from cli.rebuilding.planning import NothingToDo, NotPossible, Plan, plan
from cli.terminal import say
from services.controls import read_controls
from services.generations import live_of, older
from services.ingest.packer import Unavailable
from services.kafka import wait_for_broker
from services.settings import load_settings

_BROKER_SECONDS = 30


def rebuild(
    measure: Annotated[list[str] | None, typer.Option(help="A measure whose rule has a new version; as often as needed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All measures, and what of the settings waits for it.")] = False,
    from_archive: Annotated[str | None, typer.Option(help="Begin with the archive at this address, then the live events.")] = None,
    restate: Annotated[
        bool, typer.Option("--restate", help="Targets, kinds and calendars of the settings hold for the whole past too.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that compute.")] = 1,
) -> None:
    """Make the figures anew from `events` beside the live ones, and switch when they have caught up.

    Needed for a measure with a new version, other pairs of dimensions, another time zone or number of partitions. One event is
    in many measures, so all of them are made anew together. The live figures go on meanwhile; the old ones stay readable:
    DESKPULSE_KAFKA__GENERATION=1 deskpulse api. May be ended and begun again at any time: nothing live is touched before the switch.
    Exit 1 when it could not be finished, 2 when there is nothing to do.
    """
    settings = load_settings()
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())

    async def planned() -> Plan:
        await wait_for_broker(settings, say, _BROKER_SECONDS)
        standing = await read_controls(settings)
        now_ms = time.time_ns() // 1_000_000
        before = await older(settings) if live_of(standing) is None else None
        from_one = from_archive is not None
        return plan(settings, standing, measure or [], everything=everything, from_archive=from_one, now_ms=now_ms, older=before)

    try:
        decided = asyncio.run(planned())
        say(f"generation {decided.next.number} is made beside generation {decided.live.number}" + _because(decided))
        made = make(settings, decided, from_archive=from_archive, restate=restate, workers=workers, asked=asked)
    except (NothingToDo, NotPossible) as refused:
        say(f"deskpulse: {refused}")
        raise typer.Exit(2) from None
    except (ChildFailed, Unavailable, ArchiveUnusable, KafkaError, TimeoutError) as error:
        say(f"deskpulse: {error}")
        raise typer.Exit(1) from None
    _tell(made, decided)
    raise typer.Exit(0 if made.switched else 1)


def _because(decided: Plan) -> str:
    shown = decided.reasons[:6]
    more = f" and {len(decided.reasons) - len(shown)} more" if len(decided.reasons) > len(shown) else ""
    return f": {', '.join(shown)}{more}" if shown else ", by the same rules"


def _tell(made: Made, decided: Plan) -> None:
    if not made.switched:
        say(f"stopped before the switch: generation {decided.live.number} goes on; run it again to begin anew")
        return
    say(
        f"generation {decided.next.number} is live after {made.seconds:.0f} s ({made.events:,} records of events); generation "
        f"{decided.live.number} stays readable: DESKPULSE_KAFKA__GENERATION={decided.live.number} deskpulse api"
    )
    if not made.taken_over:
        say("no other aggregator has taken over: start `deskpulse up` or `deskpulse aggregator`, or the figures stand still from now on")
