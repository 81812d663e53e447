"""The translations are right: the known answers follow from the canonical events by brute force, without services."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_args

import pytest

from tests.real.answers import ANSWERS, Answer
from tests.real.logfiles import FILES, rows
from tests.real.reference import reference
from tests.real.translate import Log, translated

pytestmark = pytest.mark.real

_reference: Callable[[Log], Callable[[Answer], dict[str, Any]]] = cache(reference)


@pytest.mark.parametrize(
    ("log", "answer"), [pytest.param(log, answer, id=f"{log}-{answer.name}") for log in get_args(Log) for answer in ANSWERS[log]]
)
def test_a_known_answer_follows_from_the_events(log: Log, answer: Answer) -> None:
    found = answer.read(_reference(log)(answer))
    assert answer.holds(found), f"known {answer.expected}, found {found}"


@pytest.mark.parametrize(
    ("log", "cases", "duplicates"), [("incidents", 24_918, 0), ("helpdesk", 4_580, 127)], ids=["incidents", "helpdesk"]
)
def test_every_row_is_one_event_and_a_duplicate_is_the_same_one(log: Log, cases: int, duplicates: int) -> None:
    ids = [event["id"] for event in translated(log)]
    assert len(ids) - cases == sum(1 for _ in rows(FILES[log]))
    assert len(ids) - len(set(ids)) == duplicates
