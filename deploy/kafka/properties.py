"""The files that the embedded broker starts from: server.properties and its logging. Each setting says why it is there."""

from __future__ import annotations

from pathlib import Path

MESSAGE_MAX_BYTES = 2 * 1_048_576
"""Twice what our packers write, so that no record of ours is ever refused for its size."""


def server_properties(folder: Path, port: int, controller_port: int) -> str:
    """One broker that is its own controller (KRaft), for one machine: everything replicated once."""
    return "\n".join(
        (
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{controller_port}",
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            f"log.dirs={folder / 'data'}",
            "default.replication.factor=1",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            # one machine, few groups: fifty partitions each would only slow the first start
            "offsets.topic.num.partitions=4",
            "transaction.state.log.num.partitions=4",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
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
