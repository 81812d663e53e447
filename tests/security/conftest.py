"""One real broker with a secured door for each way in, and the settings that open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.doors import Door
from deploy.kafka.embedded import EmbeddedKafka
from deploy.kafka.properties import Node
from deploy.ports import free_ports
from services.settings import KafkaSettings, SecuritySettings, Settings
from tests.conftest import SettingsFor
from tests.security.certificates import Certificates

USER = "deskpulse"
PASSWORD = 'p4ss "w0rd" \\ of=the,brøker$'
"""With everything that a quotation could stumble over."""
PASSWORD_VARIABLE = "TEST_KAFKA_PASSWORD"
KEY_VARIABLE = "TEST_KEY_PASSWORD"


class Guarded:
    """The broker, its certificates, and the ports of its doors by name."""

    def __init__(self, folder: Path) -> None:
        self.certificates = own = Certificates(folder / "certificates")
        names = ("PLAINTEXT", "CONTROLLER", "PASSWORD", "MUTUAL", "BOTH", "EXPIRED", "ELSEWHERE", "STRANGER", "CLEAR", "MOVED")
        self.ports = ports = dict(zip(names, free_ports(len(names)), strict=True))
        users = {USER: PASSWORD}
        doors = (
            Door("PASSWORD", ports["PASSWORD"], "SASL_SSL", own.good, users=users),
            Door("MUTUAL", ports["MUTUAL"], "SSL", own.good, own.authority),
            Door("BOTH", ports["BOTH"], "SASL_SSL", own.good, own.authority, users),
            Door("EXPIRED", ports["EXPIRED"], "SSL", own.expired),
            Door("ELSEWHERE", ports["ELSEWHERE"], "SSL", own.elsewhere),
            Door("STRANGER", ports["STRANGER"], "SSL", own.stranger),
            Door("CLEAR", ports["CLEAR"], "SASL_PLAINTEXT", users=users),
            Door("MOVED", ports["MOVED"], "SSL", own.good, advertised_host="127.0.0.1"),
        )
        self.broker = EmbeddedKafka(folder, ports["PLAINTEXT"], controller_port=ports["CONTROLLER"], node=Node(doors=doors))

    def at(self, door: str) -> str:
        """The address of a door, by the name that its certificate bears."""
        return f"localhost:{self.ports[door]}"

    def security(self, **given: Any) -> SecuritySettings:
        """Settings that trust the broker's authority."""
        encrypted = given.get("protocol", "SSL") in ("SSL", "SASL_SSL")
        return SecuritySettings(**{"protocol": "SSL", **({"ssl_cafile": self.certificates.authority} if encrypted else {}), **given})


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The broker, running."""
    guarded = Guarded(tmp_path_factory.mktemp("guarded"))
    with guarded.broker:
        yield guarded


Through = Callable[..., Settings]


@pytest.fixture
def through(guarded: Guarded, settings_for: SettingsFor) -> Through:
    """`through(door, **security)`: settings that go through this door, with topics and ports of their own."""

    def make(door: str, sections: dict[str, Any] | None = None, **security: Any) -> Settings:
        settings = settings_for(partitions=2, **(sections or {}))
        secured = {"bootstrap": guarded.at(door), "security": guarded.security(**security)}
        return settings.model_copy(update={"kafka": KafkaSettings(**{**settings.kafka.model_dump(), **secured})})

    return make
