"""Child processes by name: started, watched until healthy, their output prefixed, started again, ended together.

Laws: a child never outlives this process (deploy.tether), never sees Ctrl-C itself, and is never started again behind the reader's
back: each end is told, and when the next start will be. Start children from a thread that lives as long as they do.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from cli.restarts import Restarts, how_it_ended
from deploy import tether
from services.settings import ENV_PREFIX

STOP_SECONDS = 15
_KEPT_LINES = 40


class ChildFailed(RuntimeError):
    """A child ended, or was not healthy in time; the message ends with its last lines. `code` is its exit code, None while it runs."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Service(NamedTuple):
    """One child: its name (also the prefix of its output), its command, and the address that answers 200 once it is ready."""

    name: str
    command: tuple[str, ...]
    ready_url: str | None = None


def _inherited(env: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without those of single keys (`DESKPULSE_API__PORT`) of sections that `env` gives whole: they would win."""
    sections = tuple(f"{name.upper()}__" for name in env if name.upper().startswith(ENV_PREFIX))
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(sections)}


class Supervisor:
    """Starts named children with one environment, and ends them all when it is closed (`with`)."""

    def __init__(
        self, env: Mapping[str, str] | None = None, say: Callable[[str], None] = print, log_dir: Path | None = None, cwd: Path | None = None
    ) -> None:
        """Say gets each line of output, `name | line`; with `log_dir` the lines go to `<name>.log` there instead."""
        self._env = {**_inherited(env or {}), **(env or {}), "PYTHONUNBUFFERED": "1"}
        self._say = say
        self._log_dir = log_dir
        self._cwd = cwd
        self._children: dict[str, _Child] = {}
        self._restarts = Restarts()

    def start(self, service: Service, env: Mapping[str, str] | None = None) -> int:
        """Start a child and return its process id. A name may be used again once its child has ended."""
        if self.is_running(service.name):
            raise ValueError(f"{service.name} runs already")
        before = self._children.get(service.name)
        if before is not None:
            before.finish()
        child = _Child(service, {**self._env, **(env or {})}, self._cwd, self._say, self._log_dir)
        child.was_ready = before is not None and before.was_ready
        self._children[service.name] = child
        return child.process.pid

    def start_again(self) -> None:
        """Start again, each after its pause, the children that ended without being told to; to be called a few times a second.

        Raises ChildFailed for a child that would only end again (`cli.restarts`).
        """
        for name, code in self.ended().items():
            child = self._children[name]
            if child.told_to_end:
                continue
            if child.again_at is None:
                pause = self._restarts.pause(name, code, time.monotonic() - child.started_at, was_ready=child.was_ready)
                if pause is None:
                    raise ChildFailed(f"{name} {how_it_ended(code)}; its last lines:\n{child.last_lines()}", code)
                child.again_at = time.monotonic() + pause
                self._say(f"{name} {how_it_ended(code)}; it is started again in {pause:g} s")
            elif time.monotonic() >= child.again_at:
                self.start(child.service, child.env)

    def all_ready(self) -> bool:
        """Whether every child answers 200 now, or did so once since its first start."""
        for child in self._children.values():
            child.was_ready = child.was_ready or child.service.ready_url is None or answers_ok(child.service.ready_url)
        return all(child.was_ready for child in self._children.values())

    def wait_until_ready(self, *names: str, deadline_seconds: float = 60) -> None:
        """Return once each of these children (all, without names) answers 200. Raises ChildFailed."""
        deadline = time.monotonic() + deadline_seconds
        for name in names or tuple(self._children):
            child = self._children[name]
            while child.service.ready_url is not None and not answers_ok(child.service.ready_url):
                if (code := child.process.poll()) is not None:
                    raise ChildFailed(f"{name} ended with code {code} before it was ready:\n{child.last_lines()}", code)
                if time.monotonic() > deadline:
                    raise ChildFailed(
                        f"{name} was not ready within {deadline_seconds:g} s ({child.service.ready_url}):\n{child.last_lines()}"
                    )
                time.sleep(0.05)
            child.was_ready = True

    def pid(self, name: str) -> int:
        """The process id of a child, which may have ended."""
        return self._children[name].process.pid

    def is_running(self, name: str) -> bool:
        """Whether the child of that name runs now."""
        return name in self._children and self._children[name].process.poll() is None

    def ended(self) -> dict[str, int]:
        """The exit codes of the children that have ended."""
        codes = {name: child.process.poll() for name, child in self._children.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def last_lines(self, name: str) -> str:
        """The end of a child's output."""
        return self._children[name].last_lines()

    def kill(self, name: str) -> None:
        """End one child as a power cut would (SIGKILL)."""
        self._children[name].kill()

    def stop(self, name: str, deadline_seconds: float = STOP_SECONDS) -> int:
        """Ask one child to end (SIGTERM, then SIGKILL after the deadline); its exit code."""
        return self._children[name].stop(deadline_seconds)

    def stop_all(self, deadline_seconds: float = STOP_SECONDS) -> None:
        """End all children at once, each within the deadline."""
        children = list(self._children.values())
        for child in children:
            child.told_to_end = True
        tether.stop_all([child.process for child in children], deadline_seconds)
        for child in children:
            child.finish()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop_all()


class _Child:
    """One process, and the thread that reads its output."""

    def __init__(
        self, service: Service, env: Mapping[str, str], cwd: Path | None, say: Callable[[str], None], log_dir: Path | None
    ) -> None:
        self.service = service
        self.env = env
        self.started_at = time.monotonic()
        self.was_ready = False
        self.told_to_end = False
        self.again_at: float | None = None
        self._lines: list[str] = []
        self._log: IO[str] | None = None
        if log_dir is not None:
            log_dir.mkdir(parents=True, exist_ok=True)
            self._log = (log_dir / f"{service.name}.log").open("a", encoding="utf-8", errors="replace")
        self._say = say
        self.process = tether.start_tethered(service.command, env=env, cwd=cwd, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, name=f"output of {service.name}", daemon=True)
        self._reader.start()

    def last_lines(self) -> str:
        if self.process.poll() is not None:
            self._reader.join(2)
        return "\n".join(self._lines[-20:]) or "(it said nothing)"

    def stop(self, deadline_seconds: float) -> int:
        self.told_to_end = True
        code = tether.stop(self.process, deadline_seconds)
        self.finish()
        return code

    def kill(self) -> None:
        self.told_to_end = True
        tether.kill(self.process)
        self.finish()

    def finish(self) -> None:
        self._reader.join(2)
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self._log is not None:
            self._log.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            self._lines = [*self._lines[-_KEPT_LINES:], line]
            if self._log is not None:
                self._log.write(line + "\n")
                self._log.flush()
            else:
                self._say(f"{self.service.name:<10} | {line}")


def deskpulse(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our own commands, run by this very Python."""
    return (sys.executable, "-m", "cli.app", *arguments)


def answers_ok(url: str, timeout_seconds: float = 2) -> bool:
    """Whether a GET of this address answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def services_of(urls: Mapping[str, str]) -> Sequence[Service]:
    """The three services, in the order of their start; `urls` gives the base address of each by name."""
    return [Service(name, deskpulse(name), f"{urls[name]}/readyz") for name in ("ingest", "aggregator", "api")]
