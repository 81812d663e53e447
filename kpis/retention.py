"""How long an entity is held after its last arrival, and how large its log may grow.

Law: which events a full log keeps is a function of the events, not of their arrival: those that come first in its order.
"""

from __future__ import annotations

from typing import NamedTuple

from kpis.entity import Live, order_of
from schemas import events as ev
from schemas.codec import unpack_event

LOG_MAX_EVENTS = 2_000
LOG_MAX_BYTES = 600_000
"""Beyond this an entity is an integration gone wrong, and its state would not fit into a record any more."""
TOO_LARGE = f"an entity keeps at most {LOG_MAX_EVENTS} events or {LOG_MAX_BYTES} bytes, the earliest ones"


class Logged(NamedTuple):
    """One event of a log, as it is kept."""

    event: ev.Event
    packed: bytes
    identity: int


def fits(log: list[bytes], more: int = 0) -> bool:
    """Whether a log is small enough, with so many bytes more."""
    return len(log) + (more > 0) <= LOG_MAX_EVENTS and sum(map(len, log)) + more <= LOG_MAX_BYTES


def cut(log: list[bytes], ids: list[int]) -> tuple[list[Logged], list[Logged]]:
    """A log that is too large as what it keeps, in its order, and what is cut off."""
    entries = [Logged(unpack_event(packed), packed, identity) for packed, identity in zip(log, ids, strict=True)]
    entries.sort(key=lambda entry: order_of(entry.event))
    size = kept = 0
    for entry in entries[:LOG_MAX_EVENTS]:
        size += len(entry.packed)
        if size > LOG_MAX_BYTES:
            break
        kept += 1
    return entries[:kept], entries[kept:]


def kept_ms(kind: str, live: Live, short: int, long: int) -> int | None:
    """How long after its last arrival an entity stays, None for as long as it is open."""
    if live.void:
        return short
    if kind == "ticket":
        return short if live.state.status == "closed" else long if live.state.status == "solved" else None
    if kind == "call":
        return short if live.state.over or live.state.gave_up else long
    return short if kind in ("survey", "complaint") else long
