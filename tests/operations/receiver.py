"""Somebody who is told: an HTTP server that keeps what Alertmanager posts to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Notification(NamedTuple):
    """One alert of one message: which receiver got it when, whether it fires or is over, its labels and its text."""

    receiver: str
    at: float
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    def __str__(self) -> str:
        """`chat: DeskpulseEscalationSpike firing`."""
        return f"{self.receiver}: {self.labels['alertname']} {self.status}"


class Receiver:
    """What came, in its order."""

    def __init__(self) -> None:
        self.port = 0
        self._came: list[Notification] = []
        self._changed = threading.Condition()

    @property
    def told(self) -> list[Notification]:
        """Everything so far."""
        with self._changed:
            return list(self._came)

    def take(self, receiver: str, message: dict[str, Any]) -> None:
        """One message of Alertmanager's webhook."""
        at = time.monotonic()
        with self._changed:
            self._came += [
                Notification(receiver, at, alert["status"], alert["labels"], alert["annotations"]) for alert in message["alerts"]
            ]
            self._changed.notify_all()

    def until(self, count: int, seconds: float) -> list[Notification]:
        """All of them once there are so many, or as many as there are after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._came) >= count, seconds)
            return list(self._came)


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver at a free port, `http://127.0.0.1:<port>/<name of the receiver>`."""
    receiver = Receiver()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.take(self.path.strip("/"), json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
