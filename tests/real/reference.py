"""The known answers by brute force: the canonical events of a log, every entity's log replayed from its beginning, plain sums.

Nothing of `kpis` is used. Laws: events are deduplicated by id; an entity's log is ordered by time, sequence, rank of the type and
id; what is "within" a horizon includes the horizon itself; an instant sees the events before it. It stands beside the services so
that a difference says whether the translation or the pipeline is at fault.

As a command: `python -m tests.real.reference` prints every known answer beside what the replay finds; exit 1 on a difference.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from schemas import events as ev
from schemas.canonical import event_from, millis_from
from schemas.events import Event
from tests.real.answers import ANSWERS, SPANS, Answer
from tests.real.logfiles import Outside
from tests.real.translate import Log, translated

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_RECEIVED_MS = 4_000_000_000_000
_DONE = frozenset({"solved", "closed"})
_REQUESTER_WAITS = frozenset({"new", "open", "on_hold"})
_Reader = Callable[[Answer], dict[str, Any]]


def entity_logs(outside: Iterable[Outside]) -> list[list[Event]]:
    """The events by entity, each log in its order; an id that comes again counts once. Raises Rejected for a bad translation."""
    known: dict[str, Event] = {}
    for one in outside:
        event, stripped = event_from(one, source="real", received_at_ms=_RECEIVED_MS)
        if stripped or known.setdefault(event.id, event) != event:
            raise ValueError(f"{event.id}: unknown fields {stripped}, or one id with two contents")
    entities: dict[str, list[Event]] = defaultdict(list)
    for event in known.values():
        entities[next(v for name in ("ticket_id", "call_id", "lead_id") if (v := getattr(event, name, None)))].append(event)
    return [sorted(log, key=lambda e: (e.occurred_at_ms, e.sequence, type(e).rank, e.id)) for log in entities.values()]


@dataclass
class Ticket:
    """One ticket after its replay; times in ms."""

    created_ms: int
    channel: str | None
    done: bool = False
    solves: list[int] = field(default_factory=list)
    reopenings: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    """What the requester had waited at each solve."""
    steps: list[tuple[int, int]] = field(default_factory=list)
    """+1 when it became active, -1 when it ceased to be."""

    def lasting_solve_ms(self) -> int | None:
        """The first solve that no reopening within 24 h followed."""
        for at in self.solves:
            after = [again for again in self.reopenings if again >= at]
            if not after or after[0] - at > DAY_MS:
                return at
        return None


def replay_ticket(log: list[Event]) -> Ticket:
    """The transitions of one ticket. A change before the creation counts as it stands; the creation then changes no status."""
    created = next(e for e in log if isinstance(e, ev.TicketCreated))
    ticket = Ticket(created.occurred_at_ms, created.channel)
    status, since, waited = "", 0, 0
    for event in log:
        if isinstance(event, ev.TicketStatusChanged):
            to: str = event.to
        elif isinstance(event, ev.TicketCreated):
            to = status or event.status
        else:
            continue
        at = event.occurred_at_ms
        if status in _REQUESTER_WAITS:
            waited += at - since
        was_done, is_done = status in _DONE, to in _DONE
        was_active, is_active = bool(status) and not was_done, not is_done
        if is_done and not was_done:
            ticket.solves.append(at)
            ticket.waits.append(waited)
        if was_done and not is_done:
            ticket.reopenings.append(at)
        if is_active != was_active:
            ticket.steps.append((at, 1 if is_active else -1))
        status, since = to, at
    ticket.done = status in _DONE
    return ticket


def ticket_figures(log: Log, logs: list[list[Event]]) -> _Reader:
    """The figures of tickets."""
    tickets = [replay_ticket(one) for one in logs]
    solved = [t for t in tickets if t.solves]
    done = [t for t in tickets if t.done]
    gross, again = sum(len(t.solves) for t in tickets), sum(len(t.reopenings) for t in tickets)
    figures: dict[str, dict[str, Any]] = {
        "resolved_issues": {"value": len(done), "parts": {"gross": gross}},
        "backlog_growth": {"value": len(tickets) - gross + again},
        "reopen_rate": _share([t.reopenings[0] - t.solves[0] if t.reopenings else None for t in solved], 14 * DAY_MS),
        "resolved_within_24h": _share([_since(t, t.lasting_solve_ms()) for t in tickets], DAY_MS),
        "resolution_rate": _share([_since(t, t.solves[0] if t.solves else None) for t in tickets], 7 * DAY_MS),
        "full_resolution_time": _durations([t.solves[-1] - t.created_ms for t in done]),
        "first_resolution_time": _durations([t.solves[0] - t.created_ms for t in solved]),
        "requester_wait_time": _durations([t.waits[-1] for t in done]),
    }

    def read(answer: Answer) -> dict[str, Any]:
        if answer.kpi == "active_issues":
            instant = millis_from(answer.at)
            return {"value": sum(step for t in tickets for at, step in t.steps if at < instant)}
        if answer.kpi == "issues_created":
            return {"value": sum(all(getattr(t, name) == value for name, value in answer.where) for t in tickets)}
        return figures[answer.kpi]

    return read


def call_figures(log: Log, logs: list[list[Event]]) -> _Reader:
    """The figures of calls: answers at most 20 s after the queue's start are within, abandonments up to 5 s are short."""
    waits, given_up, talks = [], [], []
    for one in logs:
        times = {type(e): e.occurred_at_ms for e in one}
        for event in one:
            if isinstance(event, ev.CallAnswered):
                waits.append(event.occurred_at_ms - times[ev.CallQueued])
            elif isinstance(event, ev.CallAbandoned) and event.reason in ("caller", "other"):
                given_up.append(event.occurred_at_ms - times[ev.CallQueued])
            elif isinstance(event, ev.CallEnded):
                talks.append(round(1000 * (event.talk_seconds or 0)))
    not_short = sum(wait > 5_000 for wait in given_up)
    late = sum(wait > 20_000 for wait in given_up)
    figures: dict[str, dict[str, Any]] = {
        "abandonment_rate": {"numerator": not_short, "denominator": len(waits) + not_short},
        "service_level": {"numerator": sum(wait <= 20_000 for wait in waits), "denominator": len(waits) + late},
        "speed_of_answer": _durations(waits),
        "handle_time": _durations(talks),
    }
    return lambda answer: figures[answer.kpi]


def lead_figures(log: Log, logs: list[list[Event]]) -> _Reader:
    """The figures of leads; a deal won before its lead's first contact counts as won at once."""
    won: list[tuple[int, int]] = []
    for one in logs:
        created = next(e.occurred_at_ms for e in one if isinstance(e, ev.LeadCreated))
        won += [(e.occurred_at_ms, max(0, e.occurred_at_ms - created)) for e in one if isinstance(e, ev.DealWon)][:1]

    def read(answer: Answer) -> dict[str, Any]:
        if answer.kpi == "lead_to_booking_rate":
            return {"numerator": sum(wait <= 30 * DAY_MS for _, wait in won), "denominator": len(logs)}
        start, end = (millis_from(edge) for edge in answer.span or SPANS[log])
        return _durations([wait for at, wait in won if start <= at < end])

    return read


def reference(log: Log) -> _Reader:
    """What the brute force finds for a log: for an answer asked, a figure in the API's shape (only the fields known here)."""
    figures = {"incidents": ticket_figures, "helpdesk": ticket_figures, "calls": call_figures, "leads": lead_figures}
    return figures[log](log, entity_logs(translated(log)))


def _since(ticket: Ticket, at_ms: int | None) -> int | None:
    return None if at_ms is None else at_ms - ticket.created_ms


def _share(outcomes: list[int | None], horizon_ms: int) -> dict[str, Any]:
    return {"numerator": sum(o is not None and o <= horizon_ms for o in outcomes), "denominator": len(outcomes)}


def _durations(spans_ms: list[int]) -> dict[str, Any]:
    counted = sorted(max(0, span) for span in spans_ms if span >= -5_000)
    n = len(counted)
    within = sum(span <= DAY_MS for span in counted) / n
    p90 = counted[int(n * 0.9)] / 1000
    return {"n": n, "parts": {"mean": sum(counted) / n / 1000, "p50": statistics.median(counted) / 1000, "p90": p90, "within": within}}


def main() -> None:
    """Prints every known answer beside the replay's; exit 1 on a difference."""
    wrong = 0
    for log in get_args(Log):
        read = reference(log)
        for answer in ANSWERS[log]:
            found = answer.read(read(answer))
            good = answer.holds(found)
            wrong += not good
            print(f"{'ok   ' if good else 'WRONG'} {log:10} {answer.name:48} known {answer.expected:<14} found {found}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
