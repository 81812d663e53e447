"""What a rebuild makes: the next generation, and whether it needs `events` of its own."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from kpis.measures import BY_NAME
from services.controls import GENERATION, Control
from services.generations import Generation, changed_measures, live_of, made_with, waiting
from services.settings import Settings


class NothingToDo(Exception):
    """The live figures are made with just these rules and settings; the message says how to make them anew all the same."""


class NotPossible(Exception):
    """There is nothing that could be made anew, or a name is unknown."""


class Plan(NamedTuple):
    """The live generation, the one to make, and why, in words."""

    live: Generation
    next: Generation
    reasons: list[str]

    @property
    def copies_events(self) -> bool:
        """Whether the events are written to a topic of their own: cut otherwise, or from an archive."""
        return self.next.events != self.live.events


def plan(
    settings: Settings,
    controls: list[Control],
    measures: Sequence[str],
    *,
    everything: bool,
    from_archive: bool,
    now_ms: int,
    older: Generation | None = None,
) -> Plan:
    """The next generation; `older` is what is live where nothing was written down of it. Raises NothingToDo, NotPossible."""
    live = live_of(controls) or older
    if live is None:
        raise NotPossible("nothing was ever computed here: start the services first, there is nothing to make anew")
    changed = {name.partition("@")[0]: name for name in changed_measures(live)}
    for name in measures:
        if name not in BY_NAME:
            near = difflib.get_close_matches(name, list(BY_NAME), 1)
            raise NotPossible(f"no measure is called {name!r}" + (f"; the nearest is {near[0]}" if near else ""))
        if name not in changed:
            same = f"{name} is at version {BY_NAME[name].version} in the live figures and in this version"
            raise NothingToDo(f"{same}: add --all to make all anew")
    waits = waiting(settings, live)
    reasons = [f"{changed[name]} instead of @{live.measures.get(name, 'none')}" for name in measures] or [*changed.values()]
    reasons += waits
    if not (everything or measures):
        raise NotPossible("name what is to be made anew: --measure NAME (as often as needed) or --all")
    number = 1 + max(_numbers(controls), default=live.number)
    cut_otherwise = settings.kafka.partitions != live.partitions
    return Plan(live, made_with(settings, number, number if cut_otherwise or from_archive else live.events, now_ms), reasons)


def _numbers(controls: list[Control]) -> list[int]:
    return [int(control.id) for control in controls if control.kind == GENERATION and control.id.isdigit()]
