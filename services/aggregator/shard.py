"""A shard: the owner of one partition of one topic. It applies records, and says what one checkpoint writes.

Laws: `apply` is synchronous and takes a record as a whole; a record at or before `last_offset` changes nothing; what a
checkpoint writes, restored into a new shard, is the shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from schemas.topics import MARKER

Pair = tuple[bytes | None, bytes | None]
"""Key and value of one record to write; a value of None removes the key from a compacted topic."""
Outgoing = dict[tuple[str, int], list[Pair]]
"""What a checkpoint writes: (topic without prefix, partition) -> records."""


class Input(NamedTuple):
    """The partition a shard owns: its topic without the prefix, and its number."""

    topic: str
    partition: int

    @property
    def name(self) -> str:
        """How the shard is called in `differences`, in logs and in health."""
        return f"{self.topic}-{self.partition}"


class Shard(Protocol):
    """What the worker asks of a shard, whatever it keeps."""

    input: Input
    last_offset: int

    @property
    def changed(self) -> bool:
        """Whether a checkpoint would write anything."""
        ...

    def apply(self, value: bytes, offset: int) -> None:
        """Take one record of the input."""
        ...

    def step_over(self, offset: int) -> None:
        """Include the offsets up to this one, which hold no records; nothing when the shard is further already."""
        ...

    def due(self, now_ms: int) -> bool:
        """Whether it is time for a checkpoint, given that something changed."""
        ...

    def snapshot(self, now_ms: int) -> Outgoing:
        """Everything since the last snapshot, as records to write; the marker is among them."""
        ...

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record of the own state topic, in its order."""
        ...


class Progress:
    """How far a shard has come in its input, and how far its newest snapshot goes: the same for every kind of shard."""

    def __init__(self, owned: Input, every_ms: int) -> None:
        self.input = owned
        self.last_offset = -1
        self._every_ms = every_ms
        self._written_offset = -1
        self._written_ms = 0

    @property
    def changed(self) -> bool:
        """Whether records came since the last snapshot."""
        return self.last_offset > self._written_offset

    def due(self, now_ms: int) -> bool:
        """A snapshot follows the one before it by at least so many ms."""
        return now_ms - self._written_ms >= self._every_ms

    def step_over(self, offset: int) -> None:
        """Include the offsets up to this one, which hold no records."""
        self.last_offset = max(self.last_offset, offset)

    def _snapshot_taken(self, now_ms: int) -> None:
        self._written_offset, self._written_ms = self.last_offset, now_ms

    def _restored(self, offset: int) -> None:
        self.last_offset = self._written_offset = offset


def is_marker(key: bytes | None) -> bool:
    """Whether a record of a state topic is the offset marker."""
    return key == MARKER


def chunked(items: list[bytes], most_items: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Encoded items in lists that make records of at most so many items and bytes."""
    chunk: list[bytes] = []
    size = 0
    for item in items:
        if chunk and (len(chunk) >= most_items or size + len(item) + 1 > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += len(item) + 1
    if chunk:
        yield chunk
