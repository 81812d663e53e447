"""Ports for programs that are started beside others: free, different, and out of the way of the kernel's own choices."""

from __future__ import annotations

import socket

import pytest

from deploy import ports


def test_ports_are_free_and_different() -> None:
    found = ports.free_ports(50)
    assert len({*found}) == 50
    assert all(ports.is_free(port) for port in found)


def test_they_lie_below_what_the_kernel_gives_to_outgoing_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_ephemeral_from", lambda: 20_000)
    assert max(ports.free_ports(50)) < 20_000


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server((ports.HOST, 0)) as listener:
        assert not ports.is_free(listener.getsockname()[1])


@pytest.mark.parametrize("ceiling", [1_024, 10_100], ids=["the range begins at once", "hardly any room"])
def test_where_the_kernel_takes_nearly_all_ports_any_free_one_is_good(ceiling: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_ephemeral_from", lambda: ceiling)
    found = ports.free_ports(3)
    assert len({*found}) == 3
    assert all(ports.is_free(port) for port in found)
