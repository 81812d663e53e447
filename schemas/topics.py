"""The topics, what each holds and how each is kept: the one place where their names and settings are written."""

from __future__ import annotations

from typing import Literal, NamedTuple

Partitions = Literal["entities", "differences", "one"]

_DAY_MS = 86_400_000
_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * 1024 * 1024),
    "segment.ms": str(600_000),
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": str(1_800_000),
}


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS)}


class Topic(NamedTuple):
    """One topic: its name without the prefix, how many partitions it has and the settings it is created with."""

    name: str
    partitions: Partitions
    config: dict[str, str]
    about: str


EVENTS = "events"
EVENTS_STATE = "events-state"
FACTS = "facts"
FACTS_STATE = "facts-state"
DIFFERENCES = "differences"
CELLS = "cells"
REJECTED = "rejected"
CONTROLS = "controls"
SOURCES = "sources"

DERIVED = frozenset({EVENTS_STATE, FACTS, FACTS_STATE, DIFFERENCES, CELLS})
"""What follows from `events` and can be made anew from them, beside what is live."""

TOPICS: tuple[Topic, ...] = (
    Topic(EVENTS, "entities", _kept(400), "canonical events, packed by partition"),
    Topic(EVENTS_STATE, "entities", dict(_COMPACTED), "entities at rest and the offset they include"),
    Topic(FACTS, "entities", _kept(30), "what entities tell the ledgers"),
    Topic(FACTS_STATE, "entities", dict(_COMPACTED), "ledgers at rest and the offset they include"),
    Topic(DIFFERENCES, "differences", _kept(1), "contributions since the last checkpoint, as columns"),
    Topic(CELLS, "differences", dict(_COMPACTED), "cells and the offsets of differences they include"),
    Topic(REJECTED, "one", _kept(30), "what could not be used, with its reason and original bytes"),
    Topic(CONTROLS, "one", dict(_COMPACTED), "decisions, generations, the result of the last audit"),
    Topic(SOURCES, "one", dict(_COMPACTED), "how each source stands: last delivery, counts by outcome and reason"),
)

MARKER = b"!"
"""Key of the offset marker in a state topic and in `cells`: the newest one is the truth about how far the state goes."""
