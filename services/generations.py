"""Generations: the derived topics side by side, so that figures can be made anew beside those that are live.

A generation says what its numbers were made with: the versions of the measures, the time zone, the pairs of dimensions, the
partitions. Laws: a process works within one generation, with that generation's own cut of topics, whatever the settings say
meanwhile; the settings come into force with the next generation (`deskpulse rebuild`); numbers made with other rules are never
added up with ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from kpis.entity import STATE_LAYOUT
from kpis.measures import MEASURES
from schemas.topics import CELLS, CONTROLS, TOPICS
from services.controls import GENERATION, Control, publish, read_controls
from services.kafka import end_offsets
from services.settings import Settings, topic
from services.settings_errors import ConfigError, Problem
from services.topics import TopicState, ensure_topics

log = logging.getLogger("deskpulse.generations")
LIVE = "live"


class Generation(Struct, kw_only=True, frozen=True):
    """One generation: its number, whose `events` it reads, and what its numbers were made with.

    `created_at_ms` bounds the decisions that reach into its past: those written later hold from when they were written.
    """

    number: int
    events: int
    partitions: int
    difference_partitions: int
    pairs: tuple[tuple[str, str], ...]
    time_zone: str
    day_level_days: int
    measures: dict[str, int]
    created_at_ms: int


def made_with(settings: Settings, number: int, events: int, now_ms: int) -> Generation:
    """A generation as these settings and this version of deskpulse would make it."""
    return Generation(
        number=number,
        events=events,
        partitions=settings.kafka.partitions,
        difference_partitions=settings.kafka.difference_partitions,
        pairs=settings.dimensions.pairs,
        time_zone=settings.time_zone,
        day_level_days=settings.aggregator.day_level_days,
        measures=versions(),
        created_at_ms=now_ms,
    )


def versions() -> dict[str, int]:
    """The version of every measure in this version of deskpulse, and that of the states at rest."""
    return {"states": STATE_LAYOUT, **{measure.name: measure.version for measure in MEASURES}}


def within(settings: Settings, generation: Generation) -> Settings:
    """The settings as they hold within a generation."""
    kafka = settings.kafka.model_copy(
        update={
            "generation": generation.number,
            "events_generation": generation.events,
            "partitions": generation.partitions,
            "difference_partitions": generation.difference_partitions,
        }
    )
    return settings.model_copy(
        update={
            "kafka": kafka,
            "time_zone": generation.time_zone,
            "dimensions": settings.dimensions.model_copy(update={"pairs": generation.pairs}),
            "aggregator": settings.aggregator.model_copy(update={"day_level_days": generation.day_level_days}),
        }
    )


def live_of(controls: list[Control]) -> Generation | None:
    """The generation that is live, None before the first start."""
    return _decoded(controls, LIVE)


def generation_of(controls: list[Control], number: int) -> Generation | None:
    """A generation by its number, None for one that was never made or is gone."""
    return _decoded(controls, str(number))


def _meant(settings: Settings, controls: list[Control]) -> Generation | None:
    wanted = settings.kafka.generation
    return generation_of(controls, wanted) if wanted else live_of(controls)


def _decoded(controls: list[Control], id: str) -> Generation | None:
    for control in controls:
        if control.kind == GENERATION and control.id == id and control.value is not None:
            return msgspec.convert(control.value, Generation, strict=False)
    return None


async def entered(settings: Settings, now_ms: int, say: Callable[[str], None] = log.warning) -> tuple[Settings, Generation]:
    """The settings as they hold within the generation meant: the one they name, else the live one; the first start makes it.

    What of the settings has to wait for the next generation is told. Raises ConfigError for one that does not exist, and KafkaError.
    """
    wanted = settings.kafka.generation
    generation = _meant(settings, await read_controls(settings))
    if generation is None and wanted > 1:
        raise ConfigError([_problem(f"{wanted}, which was never made", "the number of a generation that exists, or 0 for the live one")])
    if generation is None:
        generation = await older(settings)
    if generation is None:
        generation = made_with(settings, 1, 1, now_ms)
        await announce(settings, generation)
        await make_live(settings, generation)
    for what in waiting(settings, generation):
        say(f"{what} comes into force with `deskpulse rebuild --all`; until then generation {generation.number} goes on as it is")
    return within(settings, generation), generation


async def older(settings: Settings) -> Generation | None:
    """The generation of figures that were made before generations were written down, by rules of which nothing is known; None without."""
    first = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"generation": 1, "events_generation": 1})})
    ends = await end_offsets(first, topic(first, CELLS), settings.kafka.difference_partitions)
    return msgspec.structs.replace(made_with(settings, 1, 1, 0), measures={}) if any(ends.values()) else None


async def prepared(settings: Settings, say: Callable[[str], None]) -> tuple[Settings, list[TopicState]]:
    """Make or check the topics of the live generation, or of the first; the settings within it, and what was found.

    Raises ConfigError, KafkaError.
    """
    states = await ensure_topics(settings, only={CONTROLS})
    generation = _meant(settings, await read_controls(settings))
    if generation is not None:
        for what in waiting(settings, generation):
            say(f"{what} comes into force with `deskpulse rebuild --all`")
        settings = within(settings, generation)
    return settings, [*states, *await ensure_topics(settings, only={t.name for t in TOPICS} - {CONTROLS})]


async def announce(settings: Settings, generation: Generation) -> None:
    """Say that a generation is being made."""
    await publish(settings, GENERATION, str(generation.number), msgspec.to_builtins(generation))


async def make_live(settings: Settings, generation: Generation) -> None:
    """Say which generation the services are to serve from now on."""
    await publish(settings, GENERATION, LIVE, msgspec.to_builtins(generation))


def waiting(settings: Settings, generation: Generation) -> list[str]:
    """What the settings want otherwise than the generation has it, in words."""
    now = made_with(settings, generation.number, generation.events, generation.created_at_ms)
    names = {
        "partitions": "kafka.partitions",
        "difference_partitions": "kafka.difference_partitions",
        "pairs": "dimensions.pairs",
        "time_zone": "time_zone",
        "day_level_days": "aggregator.day_level_days",
    }
    return [f"{name} = {_shown(getattr(now, field))}" for field, name in names.items() if getattr(now, field) != getattr(generation, field)]


def changed_measures(generation: Generation, ours: Mapping[str, int] | None = None) -> list[str]:
    """Measures whose rule this version of deskpulse has otherwise, as `name@ours`; new ones too."""
    return [f"{name}@{version}" for name, version in (ours or versions()).items() if generation.measures.get(name) != version]


def refuse_other_rules(generation: Generation) -> None:
    """Raises ConfigError when adding our contributions to this generation's would mix two rules."""
    if changed := changed_measures(generation):
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        what = f"numbers made without {shown}"
        raise ConfigError([_problem(what, "those of this version: run `deskpulse rebuild --all`, which makes them beside the live ones")])


def _problem(found: str, expected: str) -> Problem:
    return Problem("the topic of controls", "kafka.generation", found, expected)


def _shown(value: Any) -> str:
    return str([list(pair) for pair in value]) if isinstance(value, tuple) else repr(value)
