"""A real log as canonical events, in the order of its file, of time, or shuffled.

As a command: `python -m tests.real.translate incidents --order shuffled --seed 7 > out.jsonl`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Literal, get_args

import msgspec

from tests.real.calls import calls
from tests.real.helpdesk import helpdesk
from tests.real.incidents import incidents
from tests.real.leads import leads
from tests.real.logfiles import Outside

Log = Literal["incidents", "calls", "leads", "helpdesk"]
Order = Literal["file", "time", "shuffled"]
TRANSLATORS: dict[Log, Callable[[], Iterator[Outside]]] = {"incidents": incidents, "calls": calls, "leads": leads, "helpdesk": helpdesk}


def translated(log: Log, order: Order = "file", seed: int = 0) -> Sequence[Outside]:
    """The events of one log; `seed` matters for `shuffled` alone. In the order of time, ties stay as they stand in the file."""
    held = list(_in_file_order(log))
    if order == "time":
        held.sort(key=lambda event: str(event["occurred_at"]))  # every time is written in UTC with three decimals
    elif order == "shuffled":
        random.Random(seed).shuffle(held)
    return held


@cache
def _in_file_order(log: Log) -> tuple[Outside, ...]:
    return tuple(TRANSLATORS[log]())


def main(arguments: list[str] | None = None) -> None:
    """Writes the events of one log to standard output as JSON Lines."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.translate", description="A real log as canonical events, JSON Lines.")
    parser.add_argument("log", choices=get_args(Log))
    parser.add_argument("--order", choices=get_args(Order), default="file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    encode = msgspec.json.encode
    sys.stdout.buffer.writelines(encode(event) + b"\n" for event in translated(options.log, options.order, options.seed))


if __name__ == "__main__":
    main()
