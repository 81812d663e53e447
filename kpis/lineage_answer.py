"""The answer to "where does this number come from?": the figure, what counts, what is left out, and what corrected it.

Times are RFC 3339, durations seconds. Ids of customers appear here and nowhere else that is published.
"""

from __future__ import annotations

from msgspec import Struct

from schemas.figures import Figure


class Contribution(Struct, kw_only=True, rename={"cls": "class"}):
    """What an entity adds: how often, when, and how long it took (None where nothing is timed).

    For a gauge `count` is the level at the end of the span and `value_seconds` how long of the span it was in it. `beside`
    marks what is told as a part and the value does not rest on.
    """

    measure: str
    cls: str
    at: str
    value_seconds: float | None
    count: int
    beside: bool = False


class EventLine(Struct, kw_only=True):
    """One event of a log; `made` names the measures of the figure that it changed. `received_at` is None where not kept."""

    source: str
    id: str
    type: str
    occurred_at: str
    received_at: str | None
    version: int
    made: list[str]


class Counted(Struct, kw_only=True):
    """One entity that counts; `through` is the ledger (a customer, an invitation, a quote) it counts through.

    `related` are entities that made it count too: the purchase after a contact, the answer to an invitation.
    """

    entity: str
    counts: list[Contribution]
    attributes: dict[str, str]
    through: str | None = None
    related: list[str] = []
    events: list[EventLine] = []
    more_events: int = 0


class LeftOut(Struct, kw_only=True):
    """An entity (or a part of it) that is not in the figure, or not in its numerator: why, and what there is to know of it."""

    entity: str
    reason: str
    detail: str
    at: str


class LateEvent(Struct, kw_only=True):
    """An event that came more than an hour after it happened and changed this figure."""

    entity: str
    source: str
    id: str
    type: str
    occurred_at: str
    received_at: str
    late_by_seconds: float
    measures: list[str]


class Revisions(Struct, kw_only=True):
    """How often the figure was corrected after it was final, how many events of its span came late, and which changed it."""

    total: int
    late_applied: int
    late_events: list[LateEvent]


class Lineage(Struct, kw_only=True):
    """The whole answer. `counted` entities make the value, `beside` others are told beside it only; `more` of both are not listed.

    `filled` is the formula in numbers, `read_at` the newest offset of each input that the logs include; `complete` is False, with
    a `reason`, when logs are missing.
    """

    figure: Figure
    formula: str
    filled: str
    entities: list[Counted]
    counted: int
    beside: int
    more: int
    left_out: list[LeftOut]
    left_out_counts: dict[str, int]
    revisions: Revisions
    complete: bool
    reason: str | None
    read_at: dict[str, int]
