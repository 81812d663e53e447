"""What a client of ours is told at each door of a real broker: in, or why not and what to do, and never the secret."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiokafka import TopicPartition

from deploy.ports import free_ports
from schemas.topics import EVENTS
from services.kafka import plain_consumer, stopped, wait_for_broker
from services.kafka_login import NoAnswer, log_in
from services.settings import Settings, topic
from services.settings_errors import ConfigError
from services.topics import ensure_topics
from tests.security.certificates import KEY_PASSWORD
from tests.security.conftest import KEY_VARIABLE, PASSWORD, PASSWORD_VARIABLE, USER, Guarded, Through

pytestmark = pytest.mark.broker
WRONG = "wr0ng-p4ssword-Ao8"
ENVIRON = {PASSWORD_VARIABLE: PASSWORD, KEY_VARIABLE: KEY_PASSWORD, "WRONG": WRONG}


def user(mechanism: str = "PLAIN", variable: str = PASSWORD_VARIABLE, protocol: str = "SASL_SSL", **more: Any) -> dict[str, Any]:
    """The settings of somebody who logs in with a password."""
    return {"protocol": protocol, "sasl_mechanism": mechanism, "sasl_username": USER, "sasl_password_env": variable, **more}


def certificate(guarded: Guarded, name: str) -> dict[str, Any]:
    """The settings of somebody who shows a certificate."""
    own = guarded.certificates
    if name == "locked":
        return {"ssl_certfile": own.locked, "ssl_keyfile": own.locked_key, "ssl_password_env": KEY_VARIABLE}
    return {"ssl_certfile": getattr(own, name)}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize(("door", "protocol"), [("PASSWORD", "SASL_SSL"), ("CLEAR", "SASL_PLAINTEXT")])
async def test_the_right_password_opens(through: Through, door: str, protocol: str, mechanism: str) -> None:
    await log_in(through(door, **user(mechanism, protocol=protocol)), ENVIRON)


@pytest.mark.parametrize("name", ["client", "locked"])
async def test_the_right_certificate_opens(guarded: Guarded, through: Through, name: str) -> None:
    await log_in(through("MUTUAL", **certificate(guarded, name)), ENVIRON)


async def test_a_password_may_come_from_a_file_and_holds_anew_as_soon_as_the_file_changes(through: Through, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{WRONG}\n", encoding="utf-8")
    settings = through("PASSWORD", **{**user("SCRAM-SHA-512"), "sasl_password_env": None, "sasl_password_file": file})
    said: list[str] = []
    waiting = asyncio.create_task(wait_for_broker(settings, said.append, 30, patient=True))
    while not said:
        await asyncio.sleep(0.01)
    assert "kafka.security.sasl_password_file" in said[0]
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    await waiting
    assert said[-1].startswith("Kafka answers")
    assert WRONG not in "".join(said)


REFUSED = [
    pytest.param("PASSWORD", user("PLAIN", "WRONG"), ("kafka.security.sasl_password_env", f"'{USER}' (PLAIN)"), id="wrong password"),
    pytest.param("PASSWORD", user("SCRAM-SHA-512", "WRONG"), ("kafka.security.sasl_password_env", "SCRAM-SHA-512"), id="wrong, SCRAM"),
    pytest.param("PASSWORD", user(variable="NOT_SET"), ("no password for SASL", "sasl_password_file"), id="no password"),
    pytest.param("MUTUAL", {}, ("kafka.security.ssl_certfile", "no certificate of ours"), id="no certificate"),
    pytest.param("MUTUAL", "intruder", ("kafka.security.ssl_certfile", "does not accept"), id="our authority is unknown there"),
    pytest.param("STRANGER", {}, ("kafka.security.ssl_cafile", "cannot be trusted"), id="its authority is unknown here"),
    pytest.param("PASSWORD", user(ssl_cafile=None), ("kafka.security.ssl_cafile", "cannot be trusted"), id="no authority named"),
    pytest.param("EXPIRED", {}, ("has expired", "renew it at the broker"), id="expired"),
    pytest.param("ELSEWHERE", {}, ("kafka.bootstrap", "not made out to localhost"), id="another host"),
    pytest.param("MOVED", {}, ("not made out to 127.0.0.1", "advertised.listeners"), id="another host is advertised"),
    pytest.param("PLAINTEXT", user(protocol="SASL_PLAINTEXT"), ("kafka.security.protocol", "asks for no password"), id="no SASL there"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("door", "security", "says"), REFUSED)
def test_what_is_refused_is_told_with_its_setting_and_without_the_secret(
    guarded: Guarded, through: Through, door: str, security: dict[str, Any] | str, says: tuple[str, ...], loop: str
) -> None:
    settings = through(door, **(certificate(guarded, security) if isinstance(security, str) else security))
    with pytest.raises(ConfigError) as caught:
        _in(loop, settings)
    assert [words for words in says if words not in str(caught.value)] == [], str(caught.value)
    assert "expected" in str(caught.value)
    assert [secret for secret in ENVIRON.values() if secret in str(caught.value)] == []


WAITED_FOR = [
    pytest.param("PASSWORD", {"protocol": "PLAINTEXT"}, "it speaks TLS there", id="plain to TLS"),
    pytest.param("PLAINTEXT", {"protocol": "SSL"}, "hangs up on a client with TLS and no password", id="TLS to plain"),
    pytest.param("PASSWORD", {"protocol": "SSL"}, "hangs up on a client with TLS and no password", id="no user where one is asked for"),
    pytest.param(None, {"protocol": "SSL"}, "no answer yet", id="away"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("door", "security", "says"), WAITED_FOR)
def test_what_may_pass_is_waited_for_with_a_word_of_what_it_looks_like(
    through: Through, door: str | None, security: dict[str, Any], says: str, loop: str
) -> None:
    settings = through(door or "PLAINTEXT", **security)
    if door is None:
        [port] = free_ports(1)
        settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": f"localhost:{port}"})})
    with pytest.raises(NoAnswer, match=says):
        _in(loop, settings)


@pytest.mark.parametrize(
    ("security", "says"),
    [
        pytest.param({"ssl_cafile": Path("/nowhere.pem")}, ("ssl_cafile", "/nowhere.pem", "No such file"), id="no file of authorities"),
        pytest.param({"ssl_certfile": Path("/nowhere.pem")}, ("ssl_certfile", "No such file"), id="no certificate"),
        pytest.param({"ssl_password_env": "NOT_SET"}, ("no password of the key", "ssl_password_file"), id="no password of the key"),
        pytest.param({"ssl_password_env": "WRONG"}, ("ssl_certfile", "cannot be used", "ssl_password_env"), id="wrong password of the key"),
        pytest.param({"ssl_password_env": None}, ("ssl_certfile", "cannot be used", "ssl_password_env"), id="a key that has a password"),
        pytest.param({"ssl_keyfile": None}, ("ssl_certfile", "cannot be used"), id="no key"),
    ],
)
async def test_files_that_cannot_be_used_are_named(
    guarded: Guarded, through: Through, security: dict[str, Any], says: tuple[str, ...]
) -> None:
    settings = through("MUTUAL", **{**certificate(guarded, "locked"), **security})
    with pytest.raises(ConfigError) as caught:
        await log_in(settings, ENVIRON)
    assert [words for words in says if words not in str(caught.value)] == [], str(caught.value)
    assert [secret for secret in ENVIRON.values() if secret in str(caught.value)] == []


async def test_one_broker_of_several_is_enough(guarded: Guarded, through: Through) -> None:
    settings = through("MUTUAL", **certificate(guarded, "client"))
    [port] = free_ports(1)
    several = f"localhost:{port},{guarded.at('EXPIRED')},{guarded.at('MUTUAL')}"
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": several})})
    await log_in(settings, ENVIRON)
    assert not [state for state in await ensure_topics(settings) if not state.created]


async def test_a_refusal_ends_the_waiting_at_once(through: Through) -> None:
    with pytest.raises(ConfigError, match="ssl_cafile"):
        await asyncio.wait_for(wait_for_broker(through("STRANGER"), print), 5)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_client_that_polls_leaves_at_once(guarded: Guarded, through: Through, loop: str) -> None:
    """A broker that holds back an answer does not read our goodbye meanwhile; an event loop waits 30 s for its."""
    settings = through("MUTUAL", **certificate(guarded, "client"))

    async def reads() -> float:
        await ensure_topics(settings)
        where = TopicPartition(topic(settings, EVENTS), 0)
        consumer = plain_consumer(settings, fetch_max_wait_ms=6000)
        await consumer.start()
        consumer.assign([where])
        assert await consumer.getmany(where, timeout_ms=200) == {}  # now a poll is under way
        began = time.monotonic()
        await stopped(consumer)
        return time.monotonic() - began

    took = uvloop.run(reads()) if loop == "uvloop" else asyncio.run(reads())
    assert took < 3


def _in(loop: str, settings: Settings) -> None:
    """Log in within a loop of that kind: the services run in uvloop, whose errors of TLS are its own."""
    if loop == "uvloop":
        uvloop.run(log_in(settings, ENVIRON))
    else:
        asyncio.run(log_in(settings, ENVIRON))
