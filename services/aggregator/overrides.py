"""Everything that touches Faust's inside, so that an upgrade that moves a private name breaks here and nowhere else.

Where the consumer starts is our shards' business (they know which offset they include); commits are our transactions'; and
what is read was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import faust.transport.drivers.aiokafka as driver
from faust.exceptions import ConsumerNotStarted
from faust.sensors.monitor import Monitor
from faust.types import TP

NextOffsets = Callable[[], Mapping[TP, int]]
MakeTransport = Callable[[NextOffsets], type[driver.Transport]]


class QuietMonitor(Monitor):
    """Faust's own statistics cost 5 µs a record and count records, not events: we keep our own."""

    def on_message_in(self, tp: TP, offset: int, message: Any) -> None:
        """Count nothing."""

    def on_stream_event_in(self, tp: TP, offset: int, stream: Any, event: Any) -> None:
        """Count nothing."""

    def on_stream_event_out(self, tp: TP, offset: int, stream: Any, event: Any, state: Any = None) -> None:
        """Count nothing."""

    def on_message_out(self, tp: TP, offset: int, message: Any) -> None:
        """Count nothing."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Reads only what was committed: `facts` and `differences` are written in transactions."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # read by aiokafka when the consumer starts
        return consumer


class Consumer(driver.Consumer):
    """Starts where the shards' states end, and leaves committing to the checkpoints."""

    next_offsets: NextOffsets = staticmethod(lambda: {})

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Position every assigned partition; Faust calls it on each resume."""
        committed = await super().seek_to_committed()
        ours = {tp: offset for tp, offset in self.next_offsets().items() if tp in self.assignment()}
        if ours:
            await self.seek_wait(ours)
        return {**committed, **ours}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Faust keeps its books; the offsets were committed in our transactions."""
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Would only log, and complain about commits that are not made here."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


def transport_for(next_offsets: NextOffsets) -> type[driver.Transport]:
    """A transport whose consumer starts at the given offsets."""

    class PlacedConsumer(Consumer):
        pass

    PlacedConsumer.next_offsets = staticmethod(next_offsets)

    class Transport(driver.Transport):
        Consumer = PlacedConsumer

    return Transport


def assigned_to(app: Any) -> set[TP]:
    """The partitions this process was given; none while the consumer has not started."""
    try:
        return set(app.consumer.assignment())
    except (AttributeError, ConsumerNotStarted):
        return set()


def rejoin_is_pending(app: Any) -> bool:
    """Whether the consumer waits to join its group again; for too long, it never will."""
    try:
        consumer = app.consumer._thread._consumer
        return bool(consumer._coordinator._rejoin_needed_fut.done())
    except AttributeError:
        return False
