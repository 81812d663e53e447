"""Everything the services tell a Prometheus, from their own code and without a Kafka.

The API with every KPI of the catalogue, sources, an audit and an open spike; ingest's registry and the aggregator's exposition,
which count on at every scrape.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from math import inf

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from deploy.ports import free_ports
from kpis.catalogue import KPIS
from kpis.folding import TallyKey
from kpis.measures import CONVERSION, ENTERED, OUTCOME
from kpis.spikes.watch import Watch
from kpis.tallies import BASES, RATINGS, RESPONSES
from schemas.rejections import Reason
from schemas.spikes import Spike, SpikeCause, Watched
from schemas.standing import Standing
from services.aggregator.checkpoint import Checkpoints
from services.aggregator.health import exposition
from services.aggregator.worker import Held, Worker
from services.api import silences, tallied
from services.api.app import create_app
from services.api.ports import Durations
from services.ingest.metrics import UNKNOWN, Metrics
from services.settings import Settings
from tests.services.aggregator.shards import afternoon, entity_shard, ledger_shard, record
from tests.services.api.fake_board import CHANNELS, TEAMS, FakeBoard, Made

EVERY_KPI = tuple(
    Made(kpi.id, kpi.title, kpi.unit, "", kpi.windows, 0.83 if kpi.unit == "ratio" else 42, 83, 100, kpi.dimensions) for kpi in KPIS
)
"""The catalogue's KPIs with its windows and dimensions, so that families are named as they are on the real board."""
API_PATH, AGENTS_PATH, INGEST_PATH, AGGREGATOR_PATH = "/metrics", "/metrics/agents", "/as-ingest/metrics", "/as-aggregator/metrics"
START_SECONDS = 20.0


def told_board() -> FakeBoard:
    """A board that has something to say in every family."""
    now_ms = time.time_ns() // 1_000_000
    board = FakeBoard(now_ms=now_ms, made=EVERY_KPI)
    board.fresh.audit = {"differences": 0, "last_success_ms": now_ms - 60_000}
    board.gross.counters[:] = [("events", {}, 48_211), *tallied.counters(_tallies())]
    board.gross.durations[:] = [
        Durations(kpi=kpi, channel=channel, counts=dict.fromkeys((*bounds, inf), 1.0), sum_ms=sum(bounds))
        for kpi, bounds in BASES.items() for channel in CHANNELS
    ]  # fmt: skip
    for kpi in KPIS:
        if kpi.watch is None:
            continue
        teams = [{"team": team} for team in TEAMS] if isinstance(kpi.watch, Watch) else []
        for dims in ({}, *({"channel": channel} for channel in CHANNELS), *teams):
            board.fresh.watched.append(_watched(kpi.id, kpi.watch.id, kpi.watch.unit, dims))
    board.fresh.watched += [_watched(silences.KPI, silences.WATCH, "seconds", {"source": name}) for name in ("aircall", "zendesk")]
    board.fresh.spikes.append(_spike())
    return board


def board_goes_on(board: FakeBoard) -> None:
    """One more event, and one more of everything that is counted."""
    board.fresh.version += 1
    board.fresh.progress = {name: offset + 10 for name, offset in board.fresh.progress.items()}
    board.gross.counters[:] = [(name, labels, value + 1) for name, labels, value in board.gross.counters]
    for one in board.gross.durations:
        one.counts = {bound: n + 1 for bound, n in one.counts.items()}
        one.sum_ms += sum(bound for bound in one.counts if bound != inf)


def ingest_metrics() -> Metrics:
    """Ingest's registry with two sources."""
    return Metrics({name: Standing(source=name, kind=name, door="a", at_ms=0) for name in ("zendesk", "aircall")})


def ingest_goes_on(metrics: Metrics) -> None:
    """One more delivery of each kind."""
    metrics.answered("zendesk", 202, 0.004, "accepted")
    metrics.answered("zendesk", 202, 0.02, "ignored")
    metrics.answered("aircall", 401, 0.001, "refused")
    metrics.answered(UNKNOWN, 401, 0.001, "refused")
    metrics.verified("zendesk", time.time_ns() // 1_000_000)
    metrics.accepted("zendesk", 3)
    metrics.repeated("zendesk")
    metrics.rejected("aircall", Reason.BAD_TIME)
    metrics.ignored("zendesk", "ticket.tagged", ("ticket.tagged",))
    metrics.stripped("zendesk", 1)
    metrics.unacknowledged.set(512)


class NeverWritten(Checkpoints):
    """The writer of a shard whose checkpoints nobody reads."""

    def __init__(self) -> None:
        pass


class AggregatorGoingOn:
    """A worker with a shard of each kind; every look at it is after another record, one of them rubbish."""

    def __init__(self) -> None:
        self.entities, self.ledgers = entity_shard(), ledger_shard()
        self.worker = Worker(Settings(), lambda tp: self.entities, lambda: time.time_ns() // 1_000_000)
        for shard in (self.entities, self.ledgers):
            self.worker.hold(Held(shard, NeverWritten()))
        self._offset = 0

    def look(self) -> str:
        """The exposition after some more work."""
        facts = []
        for value in (record(afternoon(5, self._offset)), b'[{"type":"no.such"}]'):
            self.entities.apply(value, self._offset)
            self._offset += 1
        for (topic, _), pairs in self.entities.snapshot(time.time_ns() // 1_000_000).items():
            facts += [value for _, value in pairs if topic == "facts" and value is not None]
        for value in facts:
            self.ledgers.apply(value, self.ledgers.last_offset + 1)
        self.worker.checkpoints_total += 1
        self.worker.checkpoint_seconds = 0.012
        return exposition(self.worker)


@contextlib.contextmanager
def served(board: FakeBoard) -> Iterator[int]:
    """The port at which all of it is served, until the end of the block."""
    [port] = free_ports(1)
    server: list[uvicorn.Server] = []

    async def serve() -> None:
        app = create_app(Settings(), board, environ={})
        metrics, aggregator = ingest_metrics(), AggregatorGoingOn()

        async def as_ingest(request: Request) -> Response:
            ingest_goes_on(metrics)
            return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

        async def as_aggregator(request: Request) -> Response:
            board_goes_on(board)
            return Response(aggregator.look(), media_type="text/plain; version=0.0.4; charset=utf-8")

        app.add_route(INGEST_PATH, as_ingest)
        app.add_route(AGGREGATOR_PATH, as_aggregator)
        server.append(uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)))
        await server[0].serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="services")
    thread.start()
    try:
        until_open(port)
        yield port
    finally:
        if server:
            server[0].should_exit = True
        thread.join(START_SECONDS)
        assert not thread.is_alive()


def until_open(port: int, path: str = "/healthz") -> None:
    """Wait until an address answers 200. Raises TimeoutError."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            connection.request("GET", path)
            with connection.getresponse() as answer:
                if answer.status == 200:
                    return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers at port {port}")


def _tallies() -> dict[TallyKey, int]:
    """Gross counts of every subject, so that counters are named and labelled by the code that does it on the real board."""
    found: dict[TallyKey, int] = {}
    for channel in CHANNELS:
        for name in ("issues_created", "escalations", "complaints", "calls_answered"):
            found[name, "", channel, TEAMS[0], "high"] = 4
        for score in (1, 4, 5):
            found[RATINGS, f"1-5|{score}", channel, "", ""] = 2
        for kind in ("relationship", "transactional"):
            for group in ("promoter", "passive", "detractor"):
                found[RESPONSES, f"{kind}|{group}", channel, "", ""] = 2
        for cls, n in ((ENTERED, 40), (OUTCOME, 3)):
            found[CONVERSION.tally, cls, channel, "", ""] = n
    return found


def _watched(kpi: str, watch: str, unit: str, dims: dict[str, str]) -> Watched:
    return Watched(
        kpi=kpi, watch=watch, dims=dims, window="15m", observed=4, expected=3.1, usual_low=0, usual_high=7, surprise=0.4, unit=unit
    )


def _spike() -> Spike:
    return Spike(
        id="escalation_rate@2026-11-22T14:19:00.000Z",
        kpi="escalation_rate",
        watch="escalation",
        title="Escalations are unusually high",
        dims={},
        window="15m",
        since="2026-11-22T14:19:00.000Z",
        opened_at="2026-11-22T14:20:00.000Z",
        state="open",
        observed=14,
        expected=3.1,
        usual_low=0,
        usual_high=7,
        unit="tickets",
        surprise=6.2,
        once_in_seconds=2.3e7,
        causes=[SpikeCause(dims={"channel": "chat", "team": "billing"}, observed=11, expected=0.9, share=0.93, surprise=5.1)],
    )
