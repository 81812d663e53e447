"""Runs the real logs through the real services, once for each log and order, and keeps what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
import pytest

from schemas.deadletters import DeadLetter
from schemas.figures import Figure
from tests.real.answers import ANSWERS, SPANS
from tests.real.computed import Compared, compared, reader_of
from tests.real.logfiles import DATA, FILES
from tests.real.services import services_for, settings_of
from tests.real.translate import Log, Order, translated

SEED = 7


class Outcome(NamedTuple):
    """What one run left behind: the figures asked for each known answer, by its name, and all else that the tests judge."""

    answers: dict[str, list[dict[str, Any]]]
    created_by_channel: list[Figure]
    compared: Compared
    dead_letters: list[DeadLetter]


OutcomeOf = Callable[[Log, Order], Outcome]


@pytest.fixture(autouse=True)
def _real_logs_or_skip(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("real") and not all(path.exists() for path in FILES.values()):
        pytest.skip(f"the real logs are not on this machine: they are looked for in {DATA.parent.name}/{DATA.name} beside the repository")


@pytest.fixture(scope="session")
def outcome_of(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> OutcomeOf:
    """What comes of a log sent in an order through services started for it alone; a run that failed is not tried again."""
    kept: dict[tuple[Log, Order], Outcome | Exception] = {}

    def outcome(log: Log, order: Order) -> Outcome:
        if (log, order) not in kept:
            try:
                kept[log, order] = _run(log, order, kafka, tmp_path_factory)
            except Exception as error:
                kept[log, order] = error
        found = kept[log, order]
        if isinstance(found, Exception):
            raise found
        return found

    return outcome


def _run(log: Log, order: Order, bootstrap: str, folders: pytest.TempPathFactory) -> Outcome:
    folder = folders.mktemp(f"real-{log}-{order}")
    tape = folder / "events.jsonl"
    with tape.open("wb") as out:
        out.writelines(msgspec.json.encode(event) + b"\n" for event in translated(log, order, seed=SEED))
    began = time.monotonic()
    # What the figures must be is computed while the services work: both are waited for.
    with services_for(settings_of(folder, bootstrap), folder / "logs") as services, ThreadPoolExecutor(1) as beside:
        ready = time.monotonic()
        computing = beside.submit(reader_of, log)
        services.send(tape, keep_order=order != "shuffled")
        sent = time.monotonic()
        services.settle()
        settled = time.monotonic()
        start, end = SPANS[log]
        found = Outcome(
            answers={a.name: [msgspec.to_builtins(f) for f in services.figures(a.params(log))] for a in ANSWERS[log]},
            created_by_channel=services.figures({"kpi": "issues_created", "from": start, "to": end, "by": "channel"}),
            compared=compared(log, computing.result(), services.catalogue(), services.figures),
            dead_letters=services.dead_letters(),
        )
        asked = time.monotonic()
    print(
        f"{log} {order}: ready after {ready - began:.1f} s, sent {sent - ready:.1f} s, settled {settled - sent:.1f} s, "
        f"compared {asked - settled:.1f} s, ended {time.monotonic() - asked:.1f} s"
    )
    return found
