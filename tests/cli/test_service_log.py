"""The terminal's log: the same line seldom, a traceback always, memory bounded."""

from __future__ import annotations

import logging
import sys

import pytest

from cli.service_log import Seldom


def _record(message: str, *arguments: object, trace: bool = False) -> logging.LogRecord:
    try:
        raise OSError
    except OSError:
        return logging.LogRecord("aiokafka", logging.ERROR, "f", 1, message, arguments, sys.exc_info() if trace else None)


def test_a_line_comes_again_only_after_its_time() -> None:
    now = [100.0]
    seldom = Seldom(30, lambda: now[0])
    assert seldom.filter(_record("no broker at %s", "a"))
    assert not seldom.filter(_record("no broker at %s", "b"))
    assert seldom.filter(_record("something else"))
    now[0] += 30
    assert seldom.filter(_record("no broker at %s", "a"))


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_traceback_is_always_written(turn: int) -> None:
    seldom = Seldom(30, lambda: 0.0)
    assert [seldom.filter(_record("a fault", trace=True)) for _ in range(turn)] == [True] * turn


def test_messages_that_are_all_different_take_no_more_room() -> None:
    seldom = Seldom(30, lambda: 0.0)
    for number in range(5000):
        seldom.filter(_record(f"message {number}"))
    assert len(seldom._last) <= 500
