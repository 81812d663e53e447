"""`deskpulse up` as a user meets it: it waits for a broker with a word, and ends all of it when asked."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

import httpx
import psutil
import pytest

from cli.company import signing
from cli.processes import answers_ok
from deploy.ports import free_ports
from services.settings import KafkaSettings, Settings, SourceSettings, as_environment
from tests.cli.running import running
from tests.conftest import SettingsFor

SECRET = "UP_DESK_SECRET"


def test_a_broker_that_is_away_is_waited_for_until_asked_to_end(settings_for: SettingsFor) -> None:
    with running("up", environment=as_environment(settings_for())) as terminal:
        terminal.until("waiting for Kafka at 127.0.0.1:1")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(20) == 0


def test_embedded_with_a_secured_broker_in_the_settings_is_refused_at_once(settings_for: SettingsFor) -> None:
    security = {"protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password_env": "NOT_SET"}
    kafka = KafkaSettings(bootstrap="127.0.0.1:9092", security=security)
    with running("up", "--embedded", environment=as_environment(settings_for(kafka=kafka))) as terminal:
        terminal.until("kafka.security.protocol is")
        assert terminal.process.wait(20) == 2


@pytest.mark.broker
def test_up_embedded_goes_on_after_a_killed_aggregator_and_ctrl_c_leaves_no_process(settings_for: SettingsFor, tmp_path: Path) -> None:
    [port] = free_ports(1)
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{port}", topic_prefix="up.", partitions=2)
    settings = settings_for(data_dir=tmp_path, kafka=kafka, sources={"desk": SourceSettings(kind="standardwebhooks", secret_env=(SECRET,))})
    secret = signing.secret_for("standardwebhooks", SystemRandom())
    with running("up", "--embedded", environment={**as_environment(settings), SECRET: secret}) as terminal:
        terminal.until("ready: webhooks at")
        for section in (settings.ingest, settings.aggregator, settings.api):
            assert answers_ok(f"http://127.0.0.1:{section.port}/readyz")
        up = psutil.Process(terminal.process.pid)
        family = up.children(recursive=True)
        assert len(family) >= 4

        _post(settings, secret, "one")
        _until_created(settings, 1)
        [aggregator] = [child for child in family if "aggregator" in child.cmdline()]
        aggregator.kill()
        terminal.until("aggregator was killed by SIGKILL; it is started again in 0.5 s")
        _post(settings, secret, "two")
        _until_created(settings, 2)

        family = list({*family, *up.children(recursive=True)})
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(60) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


@pytest.mark.broker
def test_a_service_that_cannot_use_its_configuration_ends_the_others(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, sources={"desk": SourceSettings(kind="carrierpigeon")})
    with running("up", environment=as_environment(settings)) as terminal:
        terminal.until("sources.desk.kind: found 'carrierpigeon'; expected one of")
        terminal.until("ingest ended by itself with code 2")
        assert terminal.process.wait(60) == 2


def _post(settings: Settings, secret: str, ticket: str) -> None:
    event = {"type": "ticket.created", "id": f"e-{ticket}", "ticket_id": ticket, "occurred_at": datetime.now(UTC).isoformat()}
    body = json.dumps(event).encode()
    headers = signing.headers("standardwebhooks", secret, f"m-{ticket}", body, time.time_ns() // 1_000_000)
    answer = httpx.post(f"http://127.0.0.1:{settings.ingest.port}/webhooks/desk", content=body, headers=headers, timeout=20)
    assert answer.status_code == 202, answer.text


def _until_created(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + 60
    asked = {"kpi": "issues_created", "window": "1h"}
    while True:
        answer = httpx.get(f"http://127.0.0.1:{settings.api.port}/v1/figures", params=asked, timeout=20)
        figures = answer.json()["figures"] if answer.status_code == 200 else []
        if [figure["value"] for figure in figures] == [count]:
            return
        assert time.monotonic() < deadline, f"{count} created tickets are not in the figures: {answer.text}"
        time.sleep(0.05)
