"""A whole installation through a secured door: its processes, its commands, and everything that they say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.processes import answers_ok
from services.settings import Settings, as_environment
from tests.conftest import REPOSITORY


class Installation:
    """`deskpulse up` with these settings and variables; all that it and the commands wrote is in `log`."""

    def __init__(self, settings: Settings, variables: Mapping[str, str], log: Path) -> None:
        self.settings = settings
        self.log = log
        self._variables = variables

    def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run `deskpulse …` to its end."""
        command = [sys.executable, "-m", "cli.app", *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, env=self._environment(environment), capture_output=True, timeout=120, check=False)
        print(arguments, done.returncode, done.stdout.decode()[-2000:], done.stderr.decode())
        with self.log.open("ab") as log:
            log.write(done.stdout + done.stderr)
        return done

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """`deskpulse …` as a process that writes to the log; asked to end when the block is left."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.app", *arguments], cwd=REPOSITORY, env=self._environment(), stdout=log, stderr=log
            )
        try:
            yield process
            process.terminate()
            process.wait(60)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def up(self) -> Iterator[None]:
        """The three services, ready."""
        with self.running("up") as process:
            for section in (self.settings.ingest, self.settings.aggregator, self.settings.api):
                deadline = time.monotonic() + 90
                while not answers_ok(f"http://127.0.0.1:{section.port}/readyz"):
                    assert process.poll() is None, self.log.read_text()
                    assert time.monotonic() < deadline, self.log.read_text()
                    time.sleep(0.05)
            yield

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, **as_environment(self.settings), **self._variables, **(more or {}), "PYTHONUNBUFFERED": "1"}
