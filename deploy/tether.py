"""Child processes that end with their parent, however it ends.

Laws: a child started through `start_tethered` gets no signal of the terminal, so that its parent decides the order of the end;
on Linux the kernel kills it the moment the parent is gone, SIGKILL of the parent included. Elsewhere a watcher of one
line of shell does the same within a second. Call it from a thread that lives as long as the child: Linux ties to the thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_WATCH = 'while kill -0 "$1" 2>/dev/null && kill -0 "$2" 2>/dev/null; do sleep 1; done; kill -9 "$2" 2>/dev/null'


def start_tethered(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdout: int | IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; standard error goes where standard output goes, standard input is empty."""
    child = subprocess.Popen(
        list(command),
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not None else None,
        start_new_session=True,
        preexec_fn=_tie() if sys.platform == "linux" else None,
    )
    if sys.platform != "linux":
        subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(os.getpid()), str(child.pid)], stdin=subprocess.DEVNULL, start_new_session=True
        )
    return child


def stop(child: subprocess.Popen[bytes], deadline_seconds: float) -> int:
    """Ask the child to end (SIGTERM), kill its whole session after the deadline, return its exit code."""
    return stop_all([child], deadline_seconds)[0]


def stop_all(children: Sequence[subprocess.Popen[bytes]], deadline_seconds: float) -> list[int]:
    """Ask all children at once to end, kill the sessions of those that have not after one common deadline."""
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + deadline_seconds
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill(child)
    return [child.wait() for child in children]


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it started, at once, and wait for its end."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            child.kill()
        child.wait()


def _tie() -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: afterwards nothing may be imported or allocated
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return tie
