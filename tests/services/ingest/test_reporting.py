"""What ingest tells of its sources: on change, whole counts, going on where the door stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from schemas.rejections import Reason
from schemas.standing import Standing, decode_standing
from schemas.topics import SOURCES
from services.ingest.metrics import Metrics
from services.ingest.packer import Record, Unavailable
from services.ingest.reporting import report


def desk() -> Standing:
    return Standing(source="desk", kind="zendesk", door="here:1", at_ms=0)


class Wire:
    """Remembers what was told; the first `away` records are refused."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.told: list[Standing] = []

    async def send(self, record: Record) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("Kafka is away")
        assert record.topic == SOURCES
        self.told.append(decode_standing(record.value))


async def told_until(metrics: Metrics, wire: Wire, before: Mapping[str, Standing], number: int) -> list[Standing]:
    async def earlier() -> Mapping[str, Standing]:
        return before

    task = asyncio.create_task(report(metrics, earlier, wire.send, lambda: 77))
    async with asyncio.timeout(10):
        while len(wire.told) < number:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return wire.told


async def test_counts_go_on_where_the_door_stopped() -> None:
    metrics = Metrics({"desk": desk()})
    metrics.accepted("desk", 3)
    metrics.rejected("desk", Reason.BAD_TIME)
    metrics.verified("desk", 50)
    metrics.answered("desk", 202, 0.001, "accepted")
    earlier = Standing(
        source="desk", kind="zendesk", door="here:1", at_ms=9, last_delivery_ms=40, accepted=5, deliveries={"accepted": 4, "refused": 1}
    )
    (one,) = await told_until(metrics, Wire(), {"desk": earlier}, 1)
    assert (one.accepted, one.last_delivery_ms, one.at_ms) == (8, 50, 77)
    assert one.deliveries == {"accepted": 5, "refused": 1}
    assert one.rejected == {"bad_time": 1}


async def test_a_source_that_nothing_came_from_is_told_too_and_kafka_may_be_away() -> None:
    wire = Wire(away=1)
    (one,) = await told_until(Metrics({"desk": desk()}), wire, {}, 1)
    assert (one.source, one.accepted, one.last_delivery_ms) == ("desk", 0, None)
