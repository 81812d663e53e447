"""How the sources stand, read from the topic `sources`: what every door told last."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from schemas.standing import Standing, added, decode_standing
from schemas.topics import SOURCES
from services import compacted
from services.settings import Settings

log = logging.getLogger("deskpulse.standings")


async def read_standings(settings: Settings) -> list[Standing]:
    """What every door told of every source. Raises KafkaError."""
    return _standings(await compacted.newest_of(settings, SOURCES))


async def follow_standings(settings: Settings, changed: Callable[[list[Standing]], None]) -> None:
    """Tell how the sources stand, all doors of one together, and again at every change, until cancelled."""
    await compacted.follow(settings, SOURCES, lambda newest: changed(by_source(_standings(newest))))


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
        try:
            found.append(decode_standing(value))
        except msgspec.DecodeError:
            log.warning("a record of `sources` cannot be read and is left out: %r", key[:100])
    return found
