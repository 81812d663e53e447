"""What telephone systems have in common: the names of queues and teams, and the end of a call of which nobody says how it went.

Law: outbound calls are never queued, answered or abandoned; of them nothing but an end is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from services.ingest.providers.telling import Outside
from services.ingest.providers.values import name_in

Why = Literal["caller", "ivr", "closed", "short", "other"]


class CallOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a telephone system's source may set: `queue_names` and `team_names` give ids the names to be shown."""

    queue_names: Mapping[str, str] = {}
    team_names: Mapping[str, str] = {}

    def queue(self, queue_id: Any, name: Any = None) -> str | None:
        """The name of a queue: as it is set, as the system says it, its id."""
        return _named(self.queue_names, queue_id, name)

    def team(self, team_id: Any, name: Any = None) -> str | None:
        """The name of a team: as it is set, as the system says it, its id."""
        return _named(self.team_names, team_id, name)


def _named(names: Mapping[str, str], thing_id: Any, name: Any) -> str | None:
    found = name_in(thing_id)
    return (names.get(found) if found is not None else None) or name_in(name) or found


def over() -> Iterator[Outside]:
    """A call is over, and the message does not say whether a person had taken it.

    Both claims are told and the life cycle weighs them: of an answered call the abandonment counts nothing and the end closes it,
    of one that nobody took the abandonment counts and the end adds nothing.
    """
    yield {"type": "call.abandoned"}
    yield {"type": "call.ended"}


def positive_seconds(start: float | None, end: float | None) -> float | None:
    """Seconds from one to the other; None when one is not known or they are the wrong way round."""
    return None if start is None or end is None or end < start else float(end - start)
