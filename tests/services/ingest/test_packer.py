"""The packer: what travels together, and that a receipt says yes only for what was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import RECORD_MAX_BYTES, RECORD_MAX_EVENTS
from services.ingest.packer import Packed, Packer, Record, Unavailable


class Broker:
    """Keeps records; while it is `shut` they wait, and those of a `refused` partition fail."""

    def __init__(self, refused: int | None = None) -> None:
        self.records: list[Record] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.refused = refused

    async def send(self, record: Record) -> None:
        self.asked.set()
        await self.open.wait()
        if record.partition == self.refused:
            raise Unavailable("refused")
        self.records.append(record)


def event(n: int, partition: int = 0, size_bytes: int = 10) -> Packed:
    """An event that says its number, in so many bytes."""
    return Packed(partition, f"key-{n}", b'"%s"' % str(n).rjust(size_bytes - 2).encode())


def numbers(record: Record) -> list[int]:
    """The numbers of the events of a record."""
    return [int(text) for text in msgspec.json.decode(record.value)]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test that needs a loop inside a Hypothesis example."""
    asyncio.run(test())


@settings(max_examples=100)
@given(
    requests=st.lists(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([10, 1000, 400_000])), max_size=6), max_size=12),
    refused=st.none() | st.integers(0, 3),
)
def test_every_event_travels_once_in_order_and_every_receipt_is_true(requests: list[list[tuple[int, int]]], refused: int | None) -> None:
    async def law() -> None:
        broker = Broker(refused)
        packer = Packer(broker.send, linger_ms=0)
        number = 0
        sent: list[list[int]] = []
        receipts = []
        for request in requests:
            events = [event(number + n, partition, size_bytes) for n, (partition, size_bytes) in enumerate(request)]
            sent.append([number + n for n in range(len(request))])
            number += len(request)
            receipts.append(packer.put(events))
        results = await asyncio.gather(*receipts, return_exceptions=True)
        await packer.drain()  # a request fails with its first record; the others may still be under way
        arrived = [each for record in broker.records for each in numbers(record)]
        assert len(set(arrived)) == len(arrived)
        for numbers_of, result, request in zip(sent, results, requests, strict=True):
            assert (result is None) == all(partition != refused for partition, _ in request)
            if result is None:
                assert set(numbers_of) <= set(arrived)
        for partition in range(4):
            in_partition = [each for record in broker.records if record.partition == partition for each in numbers(record)]
            assert in_partition == sorted(in_partition)
        for record in broker.records:
            assert record.events == len(numbers(record)) <= RECORD_MAX_EVENTS
            assert len(record.value) <= RECORD_MAX_BYTES + 1
            assert record.key == f"key-{numbers(record)[0]}".encode()
        assert packer.unacknowledged_bytes == 0

    run(law)


async def test_what_waits_together_travels_together() -> None:
    broker = Broker()
    packer = Packer(broker.send, linger_ms=5)
    await asyncio.gather(*(packer.put([event(n)]) for n in range(20)))
    assert [record.events for record in broker.records] == [20]


async def test_a_record_under_way_lets_the_next_one_fill() -> None:
    broker = Broker()
    packer = Packer(broker.send, linger_ms=0)
    broker.open.clear()
    receipts = []
    for n in range(30):
        receipts.append(packer.put([event(n)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    broker.open.set()
    await asyncio.gather(*receipts)
    assert len(broker.records) <= 3
    assert [n for record in broker.records for n in numbers(record)] == list(range(30))


async def test_a_full_record_does_not_wait() -> None:
    broker = Broker()
    packer = Packer(broker.send, linger_ms=60_000)
    await packer.put([event(n) for n in range(RECORD_MAX_EVENTS)])
    assert [record.events for record in broker.records] == [RECORD_MAX_EVENTS]


async def test_beyond_the_bound_nothing_is_taken_in() -> None:
    broker = Broker()
    broker.open.clear()
    packer = Packer(broker.send, linger_ms=0, unacknowledged_max_bytes=100)
    first = packer.put([event(1, size_bytes=200)])
    with pytest.raises(Unavailable):
        packer.put([event(2)])
    with pytest.raises(Unavailable):
        packer.put_alone("rejected", 0, "k", b"{}")
    broker.open.set()
    await first
    await packer.put([event(3)])
    assert [n for record in broker.records for n in numbers(record)] == [1, 3]


async def test_who_waits_too_long_is_told() -> None:
    broker = Broker()
    broker.open.clear()
    packer = Packer(broker.send, linger_ms=0, deadline_seconds=0.05)
    under_way = packer.put([event(1)])
    await broker.asked.wait()
    filling = packer.put([event(2)])
    for receipt in (under_way, filling):
        with pytest.raises(Unavailable, match="in time"):
            await receipt
    assert packer.unacknowledged_bytes == 11  # the record under way may still be written
    broker.open.set()
    await packer.drain()
    assert packer.unacknowledged_bytes == 0


async def test_drain_sends_what_waits() -> None:
    broker = Broker()
    packer = Packer(broker.send, linger_ms=60_000)
    receipt = packer.put([event(1), event(2, partition=3)])
    await packer.drain()
    assert receipt.done()
    assert len(broker.records) == 2


async def test_drain_gives_up_at_the_deadline() -> None:
    broker = Broker()
    broker.open.clear()
    packer = Packer(broker.send, linger_ms=60_000, deadline_seconds=0.05)
    receipt = packer.put([event(1)])
    await packer.drain()
    with pytest.raises(Unavailable):
        await receipt


async def test_no_events_need_no_record() -> None:
    broker = Broker()
    await Packer(broker.send, linger_ms=0).put([])
    assert broker.records == []
