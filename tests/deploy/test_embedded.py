"""The embedded Apache Kafka: data survive, nothing survives its parent, the jars are the ones of the lock."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from deploy.kafka.embedded import EmbeddedKafka, EmbeddedKafkaFailed
from deploy.ports import HOST
from services.kafka import client_options, read_partition, wait_for_broker
from services.settings import Settings, topic
from services.topics import ensure_topics
from tests.conftest import REPOSITORY, SettingsFor

pytestmark = pytest.mark.broker


async def _write(settings: Settings, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(**client_options(settings), acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic(settings, "events"), value, partition=0)
    finally:
        await producer.stop()


async def _read(settings: Settings) -> list[bytes]:
    return [record.value async for record in read_partition(settings, topic(settings, "events"), 0)]


async def test_data_survive_a_stop_and_a_kill(tmp_path: Path, settings_for: SettingsFor) -> None:
    broker = EmbeddedKafka(tmp_path)
    with broker:
        settings = settings_for(broker.bootstrap, partitions=1)
        await ensure_topics(settings)
        await _write(settings, [b"one"])
        broker.stop()
        assert broker.pid is None
        broker.start()
        await wait_for_broker(settings, lambda text: None, 30)
        await _write(settings, [b"two"])
        broker.kill()
        broker.start()
        await wait_for_broker(settings, lambda text: None, 30)
        assert await _read(settings) == [b"one", b"two"]
    assert broker.pid is None


def test_a_port_that_is_taken_is_named_in_the_error(kafka: str, tmp_path: Path) -> None:
    taken = int(kafka.rpartition(":")[2])
    with pytest.raises(EmbeddedKafkaFailed, match=f"port {taken} is already in use"):
        EmbeddedKafka(tmp_path, port=taken).start()


@contextmanager
def _taken(port: int) -> Iterator[None]:
    with socket.create_server((HOST, port)):
        yield


@pytest.mark.parametrize("which", [0, 1], ids=["clients", "controller"])
async def test_a_port_that_is_taken_before_the_first_start_is_left_for_another(tmp_path: Path, which: int) -> None:
    broker = EmbeddedKafka(tmp_path)
    first = broker.ports
    with _taken(first[which]):
        async with broker:
            assert broker.pid is not None
            assert not {*first} & {*broker.ports}


def test_a_broker_keeps_its_port_over_a_restart_and_says_what_is_wrong(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as broker:
        first = broker.ports
        broker.stop()
        with _taken(first[0]), pytest.raises(EmbeddedKafkaFailed, match="Address already in use"):
            broker.start()
        assert broker.ports == first


def test_no_jvm_survives_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\n"
        "from deploy.kafka.embedded import EmbeddedKafka\n"
        f"broker = EmbeddedKafka(pathlib.Path({str(tmp_path)!r})).start()\n"
        "print(broker.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        jvm = psutil.Process(int(parent.stdout.readline()))
        assert jvm.is_running()
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        deadline = time.monotonic() + 10
        while jvm.is_running() and jvm.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the broker outlived its parent"
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()
