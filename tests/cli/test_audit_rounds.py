"""The audit's comparison: a busy healthy company has no differences, whatever is on its way; anything wrong that stays is found."""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.auditing.comparison import Difference, Question
from cli.auditing.rounds import Suspects
from schemas import topics
from schemas.differences import Differences
from schemas.events import Event, FactWithdrawn, TicketCreated, TicketCustomerMessage
from schemas.facts import decode_facts
from tests.cli.audited import Company
from tests.kpis.strategies import worlds
from tests.services.aggregator.shards import afternoon


def traffic(tickets: int) -> list[Event]:
    """More than is read during an audit: tickets, merges of tickets that have something to pass on, and withdrawals."""
    out: list[Event] = []
    for event in afternoon(tickets):
        out.append(event)
        common = {"source": "desk", "occurred_at_ms": event.occurred_at_ms + 1, "received_at_ms": event.received_at_ms}
        if isinstance(event, TicketCreated) and int(event.ticket_id[1:]) % 10 == 9:
            message = {"type": "ticket.customer_message", "id": f"m-{event.id}", "ticket_id": event.ticket_id, "message_id": "m"}
            out.append(msgspec.convert({**message, **common}, TicketCustomerMessage))
        if len(out) % 23 == 0:
            out.append(msgspec.convert({"type": "fact.withdrawn", "id": f"w-{event.id}", "of": event.id, **common}, FactWithdrawn))
    return out


@pytest.mark.parametrize("seed", range(2))
async def test_a_board_that_shows_whole_checkpoints_is_equal_in_one_round_whatever_is_on_its_way(seed: int) -> None:
    company = Company(traffic(800), Random(seed), whole=True)
    result = await company.audit(rounds=1)
    assert result.differences == []
    assert result.compared > 1000
    assert company.waiting, "the traffic ended before the audit did"
    assert await company.facts.beyond() or await company.events.beyond(), "nothing was on its way"


@pytest.mark.parametrize("seed", range(2))
async def test_a_board_that_shows_halves_of_checkpoints_is_equal_through_the_rounds(seed: int) -> None:
    company = Company(traffic(800), Random(seed))
    result = await company.audit(rounds=5)
    assert result.differences == []
    assert result.rounds < 5


@given(worlds(), st.integers(0, 1000))
@settings(max_examples=10)
async def test_any_world_is_equal(events: list[Event], seed: int) -> None:
    if events:
        assert (await Company(events, Random(seed), whole=True).audit(rounds=2)).differences == []


# ---- what is wrong is found --------------------------------------------------------------------


def test_a_suspect_has_to_stay_through_every_round() -> None:
    def one(kpi: str, served: int) -> Difference:
        return Difference(kpi, "1h", "completed", "calendar", "", "n", served, 0)

    first, second = Question(("a", "b")), Question(("a",), ("team",))
    suspects = Suspects()
    suspects.after({first: [one("a", 1), one("b", 1)], second: [one("a", 3)]})
    assert suspects.questions == [first, second]
    suspects.after({first: [one("a", 2)], second: []})
    assert suspects.questions == [first]
    assert suspects.differences == [one("a", 2)]
    suspects.after({first: [one("b", 1)]})  # came back: it was on its way twice, it was not wrong throughout
    assert suspects.differences == []


def _one_more(record: Differences) -> Differences:
    """Every row of a record counted once more."""
    counts = np.frombuffer(record.count, dtype=np.int64) + 1
    return msgspec.structs.replace(record, count=counts.tobytes())


class Once:
    """Does something to the n-th thing that it is asked about, and to no other."""

    def __init__(self, number: int) -> None:
        self.left = number

    def now(self) -> bool:
        """Whether this is the one."""
        self.left -= 1
        return self.left == 0


async def differing(company: Company) -> list[Difference]:
    """What an audit of the totals finds after a while of traffic."""
    for _ in range(1_000):
        company.step()
    return (await company.audit(rounds=3, totals_only=True)).differences


@pytest.mark.parametrize("number", [3, 12])
async def test_a_record_of_differences_that_counts_once_too_often_is_found(number: int) -> None:
    once = Once(number)

    def spoil(record: Differences) -> Differences:
        return _one_more(record) if record.count and once.now() else record

    assert await differing(Company(traffic(150), Random(1), spoil=spoil))


async def test_a_record_of_differences_that_was_never_folded_is_found() -> None:
    once = Once(5)

    def lose(record: Differences) -> Differences | None:
        return None if record.count and once.now() else record

    assert await differing(Company(traffic(150), Random(2), spoil=lose))


async def test_facts_that_never_reached_the_ledgers_are_found() -> None:
    once = Once(4)

    def lose(topic: str, value: bytes) -> bool:
        return topic == topics.FACTS and any(fact.key.startswith("customer:") for fact in decode_facts(value)) and once.now()

    found = await differing(Company(traffic(150), Random(3), lose=lose))
    assert found
    assert all(difference.kpi != "issues_created" for difference in found)


async def test_a_merged_log_that_was_never_passed_on_is_found() -> None:
    lost: list[bytes] = []

    def lose(topic: str, value: bytes) -> bool:
        if topic == topics.EVENTS:
            lost.append(value)
        return topic == topics.EVENTS and len(lost) == 1

    found = await differing(Company(traffic(150), Random(4), lose=lose))
    assert lost
    assert ("ticket.merged", "log") in {(difference.kpi, difference.field) for difference in found}
