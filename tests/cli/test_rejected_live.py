"""`deskpulse rejected` as a user runs it: on a real broker, after deliveries that a wrong setting kept out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.app import run
from kpis import batch
from schemas.canonical import event_from, millis_from
from schemas.codec import decode_record
from schemas.events import Event
from schemas.topics import EVENTS, REJECTED
from services.kafka import end_offsets, read_partition
from services.settings import AggregatorSettings, Settings, SourceSettings, as_environment, topic
from services.topics import ensure_topics
from tests.cli.running import running
from tests.conftest import SettingsFor
from tests.services.aggregator.shards import LEVELS, PAIRS
from tests.services.aggregator.workers import publish, settled, until, workers
from tests.services.ingest.senders import NOW_MS, SECRET, signed

pytestmark = pytest.mark.broker
SHOP = SourceSettings(kind="standardwebhooks", secret_env=("SHOP_SECRET",))
WRONG, RIGHT = (
    SourceSettings(kind="standardwebhooks", secret_env=("BUS_SECRET",)),
    SourceSettings(kind="cloudevents", secret_env=("BUS_SECRET",)),
)
TICKETS = 12


def at(minutes: int) -> str:
    """An instant some minutes after the first event."""
    return f"2026-03-02T{8 + minutes // 60:02d}:{minutes % 60:02d}:00Z"


def shop_events() -> list[dict[str, Any]]:
    """What the first source says: tickets that are created."""
    return [
        {"type": "ticket.created", "id": f"c{n}", "occurred_at": at(n), "ticket_id": f"k{n}", "channel": ("email", "chat")[n % 2]}
        for n in range(TICKETS)
    ]


def bus_events() -> list[dict[str, Any]]:
    """What the second says, as CloudEvents in binary mode: answers and solves of other tickets, one of them without a time."""
    out: list[dict[str, Any]] = []
    for n in range(TICKETS):
        out.append({"type": "ticket.created", "id": f"b{n}", "occurred_at": at(n), "ticket_id": f"b{n}"})
        out.append({"type": "ticket.public_reply", "id": f"r{n}", "occurred_at": at(n + 5), "ticket_id": f"b{n}", "message_id": "m"})
        out.append({"type": "ticket.solved", "id": f"s{n}", "occurred_at": at(n + 9), "ticket_id": f"b{n}"})
    del out[-1]["occurred_at"]
    return out


@asynccontextmanager
async def ingest(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A running ingest, and who posts to it."""
    secrets = {"SHOP_SECRET": SECRET, "BUS_SECRET": SECRET}
    with running("ingest", environment={**as_environment(settings), **secrets}):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.ingest.port}", timeout=20) as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(ready, "ingest is ready")
            yield client


async def post_all(client: httpx.AsyncClient) -> None:
    """Both sources post what they have to say."""
    now_ms = time.time_ns() // 1_000_000
    body = json.dumps(shop_events()).encode()
    json_body = {"content-type": "application/json"}
    answer = await client.post("/webhooks/shop", content=body, headers={**json_body, **signed(body, at_ms=now_ms)})
    assert answer.json()["accepted"] == TICKETS
    for event in bus_events():
        data = {name: value for name, value in event.items() if name not in ("type", "id", "occurred_at")}
        attributes = {"ce-specversion": "1.0", "ce-source": "/b", "ce-id": event["id"], "ce-type": event["type"]}
        if "occurred_at" in event:
            attributes["ce-time"] = event["occurred_at"]
        body = json.dumps(data).encode()
        answer = await client.post("/webhooks/bus", content=body, headers={**json_body, **attributes, **signed(body, at_ms=now_ms)})
        assert answer.status_code == 422


class Command:
    """`deskpulse rejected …` with some settings, in this process."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in as_environment(settings).items():
            monkeypatch.setenv(name, value)
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> tuple[int, Any]:
        """Its exit code and what it prints as JSON."""
        self._capsys.readouterr()
        code = await asyncio.to_thread(run, ["rejected", *arguments, "--json"])
        return code, json.loads(self._capsys.readouterr().out)


async def events_in(settings: Settings) -> list[Event]:
    """What stands in `events`, repetitions included."""
    return [
        event
        for partition in range(settings.kafka.partitions)
        async for record in read_partition(settings, topic(settings, EVENTS), partition)
        for event in decode_record(record.value)[0]
    ]


def right_events(received_at: str) -> list[Event]:
    """The events as they would have been with the right settings from the start."""
    received_ms = millis_from(received_at)
    said: Sequence[tuple[str, list[dict[str, Any]]]] = (("shop", shop_events()), ("bus", bus_events()))
    return [event_from(event, source=source, received_at_ms=received_ms)[0] for source, events in said for event in events]


async def test_after_a_setting_is_put_right_the_figures_are_as_if_it_had_been_so_from_the_start(
    kafka: str, settings_for: SettingsFor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = settings_for(
        kafka, now="watermark", sources={"shop": SHOP, "bus": WRONG}, aggregator=AggregatorSettings(checkpoint_ms=50, fold_ms=100)
    )
    await ensure_topics(wrong)
    async with ingest(wrong) as client:
        await post_all(client)
    before = await end_offsets(wrong, topic(wrong, REJECTED), 1)

    command = Command(wrong, capsys, monkeypatch)
    code, listed = await command("list", "--source", "bus")
    assert (code, listed["counts"], len(listed["rejected"])) == (0, {"missing_field": 3 * TICKETS}, 3 * TICKETS)
    assert {row["where"] for row in listed["rejected"]} == {"/type"}
    code, listed = await command("list", "--limit", "2", "--since", listed["rejected"][5]["when"])
    assert (code, len(listed["rejected"])) == (0, 2)
    last = listed["rejected"][-1]
    code, shown = await command("show", last["id"])
    assert (code, json.loads(shown["body_text"]), shown["headers"]["ce-id"]) == (0, {"ticket_id": f"b{TICKETS - 1}"}, f"s{TICKETS - 1}")
    code, told = await command("replay")
    assert (code, told["still_rejected"], told["accepted_events"]) == (1, 3 * TICKETS, 0)

    right = wrong.model_copy(update={"sources": {"shop": SHOP, "bus": RIGHT}})
    command = Command(right, capsys, monkeypatch)
    code, told = await command("replay", "--dry-run")
    assert (code, told["accepted_events"], len(await events_in(right))) == (0, 3 * TICKETS, TICKETS)
    code, told = await command("replay", "--id", last["id"])
    assert (code, told["letters"], told["accepted_events"]) == (0, 1, 1)
    for _ in range(2):
        code, told = await command("replay", "--since", "1h")
        assert (code, told["accepted_events"], told["still_rejected"]) == (0, 3 * TICKETS, 0)
    assert await end_offsets(right, topic(right, REJECTED), 1) == before

    expected = batch.run(right_events(last["received_at"]), levels=LEVELS, pairs=PAIRS)
    async with workers(right, tmp_path) as start:
        start("one")
        await settled(right, expected.cells, expected.newest_ms)
    assert len(await events_in(right)) == TICKETS + 1 + 2 * 3 * TICKETS
    assert await end_offsets(right, topic(right, REJECTED), 1) == before


async def test_what_the_aggregator_kept_out_is_listed_with_its_place_and_left_alone(
    kafka: str, settings_for: SettingsFor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka, partitions=1, now="watermark", aggregator=AggregatorSettings(checkpoint_ms=50, fold_ms=100))
    await ensure_topics(settings)
    said = {"type": "ticket.solved", "id": "s", "ticket_id": "k"}
    twice = [event_from({**said, "occurred_at": at(n)}, source="shop", received_at_ms=NOW_MS)[0] for n in (1, 2)]
    await publish(settings, twice, per_record=1, raw=[b"\xff this is no record"])
    command = Command(settings, capsys, monkeypatch)
    async with workers(settings, tmp_path) as start:
        start("one")

        async def both() -> bool:
            return len([record async for record in read_partition(settings, topic(settings, REJECTED), 0)]) >= 2

        await until(both, "both are rejected")
    code, listed = await command("list")
    assert (code, listed["counts"]) == (0, {"bad_field": 1, "conflicting_id": 1})
    by_reason = {row["reason"]: row["id"] for row in listed["rejected"]}
    shown = {reason: (await command("show", found))[1] for reason, found in by_reason.items()}
    assert {reason: one["position"] for reason, one in shown.items()} == {"bad_field": "events-0:0", "conflicting_id": "events-0:2"}
    assert (shown["bad_field"]["body_text"], shown["bad_field"]["body_base64"]) == (None, "/yB0aGlzIGlzIG5vIHJlY29yZA==")
    code, told = await command("replay")
    assert (code, told["reasons"], told["left"]["conflicting_id"]["letters"]) == (1, {"bad_field": 1}, 1)
    assert len(await events_in(settings)) == 2
    code, told = await command("replay", "--id", by_reason["conflicting_id"])
    assert (code, told["accepted_events"], len(await events_in(settings))) == (0, 1, 3)


async def test_an_id_that_is_not_there_and_a_topic_that_is_not_there_are_exit_2(
    kafka: str, settings_for: SettingsFor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka)
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert await asyncio.to_thread(run, ["rejected", "list"]) == 2
    assert "create it with `deskpulse topics`" in " ".join(capsys.readouterr().err.split())
    await ensure_topics(settings)
    assert await asyncio.to_thread(run, ["rejected", "replay", "--id", "0-7"]) == 2
    assert "there is no 0-7 in rejected" in " ".join(capsys.readouterr().err.split())
    assert await asyncio.to_thread(run, ["rejected", "list"]) == 0
    assert "0 rejected" in capsys.readouterr().out
