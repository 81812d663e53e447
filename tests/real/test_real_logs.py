"""The real logs through the real services: the known answers come out, in whatever order the events go in."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from tests.real.answers import ANSWERS, SPANS, Answer
from tests.real.conftest import Ask
from tests.real.translate import Log, Order

pytestmark = [pytest.mark.real, pytest.mark.broker]

ORDERS: tuple[Order, ...] = get_args(Order)
# Log by log and order by order, so that the services are started once for each pair.
CASES = [
    pytest.param(log, order, answer, id=f"{log}-{order}-{answer.name}")
    for log in get_args(Log)
    for order in ORDERS
    for answer in ANSWERS[log]
]


@pytest.mark.parametrize(("log", "order", "answer"), CASES)
def test_a_known_answer_comes_out(run_log: Callable[[Log, Order], Ask], log: Log, order: Order, answer: Answer) -> None:
    figures = run_log(log, order)(answer.params(log))
    assert len(figures) == 1
    found = answer.read(figures[0])
    assert answer.holds(found), f"known {answer.expected}, found {found}, in {figures[0]}"


@pytest.mark.parametrize("order", ORDERS)
def test_the_channels_add_up_to_the_total(run_log: Callable[[Log, Order], Ask], order: Order) -> None:
    start, end = SPANS["incidents"]
    ask = run_log("incidents", order)
    total = ask({"kpi": "issues_created", "from": start, "to": end})
    parts = ask({"kpi": "issues_created", "from": start, "to": end, "by": "channel"})
    assert len(parts) == 5
    assert sum(figure["value"] for figure in parts) == total[0]["value"] == 24_918
