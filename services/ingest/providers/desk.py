"""What helpdesks have in common: how a change of status, owner or priority is told in canonical events, and the rules a desk may set.

Laws: only what the body says is told, so a state without its predecessor is a claim that the life cycle weighs; a change of status
is told as such and by the name of what it means; whoever is responsible now is an assignment, whoever was before makes it a transfer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from services.ingest.providers.telling import Outside
from services.ingest.providers.times import zone_of
from services.ingest.providers.values import id_in, lower_name_in, name_in

DONE = ("solved", "closed")
STATUSES = ("new", "open", "pending", "on_hold", *DONE)
PRIORITIES = ("low", "normal", "high", "urgent")


class DeskOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for its helpdesk.

    `statuses` maps the desk's own words or codes to ours, beside the provider's; `priorities` are its words from lowest to highest.
    A tag of `complaint_tags` or an issue type of `complaint_types` makes a complaint of a ticket. A move to one of
    `functional_teams` or `hierarchic_teams` (as the provider names them) is an escalation of that kind; `priority_escalates` says
    whether a rising priority is an escalation. `team_names` gives the ids of teams the names to be shown. `time_zone` is that of times that
    name none.
    """

    statuses: Mapping[str, str] = {}
    priorities: tuple[str, ...] = PRIORITIES
    priority_escalates: bool = True
    complaint_tags: frozenset[str] = frozenset()
    complaint_types: frozenset[str] = frozenset()
    functional_teams: frozenset[str] = frozenset()
    hierarchic_teams: frozenset[str] = frozenset()
    team_names: Mapping[str, str] = {}
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.statuses.values()) - set(STATUSES)):
            raise ValueError(f"statuses: {', '.join(unknown)} is none of {', '.join(STATUSES)}")
        zone_of(self.time_zone)

    def status(self, value: Any, known: Mapping[str, str]) -> str | None:
        """Our status for the provider's word or code; the desk's own mapping goes first, case does not count."""
        word = id_in(value).strip()
        lower = word.lower()
        return self.statuses.get(word) or self.statuses.get(lower) or known.get(lower)

    def team(self, value: Any) -> str | None:
        """A team's name for its id, the id itself where none is set."""
        found = name_in(value)
        return None if found is None else self.team_names.get(found, found)


def status_changed(to: str, previous: str | None, *, automatic: bool | None = None) -> Iterator[Outside]:
    """The ticket is in `to` now; `previous` None is "not said". Nothing when both are the same."""
    if to == previous:
        return
    said: Outside = {"automatic": True} if automatic else {}
    yield {"type": "ticket.status_changed", "to": to, "from": previous, **said}
    if to in DONE:
        if to == "closed" and previous not in DONE and previous is not None:
            yield {"type": "ticket.solved", **said}
        yield {"type": f"ticket.{to}", **said}
    elif previous in DONE:
        yield {"type": "ticket.reopened", **said}


def agent_changed(current: Any, previous: Any = None, *, automatic: bool | None = None) -> Iterator[Outside]:
    """Another person (None is nobody) is responsible; `previous` None is nobody, or not said."""
    before, now = name_in(previous), name_in(current)
    yield {"type": "ticket.assigned", "agent_id": now, **({"automatic": True} if automatic else {})}
    if before and now and before != now:
        yield {"type": "ticket.transferred", "agent_id": now, "from_agent_id": before, "to_agent_id": now}


def team_changed(options: DeskOptions, current: Any, previous: Any = None, *, automatic: bool | None = None) -> Iterator[Outside]:
    """Another team is responsible; a move to a higher tier or an authority is an escalation."""
    was, is_now = name_in(previous), name_in(current)
    before, now = options.team(was), options.team(is_now)
    yield {"type": "ticket.assigned", "team": now, **({"automatic": True} if automatic else {})}
    if before and now and before != now:
        yield {"type": "ticket.transferred", "team": now, "from_team": before, "to_team": now}
    for kind, teams in (("functional", options.functional_teams), ("hierarchic", options.hierarchic_teams)):
        if is_now in teams and was not in teams:
            yield {"type": "ticket.escalated", "team": now, "kind": kind, "from": before, "to": now}


def priority_changed(options: DeskOptions, current: Any, previous: Any = None) -> Iterator[Outside]:
    """Another priority; one that ranks above the one before is an escalation, unless the desk says that it is none."""
    before, now = lower_name_in(previous), lower_name_in(current)
    if now is None or now == before:
        return  # a priority that was cleared is not "empty", it is not said
    yield {"type": "ticket.priority_changed", "priority": now, "to": now, "from": before}
    ranks = options.priorities
    if options.priority_escalates and before in ranks and now in ranks and ranks.index(now) > ranks.index(before):
        yield {"type": "ticket.escalated", "priority": now, "kind": "priority", "from": before, "to": now}


def standing(options: DeskOptions, status: str | None, priority: Any = None, owners: Mapping[str, Any] | None = None) -> Iterator[Outside]:
    """What a snapshot claims, which says how things are and not what changed.

    `owners` are the `agent_id` and the `team` that it names, None for nobody. Who counts finds the changes: what is so already
    does nothing.
    """
    if status is not None:
        yield from status_changed(status, None)
    if owners:
        said = {name: options.team(value) if name == "team" else name_in(value) for name, value in owners.items()}
        yield {"type": "ticket.assigned", **said}
        yield from (each for each in team_changed(options, owners.get("team")) if each["type"] == "ticket.escalated")
    yield from priority_changed(options, priority)


def complaint(options: DeskOptions, ticket_id: str, tags: Iterable[str] = (), issue_type: str | None = None) -> Iterator[Outside]:
    """The complaint that a ticket is by its tags or its type; its id is the ticket's, so it is one however often it is told."""
    category = next((tag for tag in tags if tag in options.complaint_tags), None)
    if category is None and issue_type in options.complaint_types:
        category = issue_type
    if category is not None:
        yield {"type": "complaint.raised", "complaint_id": ticket_id, "category": category}


def tagged(added: list[str], removed: list[str]) -> Iterator[Outside]:
    """Tags that came and went."""
    if added or removed:
        yield {"type": "ticket.tagged", "added": added, "removed": removed}
