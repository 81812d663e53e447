"""Runs one real log through the real services, and answers questions about it over the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.logfiles import DATA, FILES
from tests.real.services import Services
from tests.real.translate import Log, Order

Ask = Callable[[dict[str, str]], list[dict[str, Any]]]
"""The parameters of `GET /v1/figures` -> the figures of its answer."""


@pytest.fixture(autouse=True)
def _real_logs_or_skip(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("real") and not all(path.exists() for path in FILES.values()):
        pytest.skip(f"the real logs are not on this machine: they are looked for in {DATA.parent.name}/{DATA.name} beside the repository")


@pytest.fixture(scope="session")
def run_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Log, Order], Ask]]:
    """Sends one log in one order through services started for it alone, waits until all of it is in the figures, lets ask.

    The services of the log asked for last stay up for further questions; asking for another log ends them first.
    """
    running: dict[tuple[Log, Order], Services] = {}

    def run(log: Log, order: Order) -> Ask:
        if (log, order) not in running:
            _end_all(running)
            running[log, order] = services = Services(_folder(tmp_path_factory, log, order))
            services.start()
            services.send(log, order)
            services.settle(log)
        return running[log, order].figures

    yield run
    _end_all(running)


def _end_all(running: dict[tuple[Log, Order], Services]) -> None:
    while running:
        running.popitem()[1].end()


def _folder(factory: pytest.TempPathFactory, log: Log, order: Order) -> Path:
    return factory.mktemp(f"real-{log}-{order}")
