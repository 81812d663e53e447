"""Several brokers: what their files say of each other, and where clients and tools find them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.kafka.cluster import EmbeddedCluster
from deploy.kafka.doors import Door, scram_arguments
from deploy.kafka.properties import Node, server_properties

PORTS = (9001, 9002, 9003, 9011, 9012, 9013, 9021, 9022, 9023)


def properties(text: str) -> dict[str, str]:
    """The lines of a file of properties; of a key that is set twice the later holds."""
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_a_broker_that_is_alone_replicates_nothing(tmp_path: Path) -> None:
    said = properties(server_properties(tmp_path, 9001, 9002))
    assert said["controller.quorum.voters"] == "1@127.0.0.1:9002"
    assert said["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9001"
    assert said["inter.broker.listener.name"] == "PLAINTEXT"
    assert {said["default.replication.factor"], said["transaction.state.log.min.isr"]} == {"1"}


def test_three_brokers_know_each_other_and_keep_two_in_sync(tmp_path: Path) -> None:
    cluster = EmbeddedCluster(tmp_path, PORTS, advertised=(7001, 7002, 7003), extra={"message.max.bytes": "1048588"})
    second = cluster.brokers[1]
    said = properties(server_properties(tmp_path, 9011, 9012, second.node))
    assert said["node.id"] == "2"
    assert said["controller.quorum.voters"] == "1@127.0.0.1:9002,2@127.0.0.1:9012,3@127.0.0.1:9022"
    assert said["advertised.listeners"] == "PLAINTEXT://127.0.0.1:7002,INSIDE://127.0.0.1:9013"
    assert said["inter.broker.listener.name"] == "INSIDE"
    assert (said["default.replication.factor"], said["transaction.state.log.min.isr"]) == ("3", "2")
    assert said["message.max.bytes"] == "1048588"
    assert len({broker.node.cluster for broker in cluster.brokers}) == 1
    assert len({broker.folder for broker in cluster.brokers}) == 3


def test_clients_go_through_the_proxies_and_tools_do_not(tmp_path: Path) -> None:
    cluster = EmbeddedCluster(tmp_path, PORTS, advertised=(7001, 7002, 7003))
    assert cluster.bootstrap == "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003"
    assert cluster.inside == "127.0.0.1:9003,127.0.0.1:9013,127.0.0.1:9023"
    assert EmbeddedCluster(tmp_path, PORTS[:3]).bootstrap == "127.0.0.1:9001"


def test_secured_doors_stand_beside_the_plain_one(tmp_path: Path) -> None:
    keys, trusted = tmp_path / "keys.pem", tmp_path / "trusted.pem"
    doors = (
        Door("SAFE", 9003, "SASL_SSL", keys, users={"desk": "p4ss"}),
        Door("MUTUAL", 9004, "SSL", keys, trusted, advertised_host="kafka.example"),
    )
    said = properties(server_properties(tmp_path, 9001, 9002, Node(doors=doors)))
    assert said["listeners"] == "PLAINTEXT://127.0.0.1:9001,SAFE://127.0.0.1:9003,MUTUAL://127.0.0.1:9004,CONTROLLER://127.0.0.1:9002"
    assert said["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9001,SAFE://localhost:9003,MUTUAL://kafka.example:9004"
    assert said["listener.security.protocol.map"].endswith(",SAFE:SASL_SSL,MUTUAL:SSL")
    assert said["listener.name.safe.ssl.keystore.location"] == str(keys)
    assert (said["listener.name.safe.ssl.client.auth"], said["listener.name.mutual.ssl.client.auth"]) == ("none", "required")
    assert said["listener.name.mutual.ssl.truststore.location"] == str(trusted)
    assert 'user_desk="p4ss";' in said["listener.name.safe.plain.sasl.jaas.config"]
    assert said["inter.broker.listener.name"] == "PLAINTEXT"


def test_without_secured_doors_nothing_is_said_of_them(tmp_path: Path) -> None:
    assert "listener.name." not in server_properties(tmp_path, 9001, 9002)
    assert scram_arguments(()) == []


@pytest.mark.parametrize(
    ("password", "written"),
    [
        pytest.param('a"b', 'a\\\\"b', id="a quotation mark"),
        pytest.param("a\\b", "a" + 4 * "\\" + "b", id="a backslash"),
        pytest.param("\u00f6", "\\u00f6", id="a letter beyond ASCII"),
        pytest.param("\U0001f511", "\\ud83d\\udd11", id="a sign of two units"),
    ],
)
def test_a_password_is_written_so_that_both_readers_find_it(tmp_path: Path, password: str, written: str) -> None:
    door = Door("CLEAR", 9003, "SASL_PLAINTEXT", users={"desk": password})
    assert f'user_desk="{written}";' in server_properties(tmp_path, 9001, 9002, Node(doors=(door,)))


def test_no_password_stands_on_the_command_line() -> None:
    arguments = scram_arguments((Door("SAFE", 9003, "SASL_SSL", users={"desk": "p4ssw0rd"}),))
    assert arguments[::2] == ["--add-scram"] * 2
    assert all(
        re.match(r'SCRAM-SHA-(256|512)=\[name=desk,salt="[^"]+",saltedpassword="[^"]+",iterations=4096\]$', a) for a in arguments[1::2]
    )
    assert "p4ssw0rd" not in " ".join(arguments)
