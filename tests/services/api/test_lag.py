"""How long events have waited: quiet nights are no lag, an aggregator that is away is."""

from __future__ import annotations

from services.api.lag import DOUBT_SECONDS, LOOK_SECONDS, Lag
from services.settings import Settings


class Watched(Lag):
    """A lag whose clock and partitions are told by the test; `records` says up to which offset there are any."""

    def __init__(self, records: int) -> None:
        self.now = 0.0
        self.included = {"events-0": -1}
        self.records = records
        super().__init__(Settings, lambda: self.included, lambda: self.now)

    async def holds_a_record(self, number: int, from_offset: int) -> bool:
        return from_offset < self.records


async def test_nothing_waits_in_an_empty_partition() -> None:
    lag = Watched(records=0)
    await lag.compare({0: 0})
    lag.now = 100.0
    await lag.compare({0: 0})
    assert lag.seconds() == 0.0


async def test_what_is_not_applied_waits_from_the_moment_it_was_seen() -> None:
    lag = Watched(records=5)
    await lag.compare({0: 5})
    lag.now = 12.0
    await lag.compare({0: 5})
    assert lag.seconds() == 12.0
    lag.included["events-0"] = 4
    await lag.compare({0: 5})
    assert lag.seconds() == 0.0


async def test_a_partition_that_goes_on_is_not_behind_for_as_long_as_it_has_been_busy() -> None:
    lag = Watched(records=1_000)
    for step in range(20):
        lag.now = float(step)
        lag.included["events-0"] = step * 10
        await lag.compare({0: step * 10 + 5})
    assert lag.seconds() <= 1.0


async def test_markers_of_transactions_at_the_end_are_no_events_that_wait() -> None:
    lag = Watched(records=5)
    lag.included["events-0"] = 4
    await lag.compare({0: 7})
    lag.now = DOUBT_SECONDS + 1
    await lag.compare({0: 7})
    assert lag.seconds() == 0.0
    lag.now += 100
    await lag.compare({0: 7})
    assert lag.seconds() == 0.0


async def test_a_kafka_that_no_longer_answers_is_noticed() -> None:
    """What waits is known only as long as somebody says where the partitions end."""
    lag = Watched(records=0)
    assert lag.unanswered_seconds() == 0.0
    await lag.compare({0: 0})
    lag.now = LOOK_SECONDS
    assert lag.unanswered_seconds() == 0.0
    lag.now = 60.0
    assert lag.seconds() == 0.0
    assert lag.unanswered_seconds() == 60.0 - LOOK_SECONDS
    await lag.compare({0: 0})
    assert lag.unanswered_seconds() == 0.0
