"""The journal of a sending: which lines have their final answer, so that after a break only the others are sent.

Laws: a line is noted after its answer and never before, so whatever happens to the journal (killed in the middle of a note, lost,
older than the sending) lines are sent again rather than left out; that they count once is the work of their ids. A journal serves
the very sending it was begun for. It is gone once everything was answered: sending the same file anew sends all of it.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.batches import Batch

_NOTE = re.compile(rb"(\d{1,15}) (\d{1,15}) (\d{1,15})\Z")


class ForeignJournal(ValueError):
    """The file is no journal, or that of another sending; the message says which."""


def digest_of_file(file: str) -> str:
    """What tells one content of a file from another. Raises OSError."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def journal_path(data_dir: Path, file: str, sending: Mapping[str, Any]) -> Path:
    """Where the journal of a sending lies unless it is told: one place for each content, source and way of sending."""
    digest = hashlib.blake2b(_line(sending), digest_size=8).hexdigest()
    return data_dir / "send" / f"{Path(file).name}-{digest}.journal"


class Journal:
    """The open journal of one sending; places of lines in it answer `in`.

    `lines` were answered before this run, `refused` of them were refused.
    """

    def __init__(self, path: Path, sending: Mapping[str, Any], *, again: bool = False) -> None:
        """Go on with the journal at `path`, or begin it; `again` begins a journal anew. Raises ForeignJournal, OSError."""
        self.path = path
        known = _read(path, sending, again=again)
        self._begins: list[int] = []
        self._ends: list[int] = []
        self.refused = 0
        for first, count, refused in sorted(known):
            self.refused += refused
            if self._ends and first <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], first + count)
            else:
                self._begins.append(first)
                self._ends.append(first + count)
        self.lines = sum(end - begin for begin, end in zip(self._begins, self._ends, strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._begun(sending)
        self._notes = True

    def _begun(self, sending: Mapping[str, Any]) -> int:
        """A fresh file with what is known, in the place of the old one, which stays whole until then."""
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        refused = [self.refused] + [0] * len(self._begins)
        notes = [b"%d %d %d\n" % (b, e - b, r) for b, e, r in zip(self._begins, self._ends, refused, strict=False)]
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        os.write(file, _line(sending) + b"\n" + b"".join(notes))
        os.fsync(file)
        fresh.replace(self.path)
        return file

    def __contains__(self, place: object) -> bool:
        """Whether the line at a place was answered before this run."""
        if not isinstance(place, int):
            return False
        at = bisect.bisect_right(self._begins, place) - 1
        return at >= 0 and place < self._ends[at]

    def note(self, batch: Batch, refused: int) -> None:
        """The batch has its final answer. A disk that takes no more ends the noting, never the sending."""
        said = b"%d %d %d\n" % (batch.first, len(batch.lines), refused)
        if self._notes:
            try:
                self._notes = os.write(self._file, said) == len(said)
            except OSError:
                self._notes = False  # what follows the half of a note could be read as part of it

    def close(self, *, complete: bool) -> None:
        """End it: a complete sending leaves no journal."""
        os.close(self._file)
        if complete:
            self.path.unlink(missing_ok=True)


def _line(sending: Mapping[str, Any]) -> bytes:
    return json.dumps({"deskpulse_send": 1, **sending}, sort_keys=True).encode()


def _read(path: Path, sending: Mapping[str, Any], *, again: bool) -> list[tuple[int, int, int]]:
    """The notes of a journal, up to the first that was not written to its end; `again` wants none, of whatever sending it is."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    head, _, rest = content.partition(b"\n")
    if not content:
        return []
    try:
        before = json.loads(head)
        is_journal = isinstance(before, dict) and before.get("deskpulse_send") == 1
    except ValueError:
        is_journal = False
    if not is_journal:
        raise ForeignJournal(f"{path} is no journal of deskpulse send: name another file")
    if again:
        return []
    mine = json.loads(_line(sending))
    if other := sorted(name for name in {**before, **mine} if before.get(name) != mine.get(name)):
        raise ForeignJournal(
            f"{path} is the journal of another sending (other: {', '.join(other)}); name another file, or begin it anew with --again"
        )
    notes = []
    for line in rest.split(b"\n")[:-1]:
        found = _NOTE.match(line)
        if found is None:
            break
        notes.append((int(found[1]), int(found[2]), int(found[3])))
    return notes
