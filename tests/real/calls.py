"""The bank's calls of August as canonical events.

* Phantom rows are dropped. A call is named by its line and number, which only together are unique.
* `call.queued` at `q_start`; a call that a person took at once is queued at the instant of its answer, so that its wait of zero counts.
* `call.answered` at `q_exit`, where the wait ended. `ser_start` is the server's own clock: it stands up to 388 s before `q_exit`
  and is missing in 57 answered calls, so it places only the answer of a call that never queued.
* `call.ended` at `ser_exit`, but never before the answer; its talk time is `ser_time`.
* A hang-up is `call.abandoned`: by the caller at `q_exit` when there was a queue, else `reason: ivr` at `vru_exit`.
* Times name no day: each is placed within half a day of the one before, which carries a call over midnight and leaves the 19 rows
  whose clock ran backwards as they are. "0:00:00" means none, unless the row's own durations say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.real.logfiles import FILES, Outside, header, moment, rfc3339, rows, said, seconds

_NONE = "0:00:00"
_DAY_SECONDS = 86_400


def calls(path: Path = FILES["calls"]) -> Iterator[Outside]:
    """The events of the calls in the order of the rows, each call's in the order of time."""
    names = header(path)
    for row in rows(path):
        entry = dict(zip(names, row, strict=True))
        if entry["outcome"] == "AGENT":
            yield from _answered(entry)
        elif entry["outcome"] == "HANG":
            yield from _hung_up(entry)


def _answered(entry: dict[str, str]) -> Iterator[Outside]:
    out_of_menu = _after(_entered(entry), entry["vru_exit"])
    if entry["q_start"] != _NONE:
        queued = _after(out_of_menu, entry["q_start"])
        answered = queued + seconds(int(entry["q_time"]))
    else:
        queued = answered = _after(out_of_menu, entry["ser_start"]) if _was_served(entry) else out_of_menu
    ended = answered
    if _was_served(entry):
        ended = max(answered, _after(answered, entry["ser_start"]) + seconds(int(entry["ser_time"])))
    agent = said(agent_id=entry["server"] if entry["server"] != "NO_SERVER" else None)
    yield _event(entry, "call.queued", queued)
    yield _event(entry, "call.answered", answered) | agent
    yield _event(entry, "call.ended", ended) | agent | {"talk_seconds": int(entry["ser_time"])}


def _hung_up(entry: dict[str, str]) -> Iterator[Outside]:
    out_of_menu = _after(_entered(entry), entry["vru_exit"])
    if entry["q_start"] == _NONE:
        yield _event(entry, "call.abandoned", out_of_menu) | {"reason": "ivr"}
        return
    queued = _after(out_of_menu, entry["q_start"])
    yield _event(entry, "call.queued", queued)
    yield _event(entry, "call.abandoned", queued + seconds(int(entry["q_time"]))) | {"reason": "caller"}


def _event(entry: dict[str, str], kind: str, at: datetime) -> Outside:
    call = f"{entry['vru+line']}-{entry['call_id']}"
    return {
        "type": kind,
        "id": f"{call}:{kind}",
        "occurred_at": rfc3339(at),
        "call_id": call,
        "channel": "phone",
        "queue": entry["type"],
        "issue_type": entry["type"],
        "priority": entry["priority"],
        # Customer 0 is nobody in particular.
        **said(customer_id=entry["customer_id"] if entry["customer_id"] != "0" else None),
    }


def _was_served(entry: dict[str, str]) -> bool:
    return entry["ser_start"] != _NONE or entry["ser_time"] != "0"


def _entered(entry: dict[str, str]) -> datetime:
    return moment(entry["date"], "%Y-%m-%d") + seconds(_second_of_day(entry["vru_entry"]))


def _after(earlier: datetime, clock: str) -> datetime:
    """The instant that shows this clock within half a day of `earlier`."""
    midnight = earlier.replace(hour=0, minute=0, second=0)
    ahead = _second_of_day(clock) - int((earlier - midnight).total_seconds())
    return earlier + seconds((ahead + _DAY_SECONDS // 2) % _DAY_SECONDS - _DAY_SECONDS // 2)


def _second_of_day(clock: str) -> int:
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)
