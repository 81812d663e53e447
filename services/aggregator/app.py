"""The Faust application: three agents over raw bytes, and the process around them. Only assembles."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Callable
from typing import Any

import faust
import uvloop
from faust.types import TP
from yarl import URL

from kpis.controls import InForce, Timeline
from kpis.lifecycles.ledger import Rules
from kpis.window import Levels, Zone
from schemas import topics
from services import controls, generations
from services.aggregator import health
from services.aggregator.checkpoint import Checkpoints, group_of
from services.aggregator.entities import EntityShard
from services.aggregator.fold import FoldShard
from services.aggregator.ledgers import LedgerShard
from services.aggregator.overrides import MakeTransport, QuietMonitor, transport_for
from services.aggregator.shard import Shard
from services.aggregator.worker import MakeCheckpoints, Worker
from services.controls import Control, publish_settings, timeline_of
from services.generations import Generation
from services.kafka import client_options, wait_for_broker
from services.partition import partition_of
from services.settings import Settings, topic

log = logging.getLogger("deskpulse.aggregator")
INPUTS = (topics.EVENTS, topics.FACTS, topics.DIFFERENCES)
LOST = 75
"""Exit code of a worker that gave its shards up (EX_TEMPFAIL): start it again."""


def shard_maker(settings: Settings, in_force: InForce) -> Any:
    """What makes the shard of a partition, by its topic."""
    levels = Levels(Zone(settings.time_zone), settings.aggregator.day_level_days)
    wall = settings.now == "wall"
    pairs = settings.dimensions.pairs
    partitions = settings.kafka.partitions
    a = settings.aggregator

    def make(tp: TP) -> Shard:
        if tp.topic == topic(settings, topics.EVENTS):
            return EntityShard(
                tp.partition,
                controls=in_force,
                levels=levels,
                partition_of=lambda key: partition_of(key, partitions),
                skew_ms=a.event_time_skew_ms,
                checkpoint_ms=a.checkpoint_ms,
                retention_days=a.entity_retention_days,
                wall=wall,
                generation=settings.kafka.generation,
            )
        if tp.topic == topic(settings, topics.FACTS):
            return LedgerShard(tp.partition, rules=Rules(levels.zone, pairs), levels=levels, checkpoint_ms=a.checkpoint_ms, wall=wall)
        return FoldShard(tp.partition, levels=levels, pairs=pairs, fold_ms=a.fold_ms, wall=wall)

    return make


def create_app(settings: Settings, worker: Worker, make_transport: MakeTransport = transport_for) -> faust.App:
    """The Faust application, with its agents declared; nothing runs yet."""
    broker = ";".join(f"kafka://{address}" for address in settings.kafka.bootstrap.split(","))
    app = faust.App(
        group_of(settings),
        broker=broker,
        store="memory://",
        datadir=str(settings.data_dir / "faust"),
        topic_partitions=settings.kafka.partitions,
        topic_replication_factor=settings.kafka.replication_factor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=32,
        broker_max_poll_records=500,
        consumer_max_fetch_size=2 * 1024**2,
        broker_commit_interval=2.8,
        broker_commit_every=100_000,
        broker_session_timeout=6,  # the least that brokers allow: half of the time in which a killed worker must be replaced
        broker_heartbeat_interval=1,
        broker_request_timeout=30,
        broker_rebalance_timeout=60,
        producer_acks=-1,
        producer_request_timeout=30,
        web_enabled=False,
        worker_redirect_stdouts=False,
        Monitor=QuietMonitor,
        **_credentials(settings),
    )
    app.transport = make_transport(worker.next_offsets)([URL(part) for part in broker.split(";")], app)
    for name in INPUTS:
        _declare_agent(app, worker, topic(settings, name))

    @app.on_rebalance_complete.connect  # type: ignore[arg-type]
    async def take_over(sender: Any, **kwargs: Any) -> None:
        names = {topic(settings, name) for name in INPUTS}
        await worker.load([TP(tp.topic, tp.partition) for tp in app.consumer.assignment() if tp.topic in names])

    @app.on_partitions_revoked.connect  # type: ignore[arg-type]
    async def hand_over(sender: Any, revoked: Any, **kwargs: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker.checkpoint_all(force=True), 5)
        await worker.release()

    return app


def _declare_agent(app: faust.App, worker: Worker, name: str) -> None:
    async def consume(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            worker.apply(TP(message.topic, message.partition), message.value, message.offset)
            await asyncio.sleep(0)  # a long run of records must not starve checkpoints and heartbeats

    app.agent(app.topic(name, key_serializer="raw", value_serializer="raw"), name=f"agent-{name}")(consume)


def _credentials(settings: Settings) -> dict[str, Any]:
    security = settings.kafka.security
    if security.protocol == "PLAINTEXT":
        return {}
    options = client_options(settings)
    context = options.get("ssl_context")
    if security.protocol.startswith("SASL"):
        user, password = options["sasl_plain_username"], options["sasl_plain_password"]
        return {
            "broker_credentials": faust.SASLCredentials(
                username=user, password=password, ssl_context=context, mechanism=security.sasl_mechanism
            )
        }
    return {"broker_credentials": faust.SSLCredentials(context)}


async def serve(
    settings: Settings, *, make_checkpoints: MakeCheckpoints = Checkpoints, make_transport: MakeTransport = transport_for
) -> int:
    """Run until a signal comes, a shard is lost or another generation is live; returns the exit code.

    What is made otherwise, tests break on purpose. Raises ConfigError when this version's rules are not those of the generation.
    """
    await wait_for_broker(settings, lambda text: log.warning("%s", text))
    pinned = settings.kafka.generation
    settings, generation = await generations.entered(settings, _now_ms())
    generations.refuse_other_rules(generation)
    in_force = timeline_of(await publish_settings(settings, _now_ms()), generation.created_at_ms)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    worker = Worker(settings, shard_maker(settings, in_force), _now_ms, make_checkpoints)
    app = create_app(settings, worker, make_transport)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app.finalize()
    app.loop = loop
    await health.start(settings, worker, app)
    await app.maybe_start()
    running = asyncio.create_task(worker.run(max(10, min(settings.aggregator.checkpoint_ms // 2, 1000))))
    stepping = asyncio.create_task(worker.step_over_quietly())
    replaced = asyncio.Event()
    heeding = asyncio.create_task(controls.follow(settings, _heed(in_force, generation, replaced if not pinned else None)))
    crashed = asyncio.create_task(app.wait_until_stopped())
    ends = [asyncio.create_task(event.wait()) for event in (stop, worker.lost, replaced)]
    done, _ = await asyncio.wait([*ends, crashed], return_when=asyncio.FIRST_COMPLETED)
    lost = worker.lost.is_set() or crashed in done
    stepping.cancel()
    heeding.cancel()
    if not lost:
        await worker.finish()
    elif not worker.why_lost:
        log.error("Faust stopped by itself: %r", app.crash_reason)
    worker.lost.set()
    await running
    await worker.release()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(app.stop(), 15)
    return LOST if lost or replaced.is_set() else 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _heed(in_force: Timeline, generation: Generation, replaced: asyncio.Event | None) -> Callable[[list[Control]], None]:
    """What a change of the controls does: new decisions hold from their instant on; another live generation ends this process."""

    def heed(standing: list[Control]) -> None:
        in_force.become(timeline_of(standing, generation.created_at_ms))
        live = generations.live_of(standing)
        if replaced is not None and live is not None and live.number != generation.number:
            log.warning("generation %d is live now: this worker of generation %d ends, to be started again", live.number, generation.number)
            replaced.set()

    return heed


def run(settings: Settings) -> int:
    """The process of `deskpulse aggregator`: 0 after a signal, 75 when a shard was lost and the process must be started again."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("faust").setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it calls "error" what it tries again; what matters we say ourselves
    # Shards are large and made of tuples, dicts and bytes without cycles: looking through them all for cycles cost 7 % of the CPU.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    return uvloop.run(serve(settings))
