"""The archive of a real topic: whole after a kill, honest about what is gone, and a company again in an empty Kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cli.archiving.rows import WHOLE, Row, records, rows_of
from cli.archiving.store import Store, default_address
from kpis import batch
from schemas import topics
from schemas.codec import decode_record, encode_event, join_events
from schemas.events import Event, FactWithdrawn
from services.kafka import beginning_offsets, end_offsets, read_partition
from services.settings import Settings, as_environment, topic
from services.topics import ensure_topics
from tests.conftest import REPOSITORY, SettingsFor
from tests.services.aggregator.shards import LEVELS, PAIRS
from tests.services.aggregator.test_workers import ready, tape
from tests.services.aggregator.workers import publish, settled, trim, workers

pytestmark = pytest.mark.broker
SECONDS = 90


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`deskpulse archive …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.app", "archive", *arguments],
        cwd=REPOSITORY, env={**os.environ, **as_environment(settings)}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip


async def published(settings: Settings) -> dict[tuple[int, int], bytes]:
    """Every record that the topic holds, by partition and offset."""
    found = {}
    for partition in range(settings.kafka.partitions):
        async for record in read_partition(settings, topic(settings, topics.EVENTS), partition):
            found[partition, record.offset] = record.value
    return found


def archived(address: str) -> tuple[Store, list[Row]]:
    """The store and all its rows."""
    store = Store(address)
    contents = store.contents()
    return store, [row for partition in contents.partitions for row in store.rows(contents, partition)]


def test_wrong_use_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    for arguments, says in (
        (("run", "--to", "nonsense://x"), "nonsense://x cannot be used as an archive"),
        (("restore",), "there is no archive at"),
        (("restore", "--since", "yesterday"), "--since"),
    ):
        done = command(settings, *arguments)
        assert done.returncode == 2
        assert says in done.stderr


async def test_killed_at_any_moment_it_goes_on_with_nothing_lost_or_doubled(kafka: str, settings_for: SettingsFor) -> None:
    settings = await ready(kafka, settings_for)
    await publish(settings, tape(2500), per_record=7, raw=[b"this is no record", b'[{"type":"unheard.of"},null]'])
    kept = await published(settings)
    folder = Path(default_address(settings))
    for files in (1, 8, 20):  # killed when so many files are there: between them, or while one is written
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.app", "archive", "run", "--rows", "40"],
            cwd=REPOSITORY, env={**os.environ, **as_environment(settings)}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + SECONDS
        while sum(1 for _ in folder.rglob("*.parquet")) < files:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
        process.kill()
        process.wait()
        assert 0 < sum(1 for _ in folder.rglob("*.parquet")) < len(kept) // 6
    before = {path.name for path in folder.rglob("*.parquet")}
    done = command(settings, "run", "--rows", "40", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] > 0
    assert before < {path.name for path in folder.rglob("*.parquet")}

    store, rows = archived(str(folder))
    assert store.contents().holes() == []
    assert {(found[0].partition, found[0].offset): _value(found) for found in records(iter(rows))} == kept
    assert len(rows) == sum(len(rows_of(0, 0, value)) for value in kept.values())
    done = command(settings, "run", "--json")
    assert (done.returncode, json.loads(done.stdout)["files"]) == (0, 0)


def _value(found: list[Row]) -> bytes:
    return found[0].event if found[0].ordinal == WHOLE else join_events(row.event for row in found)


async def test_what_kafka_let_go_of_before_it_was_archived_is_said_loudly(kafka: str, settings_for: SettingsFor) -> None:
    settings = await ready(kafka, settings_for)
    await publish(settings, tape(40), per_record=3)
    assert command(settings, "run").returncode == 0
    ends = await end_offsets(settings, topic(settings, topics.EVENTS), 2)
    await publish(settings, tape(60)[80:], per_record=3)
    await trim(settings, topics.EVENTS, {0: ends[0] + 2})
    done = command(settings, "run")
    assert done.returncode == 1
    assert f"MISSING: Kafka had let go of the records {ends[0]} to {ends[0] + 1} of partition 0" in done.stderr
    assert command(settings, "run").returncode == 0  # the others are archived: it was said once
    store, _ = archived(default_address(settings))
    assert [str(hole) for hole in store.contents().holes()] == [f"the records {ends[0]} to {ends[0] + 1} of partition 0"]

    other = settings_for(kafka, now="watermark")
    done = command(other, "restore", "--from", default_address(settings))
    assert done.returncode == 1
    assert "MISSING" in done.stderr


async def test_an_archive_is_not_continued_with_another_topic(kafka: str, settings_for: SettingsFor) -> None:
    settings, other = await ready(kafka, settings_for), await ready(kafka, settings_for)
    await publish(settings, tape(10))
    await publish(other, tape(40)[20:])
    address = default_address(settings)
    assert command(settings, "run", "--to", address).returncode == 0
    done = command(other, "run", "--to", address)
    assert done.returncode == 2
    assert "is the archive of another" in done.stderr


async def test_a_restored_company_has_the_same_cells_with_other_partitions_too(
    kafka: str, settings_for: SettingsFor, tmp_path: Path
) -> None:
    settings = await ready(kafka, settings_for)
    events = tape(300)
    expected = batch.run(events, levels=LEVELS, pairs=PAIRS)
    await publish(settings, events)
    async with workers(settings, tmp_path) as start:
        start("before")
        await settled(settings, expected.cells, expected.newest_ms)
    assert command(settings, "run", "--rows", "100").returncode == 0

    restored = settings_for(kafka, partitions=3, now="watermark", aggregator=settings.aggregator)
    await ensure_topics(restored)
    done = command(restored, "restore", "--from", default_address(settings), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["own"] > 0  # the logs of merged tickets stay behind
    sent = Counter(encode_event(event) for event in events)
    for withdrawal in {encode_event(event) for event in events if isinstance(event, FactWithdrawn)}:
        sent[withdrawal] = 3  # one for every partition, however often it was sent
    assert Counter(map(encode_event, await _events_of(restored))) == sent
    assert sum((await beginning_offsets(restored, topic(restored, topics.EVENTS), 3)).values()) == 0
    async with workers(restored, tmp_path) as start:
        start("after")
        await settled(restored, expected.cells, expected.newest_ms)

    refused = command(restored, "restore", "--from", default_address(settings))
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr
    assert "--force" in refused.stderr


async def _events_of(settings: Settings) -> list[Event]:
    return [event for value in (await published(settings)).values() for event in decode_record(value)[0]]
