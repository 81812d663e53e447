"""The broker's file of the compose file is one that Apache Kafka starts from, and with which transactions begin on one broker."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from deploy import tether
from deploy.kafka.embedded import new_cluster_id
from deploy.kafka.jars import ensure_jars
from deploy.kafka.java import find_java
from deploy.ports import free_ports
from services.kafka import client_options, read_partition, wait_for_broker
from services.settings import topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.deploy.docker.composition import environment, mounted_from

pytestmark = [pytest.mark.broker, pytest.mark.room]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """Apache Kafka, started from that file; only paths, names of hosts and ports are this machine's. Its address."""
    port, controller = free_ports(2)
    text = mounted_from("kafka", "/mnt/shared/config/server.properties").read_text(encoding="utf-8")
    for there, here in {
        "/var/lib/kafka/data": str(tmp_path / "data"),
        "//kafka:9092": f"//127.0.0.1:{port}",
        "//:9092": f"//127.0.0.1:{port}",
        "localhost:9093": f"127.0.0.1:{controller}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    file = tmp_path / "server.properties"
    file.write_text(text, encoding="utf-8")
    heap = environment("kafka")["KAFKA_HEAP_OPTS"].split()
    command = [str(find_java()), *heap, "-cp", os.pathsep.join(str(jar) for jar in ensure_jars(print))]
    subprocess.run(
        [*command, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(file)], check=True, capture_output=True
    )
    with (tmp_path / "kafka.log").open("wb") as log:
        process = tether.start_tethered([*command, "kafka.Kafka", str(file)], stdout=log)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            tether.kill(process)


async def test_kafka_starts_from_it_and_lets_transactions_begin(broker: str, settings_for: SettingsFor) -> None:
    settings = settings_for(broker, partitions=1)
    await wait_for_broker(settings, print, 60)
    assert [state.wrong for state in await ensure_topics(settings) if state.wrong] == []
    name = topic(settings, "events")
    producer = AIOKafkaProducer(**client_options(settings), transactional_id="one")
    async with asyncio.timeout(60):
        await producer.start()
        try:
            async with producer.transaction():
                await producer.send_and_wait(name, b"[]", partition=0)
        finally:
            await producer.stop()
    async with asyncio.timeout(30):  # a commit is answered before its marker lets readers see what it commits
        while [record.value async for record in read_partition(settings, name, 0)] != [b"[]"]:
            await asyncio.sleep(0.1)
