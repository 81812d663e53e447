"""Ingest as a process: it waits for a broker with a plain word, answers what is in flight when told to stop, loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from schemas.codec import decode_record
from schemas.topics import EVENTS
from services.kafka import read_partition
from services.settings import Settings, as_environment, topic
from services.source_settings import SourceSettings
from services.topics import ensure_topics
from tests.conftest import REPOSITORY, SettingsFor
from tests.services.ingest.senders import EVENT, SECRET, TOKEN

_PROGRAM = "from services.ingest.app import run; from services.settings import load_settings; raise SystemExit(run(load_settings()))"
_DEADLINE_SECONDS = 30.0
SOURCES = {"shop": SourceSettings(kind="standardwebhooks", secret_env=("SHOP_SECRET",), token_env=("SHOP_TOKEN",))}


@contextlib.asynccontextmanager
async def ingest(settings: Settings, log: Path) -> AsyncIterator[tuple[subprocess.Popen[bytes], httpx.AsyncClient]]:
    """An ingest process and a client for it; the process is gone after the block."""
    environ = {**os.environ, **as_environment(settings), "SHOP_SECRET": SECRET, "SHOP_TOKEN": TOKEN}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM], cwd=REPOSITORY, env=environ, stdout=out, stderr=out)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.ingest.port}", timeout=20) as client:
            await answering(client, "/healthz")
            yield process, client
    finally:
        process.kill()
        process.wait()


async def answering(client: httpx.AsyncClient, path: str) -> None:
    """Return once the path answers 200."""
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(path)).status_code == 200:
                    return
            await asyncio.sleep(0.02)


def body(n: int) -> bytes:
    """An event of its own id and ticket."""
    return json.dumps({**EVENT, "id": f"e-{n}", "ticket_id": f"t-{n}"}).encode()


@pytest.mark.broker
async def test_a_stop_answers_what_is_in_flight_and_what_was_answered_is_there(
    kafka: str, settings_for: SettingsFor, tmp_path: Path
) -> None:
    settings = settings_for(kafka, sources=SOURCES)
    await ensure_topics(settings)
    accepted: set[str] = set()
    async with ingest(settings, tmp_path / "log") as (process, client):
        await answering(client, "/readyz")

        async def post(n: int) -> None:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.post(f"/webhooks/shop/{TOKEN}", content=body(n), headers={"content-type": "application/json"})
                if answer.status_code == 202:
                    accepted.add(f"e-{n}")
                if n == 20:
                    process.send_signal(signal.SIGTERM)

        await asyncio.gather(*(post(n) for n in range(60)))
        assert await asyncio.to_thread(process.wait, _DEADLINE_SECONDS) == 0
    found = set()
    for partition in range(settings.kafka.partitions):
        async for record in read_partition(settings, topic(settings, EVENTS), partition):
            found |= {event.id for event in decode_record(record.value)[0]}
    assert "e-20" in accepted
    assert accepted <= found
    assert TOKEN not in (tmp_path / "log").read_text()


async def test_a_broker_that_is_away_is_waited_for_and_nothing_is_pretended(settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = settings_for(sources=SOURCES)
    async with ingest(settings, tmp_path / "log") as (process, client):
        answer = await client.post(f"/webhooks/shop/{TOKEN}", content=body(1), headers={"content-type": "application/json"})
        assert (answer.status_code, (await client.get("/readyz")).status_code) == (503, 503)
        assert 0 < int(answer.headers["retry-after"]) < 60
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, _DEADLINE_SECONDS) == 0
    assert "waiting for Kafka at 127.0.0.1:1" in (tmp_path / "log").read_text()


async def test_bytes_that_are_no_request_and_large_bodies_do_not_end_it(settings_for: SettingsFor, tmp_path: Path) -> None:
    settings = settings_for(sources=SOURCES)
    async with ingest(settings, tmp_path / "log") as (_, client):
        for raw in (
            b"\x00\xff\r\n\r\n",
            b"POST /webhooks/\xff HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /webhooks/shop HTTP/1.1\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.ingest.port)
            writer.write(raw)
            writer.write_eof()
            head = await reader.read(100)
            writer.close()
            assert not head or head.split()[1][:1] == b"4"

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * 65_536

        answers = [
            await client.post("/webhooks/shop", content=b"x" * 3_000_000, headers={"content-type": "application/json"}),
            await client.post("/webhooks/shop", content=endless(), headers={"content-type": "application/json"}),
        ]
        assert [answer.status_code for answer in answers] == [413, 413]
        await answering(client, "/healthz")
