"""Creates the topics of `schemas.topics`, or checks those that are there.

Laws: doing it twice is doing it once; a topic whose partition count differs is never touched, because every key would move
to another partition and away from its log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import TOPICS, Topic
from services.kafka import client_options
from services.settings import Settings, topic

_ALL = frozenset(declared.name for declared in TOPICS)


class TopicState(NamedTuple):
    """One topic as it is now: `wrong` is None when it is as the settings want it, else what is wrong and what to do."""

    name: str
    partitions: int
    created: bool
    about: str
    wrong: str | None


def partitions_of(settings: Settings, declared: Topic) -> int:
    """How many partitions the settings want for a topic."""
    counts = {"entities": settings.kafka.partitions, "differences": settings.kafka.difference_partitions, "one": 1}
    return counts[declared.partitions]


async def ensure_topics(settings: Settings, only: Container[str] = _ALL) -> list[TopicState]:
    """Create what is missing (of the names in `only`) and say for each whether it fits. Raises KafkaError when the broker refuses."""
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=30_000)
    await admin.start()
    try:
        found = await _partition_counts(admin)
        wanted = [declared for declared in TOPICS if declared.name in only]
        missing = [declared for declared in wanted if topic(settings, declared.name) not in found]
        created = await _create(admin, settings, missing)
        if missing:
            found = await _visible(admin, {topic(settings, declared.name) for declared in missing})
        return [_state(settings, declared, found, topic(settings, declared.name) in created) for declared in wanted]
    finally:
        await admin.close()


def _state(settings: Settings, declared: Topic, found: dict[str, int], created: bool) -> TopicState:
    name, wanted = topic(settings, declared.name), partitions_of(settings, declared)
    has = found.get(name, 0)
    wrong = None if has == wanted else _advice(settings, declared, name, has, wanted)
    return TopicState(name, has, created, declared.about, wrong)


def _advice(settings: Settings, declared: Topic, name: str, has: int, wanted: int) -> str:
    key = {"entities": "kafka.partitions", "differences": "kafka.difference_partitions"}.get(declared.partitions)
    if has == 0:
        return f"{name} is not visible: look at the broker's log, then run `deskpulse topics` again"
    keep = f"set {key} = {has} to keep what is there" if key else "it is not ours: choose another kafka.topic_prefix"
    return (
        f"{name} has {has} partitions, the settings want {wanted}; a different count would move every key away from its log: {keep}, "
        f"or start under a new kafka.topic_prefix (now {settings.kafka.topic_prefix!r}) and send the events again"
    )


async def _create(admin: AIOKafkaAdminClient, settings: Settings, missing: list[Topic]) -> set[str]:
    if not missing:
        return set()
    replicas = settings.kafka.replication_factor
    extra = {"min.insync.replicas": str(max(1, replicas - 1))}
    wanted = [NewTopic(topic(settings, t.name), partitions_of(settings, t), replicas, topic_configs={**t.config, **extra}) for t in missing]
    response = await admin.create_topics(wanted, timeout_ms=20_000)
    created = set()
    for name, code, *message in response.topic_errors:
        error: type[KafkaError] = for_code(code)
        if code == 0:
            created.add(name)
        elif error is not TopicAlreadyExistsError:  # another process of ours was faster: as good
            raise error(f"{name}: {' '.join(str(part) for part in message if part) or error.__name__}")
    return created


async def _visible(admin: AIOKafkaAdminClient, names: set[str]) -> dict[str, int]:
    """The partition counts once every new topic is known to the broker asked (metadata follow the creation by a moment)."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 15
    while True:
        found = await _partition_counts(admin)
        if names <= set(found) or loop.time() > deadline:
            return found
        await asyncio.sleep(0.05)


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    described: list[dict[str, Any]] = await admin.describe_topics()
    return {item["topic"]: len(item["partitions"]) for item in described if item["error_code"] == 0}
