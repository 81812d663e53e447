"""What all tests share: a broker, settings of their own, a Hypothesis profile.

The broker is KAFKA_BOOTSTRAP if set; a container if KAFKA=container; else the embedded Apache Kafka, one for the session.
Tests never share topics: each `Settings` has a prefix of its own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from deploy.kafka.embedded import EmbeddedKafka
from deploy.ports import free_ports
from services.settings import AggregatorSettings, ApiSettings, IngestSettings, KafkaSettings, Settings

hypothesis_settings.register_profile("deskpulse", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("deskpulse")

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_DATA = REPOSITORY.parent / "shared" / "data"

_took: list[str] = []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which broker the run took."""
    for broker in _took:
        terminalreporter.write_line(f"Kafka of this run: {broker}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that answers, `host:port`."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        _took.append(f"{given} (KAFKA_BOOTSTRAP)")
        yield given
    elif os.environ.get("KAFKA") == "container":
        containers = pytest.importorskip("testcontainers.kafka", reason="KAFKA=container needs testcontainers")
        image = os.environ.get("KAFKA_IMAGE", "apache/kafka:4.1.0")
        with containers.KafkaContainer(image) as container:
            _took.append(f"container {image}")
            yield container.get_bootstrap_server()
    else:
        with EmbeddedKafka(tmp_path_factory.mktemp("broker"), say=print) as broker:
            _took.append(f"embedded Apache Kafka at {broker.bootstrap}")
            yield broker.bootstrap


SettingsFor = Callable[..., Settings]


@pytest.fixture
def settings_for(tmp_path: Path) -> SettingsFor:
    """`settings_for(bootstrap, partitions=2, **sections)`: settings with topics, data and ports of their own."""

    def make(bootstrap: str = "127.0.0.1:1", partitions: int = 2, **given: Any) -> Settings:
        ingest, aggregator, api = free_ports(3)
        sections: dict[str, Any] = {
            "data_dir": tmp_path,
            "kafka": KafkaSettings(bootstrap=bootstrap, topic_prefix=f"t{uuid.uuid4().hex[:10]}.", partitions=partitions),
            "ingest": IngestSettings(port=ingest),
            "aggregator": AggregatorSettings(port=aggregator),
            "api": ApiSettings(port=api),
        }
        return Settings(**{**sections, **given})

    return make
