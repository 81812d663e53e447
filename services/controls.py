"""What a company decided, as records of `controls`: each with its kind, its name and the instant from which it holds.

Laws: a decision is never changed, only followed by another that holds from a later instant, so the figures of an instant depend
on what held then; the settings are published at the first start as holding from the beginning, and a change of them from a
little ahead of now, so that no event was judged by the old one at a time when the new one held.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from kpis.calendar import Calendar, Definition
from kpis.controls import Controls, Timeline
from schemas import topics
from schemas.canonical import CLOCK_AHEAD_MS
from services import compacted
from services.calendars import definitions_of
from services.kafka import client_options
from services.settings import Settings, topic

log = logging.getLogger("deskpulse.controls")
POLICY, CALENDAR, GENERATION, AUDIT, BOARD = "policy", "calendar", "generation", "audit", "board"
DECISIONS = "decisions"
"""The one policy: what life cycles read besides calendars."""
AHEAD_MS = CLOCK_AHEAD_MS + 60_000
"""A changed decision holds from here on: no event that may be taken already is younger."""


class Control(Struct, kw_only=True, frozen=True):
    """One decision; `value` None means that from `valid_from_ms` on there is none.

    `restates` lets it stand for the whole past: what was decided before it was written holds no more, in generations made later.
    """

    kind: str
    id: str
    valid_from_ms: int
    value: dict[str, Any] | None
    at_ms: int
    restates: bool = False

    @property
    def key(self) -> bytes:
        """The key of its record: of one key the newest record holds."""
        return f"{self.kind}|{self.id}|{self.at_ms if self.restates else self.valid_from_ms}".encode()

    def reaches(self, created_at_ms: int) -> bool:
        """Whether it is in force in figures that began to be made at an instant: known then, or far enough ahead when written."""
        if self.restates:
            return self.at_ms <= created_at_ms
        return self.valid_from_ms == 0 or self.at_ms <= created_at_ms or self.valid_from_ms >= self.at_ms + CLOCK_AHEAD_MS


async def publish(
    settings: Settings, kind: str, id: str, value: dict[str, Any] | None, valid_from_ms: int | None = None, *, restates: bool = False
) -> Control:
    """Write a decision and return once Kafka has acknowledged it; without `valid_from_ms` it holds from the beginning.

    Raises KafkaError.
    """
    control = Control(kind=kind, id=id, valid_from_ms=valid_from_ms or 0, value=value, at_ms=time.time_ns() // 1_000_000, restates=restates)
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(topic(settings, topics.CONTROLS), _json.encode(control), key=control.key, partition=0)
    finally:
        await producer.stop()
    return control


async def read_controls(settings: Settings) -> list[Control]:
    """Every decision that stands, by kind, name and the instant from which it holds. Raises KafkaError."""
    return _sorted(_decoded(await compacted.newest_of(settings, topics.CONTROLS)))


async def follow(settings: Settings, changed: Callable[[list[Control]], None]) -> None:
    """Tell the decisions that stand now, and all of them again at every change, until cancelled; while Kafka is away, nothing."""
    await compacted.follow(settings, topics.CONTROLS, lambda newest: changed(_sorted(_decoded(newest))))


def _decoded(newest: compacted.Newest) -> dict[bytes, Control]:
    found = {}
    for key, value in newest.items():
        try:
            found[key] = _control.decode(value)
        except msgspec.DecodeError:
            log.warning("a record of `controls` cannot be read and is left out: %r", key[:100])
    return found


def _sorted(newest: dict[bytes, Control]) -> list[Control]:
    return sorted(newest.values(), key=lambda c: (c.kind, c.id, c.valid_from_ms))


# ---- what life cycles read ---------------------------------------------------------------------


def decisions_of(settings: Settings) -> dict[tuple[str, str], dict[str, Any]]:
    """The decisions that the settings name, by kind and id."""
    answer, reply = (settings.targets.get(name) for name in ("speed_of_answer_seconds", "first_reply_time_seconds"))
    answer_within = 20.0 if answer is None or answer.within is None else answer.within
    reply_within = 3600.0 if reply is None or reply.within is None else reply.within
    found: dict[tuple[str, str], dict[str, Any]] = {
        (POLICY, DECISIONS): {
            "escalation_kinds": sorted(settings.escalation_kinds),
            "answer_within_ms": round(answer_within * 1000),
            "first_reply_within_ms": round(reply_within * 1000),
        }
    }
    limits = {name.removesuffix("_seconds"): round(target.within * 1000) for name, target in settings.targets.items() if target.within}
    if others := {kpi: limit for kpi, limit in sorted(limits.items()) if kpi not in ("first_reply_time", "speed_of_answer")}:
        found[POLICY, DECISIONS]["limits_ms"] = others
    for name, definition in definitions_of(settings).items():
        found[CALENDAR, name] = msgspec.json.decode(msgspec.json.encode(definition))  # as it comes back, to be compared
    return found


async def publish_settings(settings: Settings, now_ms: int) -> list[Control]:
    """Write what the settings decide and `controls` does not say yet; returns every decision that stands. Raises KafkaError."""
    standing = await read_controls(settings)
    newest = {(c.kind, c.id): c for c in standing}
    first = not any(c.kind in (POLICY, CALENDAR) for c in standing)
    decided = decisions_of(settings)
    for (kind, id), value in decided.items():
        before = newest.get((kind, id))
        if before is None or before.value != value:
            standing.append(await publish(settings, kind, id, value, 0 if first else now_ms + AHEAD_MS))
    for (kind, id), before in newest.items():
        if kind == CALENDAR and before.value is not None and (kind, id) not in decided:
            standing.append(await publish(settings, kind, id, None, now_ms + AHEAD_MS))
    return _sorted({c.key: c for c in standing})


def timeline_of(controls: list[Control], created_at_ms: int | None = None) -> Timeline:
    """What holds when, of the decisions that life cycles read.

    `created_at_ms` is when the figures' generation began to be made: a decision written after that does not reach into what may
    have been counted already, however early it says that it holds; it comes into force with the next generation.
    """
    reaching = [c for c in controls if created_at_ms is None or c.reaches(created_at_ms)]
    restated = {(c.kind, c.id): c.at_ms for c in reaching if c.restates}
    reaching = [c for c in reaching if c.at_ms >= restated.get((c.kind, c.id), 0)]
    policies = [c for c in reaching if (c.kind, c.id) == (POLICY, DECISIONS)]
    calendars = [c for c in reaching if c.kind == CALENDAR]
    versions: list[tuple[int, Controls]] = []
    for instant in sorted({0, *(c.valid_from_ms for c in (*policies, *calendars))}):
        policy = next((c.value for c in reversed(policies) if c.valid_from_ms <= instant and c.value is not None), {})
        newest = {c.id: c for c in calendars if c.valid_from_ms <= instant}
        held = {id: _calendar(calendars, id) for id, control in newest.items() if control.value is not None}
        versions.append((instant, _controls(policy or {}, held)))
    return Timeline(versions)


def timeline_of_settings(settings: Settings) -> Timeline:
    """What the settings alone decide, from the beginning."""
    return timeline_of(
        [Control(kind=kind, id=id, valid_from_ms=0, value=value, at_ms=0) for (kind, id), value in decisions_of(settings).items()]
    )


def _controls(policy: dict[str, Any], calendars: dict[str, Calendar]) -> Controls:
    known = {name: value for name, value in policy.items() if name in Controls.__struct_fields__}
    if "escalation_kinds" in known:
        known["escalation_kinds"] = frozenset(known["escalation_kinds"])
    return Controls(**known, calendars=calendars)


def _calendar(calendars: list[Control], id: str) -> Calendar:
    definitions = [
        msgspec.structs.replace(msgspec.convert(c.value, Definition), valid_from_ms=c.valid_from_ms)
        for c in calendars
        if c.id == id and c.value is not None
    ]
    return Calendar(definitions)


_json = msgspec.json.Encoder()
_control = msgspec.json.Decoder(Control)
