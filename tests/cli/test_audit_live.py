"""The audit of real services while a company posts events: nothing differs until something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from kpis import measures as m
from kpis.contributions import Contributions, to_columns
from kpis.dimensions import TICKET
from schemas import events as ev
from schemas import topics
from schemas.canonical import rfc3339
from schemas.differences import Differences, encode_differences
from services.kafka import client_options, end_offsets
from services.settings import Settings, as_environment, topic
from services.topics import ensure_topics
from tests.cli.running import running
from tests.conftest import REPOSITORY, SettingsFor
from tests.services.aggregator.shards import LEVELS
from tests.services.aggregator.workers import publish, trim, until

pytestmark = pytest.mark.broker
SECONDS = 300
HOUR_MS = 3_600_000


def now_ms() -> int:
    """The wall clock, as the services have it."""
    return time.time_ns() // 1_000_000


def some_events(number: int, ago_ms: int = 0) -> list[ev.Event]:
    """A ticket of a customer who comes often, with a reply, a solve, a survey, and now and then a merge into the one before it."""
    at, ticket = now_ms() - ago_ms, f"k{number}"
    common: dict[str, Any] = {"source": "desk", "received_at_ms": at, "customer_id": f"c{number % 9}"}
    of: dict[str, Any] = {**common, "ticket_id": ticket}
    out: list[ev.Event] = [
        ev.TicketCreated(id=f"a{number}", occurred_at_ms=at - 9_000, channel=("email", "chat")[number % 2], team=f"t{number % 3}", **of),
        ev.TicketCustomerMessage(id=f"m{number}", occurred_at_ms=at - 8_000, message_id="m", **of),
        ev.TicketPublicReply(id=f"r{number}", occurred_at_ms=at - 7_000, message_id="r", **of),
        ev.TicketSolved(id=f"s{number}", occurred_at_ms=at - 1_000 * (number % 7), **of),
        ev.SurveySent(id=f"i{number}", occurred_at_ms=at - 500, survey_id=f"s{number}", survey_type="post_case", **of),
    ]
    if number % 5 == 4:
        out.append(ev.TicketMerged(id=f"j{number}", occurred_at_ms=at, into_ticket_id=f"k{number - 1}", **of))
    return out


@contextlib.asynccontextmanager
async def traffic(settings: Settings, first: int) -> AsyncIterator[None]:
    """Events without end while the block runs."""
    enough = asyncio.Event()

    async def send() -> None:
        number = first
        while not enough.is_set():
            await publish(settings, [event for n in range(number, number + 4) for event in some_events(n)], per_record=3)
            number += 4
            await asyncio.sleep(0.1)  # some 100 events a second: the machine is shared by five processes

    sending = asyncio.create_task(send())
    try:
        yield
        assert not sending.done()
    finally:
        enough.set()
        await sending


@contextlib.asynccontextmanager
async def services(settings: Settings) -> AsyncIterator[None]:
    """An aggregator and an API that is ready."""
    environment = as_environment(settings)
    with running("aggregator", environment=environment), running("api", environment=environment):

        async def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(timeout=5) as client:
                    return (await client.get(f"http://127.0.0.1:{settings.api.port}/readyz")).status_code == 200
            return False

        await until(ready, "the API is ready")
        yield


async def audited(settings: Settings, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, what `--json` printed, and what was said."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cli.app", "audit", "--json", *arguments],
        cwd=REPOSITORY, env={**os.environ, **as_environment(settings)}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    print(done.stderr)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


async def test_nothing_differs_beside_live_traffic_until_something_is_wrong(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = settings_for(kafka)
    await ensure_topics(settings)
    textfile = tmp_path / "deskpulse.prom"
    async with services(settings):
        await publish(settings, [event for number in range(300) for event in some_events(number)])
        async with traffic(settings, 300):
            code, found, said = await audited(settings, "--textfile", str(textfile))
        assert (code, found["differences"]) == (0, []), said
        assert found["compared"] > 1000
        assert found["events"] > 1500
        assert found["left_out"] == []
        promtool(textfile.read_text())
        assert "deskpulse_audit_differences 0" in textfile.read_text()
        await until(lambda: scraped(settings, "deskpulse_audit_differences 0"), "/metrics tells of the audit")

        day = 86_400_000
        span = ("--from", rfc3339(now_ms() - day), "--to", rfc3339(now_ms() - 600_000))
        code, found, said = await audited(settings, *span)
        assert (code, found["differences"]) == (0, []), said
        assert found["compared"] > 100

        await write_by_hand(settings)
        async with traffic(settings, 5000):
            code, found, said = await audited(settings, "--rounds", "3", "--textfile", str(textfile))
        assert code == 1, said
        assert {difference["kpi"] for difference in found["differences"]} >= {"issues_created"}
        [total] = [
            d for d in found["differences"] if (d["kpi"], d["window"], d["dims"], d["field"]) == ("issues_created", "24h", "", "value")
        ]
        assert total["served"] == total["computed"] + 7
        assert f"deskpulse_audit_differences {len(found['differences'])}" in textfile.read_text()
        assert "deskpulse_audit_last_success_timestamp_seconds" in textfile.read_text()
        promtool(textfile.read_text())


async def test_what_the_events_no_longer_cover_is_named_and_the_archive_covers_it(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka)
    await ensure_topics(settings)
    async with services(settings):
        await publish(settings, [event for number in range(60) for event in some_events(number, 10 * HOUR_MS)])
        gone = await end_offsets(settings, topic(settings, topics.EVENTS), 2)
        await publish(settings, [event for number in range(100, 160) for event in some_events(number, 3 * HOUR_MS)])
        assert command(settings, "archive", "run").returncode == 0
        await publish(settings, [event for number in range(200, 260) for event in some_events(number)])
        code, found, said = await audited(settings)
        assert (code, found["differences"], found["left_out"]) == (0, [], []), said
        everything = found["compared"]

        await trim(settings, topics.EVENTS, gone)
        code, found, said = await audited(settings, "--archive", str(settings.data_dir / "archive" / topic(settings, topics.EVENTS)))
        assert (code, found["differences"], found["left_out"], found["compared"]) == (0, [], [], everything), said

        code, found, said = await audited(settings)
        assert "the events reach back to" in said
        assert 200 < found["compared"] < everything
        [created] = [line for line in found["left_out"] if line.startswith("issues_created: ")]
        assert {"4h", "24h", "28d"} <= set(created.removeprefix("issues_created: ").split(", "))
        assert not {"5m", "15m", "1h"} & set(created.removeprefix("issues_created: ").split(", "))
        assert any(line.startswith("active_issues: 15m, 1h, ") for line in found["left_out"])  # a level adds up since before
        assert (code, found["differences"]) == (0, []), said


async def test_what_cannot_be_told_is_exit_2_with_a_word(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka)
    for _ in range(2):  # without topics, and with empty ones
        code, _, said = await audited(settings)
        assert code == 2
        assert said.count("\n") <= 2
        assert "nothing was ever counted under the prefix" in said
        await ensure_topics(settings)
    async with services(settings):
        code, _, said = await audited(settings, "--url", "http://127.0.0.1:1")
        assert code == 2
        assert "no API answers at http://127.0.0.1:1" in said
        code, _, said = await audited(settings, "--from", "2026-01-01T00:00:00Z")
        assert code == 2
        assert "--from and --to go together" in said


async def write_by_hand(settings: Settings) -> None:
    """Seven tickets that nobody created, as a record of `differences`."""
    rows = Contributions()
    rows.add(m.TICKET_CREATED.slot("linked"), now_ms() - 60_000, (TICKET.name, *[None] * len(TICKET.names)), 0, 7)
    one = Differences(shard="events-0", last_offset=0)
    to_columns(rows.rows.items(), LEVELS, now_ms(), one)
    producer = AIOKafkaProducer(**client_options(settings), acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic(settings, topics.DIFFERENCES), encode_differences(one), partition=0)
    finally:
        await producer.stop()


async def scraped(settings: Settings, line: str) -> bool:
    """Whether the API's exposition holds a line."""
    async with httpx.AsyncClient(timeout=10) as client:
        return line in (await client.get(f"http://127.0.0.1:{settings.api.port}/metrics")).text.splitlines()


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`deskpulse …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.app", *arguments],
        cwd=REPOSITORY, env={**os.environ, **as_environment(settings)}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip


def promtool(text: str) -> None:
    """Fails with what promtool finds; nothing is checked where there is none."""
    if (tool := shutil.which("promtool")) is None:
        return
    checked = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
