"""A short run of the fuzz of the door, and that it would find what it looks for. The long run is by hand: see `fuzzing.py`."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from services.ingest.delivery import Delivery, Translation
from services.ingest.packer import Record
from services.ingest.providers import PROVIDERS
from services.ingest.sources import Source
from tests.services.ingest.fuzzing import SECRETS, Range, Tally, fuzzed
from tests.services.ingest.senders import OTHER_SECRET

BODIES = 20_000


def test_whatever_comes_is_answered_and_accounted_for() -> None:
    outcome = asyncio.run(fuzzed(BODIES, 1))
    assert sum(outcome.statuses.values()) > BODIES  # some of them came twice
    assert {status for status in outcome.statuses if status >= 300} <= {401, 405, 413, 415, 422}
    assert [kind for kind, counts in outcome.by_kind.items() if counts["refused"] == sum(counts.values())] == []
    assert set(outcome.by_kind) == set(PROVIDERS)


def test_a_delivery_of_a_seed_can_be_made_again() -> None:
    first, second = Range(5), Range(5)
    assert [first.shot(n) for n in range(200)] == [second.shot(n) for n in range(200)]


def _source_of(aim: Range, kind: str) -> list[Source]:
    sources = aim.app.deliveries._sources
    return [sources[name] for name, of in aim.kinds.items() if of == kind]


def _faulty(delivery: Delivery, options: Any) -> Translation:
    if b"SOLVED" in delivery.body:
        raise KeyError("a fault of ours")
    return Translation(items=(), ignored=("x",))


def test_an_exception_of_an_adapter_is_found() -> None:
    aim = Range(2)
    for source in _source_of(aim, "zendesk"):
        source.provider = msgspec.structs.replace(source.provider, translate=_faulty)
    with pytest.raises(AssertionError, match=r"of zendesk to .* was answered"):
        asyncio.run(fuzzed(3000, 2, aim=aim))


class Losing(Tally):
    """A publisher that forgets every hundredth record."""

    seen = 0

    async def send(self, record: Record) -> None:
        """Count it, or not."""
        self.seen += 1
        if self.seen % 100:
            await super().send(record)


def test_an_event_that_is_counted_and_not_published_is_found() -> None:
    aim = Range(3, Losing())
    with pytest.raises(AssertionError):
        asyncio.run(fuzzed(3000, 3, aim=aim))


def test_a_sender_that_is_let_in_without_proof_is_found() -> None:
    aim = Range(4, environ={**SECRETS, "SPARE": OTHER_SECRET})
    with pytest.raises(AssertionError, match="was answered 20"):
        asyncio.run(fuzzed(3000, 4, aim=aim))
