"""Faust's contract: our overrides in its real Consumer, Conductor, Stream and Agent, on a list of records and without a broker.

An upgrade that moves a private name, or acknowledges where it did not, fails here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from mode.utils.futures import maybe_async

from schemas import topics
from services.aggregator.app import create_app
from services.aggregator.checkpoint import Checkpoints
from services.aggregator.shard import Input
from services.aggregator.worker import Held, Worker
from services.settings import Settings, topic
from tests.conftest import SettingsFor
from tests.services.aggregator.shards import NOON_MS, afternoon, entity_shard, record


class Recording:
    """A shard that writes down what it is given, and fails where it is told to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.input = Input(topics.EVENTS, 0)
        self.last_offset = -1
        self.taken: list[tuple[int, bytes]] = []
        self._fails_at = fails_at

    @property
    def changed(self) -> bool:
        return bool(self.taken)

    def apply(self, value: bytes, offset: int) -> None:
        if offset == self._fails_at:
            raise ValueError("the shard cannot take this")
        self.taken.append((offset, value))
        self.last_offset = offset

    def step_over(self, offset: int) -> None:
        raise AssertionError("nothing is stepped over here")

    def due(self, now_ms: int) -> bool:
        return True

    def snapshot(self, now_ms: int) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
        return {}

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        raise AssertionError("nothing is restored here")


def consumer_record(tp: TP, offset: int, value: bytes) -> Any:
    """What aiokafka hands over."""
    return SimpleNamespace(
        topic=tp.topic, partition=tp.partition, offset=offset, timestamp=NOON_MS, timestamp_type=0, headers=(), key=None, value=value,
        checksum=None, serialized_key_size=0, serialized_value_size=len(value),
    )  # fmt: skip


class Fed:
    """A Faust application whose consumer reads from a list."""

    def __init__(self, settings: Settings, shard: Any) -> None:
        self.tp = TP(topic(settings, topics.EVENTS), 0)
        self.worker = Worker(settings, lambda tp: shard, lambda: NOON_MS)
        self.worker.held[self.tp] = Held(shard, Checkpoints(settings, shard))
        self.app = create_app(settings, self.worker)
        self.app.finalize()
        self.app.loop = asyncio.get_running_loop()

    async def feed(self, values: list[bytes]) -> None:
        """Through the consumer's own loop, the conductor, the stream and the agent."""
        app, tp = self.app, self.tp
        tape = [[consumer_record(tp, offset, value) for offset, value in enumerate(values)]]
        read, stopped = asyncio.Event(), asyncio.Event()

        async def next_records(timeout: float) -> tuple[dict[TP, list[Any]], set[TP]]:
            if not tape:
                read.set()
                await asyncio.sleep(0.01)
            return ({tp: tape.pop()} if tape else {}), {tp}

        app.flow_control.resume()
        app.consumer_generation_id = 1
        consumer: Any = app.consumer
        conductor: Any = app.topics
        consumer.highwater = lambda tp: len(values)
        consumer._wait_next_records = next_records
        await app.agents.start()
        conductor._acking_topics.add(tp.topic)
        conductor._update_tp_index({tp})
        await maybe_async(conductor._update_callback_map())
        consumer._started.set()
        drain = asyncio.ensure_future(consumer._drain_messages(SimpleNamespace(_stopped=stopped)))
        await read.wait()
        async with asyncio.timeout(5):
            while not (self.worker.lost.is_set() or self.worker.next_offsets().get(tp) == len(values)):
                await asyncio.sleep(0.01)
        stopped.set()
        await drain


@contextlib.asynccontextmanager
async def fed(settings: Settings, shard: Any) -> AsyncIterator[Fed]:
    """An application, ended after the block."""
    made = Fed(settings, shard)
    try:
        yield made
    finally:
        await made.app.agents.stop()
        await made.app.stop()


async def test_records_reach_the_shard_raw_and_in_order(settings_for: SettingsFor) -> None:
    shard = Recording()
    values = [b'["%d"]' % n for n in range(40)] + [b"\xff not json"]
    async with fed(settings_for(), shard) as app:
        await app.feed(values)
    assert shard.taken == list(enumerate(values))
    assert not app.worker.lost.is_set()


async def test_the_real_shard_counts_the_events(settings_for: SettingsFor) -> None:
    shard = entity_shard()
    events = afternoon(20)
    async with fed(settings_for(), shard) as app:
        await app.feed([record(events[:9]), record(events[9:]), b"broken"])
    assert shard.entities.counters["applied"] == len(events)
    assert shard.last_offset == 2


async def test_an_exception_of_a_shard_ends_the_worker_and_nothing_after_it_is_taken(settings_for: SettingsFor) -> None:
    shard = Recording(fails_at=3)
    async with fed(settings_for(), shard) as app:
        await app.feed([b"[]"] * 10)
    assert [offset for offset, _ in shard.taken] == [0, 1, 2]
    assert app.worker.lost.is_set()
    assert "record 3 could not be applied" in app.worker.why_lost
    assert app.worker.held == {}


async def test_records_a_shard_includes_already_are_passed_over(settings_for: SettingsFor) -> None:
    shard = Recording()
    shard.last_offset = 4
    async with fed(settings_for(), shard) as app:
        await app.feed([b"[]"] * 8)
    assert [offset for offset, _ in shard.taken] == [5, 6, 7]


async def test_the_consumer_is_placed_where_the_states_end(settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = Recording()
    shard.last_offset = 41
    async with fed(settings_for(), shard) as app:
        consumer: Any = app.app.consumer
        sought: list[dict[TP, int]] = []

        class Thread:
            async def seek_to_committed(self) -> dict[TP, int]:
                return {app.tp: 7, other: 3}

            async def seek_wait(self, offsets: dict[TP, int]) -> None:
                sought.append(dict(offsets))

            def assignment(self) -> set[TP]:
                return {app.tp, other}

        other = TP("other", 0)
        monkeypatch.setattr(consumer, "_thread", Thread())
        assert await consumer.seek_to_committed() == {app.tp: 42, other: 3}
    assert [offsets.get(app.tp) for offsets in sought] == [42]


async def test_faust_never_commits_and_reads_only_what_was_committed(settings_for: SettingsFor) -> None:
    async with fed(settings_for(), Recording()) as app:
        consumer: Any = app.app.consumer
        assert await consumer._commit({app.tp: 5}) is True
        thread = consumer._new_consumer_thread()
        worker_consumer = thread._create_worker_consumer(consumer.transport)
        await worker_consumer.stop()
        assert worker_consumer._isolation_level == "read_committed"
        assert worker_consumer._enable_auto_commit is False
