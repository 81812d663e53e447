"""The place of an archive: a local folder, or any address that fsspec knows (`s3://bucket/folder`, `memory://…`).

Laws: a file is there whole or not at all, whenever the process is killed: it is written under a temporary name and renamed;
what a killed run left behind is never taken for a file of the archive. A local folder has one writer at a time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit, urlunsplit

from cli.archiving.layout import Contents, Piece, piece_from
from cli.archiving.parquet import LibraryMissing, decoded, encoded
from cli.archiving.rows import Row
from schemas.topics import EVENTS
from services.settings import Settings, topic

_UNFINISHED = ".unfinished"


class ArchiveUnusable(RuntimeError):
    """The archive cannot be used as asked; the message says why and what to do."""


class Store:
    """The files below one address."""

    def __init__(self, address: str) -> None:
        """Raises LibraryMissing, and ArchiveUnusable for an address of which nobody knows the kind."""
        self.shown = _without_secrets(address)
        try:
            import fsspec
        except ImportError:
            raise LibraryMissing("fsspec") from None
        try:
            self._files, root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise ArchiveUnusable(f"{self.shown} cannot be used as an archive: {error}") from None
        self._root = str(root).rstrip("/")
        self._local = "file" in (self._files.protocol if isinstance(self._files.protocol, tuple) else (self._files.protocol,))

    def contents(self) -> Contents:
        """What the archive holds now; nothing when there is nothing at the address."""
        self._files.invalidate_cache()
        try:
            found = self._files.find(self._root)
        except FileNotFoundError:
            found = []
        except OSError as error:
            raise ArchiveUnusable(f"{self.shown} cannot be listed: {error}") from None
        return Contents(piece for path in found if (piece := piece_from(str(path))) is not None)

    def write(self, piece: Piece, rows: list[Row]) -> int:
        """Write one file; its size in bytes. Raises ArchiveUnusable."""
        data = encoded(rows)
        self.write_file(piece.path, data)
        return len(data)

    def write_file(self, name: str, data: bytes) -> None:
        """Write one file, or another in its place. Raises ArchiveUnusable."""
        path = f"{self._root}/{name}"
        try:
            if self._local:
                _write_local(Path(path), data)
            else:
                self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                self._files.pipe_file(path + _UNFINISHED, data)
                self._files.mv(path + _UNFINISHED, path)
        except OSError as error:
            raise ArchiveUnusable(f"{self.shown} cannot be written to: {error}") from None

    def read_file(self, name: str) -> bytes | None:
        """One file whole, None when there is none. Raises ArchiveUnusable."""
        try:
            data: bytes = self._files.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArchiveUnusable(f"{self.shown}: {name}: {error}") from None
        return data

    def read(self, piece: Piece) -> Iterator[Row]:
        """The rows of one file, in the order of the offsets. Raises ArchiveUnusable."""
        path = f"{self._root}/{piece.path}"
        try:
            with self._files.open(path, "rb") as opened:
                yield from decoded(cast("IO[bytes]", opened))
        except (ValueError, OSError) as error:
            raise ArchiveUnusable(f"{self.shown}: {piece.path}: {error}") from None

    def rows(self, contents: Contents, partition: int, from_offset: int = 0, from_day: str = "") -> Iterator[Row]:
        """The rows of a partition in the order of the offsets, each once even where two files cover it."""
        reached = from_offset
        for piece in contents.pieces(partition):
            if piece.last < reached or piece.day < from_day:
                continue
            yield from (row for row in self.read(piece) if row.offset >= reached)
            reached = piece.last + 1

    @contextlib.contextmanager
    def one_writer(self) -> Iterator[None]:
        """Keep a local folder for this process. Raises ArchiveUnusable when another one writes to it.

        Elsewhere there is nothing to hold on to: two writers waste room, and readers take each offset once.
        """
        if not self._local:
            yield
            return
        import fcntl

        root = Path(self._root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            with (root / ".lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ArchiveUnusable(f"another `deskpulse archive run` writes to {self.shown}") from None
                for left in (*root.glob(f"date=*/partition=*/*{_UNFINISHED}"), *root.glob(f"*{_UNFINISHED}")):
                    left.unlink(missing_ok=True)
                yield
        except OSError as error:
            raise ArchiveUnusable(f"{self.shown} cannot be written to: {error}") from None


def default_address(settings: Settings) -> str:
    """Where the archive of these settings' events lies unless told otherwise."""
    return str(settings.data_dir / "archive" / topic(settings, EVENTS))


def _write_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + _UNFINISHED)
    with unfinished.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name itself outlives a power cut
    finally:
        os.close(folder)


def _without_secrets(address: str) -> str:
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
