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

READY_SECONDS = 60
STOP_SECONDS = 20
LOG_MAX_BYTES = 10 * 1_048_576
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
        self._ports = (port, controller_port or _free_port()) if port is not None else (_free_port(), _free_port())
        self.node = node
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"127.0.0.1:{self._ports[0]}"

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
        for last in (False, False, True):
            self.spawn()
            try:
                self.wait_until_ready()
            except EmbeddedKafkaFailed as error:
                if last or self._given_port is not None or "Address already in use" not in str(error):
                    raise
                self._ports = (_free_port(), _free_port())  # somebody took the port between our look and the broker's
            else:
                break
        return self

    def spawn(self) -> None:
        """Start the process and return at once; `wait_until_ready` is the other half."""
        if self.pid is not None:
            return
        if self._given_port is not None and _is_taken(self._given_port):  # whoever has it would answer in our broker's place
            raise EmbeddedKafkaFailed(
                f"port {self._given_port} is already in use: end what listens there, or choose another kafka.bootstrap"
            )
        java, jars = find_java(), ensure_jars(self._say)
        self.folder.mkdir(parents=True, exist_ok=True)
        config, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        config.touch(0o600)  # secured doors have passwords in it
        config.write_text(server_properties(self.folder, *self._ports, self.node), encoding="utf-8")
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
            answered = _answers(self._ports[0])
            if self._process is None or self._process.poll() is not None:
                raise EmbeddedKafkaFailed(f"Kafka ended while it started; its log {self.log_file} says:\n{self._last_lines()}")
            if answered:
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
        self.spawn()
        await asyncio.to_thread(self.wait_until_ready)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self.stop)

    def _format(self, command: list[str], config: Path) -> None:
        cluster = self.node.cluster or new_cluster_id()
        arguments = ["format", "-t", cluster, "-c", str(config), *scram_arguments(self.node.doors)]
        done = subprocess.run([*command, "kafka.tools.StorageTool", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EmbeddedKafkaFailed(
                f"the storage in {self.folder} could not be formatted: {(done.stderr or done.stdout).strip()[-2000:]}"
            )

    def _last_lines(self) -> str:
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-15:]) or "(nothing)"


def new_cluster_id() -> str:
    """A fresh id in the form that the storage tool takes."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return "d" + cluster[1:]  # an id that begins with "-" would be read as an option


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the JVM does: a port in TIME_WAIT is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


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
