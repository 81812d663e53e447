"""Stepping over what ends a transaction: offsets without records at the end of an input that has become quiet.

Retention deletes them like records. A shard that still stood before them would look, at the next start, as if records it lacks
were gone. So quiet shards step over them now and then, and all do when the worker is told to stop.
"""

from __future__ import annotations

from contextlib import aclosing

from services.aggregator.shard import Shard
from services.kafka import end_offsets, read_partition
from services.settings import Settings, topic


async def step_over(settings: Settings, shard: Shard, take: bool = False) -> None:
    """Move a shard to the end of its input when nothing but ends of transactions is left before it.

    With `take` the records that are left are applied first; without it they are left to the agent, and the shard stays where it
    is. Raises KafkaError when the input cannot be read.
    """
    name, partition = topic(settings, shard.input.topic), shard.input.partition
    before = shard.last_offset
    end = (await end_offsets(settings, name, partition + 1))[partition]
    if end <= before + 1:
        return
    async with aclosing(read_partition(settings, name, partition, from_offset=before + 1)) as records:
        async for record in records:
            if not take:
                return
            shard.apply(record.value, record.offset)
    shard.step_over(end - 1)
