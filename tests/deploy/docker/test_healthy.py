"""The health check of the image: every service that listens must be ready, and one must listen."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.docker.healthy import PORTS, wrong
from deploy.ports import free_ports
from tests.conftest import REPOSITORY


@contextmanager
def _service(status: int, body: bytes = b"{}") -> Iterator[int]:
    """Something that answers every question so; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def _environ(*ports: int) -> dict[str, str]:
    """These ports for the first services, and for the others ones on which nothing listens."""
    closed = free_ports(len(PORTS))
    return {name: str(port) for name, port in zip(PORTS, [*ports, *closed[len(ports) :]], strict=True)}


def test_one_that_is_ready_is_enough() -> None:
    with _service(200) as port:
        assert wrong(_environ(port)) == []


def test_all_that_listen_must_be_ready() -> None:
    with _service(200) as ready, _service(503, b'{"status": "loading shards"}') as loading:
        assert wrong(_environ(ready, loading)) == [f'port {loading} answers 503: {{"status": "loading shards"}}']


def test_nobody_there_is_not_healthy() -> None:
    assert wrong(_environ()) == ["nothing listens"]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_command_says_it_by_its_exit_code(status: int, code: int) -> None:
    with _service(status) as port:
        environ = {**_environ(port), "http_proxy": "http://127.0.0.1:1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "deploy.docker.healthy"]
        ran = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, ran.stderr) == (code, "")
    assert bool(ran.stdout) is bool(code)
