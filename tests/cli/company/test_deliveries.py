"""The company's deliveries keep their laws, and nothing a KPI needs is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise

import orjson
import pytest

from cli.company import pace, people, week
from cli.company.deliveries import KIND_OF, Delivery, deliveries
from cli.company.generic import rfc3339

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1_767_609_000_000
"""2026-01-05T10:30Z, a Monday morning."""

NEEDED = (
    "ticket.assigned", "ticket.created", "ticket.customer_message", "ticket.deleted", "ticket.escalated", "ticket.merged",
    "ticket.note", "ticket.priority_changed", "ticket.public_reply", "ticket.reopened", "ticket.solved", "ticket.status_changed",
    "ticket.tagged", "ticket.transferred", "complaint.raised", "survey.sent", "survey.responded", "agent.time_logged",
    "call.queued", "call.answered", "call.abandoned", "call.ended", "call.transferred", "call.callback_offered",
    "call.callback_accepted", "lead.created", "lead.contacted", "lead.lost", "deal.created", "deal.stage_changed", "deal.won",
    "deal.lost", "quote.requested", "quote.sent", "quote.accepted", "quote.declined", "booking.created", "booking.moved",
    "booking.cancelled", "purchase.started", "purchase.completed", "purchase.refunded", "fact.withdrawn",
)  # fmt: skip
ZENDESK_NEEDED = (
    "ticket.created", "ticket.comment_added", "ticket.status_changed", "ticket.agent_assignment_changed",
    "ticket.group_assignment_changed", "ticket.priority_changed", "ticket.tags_changed", "ticket.csat_requested",
    "ticket.csat_received", "ticket.marked_as_spam", "messaging_ticket.message_added",
)  # fmt: skip


@pytest.fixture(scope="module")
def demo() -> list[Delivery]:
    """What the demonstration posts before it goes live."""
    return list(deliveries(7, pace.start_ms(NOW_MS), NOW_MS, pace.rate(NOW_MS)))


@pytest.fixture(scope="module")
def fortnight() -> list[Delivery]:
    return list(deliveries(3, NOW_MS - 14 * DAY_MS, NOW_MS, 0.02))


def _types(found: list[Delivery]) -> Counter[str]:
    return Counter(orjson.loads(delivery.body)["type"].removeprefix("zen:event-type:") for delivery in found)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    first, second, other = (list(deliveries(seed, 0, DAY_MS, 0.02)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_a_longer_span_only_adds() -> None:
    short = list(deliveries(5, 0, DAY_MS, 0.02))
    endless = deliveries(5, 0, math.inf, 0.02)
    assert short == list(islice(endless, len(short)))
    assert next(endless).at_ms >= DAY_MS


@pytest.mark.parametrize("ahead_ms", [-5 * HOUR_MS, 1, 3 * DAY_MS], ids=["behind", "a breath", "days"])
def test_a_clock_that_is_ahead_only_moves_the_same_week(ahead_ms: int) -> None:
    here = list(deliveries(5, NOW_MS, NOW_MS + DAY_MS, 0.02))
    there = list(deliveries(5, NOW_MS - ahead_ms, NOW_MS + DAY_MS - ahead_ms, 0.02, ahead_ms=ahead_ms))
    assert [(d.at_ms + ahead_ms, d.occurred_ms + ahead_ms, d.id, d.repeated) for d in there] == [
        (d.at_ms, d.occurred_ms, d.id, d.repeated) for d in here
    ]


def test_deliveries_come_in_order_and_after_what_they_tell(fortnight: list[Delivery]) -> None:
    assert [d.at_ms for d in fortnight] == sorted(d.at_ms for d in fortnight)
    assert all(d.occurred_ms < d.at_ms < NOW_MS for d in fortnight)


def test_some_come_late_some_out_of_order_and_some_twice(fortnight: list[Delivery]) -> None:
    late = sum(d.at_ms - d.occurred_ms > 120_000 for d in fortnight) / len(fortnight)
    swapped = sum(a.occurred_ms > b.occurred_ms for a, b in pairwise(fortnight)) / len(fortnight)
    repeated = [d for d in fortnight if d.repeated]
    assert 0.005 < late < 0.04
    assert 0.005 < swapped < 0.4
    assert 0.005 < len(repeated) / len(fortnight) < 0.03


def test_a_repetition_has_the_id_and_the_body_of_an_earlier_delivery(fortnight: list[Delivery]) -> None:
    seen: set[tuple[str, bytes]] = set()
    for delivery in fortnight:
        assert delivery.repeated == ((delivery.id, delivery.body) in seen)
        seen.add((delivery.id, delivery.body))


def test_an_id_is_used_again_only_by_a_higher_version(fortnight: list[Delivery]) -> None:
    versions: dict[str, set[int]] = {}
    for delivery in fortnight:
        if not delivery.repeated:
            version = orjson.loads(delivery.body).get("version", 0)
            assert version not in versions.setdefault(delivery.id, set())
            versions[delivery.id].add(version)
    assert any(len(said) > 1 for said in versions.values())


def test_the_rate_is_kept_over_a_week() -> None:
    found = sum(1 for _ in deliveries(11, NOW_MS - 14 * DAY_MS, NOW_MS, 0.03))
    assert found == pytest.approx(0.03 * 14 * 86_400, rel=0.15)


def test_nights_and_week_ends_are_quiet(fortnight: list[Delivery]) -> None:
    created = [d.occurred_ms for d in fortnight if b"ticket.created" in d.body]
    hours = Counter(at // HOUR_MS % 24 for at in created)
    days = Counter((at // DAY_MS + 3) % 7 for at in created)
    assert sum(hours[h] for h in range(5)) * 5 < sum(hours[h] for h in range(9, 14))
    assert days[5] + days[6] < days[0]


def test_every_type_that_a_figure_needs_is_there(demo: list[Delivery]) -> None:
    found = _types(demo)
    assert not [name for name in NEEDED if not found[name]]
    assert not [name for name in ZENDESK_NEEDED if not found[name]]


def test_the_history_is_mostly_of_the_last_hours(demo: list[Delivery]) -> None:
    assert 12_000 < len(demo) < 24_000
    older = sum(d.occurred_ms < NOW_MS - pace.HISTORY_MS for d in demo) / len(demo)
    assert 0.03 < older < 0.15


def test_a_live_minute_moves_every_subject_whatever_the_hour() -> None:
    for now_ms in (NOW_MS, NOW_MS - 8 * HOUR_MS, NOW_MS - DAY_MS - 7 * HOUR_MS):
        minutes = 3
        found = _types([d for d in _from(now_ms, minutes) if d.at_ms >= now_ms])
        assert sum(found.values()) > 150 * minutes
        for name in ("complaint.raised", "survey.responded", "quote.sent", "lead.contacted", "call.abandoned", "purchase.completed"):
            assert found[name] >= 1, name
        assert found["ticket.escalated"] + found["ticket.priority_changed"] >= 1


def _from(now_ms: int, minutes: int) -> Iterator[Delivery]:
    return deliveries(2, pace.start_ms(now_ms), now_ms + minutes * 60_000, pace.rate(now_ms))


def test_speed_scales_arrivals_and_never_the_clock() -> None:
    slow, fast = (list(deliveries(1, pace.start_ms(NOW_MS), NOW_MS + 60_000, pace.rate(NOW_MS, speed=s))) for s in (1.0, 3.0))
    assert sum(d.at_ms >= NOW_MS for d in fast) > 2 * sum(d.at_ms >= NOW_MS for d in slow)
    assert max(d.occurred_ms for d in fast) < NOW_MS + 60_000


def test_the_pace_has_no_jump_at_now() -> None:
    at = pace.rate(NOW_MS)
    before, after = at(NOW_MS - 1000) * week.weight(NOW_MS - 1000), at(NOW_MS) * week.weight(NOW_MS)
    assert before == pytest.approx(after, rel=0.15)
    assert after == pytest.approx(pace.LIVE_PER_SECOND)


def test_customers_come_again_within_days(demo: list[Delivery]) -> None:
    contacts = Counter(
        body.get("customer_id") or body["detail"]["requester_id"]
        for body in (orjson.loads(d.body) for d in demo if not d.repeated)
        if body["type"].removeprefix("zen:event-type:") in ("ticket.created", "call.queued")
    )
    assert sum(n > 1 for n in contacts.values()) > 0.2 * len(contacts)


def test_purchases_are_made_by_customers_who_were_in_contact(demo: list[Delivery]) -> None:
    bodies = [orjson.loads(d.body) for d in demo]
    called = {body["customer_id"] for body in bodies if body["type"] == "call.queued"}
    buyers = {body["data"]["customer_id"] for body in bodies if body["type"] == "purchase.completed"}
    assert len(buyers & called) > 20


def test_the_company_has_four_channels_six_teams_and_twenty_agents(demo: list[Delivery]) -> None:
    bodies = [orjson.loads(d.body) for d in demo]
    flat = [body.get("data", body) for body in bodies]
    channels = {body["channel"] for body in flat if "channel" in body} | {
        body["detail"]["via"]["channel"] for body in bodies if "via" in body.get("detail", {})
    }
    assert set(people.CHANNELS) <= channels
    groups = {body["detail"].get("group_id") for body in bodies if "detail" in body} - {None}
    assert len(people.TEAMS) == 6
    assert groups == set(people.GROUP_IDS.values())
    assert sum(len(agents) for agents in people.AGENTS.values()) == 20


def test_every_source_has_its_kind_and_the_body_of_one_event(demo: list[Delivery]) -> None:
    assert {d.source for d in demo} == set(KIND_OF)
    for delivery in demo[::10]:
        body = orjson.loads(delivery.body)
        assert delivery.kind == KIND_OF[delivery.source]
        assert body["id"] == delivery.id
        assert body.get("time", body.get("occurred_at"))[:23] == rfc3339(delivery.occurred_ms)[:23]


def test_no_address_number_or_name_of_a_person_is_inside(demo: list[Delivery]) -> None:
    for delivery in demo[::7]:
        assert b"@" not in delivery.body
        assert not {"email", "phone", "requester_name", "first_name", "last_name"} & set(_keys(orjson.loads(delivery.body)))


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
