"""Several brokers on this machine that replicate each other, for tests of what happens when one is lost.

Laws: as for one embedded broker; a record that was acknowledged lies on all brokers but one at least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

from deploy.kafka.embedded import EmbeddedKafka, new_cluster_id
from deploy.kafka.jars import ensure_jars
from deploy.kafka.properties import Node

PORTS_PER_BROKER = 3
_NOTHING: Mapping[str, str] = MappingProxyType({})


class EmbeddedCluster:
    """Brokers below `data_dir` (`1/`, `2/`, …) that know each other.

    `ports` are three for each broker: the clients' door, the controller's, and the inside door for brokers and tools.
    `advertised` are the ports to which the clients' door sends clients: those of the doors, or of proxies before them.
    """

    def __init__(
        self,
        data_dir: Path,
        ports: Sequence[int],
        *,
        advertised: Sequence[int] = (),
        say: Callable[[str], None] = lambda text: None,
        extra: Mapping[str, str] = _NOTHING,
    ) -> None:
        rows = [tuple(ports[at : at + PORTS_PER_BROKER]) for at in range(0, len(ports), PORTS_PER_BROKER)]
        voters = tuple(f"{number}@127.0.0.1:{row[1]}" for number, row in enumerate(rows, 1))
        cluster = new_cluster_id()
        self._say = say
        self.brokers: list[EmbeddedKafka] = []
        for number, (port, controller_port, inside_port) in enumerate(rows, 1):
            node = Node(
                id=number,
                voters=voters,
                cluster=cluster,
                inside_port=inside_port,
                advertised_port=advertised[number - 1] if advertised else None,
                replicas=len(rows),
                extra=extra,
            )
            folder = data_dir / str(number)
            self.brokers.append(EmbeddedKafka(folder, port, say, controller_port=controller_port, node=node))

    @property
    def bootstrap(self) -> str:
        """Where clients begin: through the proxies, where there are any."""
        return ",".join(f"127.0.0.1:{b.node.advertised_port or b.bootstrap.rpartition(':')[2]}" for b in self.brokers)

    @property
    def inside(self) -> str:
        """Where tools begin: the inside doors, which no proxy stands before."""
        return ",".join(f"127.0.0.1:{broker.node.inside_port}" for broker in self.brokers)

    def start(self) -> EmbeddedCluster:
        """Start all brokers and return once each accepts records; a majority must be up before any does."""
        ensure_jars(self._say)
        for broker in self.brokers:
            broker.spawn()
        for broker in self.brokers:
            broker.wait_until_ready()
        return self

    def stop(self) -> None:
        """End all brokers; by force, since brokers that stop at once wait for each other."""
        for broker in self.brokers:
            broker.kill()

    def __enter__(self) -> EmbeddedCluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
