"""The partition of a key is the one that Kafka's own clients choose."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from services.partition import murmur2, partition_of


@given(st.binary(max_size=60))
def test_the_hash_is_kafkas(data: bytes) -> None:
    assert murmur2(data) == murmur2_of_aiokafka(data)


@given(st.text(max_size=60).filter(lambda text: text.isprintable()), st.integers(1, 1000))
def test_the_partition_is_the_default_partitioners(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2_of_aiokafka(key.encode()) & 0x7FFFFFFF) % partitions
