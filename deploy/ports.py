"""Ports of this machine that are free, for programs that are started beside others.

Between our look and the program's own bind a port may go to somebody else. What takes ports all the time are outgoing
connections, which the kernel gives any port of its ephemeral range; so ports below that range are looked at first.
"""

from __future__ import annotations

import socket
from pathlib import Path
from random import SystemRandom

HOST = "127.0.0.1"
_LOWEST = 10_000
_EPHEMERAL_FROM = 32_768
"""Where the kernel's own range begins when it does not say so."""
_TRIES = 200
_draw = SystemRandom()


def free_ports(count: int) -> list[int]:
    """So many ports of 127.0.0.1 that are free now, all different; other processes that ask at the same time get others, very likely."""
    found: list[int] = []
    ceiling = _ephemeral_from()
    while len(found) < count:
        port = _below(ceiling) or _any()
        if port not in found:
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now; one that rests after its last connection counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _ephemeral_from() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_FROM


def _below(ceiling: int) -> int | None:
    """A free port between 10,000 and the kernel's range; None where that leaves no room or all that were tried are taken."""
    if ceiling - _LOWEST < _TRIES:
        return None
    candidates = (_draw.randrange(_LOWEST, ceiling) for _ in range(_TRIES))
    return next((port for port in candidates if is_free(port)), None)


def _any() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
