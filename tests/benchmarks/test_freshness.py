"""The time from webhook to stream: how it is counted, and one small round through the real services."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import psutil
import pytest

from benchmarks.freshness import SECRET_VARIABLE, Load, Sighting, one_round, settings_of, waits
from cli.addresses import urls_of
from cli.processes import Supervisor, services_of
from services.settings import as_environment
from services.topics import ensure_topics


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        pytest.param([10], [1.0], id="the first message that tells enough counts"),
        pytest.param([11], [2.0], id="one event more needs the next message"),
        pytest.param([10, 20, 21], [1.0, 1.5, 2.5], id="each post has its own time, due half a second after the last"),
    ],
)
def test_an_event_is_seen_once_n_reaches_it(reached: list[int], expected: list[float]) -> None:
    sightings = [Sighting(100.0, 0), Sighting(101.0, 10), Sighting(102.0, 20), Sighting(103.5, 40)]
    due = [100.0 + 0.5 * number for number in range(len(reached))]
    assert waits(due, reached, sightings) == expected


def test_a_window_that_shrinks_does_not_hide_what_was_seen() -> None:
    assert waits([0.0], [5], [Sighting(1.0, 5), Sighting(2.0, 3), Sighting(3.0, 6)]) == [1.0]


@pytest.mark.broker
async def test_a_small_round_sees_every_event(kafka: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, kafka, partitions=2, prefix=f"freshness-{os.getpid()}.")
    secret = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
    await ensure_topics(settings)
    with Supervisor({**as_environment(settings), SECRET_VARIABLE: secret}, log_dir=tmp_path) as children:
        processes = {service.name: psutil.Process(children.start(service)) for service in services_of(urls_of(settings))}
        children.wait_until_ready(deadline_seconds=120)
        done = await one_round(Load(rate=50, batch=10, seconds=1), "one", settings, secret, processes)
    assert len(done.seen) == 50
    assert len(done.answered) == 5
    assert 0 < min(done.seen) <= max(done.seen)
    assert all(cores.used > 0 for cores in done.cores.values())
