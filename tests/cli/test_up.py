"""`deskpulse up` as a user meets it: it waits for a broker with a word, and ends all of it when asked."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cli.processes import answers_ok
from services.settings import KafkaSettings, Settings, as_environment
from tests.conftest import REPOSITORY, SettingsFor, free_ports


class Terminal:
    """A running command and what it says, line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, words: str, seconds: float = 120) -> str:
        """Return the first line that holds these words."""
        while True:
            line = self._lines.get(timeout=seconds)
            assert line is not None, "it ended:\n" + "\n".join(self.said)
            self.said.append(line)
            if words in line:
                return line

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.decode().rstrip())
        self._lines.put(None)


@contextmanager
def _command(settings: Settings, *arguments: str) -> Iterator[Terminal]:
    with subprocess.Popen(
        [sys.executable, "-m", "cli.app", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **as_environment(settings), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield Terminal(process)
        finally:
            process.kill()


def test_a_broker_that_is_away_is_waited_for_until_asked_to_end(settings_for: SettingsFor) -> None:
    with _command(settings_for(), "up") as terminal:
        terminal.until("waiting for Kafka at 127.0.0.1:1")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(20) == 0


@pytest.mark.broker
def test_up_embedded_starts_everything_and_ctrl_c_leaves_no_process(settings_for: SettingsFor, tmp_path: Path) -> None:
    [port] = free_ports(1)
    settings = settings_for(data_dir=tmp_path, kafka=KafkaSettings(bootstrap=f"127.0.0.1:{port}", topic_prefix="up.", partitions=2))
    with _command(settings, "up", "--embedded") as terminal:
        terminal.until("ready: webhooks at")
        for section in (settings.ingest, settings.aggregator, settings.api):
            assert answers_ok(f"http://127.0.0.1:{section.port}/readyz")
        family = psutil.Process(terminal.process.pid).children(recursive=True)
        assert len(family) >= 4
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(60) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


@pytest.mark.broker
def test_a_service_that_dies_is_told_and_ends_the_others(kafka: str, settings_for: SettingsFor) -> None:
    with _command(settings_for(kafka), "up") as terminal:
        terminal.until("ready: webhooks at")
        family = psutil.Process(terminal.process.pid).children(recursive=True)
        [ingest] = [child for child in family if "ingest" in child.cmdline()]
        ingest.kill()
        terminal.until("ingest ended by itself with code -9")
        assert terminal.process.wait(60) == 1
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
