"""`deskpulse sources test` as a user runs it: on a real broker, with the three services, all the way to the figures and back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import httpx
import pytest

from cli.app import run
from schemas.codec import decode_record
from schemas.events import FactWithdrawn, TicketCreated
from schemas.topics import EVENTS
from services.kafka import read_partition
from services.settings import AggregatorSettings, Settings, SourceSettings, as_environment, topic
from services.topics import ensure_topics
from tests.cli.running import running
from tests.conftest import SettingsFor
from tests.services.aggregator.workers import until

pytestmark = pytest.mark.broker
SECRET, TOKEN = "hush-hush-and-hush", "a-token-for-the-path"
ENVIRON = {"DESK_SECRET": SECRET, "BUS_TOKEN": TOKEN}
SOURCES = {
    "desk": SourceSettings(kind="zendesk", secret_env=("DESK_SECRET",)),
    "bus": SourceSettings(kind="cloudevents", token_env=("BUS_TOKEN",)),
}


def open_issues(settings: Settings) -> int:
    """How many tickets are open, as the API tells."""
    with httpx.Client(base_url=f"http://127.0.0.1:{settings.api.port}", timeout=20) as client:
        [figure] = client.get("/v1/figures", params={"kpi": "active_issues", "window": "now"}).json()["figures"]
    return int(figure["value"] or 0)


def until_open(settings: Settings, count: int) -> int:
    """How many tickets are open once it is so many, or at the end of a patience."""
    deadline = time.monotonic() + 20
    while (found := open_issues(settings)) != count and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


async def test_a_sample_that_nobody_counts_is_told_and_taken_back_all_the_same(
    kafka: str, settings_for: SettingsFor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka, sources=SOURCES)
    await ensure_topics(settings)
    for name, value in {**as_environment(settings), **ENVIRON}.items():
        monkeypatch.setenv(name, value)
    with running("ingest", environment={**as_environment(settings), **ENVIRON}):

        async def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(timeout=5) as client:
                    return (await client.get(f"http://127.0.0.1:{settings.ingest.port}/readyz")).status_code == 200
            return False

        await until(ready, "ingest is ready")
        assert await asyncio.to_thread(run, ["sources", "test", "desk", "--timeout", "1"]) == 1
    assert "it is in Kafka, but not in the figures after 1 s" in " ".join(capsys.readouterr().err.split())
    said = [
        event
        for partition in range(settings.kafka.partitions)
        async for record in read_partition(settings, topic(settings, EVENTS), partition)
        for event in decode_record(record.value)[0]
    ]
    [created] = [event for event in said if isinstance(event, TicketCreated)]
    withdrawn = [event.of for event in said if isinstance(event, FactWithdrawn)]
    assert withdrawn == [created.id] * settings.kafka.partitions
    assert {event.source for event in said} == {"desk"}


def test_a_sample_is_followed_to_the_figures_and_taken_back(
    kafka: str, settings_for: SettingsFor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka, sources=SOURCES, aggregator=AggregatorSettings(port=settings_for().aggregator.port, checkpoint_ms=50))
    for name, value in {**as_environment(settings), **ENVIRON}.items():
        monkeypatch.setenv(name, value)
    said = ""

    def tried(*arguments: str) -> tuple[int, dict[str, Any]]:
        nonlocal said
        capsys.readouterr()
        code = run(["sources", "test", *arguments, "--json"])
        captured = capsys.readouterr()
        said += captured.out + captured.err
        found: dict[str, Any] = json.loads(captured.out)
        return code, found

    with running("up", environment={**as_environment(settings), **ENVIRON}) as terminal:
        terminal.until("ready: webhooks at")
        code, kept = tried("bus", "--keep")
        assert (code, kept["failure"], kept["taken_back"]) == (0, None, False)
        assert until_open(settings, 1) == 1

        code, found = tried("desk")
        assert (code, found["failure"], found["taken_back"]) == (0, None, True)
        assert [event["type"] for event in found["events"]] == ["ticket.created"]
        assert 0 < found["seconds"] <= found["taken_back_seconds"]
        [touched] = [figure for figure in found["figures"] if figure["kpi"] == "active_issues"]
        assert (touched["before"], touched["after"]) == (1, 2)
        assert until_open(settings, 1) == 1, "what was sent is taken back, what was there before stays"

        monkeypatch.setenv("DESK_SECRET", "another-one")
        code, refused = tried("desk")
        assert code == 1
        assert "ingest answers 401" in refused["failure"]
        monkeypatch.setenv("DESKPULSE_KAFKA__TOPIC_PREFIX", "nobody.")
        code, lost = tried("desk")
        assert code == 1
        assert "nothing was ever counted" in lost["failure"]
    assert [secret for secret in (SECRET, TOKEN, "another-one") if secret in said] == []
