"""A company whose tickets come as evenly as a clock, so that what is usual is known: events as a sender writes them.

Four tickets an hour on each channel, for two teams in turn, answered after ten minutes and solved after fifty; every second one is
escalated in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.canonical import rfc3339

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVERY = 15 * MINUTE
CHANNELS, TEAMS = ("chat", "email"), ("billing", "returns")


def usual(start_ms: int, end_ms: int, channels: Iterable[str] = CHANNELS) -> list[bytes]:
    """What happens within [start, end), to tickets opened before as well."""
    lines = []
    for opened in range((start_ms - HOUR) // EVERY * EVERY, end_ms, EVERY):
        for channel in channels:
            lines += [_line(ticket, type, at, **said) for ticket, type, at, said in _case(channel, opened) if start_ms <= at < end_ms]
    return lines


def still_open(count: int, end_ms: int) -> list[bytes]:
    """Tickets of one team that were answered and not solved, one every five hours."""
    lines = []
    for number in range(count):
        opened = end_ms - (count - number) * 5 * HOUR
        lines.append(_line(f"open-{number}", "ticket.created", opened, channel="chat", team="billing"))
        lines.append(_line(f"open-{number}", "ticket.public_reply", opened + 10 * MINUTE, message_id="r"))
    return lines


def escalated(count: int, start_ms: int, end_ms: int) -> list[bytes]:
    """So many of those that are still open are escalated, evenly within [start, end)."""
    step = (end_ms - start_ms) // count
    return [_line(f"open-{number}", "ticket.escalated", start_ms + number * step, kind="functional") for number in range(count)]


def taken_back(lines: Iterable[bytes], at_ms: int) -> list[bytes]:
    """That those events were wrong, said at this instant."""
    wrong = [json.loads(line)["id"] for line in lines]
    return [_event("fact.withdrawn", f"not {id}", at_ms, of=id) for id in wrong]


def word(at_ms: int) -> bytes:
    """One more answer in an open ticket, which no KPI minds: it moves the present to this instant."""
    return _line("open-0", "ticket.public_reply", at_ms, message_id=f"m{at_ms}")


def _case(channel: str, opened: int) -> Iterator[tuple[str, str, int, dict[str, str]]]:
    number = opened // EVERY
    ticket = f"{channel}-{number}"
    yield ticket, "ticket.created", opened, {"channel": channel, "team": TEAMS[number // 2 % 2]}
    yield ticket, "ticket.public_reply", opened + 10 * MINUTE, {"message_id": "r"}
    if number % 2 == 0:
        yield ticket, "ticket.escalated", opened + 20 * MINUTE, {"kind": "functional"}
    yield ticket, "ticket.solved", opened + 50 * MINUTE, {}


def _line(ticket: str, type: str, at_ms: int, **fields: Any) -> bytes:
    return _event(type, f"{ticket} {type} {at_ms}", at_ms, ticket_id=ticket, **fields)


def _event(type: str, id: str, at_ms: int, **fields: Any) -> bytes:
    return json.dumps({"type": type, "id": id, "occurred_at": rfc3339(at_ms), **fields}).encode()
