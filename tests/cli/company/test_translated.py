"""What the company posts is let in: signed as its receiver checks it, translated by its adapter, accepted as canonical events."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cli.company import pace, people, signing
from cli.company.deliveries import Delivery as Posted
from cli.company.deliveries import deliveries
from cli.demo_settings import demo_settings
from schemas.events import CallAnswered, Event, SurveyResponded, TicketCreated, TicketEscalated
from services.ingest.delivery import Delivery
from services.ingest.sources import Proof, configured
from tests.cli.company.received import NOW_MS, received


@pytest.fixture(scope="module")
def posted() -> list[Posted]:
    return list(deliveries(7, pace.start_ms(NOW_MS), NOW_MS, pace.rate(NOW_MS, size=0.3)))


@pytest.fixture(scope="module")
def events(posted: list[Posted], tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Every canonical event that the real adapters make of the company's deliveries."""
    return received(posted, tmp_path_factory.mktemp("demo"))


def test_a_body_changed_on_the_way_is_refused(posted: list[Posted], tmp_path: Path) -> None:
    demo = demo_settings(tmp_path, "127.0.0.1:1", 8081)
    sources = configured(demo.settings, demo.environment, lambda text: None)
    first = {delivery.kind: delivery for delivery in posted}
    for delivery in first.values():
        headers = signing.headers(delivery.kind, demo.secrets[delivery.source], delivery.id, delivery.body, NOW_MS)
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        changed = Delivery(headers=raw, body=delivery.body + b" ", received_at_ms=NOW_MS)
        assert sources[delivery.source].proof(changed, None) is Proof.NONE


def test_every_event_happened_when_the_company_says(posted: list[Posted], events: list[Event]) -> None:
    assert {event.occurred_at_ms for event in events} == {delivery.occurred_ms for delivery in posted}


def test_customers_are_the_same_in_all_systems(events: list[Event]) -> None:
    by_source: dict[str, set[str]] = {}
    for event in events:
        if event.customer_id is not None:
            by_source.setdefault(event.source, set()).add(event.customer_id)
    for source in ("zendesk", "desk", "telephone", "feedback"):
        assert by_source[source] & by_source["shop"], source


def test_tickets_are_split_by_four_channels_and_six_teams(events: list[Event]) -> None:
    assert {event.channel for event in events if isinstance(event, TicketCreated)} == set(people.CHANNELS)
    assert {event.team for event in events if isinstance(event.team, str)} == set(people.TEAMS)
    assert {event.priority for event in events if isinstance(event, TicketCreated)} == set(people.PRIORITIES)
    assert len({event.agent_id for event in events if isinstance(event.agent_id, str)}) == 20


def test_escalations_are_of_three_kinds(events: list[Event]) -> None:
    assert {event.kind for event in events if isinstance(event, TicketEscalated)} == {"functional", "hierarchic", "priority"}


def test_answers_of_all_three_scales_come_from_all_kinds_of_surveys(events: list[Event]) -> None:
    answered = [event for event in events if isinstance(event, SurveyResponded)]
    assert {answer.metric for event in answered for answer in event.answers} == {"csat", "ces", "nps"}
    assert {event.survey_type for event in answered} == {"post_case", "transactional", "relationship"}
    assert {event.ticket_source for event in answered if event.ticket_id and event.source == "feedback"} == {"zendesk"}


def test_shares_are_those_of_a_service_desk(events: list[Event]) -> None:
    count = Counter(event.type for event in events)
    assert 0.5 < count["call.answered"] / count["call.queued"] < 0.99
    assert 0.005 < count["call.abandoned"] / count["call.queued"] < 0.2
    assert 0.02 < count["ticket.reopened"] / count["ticket.solved"] < 0.3
    assert 0.03 < count["ticket.escalated"] / count["ticket.created"] < 0.4
    assert 0.1 < count["survey.responded"] / count["survey.sent"] < 0.8
    assert len({event.agent_id for event in events if isinstance(event, CallAnswered)}) > 10
