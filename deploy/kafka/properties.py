"""The files that the embedded broker starts from: server.properties and its logging. Each setting says why it is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from deploy.kafka.doors import Door, door_properties

MESSAGE_MAX_BYTES = 2 * 1_048_576
"""Twice what our packers write, so that no record of ours is ever refused for its size."""


class Node(NamedTuple):
    """What tells one broker of several from another; the default is a broker that is alone.

    `voters` are the controllers of all (`id@host:port`; () is this one alone), `cluster` the id they share ("" is a new one).
    `inside_port` is a second door: for the brokers among themselves and for tools; `advertised_port` is where clients of the
    first door are sent, which a proxy may hold (None: to the door itself). `doors` are secured ones, beside the first.
    """

    id: int = 1
    voters: tuple[str, ...] = ()
    cluster: str = ""
    inside_port: int | None = None
    advertised_port: int | None = None
    replicas: int = 1
    doors: tuple[Door, ...] = ()
    extra: Mapping[str, str] = MappingProxyType({})


ALONE = Node()


def server_properties(folder: Path, port: int, controller_port: int, node: Node = ALONE) -> str:
    """A broker that is a controller too (KRaft), for one machine; alone, everything is replicated once."""
    voters = node.voters or (f"{node.id}@127.0.0.1:{controller_port}",)
    listeners, advertised = [f"PLAINTEXT://127.0.0.1:{port}"], [f"PLAINTEXT://127.0.0.1:{node.advertised_port or port}"]
    if node.inside_port is not None:
        inside = f"INSIDE://127.0.0.1:{node.inside_port}"
        listeners, advertised = [*listeners, inside], [*advertised, inside]
    listeners += [f"{door.name}://127.0.0.1:{door.port}" for door in node.doors]
    advertised += [f"{door.name}://{door.advertised_host}:{door.port}" for door in node.doors]
    protocols = "".join(f",{door.name}:{door.protocol}" for door in node.doors)
    replicas, in_sync = node.replicas, max(1, node.replicas - 1)
    return "\n".join(
        (
            "process.roles=broker,controller",
            f"node.id={node.id}",
            f"controller.quorum.voters={','.join(voters)}",
            f"listeners={','.join(listeners)},CONTROLLER://127.0.0.1:{controller_port}",
            f"advertised.listeners={','.join(advertised)}",
            f"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}",
            "controller.listener.names=CONTROLLER",
            f"inter.broker.listener.name={'PLAINTEXT' if node.inside_port is None else 'INSIDE'}",
            f"log.dirs={folder / 'data'}",
            f"default.replication.factor={replicas}",
            f"offsets.topic.replication.factor={replicas}",
            f"transaction.state.log.replication.factor={replicas}",
            f"transaction.state.log.min.isr={in_sync}",
            # one machine, few groups: fifty partitions each would only slow the first start
            "offsets.topic.num.partitions=4",
            "transaction.state.log.num.partitions=4",
            f"share.coordinator.state.topic.replication.factor={replicas}",
            f"share.coordinator.state.topic.min.isr={in_sync}",
            "share.coordinator.state.topic.num.partitions=1",
            "group.initial.rebalance.delay.ms=0",
            # topics are made by `deskpulse topics`, with their settings; a typing error must not make one
            "auto.create.topics.enable=false",
            f"message.max.bytes={MESSAGE_MAX_BYTES}",
            f"replica.fetch.max.bytes={MESSAGE_MAX_BYTES * 2}",
            # the default of 128 MiB is a quarter of our heap; this still compacts a million keys in one pass
            "log.cleaner.dedupe.buffer.size=33554432",
            # after a kill the controller waits this long before it lets the same broker in again (default 9 s)
            "broker.session.timeout.ms=3000",
            "broker.heartbeat.interval.ms=500",
            # a checkpoint is one transaction each 100 ms: ids that ended need not be remembered for a week
            "transaction.remove.expired.transaction.cleanup.interval.ms=3600000",
            *(f"{name}={value}" for name, value in {**door_properties(node.doors), **node.extra}.items()),
            "",
        )
    )


def logging_properties() -> str:
    """Warnings and errors, to standard output, which the embedded broker writes to its log file."""
    return "\n".join(
        (
            "status=warn",
            "appender.console.type=Console",
            "appender.console.name=console",
            "appender.console.layout.type=PatternLayout",
            "appender.console.layout.pattern=%d{ISO8601} %p %c{1} %m%n",
            "rootLogger.level=warn",
            "rootLogger.appenderRef.console.ref=console",
            "",
        )
    )
