"""The partition of an entity: every event of one entity key lies in one partition, whoever writes it.

Law: equal to the default partitioner of Kafka's own clients (murmur2), so any client that keys its records by the entity key
finds the same partition.
"""

from __future__ import annotations

import struct
from functools import lru_cache

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


def partition_of(key: str, partitions: int) -> int:
    """The partition (0 … partitions − 1) of an entity key."""
    return _hash_of(key) % partitions


@lru_cache(maxsize=16_384)
def _hash_of(key: str) -> int:
    return murmur2(key.encode()) & 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash (unsigned) that Kafka's clients take of a record's key: MurmurHash2 with Kafka's seed."""
    length = len(data)
    words = length // 4
    h = _SEED ^ length
    for k in struct.unpack_from(f"<{words}I", data):
        k = k * _MULTIPLIER & _MASK
        h = (h * _MULTIPLIER & _MASK) ^ ((k ^ k >> 24) * _MULTIPLIER & _MASK)
    if rest := data[words * 4 :]:
        h = (h ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    h = (h ^ h >> 13) * _MULTIPLIER & _MASK
    return h ^ h >> 15
