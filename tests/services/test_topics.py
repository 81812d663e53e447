"""The topics: made once, left alone, refused with advice when they do not fit."""

from __future__ import annotations

import pytest

from schemas.topics import TOPICS
from services.kafka import wait_for_broker
from services.settings import Settings
from services.topics import ensure_topics
from tests.conftest import SettingsFor


@pytest.mark.broker
async def test_topics_are_made_once_and_another_partition_count_is_refused_with_advice(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=3)
    first = await ensure_topics(settings)
    again = await ensure_topics(settings)
    assert [state.created for state in first] == [True] * len(TOPICS)
    assert [state.created for state in again] == [False] * len(TOPICS)
    assert {state.wrong for state in first + again} == {None}
    assert {state.name.removeprefix(settings.kafka.topic_prefix): state.partitions for state in again} == {
        t.name: {"entities": 3, "differences": 1, "one": 1}[t.partitions] for t in TOPICS
    }
    other = Settings(kafka=settings.kafka.model_copy(update={"partitions": 5}))
    wrong = {state.name: state.wrong for state in await ensure_topics(other) if state.wrong}
    assert len(wrong) == 4
    assert all("set kafka.partitions = 3" in advice for advice in wrong.values() if advice)


async def test_a_broker_that_is_away_is_waited_for_with_a_word(settings_for: SettingsFor) -> None:
    said: list[str] = []
    with pytest.raises(TimeoutError, match="no Kafka broker answered"):
        await wait_for_broker(settings_for(), said.append, 0.5)
    assert said
    assert "waiting for Kafka at 127.0.0.1:1" in said[0]
