"""The aggregator's own door: alive, ready, and metrics of its shards, on its port."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from schemas.rejections import Reason
from services.aggregator.overrides import assigned_to, rejoin_is_pending
from services.aggregator.worker import Worker
from services.settings import Settings

STUCK_SECONDS = 60.0
"""A shard that changed and was not checkpointed for this long is stuck, and the worker no longer healthy."""


async def start(settings: Settings, worker: Worker, app: Any) -> web.AppRunner:
    """Serve health and metrics."""
    door = web.Application()

    async def healthz(request: web.Request) -> web.Response:
        why = unhealthy(worker)
        return web.json_response({"status": why or "ok"}, status=503 if why else 200)

    async def readyz(request: web.Request) -> web.Response:
        why = unready(worker, app)
        return web.json_response({"status": why or "ok", "shards": len(worker.held)}, status=503 if why else 200)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=exposition(worker), content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    door.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(door, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings.aggregator.host, settings.aggregator.port).start()
    return runner


def unhealthy(worker: Worker) -> str:
    """Why the worker should be started again, "" when it is well."""
    if worker.lost.is_set():
        return worker.why_lost or "stopping"
    now = time.monotonic()
    for tp, held in list(worker.held.items()):
        if held.shard.changed and now - worker.written_at.get(tp, now) > STUCK_SECONDS:
            return f"{held.shard.input.name} was not checkpointed for {STUCK_SECONDS:g} s"
    return ""


def unready(worker: Worker, app: Any) -> str:
    """Why the worker does not take part yet, "" when it holds its partitions."""
    if why := unhealthy(worker):
        return why
    if worker.loading:
        return "loading shards"
    assigned = assigned_to(app)
    if not assigned:
        return "no partitions assigned yet"
    if len(worker.held) < len(assigned):
        return "shards are not loaded yet"
    return "waiting to join the group again" if rejoin_is_pending(app) and not worker.held else ""


def exposition(worker: Worker) -> str:
    """Our own counters (Faust's would count records) in the Prometheus text format."""
    totals: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    entities = ledgers = 0
    age: dict[str, float] = {}
    offsets: dict[str, int] = {}
    now = time.monotonic()
    for tp, held in list(worker.held.items()):
        shard: Any = held.shard
        offsets[shard.input.name] = shard.last_offset
        age[shard.input.name] = now - worker.written_at.get(tp, now) if shard.changed else 0.0
        entities += len(shard.entities) if hasattr(shard, "entities") else 0
        ledgers += len(shard.ledgers) if hasattr(shard, "ledgers") else 0
        for name, n in getattr(shard, "counters", {}).items():
            if name.startswith("rejected:"):
                rejected[name.removeprefix("rejected:")] += n
            else:
                totals[name] += n
    lines: list[str] = []
    _family(lines, "deskpulse_aggregator_events_total", "counter", "Events taken by entity shards since the start.", {"": totals["events"]})
    _family(lines, "deskpulse_aggregator_facts_total", "counter", "Facts taken by ledger shards since the start.", {"": totals["facts"]})
    _family(lines, "deskpulse_events_late_total", "counter", "Events older than one hour on arrival.", {"": totals["late"]})
    outcomes = {
        f'{{outcome="{o}"}}': totals[o]
        for o in ("duplicate", "out_of_order", "conflicting_id", "withdrawals", "withdrawn", "unused", "beyond_levels", "ledger_too_large")
    }
    _family(lines, "deskpulse_aggregator_outcomes_total", "counter", "Events and contributions by what became of them.", outcomes)
    # from 0 on for every reason: an increase from nothing to the first burst would not be seen
    reasons = {f'{{reason="{reason}"}}': rejected[reason] for reason in sorted({*(each.value for each in Reason), *rejected})}
    _family(lines, "deskpulse_aggregator_rejected_total", "counter", "Events kept in the topic of rejected ones.", reasons)
    _family(lines, "deskpulse_aggregator_entities", "gauge", "Entities held.", {"": entities})
    _family(lines, "deskpulse_aggregator_ledgers", "gauge", "Ledgers held.", {"": ledgers})
    _family(lines, "deskpulse_aggregator_checkpoints_total", "counter", "Checkpoints written.", {"": worker.checkpoints_total})
    _family(
        lines,
        "deskpulse_aggregator_checkpoint_seconds",
        "gauge",
        "How long the newest round of checkpoints took.",
        {"": worker.checkpoint_seconds},
    )
    ages = {f'{{shard="{name}"}}': value for name, value in sorted(age.items())}
    _family(lines, "deskpulse_aggregator_checkpoint_age_seconds", "gauge", "How long a shard's changes have waited for a checkpoint.", ages)
    _family(
        lines, "deskpulse_aggregator_offset", "gauge", "The newest offset a shard includes.",
        {f'{{shard="{name}"}}': n for name, n in sorted(offsets.items())},
    )  # fmt: skip
    return "".join(lines)


def _family(lines: list[str], name: str, kind: str, about: str, samples: Mapping[str, float]) -> None:
    lines.append(f"# HELP {name} {about}\n# TYPE {name} {kind}\n")
    lines += [
        f"{name}{labels} {value:g}\n" if isinstance(value, float) else f"{name}{labels} {value}\n" for labels, value in samples.items()
    ]
