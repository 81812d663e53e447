"""The planted incident is escalations of one pair, of tickets that came and were answered like others."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cli.company import incident, people, timeline
from cli.demo_incident import story
from schemas.events import Event, TicketAssigned, TicketCreated, TicketCustomerMessage, TicketEscalated, TicketPublicReply
from tests.cli.company.received import NOW_MS, received

ONSET_MS = NOW_MS + 50_000
AHEAD_MS = timeline.days_ahead_ms(NOW_MS)
HOUR_MS = 3_600_000
SEEDS = range(1, 9)


@pytest.fixture(params=SEEDS, ids=lambda seed: f"seed {seed}")
def told(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[Event], list[Event]]:
    """What is said before now, and from the onset on."""
    seed: int = request.param
    before = incident.before(seed, NOW_MS, ahead_ms=AHEAD_MS)
    outbreak = incident.outbreak(seed, NOW_MS, ONSET_MS, ahead_ms=AHEAD_MS)
    return received(before, tmp_path), received(outbreak, tmp_path, outbreak[-1].at_ms)


def test_every_ticket_is_of_the_pair_and_has_been_answered(told: tuple[list[Event], list[Event]]) -> None:
    before, _ = told
    created = [event for event in before if isinstance(event, TicketCreated)]
    assert len({event.ticket_id for event in created}) == len(created) == incident.ESCALATIONS
    assert {event.channel for event in created} == {incident.CHANNEL}
    assert {event.team for event in before if isinstance(event, TicketAssigned) and event.team} == {incident.TEAM}
    replied = {event.ticket_id for event in before if isinstance(event, TicketPublicReply)}
    assert replied == {event.ticket_id for event in created}
    assert not [event for event in before if isinstance(event, TicketEscalated)]


def test_each_is_escalated_once_within_the_time_and_stays_with_its_team(told: tuple[list[Event], list[Event]]) -> None:
    before, after = told
    escalated = [event for event in after if isinstance(event, TicketEscalated)]
    opened = {event.ticket_id for event in before if isinstance(event, TicketCreated)}
    assert len(escalated) == incident.ESCALATIONS
    assert {event.ticket_id for event in escalated} == opened
    first, last = (pick(event.occurred_at_ms for event in escalated) for pick in (min, max))
    assert ONSET_MS <= first < ONSET_MS + 2_000
    assert last - first == incident.WITHIN_MS
    assert not [event for event in after if isinstance(event, TicketAssigned)]


def test_every_customer_who_comes_back_is_answered_within_minutes(told: tuple[list[Event], list[Event]]) -> None:
    _, after = told
    back = {event.ticket_id: event.occurred_at_ms for event in after if isinstance(event, TicketCustomerMessage)}
    answered = {event.ticket_id: event.occurred_at_ms for event in after if isinstance(event, TicketPublicReply)}
    assert back.keys() == answered.keys()
    assert all(0 < answered[id] - at < 15 * 60_000 for id, at in back.items())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tickets_come_over_the_day_and_arrive_before_now(seed: int) -> None:
    before = incident.before(seed, NOW_MS, ahead_ms=AHEAD_MS)
    created = [d.occurred_ms for d in before if b"ticket.created" in d.body]
    assert min(created) >= NOW_MS - 24 * HOUR_MS
    assert max(d.at_ms for d in before) < NOW_MS
    assert max(created) - min(created) > 12 * HOUR_MS


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    for make in (incident.before, partial(incident.outbreak, onset_ms=ONSET_MS)):
        assert make(3, NOW_MS) == make(3, NOW_MS)
        assert make(3, NOW_MS) != make(4, NOW_MS)


def test_the_story_posts_both_parts_in_order_and_uses_no_id_twice() -> None:
    told = story(1, NOW_MS, events=2_000)
    planted = [*incident.before(1, NOW_MS, ahead_ms=AHEAD_MS), *incident.outbreak(1, NOW_MS, ONSET_MS, ahead_ms=AHEAD_MS)]
    rest = told.present(ONSET_MS)
    present = []
    while (delivery := next(rest)).at_ms < planted[-1].at_ms + 1:
        present.append(delivery)
    both = told.past + present
    assert [delivery.at_ms for delivery in both] == sorted(delivery.at_ms for delivery in both)
    assert set(planted) <= set(both)
    ids = [(d.source, d.id) for d in both if not d.repeated and b'"version"' not in d.body]
    assert len(set(ids)) == len(ids)


def test_the_pair_is_one_that_the_company_has() -> None:
    assert incident.CHANNEL in people.CHANNELS
    assert incident.TEAM in people.TEAMS
