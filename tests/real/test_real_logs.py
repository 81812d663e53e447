"""The real logs through the real services: the known answers come out, in whatever order the events go in."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.real.answers import ANSWERS, Answer
from tests.real.conftest import OutcomeOf
from tests.real.translate import Log, Order

pytestmark = [pytest.mark.real, pytest.mark.broker]

LOGS: tuple[Log, ...] = get_args(Log)
ORDERS: tuple[Order, ...] = get_args(Order)
RUNS = [pytest.param(log, order, id=f"{log}-{order}") for log in LOGS for order in ORDERS]
CASES = [pytest.param(log, order, answer, id=f"{log}-{order}-{answer.name}") for log in LOGS for order in ORDERS for answer in ANSWERS[log]]


@pytest.mark.parametrize(("log", "order", "answer"), CASES)
def test_a_known_answer_comes_out(outcome_of: OutcomeOf, log: Log, order: Order, answer: Answer) -> None:
    figures = outcome_of(log, order).answers[answer.name]
    assert len(figures) == 1
    found = answer.read(figures[0])
    assert answer.holds(found), f"known {answer.expected}, found {found}, in {figures[0]}"


@pytest.mark.parametrize(("log", "order"), RUNS)
def test_every_figure_is_what_compute_makes_of_the_same_events(outcome_of: OutcomeOf, log: Log, order: Order) -> None:
    compared = outcome_of(log, order).compared
    assert compared.served > 300
    assert compared.differences == []


@pytest.mark.parametrize(("log", "order"), RUNS)
def test_nothing_was_refused_on_the_way(outcome_of: OutcomeOf, log: Log, order: Order) -> None:
    assert outcome_of(log, order).dead_letters == []


@pytest.mark.parametrize("order", ORDERS)
def test_the_channels_add_up_to_the_total(outcome_of: OutcomeOf, order: Order) -> None:
    figures = outcome_of("incidents", order).created_by_channel
    assert len(figures) == 5
    assert sum(figure.value or 0 for figure in figures) == 24_918
