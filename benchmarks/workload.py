"""A believable stream of canonical events for benchmarks: tickets from created to solved, calls, surveys; in order of time.

Deterministic by seed. Most tickets have five to nine events; agents belong to one team, as they do in life.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from schemas.events import BY_TYPE, Event

CHANNELS = ("email", "chat", "web", "social")
TEAMS = ("billing", "returns", "technical", "sales", "onboarding", "vip")
PRIORITIES = ("low", "normal", "high", "urgent")
AGENTS = tuple((f"agent-{number:02d}", TEAMS[number % len(TEAMS)]) for number in range(20))


def events(count: int, *, seed: int = 1, start_ms: int = 1_795_000_000_000, per_second: float = 500.0) -> list[Event]:
    """So many events from `start_ms` on, at about so many a second of event time."""
    rng = Random(seed)
    due: list[tuple[int, int, dict[str, Any]]] = []
    out: list[Event] = []
    at = float(start_ms)
    ordinal = 0
    while len(out) < count:
        at += rng.expovariate(per_second / 6.0) * 1000
        story = _call(rng, at, ordinal) if rng.random() < 0.25 else _ticket(rng, at, ordinal)
        ordinal += 1
        for when, fields in story:
            heapq.heappush(due, (int(when), len(out) * 1_000_003 + len(due) + ordinal * 31, {**fields, "occurred_at_ms": int(when)}))
        while due and due[0][0] <= at and len(out) < count:
            when, _, fields = heapq.heappop(due)
            fields |= {"id": f"event-{len(out)}", "source": "benchmark", "received_at_ms": when + 400}
            out.append(msgspec.convert(fields, BY_TYPE[fields["type"]]))
    return out


def _ticket(rng: Random, at: float, ordinal: int) -> Iterator[tuple[float, dict[str, Any]]]:
    agent, team = rng.choice(AGENTS)
    ticket = {"ticket_id": f"ticket-{ordinal}"}
    said = {"channel": rng.choice(CHANNELS), "priority": rng.choice(PRIORITIES), "issue_type": f"issue-{rng.randrange(6)}"}
    yield at, {"type": "ticket.created", **ticket, **said, "customer_id": f"customer-{rng.randrange(20_000)}"}
    at += rng.expovariate(1 / 2_000)
    yield at, {"type": "ticket.assigned", **ticket, "agent_id": agent, "team": team}
    at += rng.expovariate(1 / 20_000)
    yield at, {"type": "ticket.public_reply", **ticket, "message_id": f"a-{ordinal}", "actor_id": agent}
    if rng.random() < 0.6:
        at += rng.expovariate(1 / 30_000)
        yield at, {"type": "ticket.customer_message", **ticket, "message_id": f"b-{ordinal}"}
        at += rng.expovariate(1 / 20_000)
        yield at, {"type": "ticket.public_reply", **ticket, "message_id": f"c-{ordinal}", "actor_id": agent}
    if rng.random() < 0.05:
        yield at + 5, {"type": "ticket.escalated", **ticket, "kind": "functional"}
    at += rng.expovariate(1 / 20_000)
    yield at, {"type": "ticket.solved", **ticket}
    if rng.random() < 0.1:
        at += rng.expovariate(1 / 30_000)
        yield at, {"type": "ticket.reopened", **ticket}
    if rng.random() < 0.2:
        answer = {"question": "overall", "metric": "csat", "score": float(rng.randint(1, 5))}
        fields = {"response_id": f"response-{ordinal}", "survey_type": "post_case", "answers": [answer]}
        yield at + rng.expovariate(1 / 30_000), {"type": "survey.responded", **ticket, **fields}


def _call(rng: Random, at: float, ordinal: int) -> Iterator[tuple[float, dict[str, Any]]]:
    agent, team = rng.choice(AGENTS)
    call = {"call_id": f"call-{ordinal}"}
    yield at, {"type": "call.queued", **call, "channel": "phone", "queue": team, "customer_id": f"customer-{rng.randrange(20_000)}"}
    at += rng.expovariate(1 / 15_000)
    if rng.random() < 0.1:
        yield at, {"type": "call.abandoned", **call}
        return
    yield at, {"type": "call.answered", **call, "agent_id": agent, "team": team}
    yield at + 60_000, {"type": "call.ended", **call, "talk_seconds": 45.0, "wrap_seconds": 10.0}
