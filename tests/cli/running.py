"""A command of ours as a user runs it: a process with a terminal that is read line by line."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.conftest import REPOSITORY


class Terminal:
    """A running command and what it says, line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, words: str, seconds: float = 120) -> str:
        """Return the first line that holds these words."""
        while True:
            line = self._lines.get(timeout=seconds)
            assert line is not None, "it ended"
            if words in line:
                return line

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.decode().rstrip())
            print(line.decode().rstrip())  # pytest shows it when the test fails
        self._lines.put(None)


@contextmanager
def running(*arguments: str, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """`deskpulse …` with these variables on top of our own; killed when the block is left."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli.app", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield Terminal(process)
        finally:
            process.kill()
