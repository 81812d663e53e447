"""How the files of an archive are named, and what follows from the names alone.

`date=2026-11-22/partition=3/offset-<first>-<last>.parquet` holds the records of one partition with offsets in [first, last];
`_controls.jsonl` what was decided, one record a line (who reads the folder as one table leaves out what begins with a low line).

Laws: the names are the archive's only memory of how far its events go; the files of a partition tile its offsets, so what is missing
between two of them was gone from Kafka before it could be archived; `date` is the day (UTC) on which the first record of a file
was received, and no event of the file was received on a later one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

CONTROLS_FILE = "_controls.jsonl"
_PATH = re.compile(r"(?:^|/)date=(\d{4}-\d\d-\d\d)/partition=(\d{1,9})/offset-(\d{1,20})-(\d{1,20})\.parquet$")


class Piece(NamedTuple):
    """One file: the day of its folder, its partition, and the offsets [first, last] that it covers, both included."""

    day: str
    partition: int
    first: int
    last: int

    @property
    def path(self) -> str:
        """Where the file lies below the archive's address."""
        return f"date={self.day}/partition={self.partition}/offset-{self.first:020d}-{self.last:020d}.parquet"


class Hole(NamedTuple):
    """Offsets [first, last] of a partition that no file covers."""

    partition: int
    first: int
    last: int

    def __str__(self) -> str:
        return f"the records {self.first} to {self.last} of partition {self.partition}"


class Contents:
    """What an archive holds, by partition in the order of the offsets."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces: dict[int, list[Piece]] = {}
        for piece in sorted(pieces, key=lambda piece: (piece.partition, piece.first, piece.last)):
            self._pieces.setdefault(piece.partition, []).append(piece)

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions of which there is anything."""
        return tuple(sorted(self._pieces))

    def pieces(self, partition: int) -> list[Piece]:
        """The files of a partition, ascending."""
        return list(self._pieces.get(partition, ()))

    def first(self, partition: int) -> int | None:
        """The first offset of a partition that is covered; None when none is."""
        pieces = self._pieces.get(partition)
        return pieces[0].first if pieces else None

    def next_offset(self, partition: int) -> int | None:
        """The offset after the last one that is covered; None when none is."""
        pieces = self._pieces.get(partition)
        return max(piece.last for piece in pieces) + 1 if pieces else None

    def holes(self) -> list[Hole]:
        """The offsets between two files that no file covers."""
        found = []
        for partition, pieces in self._pieces.items():
            reached = pieces[0].first
            for piece in pieces:
                if piece.first > reached:
                    found.append(Hole(partition, reached, piece.first - 1))
                reached = max(reached, piece.last + 1)
        return found


def piece_from(path: str) -> Piece | None:
    """The piece that a path names; None for any other file."""
    match = _PATH.search(path)
    return None if match is None else Piece(match[1], int(match[2]), int(match[3]), int(match[4]))


def day_of(at_ms: int) -> str:
    """The day (UTC) of an instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
