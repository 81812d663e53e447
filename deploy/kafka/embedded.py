"""Apache Kafka on this machine without an installation: one JVM, KRaft, its data on disk, ended with its parent.

Laws: data survive stop, kill and restart; after `start` the broker answers and accepts records; no JVM outlives the process
that started it. Nothing here is a stand-in: it is the same broker as in production, with a replication factor of one.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from deploy import tether
from deploy.kafka.doors import scram_arguments
from deploy.kafka.jars import ensure_jars
from deploy.kafka.java import find_java
from deploy.kafka.properties import ALONE, Node, logging_properties, server_properties
from deploy.ports import free_ports, is_free

READY_SECONDS = 60
STOP_SECONDS = 20
LOG_MAX_BYTES = 10 * 1_048_576
MOVES_MAX = 3
_TAKEN = "Address already in use"
_HEAP = ("-Xms128m", "-Xmx512m")


class EmbeddedKafkaFailed(RuntimeError):
    """The broker did not start; the message ends with the last lines of its log."""


class EmbeddedKafka:
    """One broker below `data_dir` (`kafka/`), on `port` or, with None, on a free one that it keeps over restarts.

    Blocking: `start`, `stop`, `kill`, and `with EmbeddedKafka(...) as kafka`. In an event loop: `async with`, which
    starts the process in the loop's own thread (see deploy.tether) and waits without blocking it.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        say: Callable[[str], None] = lambda text: None,
        *,
        controller_port: int | None = None,
        node: Node = ALONE,
    ) -> None:
        """With `node` one broker of several, or with a second door (`deploy.kafka.cluster`); their ports must be given."""
        self.folder = data_dir.expanduser().absolute() / "kafka"
        self._given_port = port
        self.ports: tuple[int, int] = (port, controller_port or free_ports(1)[0]) if port is not None else _two_ports()
        self.node = node
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._moves, self._was_ready = 0, False

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def log_file(self) -> Path:
        """Where the broker writes its warnings."""
        return self.folder / "kafka.log"

    @property
    def pid(self) -> int | None:
        """The process id of the JVM, None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> EmbeddedKafka:
        """Start the broker and return once it accepts records. Raises EmbeddedKafkaFailed, JarsUnavailable or NoJava."""
        while True:
            self.spawn()
            try:
                self.wait_until_ready()
            except EmbeddedKafkaFailed:
                if not self._moved():
                    raise
            else:
                return self

    def spawn(self) -> None:
        """Start the process and return at once; `wait_until_ready` is the other half."""
        if self.pid is not None:
            return
        if self._given_port is not None and not is_free(self._given_port):  # whoever has it would answer in our broker's place
            raise EmbeddedKafkaFailed(
                f"port {self._given_port} is already in use: end what listens there, or choose another kafka.bootstrap"
            )
        java, jars = find_java(), ensure_jars(self._say)
        self.folder.mkdir(parents=True, exist_ok=True)
        config, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        config.touch(0o600)  # secured doors have passwords in it
        config.write_text(server_properties(self.folder, *self.ports, self.node), encoding="utf-8")
        logging.write_text(logging_properties(), encoding="utf-8")
        classpath = os.pathsep.join(str(jar) for jar in jars)
        command = [str(java), *_HEAP, f"-Dlog4j2.configurationFile={logging}", "-cp", classpath]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(command, config)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_MAX_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._process = tether.start_tethered([*command, "kafka.Kafka", str(config)], stdout=log)

    def wait_until_ready(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Return once the broker lists itself as alive. Raises EmbeddedKafkaFailed; then no process is left."""
        deadline = time.monotonic() + deadline_seconds
        while True:
            answered = _answers(self.ports[0])
            if self._process is None or self._process.poll() is not None:
                raise EmbeddedKafkaFailed(f"Kafka ended while it started; its log {self.log_file} says:\n{self._last_lines()}")
            if answered:
                self._was_ready = True
                return
            if time.monotonic() > deadline:
                self.kill()
                raise EmbeddedKafkaFailed(
                    f"Kafka did not answer within {deadline_seconds:g} s; {self.log_file} says:\n{self._last_lines()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the broker in good order (SIGTERM), by force when it takes longer than 20 s."""
        if self._process is not None:
            tether.stop(self._process, STOP_SECONDS)

    def kill(self) -> None:
        """End the broker as a power cut would (SIGKILL)."""
        if self._process is not None:
            tether.kill(self._process)

    def __enter__(self) -> EmbeddedKafka:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> EmbeddedKafka:
        await asyncio.to_thread(ensure_jars, self._say)
        while True:
            self.spawn()
            try:
                await asyncio.to_thread(self.wait_until_ready)
            except EmbeddedKafkaFailed:
                if not self._moved():
                    raise
            else:
                return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self.stop)

    def _moved(self) -> bool:
        """Take other ports if somebody took ours between our look and the broker's, before its first start; at most three times."""
        free_to_move = self._given_port is None and not self._was_ready and self._moves < MOVES_MAX
        if not free_to_move or _TAKEN not in self._said():
            return False
        self._moves += 1
        self.ports = _two_ports()
        return True

    def _format(self, command: list[str], config: Path) -> None:
        cluster = self.node.cluster or new_cluster_id()
        arguments = ["format", "-t", cluster, "-c", str(config), *scram_arguments(self.node.doors)]
        done = subprocess.run([*command, "kafka.tools.StorageTool", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EmbeddedKafkaFailed(
                f"the storage in {self.folder} could not be formatted: {(done.stderr or done.stdout).strip()[-2000:]}"
            )

    def _said(self) -> str:
        """What the broker wrote since it was started the last time."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def _last_lines(self) -> str:
        """The end of what the broker wrote, without the lines of a stack trace that only say where in its own code it was."""
        lines = [line for line in self._said().splitlines() if not line.lstrip().startswith(("at ", "... "))]
        return "\n".join(lines[-15:]) or "(nothing)"


def _two_ports() -> tuple[int, int]:
    clients, controller = free_ports(2)
    return clients, controller


def new_cluster_id() -> str:
    """A fresh id in the form that the storage tool takes."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return "d" + cluster[1:]  # an id that begins with "-" would be read as an option


def _answers(port: int) -> bool:
    """Whether the broker lists a living broker: one Metadata request, since an open port alone comes too early."""
    body = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">i?", 0, False)  # Metadata v4, no client id, no topics, create nothing
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            head = connection.recv(16)  # size, correlation id, throttle time, number of brokers
    except OSError:
        return False
    return len(head) == 16 and struct.unpack(">i", head[12:])[0] >= 1
