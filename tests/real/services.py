"""deskpulse as a user starts it, for one real log: `up --embedded` in a folder of its own, `send`, and the API.

Laws: every port is a free one, every process is ended by the one who started it, nothing sleeps without a deadline.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.real.answers import ANSWERS
from tests.real.translate import Log, Order, translated

_COMMAND = [sys.executable, "-c", "from cli.app import main; main()"]
_SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
_READY_SECONDS = 120.0
_SETTLED_SECONDS = 900.0
_UNCHANGED_SECONDS = 30.0
_CONFIG = """
tenant = "real"
data_dir = "{folder}/data"
time_zone = "UTC"
now = "watermark"

[kafka]
bootstrap = "127.0.0.1:{kafka}"

[ingest]
host = "127.0.0.1"
port = {ingest}

[aggregator]
host = "127.0.0.1"
port = {aggregator}
day_level_days = 1600

[api]
host = "127.0.0.1"
port = {api}

[sources.real]
kind = "standardwebhooks"
secret_env = ["REAL_SECRET"]

[targets]
full_resolution_time_seconds = {{ within = 86400 }}
first_resolution_time_seconds = {{ within = 86400 }}
"""


class Services:
    """The embedded broker and the three services, from `start` to `end`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(("kafka", "ingest", "aggregator", "api"), _free_ports(4), strict=True))
        self._config = folder / "deskpulse.toml"
        self._config.write_text(_CONFIG.format(folder=folder, **self._ports), encoding="utf-8")
        self._log = folder / "services.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._ports['api']}", timeout=60.0)

    def start(self) -> None:
        """Starts everything and waits until ingest can publish and the API has caught up."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*_COMMAND, "up", "--embedded"], cwd=self._folder, env=self._environ(), stdout=log, stderr=log, start_new_session=True
            )
        for service in ("ingest", "api"):
            self._wait_for_ready(f"http://127.0.0.1:{self._ports[service]}/readyz")

    def send(self, log: Log, order: Order) -> None:
        """Translates a log and sends it with the command line, as fast as it goes."""
        tape = self._folder / "events.jsonl"
        with tape.open("wb") as out:
            out.writelines(msgspec.json.encode(event) + b"\n" for event in translated(log, order, seed=7))
        command = [*_COMMAND, "send", str(tape), "--source", "real", "--rate", "max"]
        done = subprocess.run(command, cwd=self._folder, env=self._environ(), capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, f"deskpulse send failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

    def settle(self, log: Log) -> None:
        """Waits until every known answer of the log holds, or the figures no longer change: then the tests read and judge."""
        deadline = time.monotonic() + _SETTLED_SECONDS
        before: list[float | None] = []
        unchanged_since = time.monotonic()
        while time.monotonic() < deadline:
            found = [answer.read(figures[0]) if (figures := self.figures(answer.params(log))) else None for answer in ANSWERS[log]]
            if all(answer.holds(number) for answer, number in zip(ANSWERS[log], found, strict=True)):
                return
            if found != before:
                before, unchanged_since = found, time.monotonic()
            elif time.monotonic() - unchanged_since > _UNCHANGED_SECONDS:
                return
            time.sleep(0.5)

    def figures(self, params: dict[str, str]) -> list[dict[str, Any]]:
        """The answer of `GET /v1/figures`; a refusal fails the test with its own words."""
        response = self._client.get("/v1/figures", params=params)
        assert response.status_code == 200, f"{response.status_code} for {params}: {response.text[:500]}"
        body = response.json()
        figures: list[dict[str, Any]] = body["figures"] if isinstance(body, dict) else body
        return figures

    def end(self) -> None:
        """Ends all that was started: asked first, then made to."""
        self._client.close()
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def _environ(self) -> dict[str, str]:
        root = str(Path(__file__).resolve().parents[2])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKPULSE_")}
        return kept | {"DESKPULSE_CONFIG": str(self._config), "REAL_SECRET": _SECRET, "PYTHONPATH": root}

    def _wait_for_ready(self, url: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, f"the services ended at their start:\n{self._tail()}"
            try:
                if httpx.get(url, timeout=2.0).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.2)
        raise AssertionError(f"{url} was not ready within {_READY_SECONDS:.0f} s:\n{self._tail()}")

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports
