"""How the sources stand and how often they deliver, read from the topic `sources`: what every door told last."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from schemas.rhythm import SUFFIX, Rhythm, decode_rhythm
from schemas.standing import Standing, added, decode_standing
from schemas.topics import SOURCES
from services import compacted
from services.settings import Settings

log = logging.getLogger("deskpulse.standings")


async def read_standings(settings: Settings) -> list[Standing]:
    """What every door told of every source. Raises KafkaError."""
    return _standings(await compacted.newest_of(settings, SOURCES))


async def read_rhythms(settings: Settings) -> list[Rhythm]:
    """What every door told of how often each source delivers. Raises KafkaError."""
    return _rhythms(await compacted.newest_of(settings, SOURCES))


async def follow_standings(settings: Settings, changed: Callable[[list[Standing], list[Rhythm]], None]) -> None:
    """Tell how the sources stand, all doors of one together, and their rhythms, again at every change, until cancelled."""
    await compacted.follow(settings, SOURCES, lambda newest: changed(by_source(_standings(newest)), _rhythms(newest)))


def by_source(standings: list[Standing]) -> list[Standing]:
    """One for each source, by name; the kind is that of the newest record."""
    found: dict[str, Standing] = {}
    for standing in sorted(standings, key=lambda each: (each.source, -each.at_ms)):
        before = found.get(standing.source)
        found[standing.source] = standing if before is None else added(before, standing)
    return list(found.values())


def _standings(newest: compacted.Newest) -> list[Standing]:
    found = []
    for key, value in newest.items():
        if key.endswith(SUFFIX):
            continue
        try:
            found.append(decode_standing(value))
        except msgspec.DecodeError:
            log.warning("a record of `sources` cannot be read and is left out: %r", key[:100])
    return found


def _rhythms(newest: compacted.Newest) -> list[Rhythm]:
    found = []
    for key, value in newest.items():
        if key.endswith(SUFFIX):
            try:
                found.append(decode_rhythm(value))
            except msgspec.DecodeError:
                log.warning("a record of `sources` cannot be read and is left out: %r", key[:100])
    return found
