"""How many bytes does an open ticket take, at rest and in memory? Target: at most 2 KB each, for a ticket with five events.

Feeds believable tickets, their attributes said, to the entities of one partition, with a checkpoint after each thousand (what it
would write is let go of, as the broker would take it). `record` is key and value in the state topic; `memory` is how much the
process grew per ticket; both without the broker's compression. `us` is CPU time per event, its share of the checkpoint included. Each
row is a ticket of so many events (a quarter as many tickets where it is not five), the medians of the rounds; every round has a
process of its own and inherits no memory.

    python -m benchmarks.entity [--tickets 100000] [--rounds 5] [--short]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec
import psutil

from kpis.contributions import Contributions
from kpis.entities import Entities
from schemas.events import BY_TYPE, Event

TARGET_BYTES = 2_000
TARGET_EVENTS = 5
LENGTHS = (1, TARGET_EVENTS, 9)
_TICKETS_PER_CHECKPOINT = 1_000
_TEAMS = ("billing", "returns", "technical", "sales", "onboarding", "vip")
_START_MS = 1_795_000_000_000


class Size(NamedTuple):
    """What one round found, in bytes per ticket; `event_us` is CPU time per event in microseconds."""

    record_median: float
    record_largest: float
    memory: float
    event_us: float


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="one round of 10,000 tickets")
    given = parser.parse_args()
    tickets, rounds = (10_000, 1) if given.short else (given.tickets, given.rounds)
    print(f"{tickets:,} open tickets, {rounds} rounds, load average {os.getloadavg()[0]:.1f}")
    print(f"{'events':>7} {'record p50':>11} {'largest':>8} {'memory':>8} {'target':>8} {'us':>6}")
    for length in LENGTHS:
        count = tickets if length == TARGET_EVENTS else tickets // 4
        size = _median([in_a_process(count, length, seed) for seed in range(rounds)])
        target = f"{TARGET_BYTES:,}" if length == TARGET_EVENTS else ""
        print(
            f"{length:>7} {size.record_median:>11,.0f} {size.record_largest:>8,.0f} {size.memory:>8,.0f} {target:>8} {size.event_us:>6.1f}"
        )


def in_a_process(tickets: int, length: int, seed: int) -> Size:
    """`measured` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (tickets, length, seed))


def measured(tickets: int, length: int, seed: int) -> Size:
    """The sizes of so many open tickets of so many events each."""
    rng = Random(seed)
    _fed(Entities(), rng, range(_TICKETS_PER_CHECKPOINT), length)  # imports, caches and free lists are there before we look
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    entities = Entities()
    records: list[int] = []
    began = time.process_time()
    spent_on_events = 0.0
    for first in range(0, tickets, _TICKETS_PER_CHECKPOINT):
        numbers = range(first, min(first + _TICKETS_PER_CHECKPOINT, tickets))
        sizes, seconds = _fed(entities, rng, numbers, length)
        records += sizes
        spent_on_events += seconds
    spent = time.process_time() - began - spent_on_events
    gc.collect()
    grown = process.memory_info().rss - before
    if len(entities) != tickets or entities.refused:
        raise RuntimeError(f"{len(entities)} of {tickets} tickets are held, {len(entities.refused)} events were refused")
    return Size(statistics.median(records), max(records), grown / tickets, spent / (tickets * length) * 1e6)


def _fed(entities: Entities, rng: Random, numbers: Sequence[int], length: int) -> tuple[list[int], float]:
    """Apply the tickets and write one checkpoint: the bytes of each record, and the seconds that making the events took."""
    began = time.process_time()
    events = [event for number in numbers for event in story(rng, number, length)]
    seconds = time.process_time() - began
    for event in events:
        entities.apply(event)
    written, _ = entities.changes()
    entities.rows = Contributions()
    entities.tallies.clear()
    return [len(key) + len(value or b"") for key, value in written], seconds


def story(rng: Random, number: int, length: int) -> Iterator[Event]:
    """The first `length` events of an open ticket: created, assigned, then answers and messages in turn."""
    ticket = f"{4_000_000 + number}"
    team = rng.choice(_TEAMS)
    agent = f"{360_000_000_000 + rng.randrange(200)}"
    customer = f"helpdesk:{380_000_000_000 + rng.randrange(50_000)}"
    at_ms = _START_MS + number * 700
    said = {
        "customer_id": customer,
        "organisation_id": f"{370_000_000_000 + rng.randrange(5_000)}",
        "channel": rng.choice(("email", "chat", "web", "social")),
        "priority": rng.choice(("low", "normal", "high", "urgent")),
        "issue_type": f"issue-{rng.randrange(12)}",
        "brand": f"brand-{rng.randrange(3)}",
        "language": rng.choice(("en", "de", "fi")),
        "customer_tier": rng.choice(("standard", "gold")),
    }
    for ordinal in range(length):
        fields: dict[str, Any] = {"ticket_id": ticket, "source": "helpdesk", "occurred_at_ms": at_ms, "received_at_ms": at_ms + 400}
        fields["id"] = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if ordinal == 0:
            fields |= {"type": "ticket.created", **said}
        elif ordinal == 1:
            fields |= {"type": "ticket.assigned", "agent_id": agent, "team": team}
        elif ordinal % 2:
            fields |= {"type": "ticket.customer_message", "message_id": f"{9_000_000_000 + number * 20 + ordinal}", "actor_id": customer}
        else:
            fields |= {"type": "ticket.public_reply", "message_id": f"{9_000_000_000 + number * 20 + ordinal}", "actor_id": agent}
        yield msgspec.convert(fields, BY_TYPE[fields["type"]])
        at_ms += rng.randrange(20_000, 4_000_000)


def _median(sizes: Sequence[Size]) -> Size:
    return Size(*(statistics.median(column) for column in zip(*sizes, strict=True)))


if __name__ == "__main__":
    main()
