"""deskpulse as a user runs it, for one log in one order: topics of its own, the three services, `deskpulse send`, the API.

Laws: every port is a free one, every process is ended by the one who started it, and what is read is read only once all that
was sent is in the figures, which offsets tell and no clock.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cli.addresses import urls_of
from cli.processes import Supervisor, deskpulse, services_of
from cli.settled import settled
from deploy.ports import free_ports
from schemas.deadletters import DeadLetter
from schemas.figures import Figure
from schemas.topics import REJECTED
from services.kafka import read_partition
from services.settings import (
    AggregatorSettings,
    ApiSettings,
    IngestSettings,
    KafkaSettings,
    Settings,
    SourceSettings,
    TargetSettings,
    as_environment,
    topic,
)
from services.topics import ensure_topics
from tests.conftest import REPOSITORY

SOURCE = "real"
_SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
_READY_SECONDS = 120.0
_SEND_SECONDS = 600.0
_WITHIN_A_DAY = TargetSettings(within=86_400)

Parameters = Mapping[str, str | list[str]]


def settings_of(folder: Path, bootstrap: str) -> Settings:
    """The settings of one run: the clock is that of the events, and the longest of the logs fits into the level of days."""
    ingest, aggregator, api = free_ports(3)
    return Settings(
        tenant="real",
        data_dir=folder / "data",
        time_zone="UTC",
        now="watermark",
        kafka=KafkaSettings(bootstrap=bootstrap, topic_prefix=f"real-{uuid.uuid4().hex[:10]}.", partitions=4),
        ingest=IngestSettings(port=ingest),
        # A log of years at once is catching up, not living: fewer checkpoints, as one would set them for that.
        aggregator=AggregatorSettings(port=aggregator, day_level_days=1600, checkpoint_ms=500),
        api=ApiSettings(port=api),
        sources={SOURCE: SourceSettings(kind="standardwebhooks", secret_env=("REAL_SECRET",))},
        targets={"full_resolution_time_seconds": _WITHIN_A_DAY, "first_resolution_time_seconds": _WITHIN_A_DAY},
    )


class Services:
    """A running installation; made by `services_for`."""

    def __init__(self, settings: Settings, environment: dict[str, str], client: httpx.Client) -> None:
        self.settings = settings
        self._environment = environment
        self._client = client

    def send(self, tape: Path, *, keep_order: bool) -> None:
        """Send a file of events with the command line, as fast as it goes; one connection keeps the order of the lines."""
        pace = ["--connections", "1", "--batch", "2000"] if keep_order else ["--connections", "4"]
        command = deskpulse("send", str(tape), "--source", SOURCE, "--rate", "max", *pace)
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self._environment, capture_output=True, text=True, timeout=_SEND_SECONDS, check=False
        )
        assert done.returncode == 0, f"deskpulse send failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

    def settle(self) -> None:
        """Return once everything that was sent is in the figures. Raises NotSettled."""
        asyncio.run(settled(self.settings, urls_of(self.settings)["api"]))

    def figures(self, parameters: Parameters) -> list[Figure]:
        """The answer of `GET /v1/figures`; a refusal fails the test with its own words."""
        response = self._client.get("/v1/figures", params=parameters)
        assert response.status_code == 200, f"{response.status_code} for {parameters}: {response.text[:500]}"
        return msgspec.convert(response.json()["figures"], list[Figure])

    def catalogue(self) -> list[dict[str, Any]]:
        """The entries of `GET /v1/kpis`."""
        entries: list[dict[str, Any]] = self._client.get("/v1/kpis").raise_for_status().json()["kpis"]
        return entries

    def dead_letters(self) -> list[DeadLetter]:
        """All that ingest or the aggregator refused."""
        return asyncio.run(_dead_letters(self.settings))


@contextmanager
def services_for(settings: Settings, log_dir: Path) -> Iterator[Services]:
    """The services on topics of their own, ready for the first event; ended with the block."""
    asyncio.run(ensure_topics(settings))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DESKPULSE_")}
    environment = {**inherited, **as_environment(settings), "REAL_SECRET": _SECRET}
    with (
        Supervisor(environment, log_dir=log_dir, cwd=REPOSITORY) as children,
        httpx.Client(base_url=urls_of(settings)["api"], timeout=120) as client,
    ):
        for service in services_of(urls_of(settings)):
            children.start(service)
        children.wait_until_ready(deadline_seconds=_READY_SECONDS)
        yield Services(settings, environment, client)
        assert not children.ended(), f"ended by themselves: {children.ended()}; look into {log_dir}"


async def _dead_letters(settings: Settings) -> list[DeadLetter]:
    records = read_partition(settings, topic(settings, REJECTED), 0)
    return [msgspec.json.decode(record.value, type=DeadLetter) async for record in records]
