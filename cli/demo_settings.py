"""The configuration of a demonstration: everything of its own, so that any number may run beside each other and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

from cli.company import signing
from cli.company.deliveries import KIND_OF
from cli.company.people import SPECIALISTS
from cli.company.world import Source
from deploy.ports import HOST, free_ports, is_free
from services.settings import AggregatorSettings, ApiSettings, IngestSettings, KafkaSettings, Settings, SourceSettings, as_environment

API_PORT = 8081
_PARTITIONS = 4
"""Enough that the figures are put together from several shards, few enough for a small machine."""


class Demo(NamedTuple):
    """Settings, the secret of each source, and the variables with which a child process has both."""

    settings: Settings
    secrets: dict[Source, str]
    environment: dict[str, str]


def demo_settings(data_dir: Path, bootstrap: str, api_port: int) -> Demo:
    """A demonstration on the broker at `bootstrap`, its board on `api_port`, the other services on free ports, fresh secrets."""
    rng = SystemRandom()
    secrets = {source: signing.secret_for(kind, rng) for source, kind in KIND_OF.items()}
    ingest_port, aggregator_port = free_ports(2)
    settings = Settings(
        tenant="demo",
        data_dir=data_dir,
        kafka=KafkaSettings(bootstrap=bootstrap, partitions=_PARTITIONS),
        ingest=IngestSettings(host=HOST, port=ingest_port),
        aggregator=AggregatorSettings(host=HOST, port=aggregator_port),
        api=ApiSettings(host=HOST, port=api_port),
        sources={source: _source(source) for source in KIND_OF},
    )
    environment = {**as_environment(settings), **{_variable(source): secret for source, secret in secrets.items()}}
    return Demo(settings, secrets, environment)


def _source(source: Source) -> SourceSettings:
    """One customer has one id in all systems; the survey tool speaks of the helpdesk's tickets."""
    return SourceSettings(
        kind=KIND_OF[source],
        secret_env=(_variable(source),),
        identity="external_id",
        ticket_source="zendesk" if source == "feedback" else None,
        options={"functional_teams": [SPECIALISTS]} if source == "zendesk" else {},
    )


def _variable(source: Source) -> str:
    return f"DEMO_{source.upper()}_SECRET"


def api_port(wanted: int) -> tuple[int, str]:
    """The port of the board: the one that is wanted, or when it is taken a free one and a plain word about it (else "")."""
    if is_free(wanted):
        return wanted, ""
    other = free_ports(1)[0]
    return other, f"port {wanted} is taken by another program: the board is at port {other} this time"
