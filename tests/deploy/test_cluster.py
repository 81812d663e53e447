"""Several brokers: what their files say of each other, and where clients and tools find them."""

from __future__ import annotations

from pathlib import Path

from deploy.kafka.cluster import EmbeddedCluster
from deploy.kafka.properties import server_properties

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
