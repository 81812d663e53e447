"""Decisions and generations: what holds when, what a change of the settings does, and what it must not do."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from cli.rebuilding.planning import plan
from services.calendar_settings import CalendarSettings
from services.controls import (
    AHEAD_MS,
    CALENDAR,
    DECISIONS,
    POLICY,
    Control,
    decisions_of,
    follow,
    publish,
    publish_settings,
    read_controls,
    timeline_of,
    timeline_of_settings,
)
from services.generations import (
    announce,
    changed_measures,
    entered,
    live_of,
    made_with,
    make_live,
    prepared,
    refuse_other_rules,
    waiting,
    within,
)
from services.kafka import client_options
from services.settings import DimensionSettings, Settings, TargetSettings, topic
from services.settings_errors import ConfigError
from services.topics import ensure_topics
from tests.conftest import SettingsFor

OFFICE = CalendarSettings(hours={"mon": ["09:00-17:00"]})
DAY_MS = 86_400_000


def policy(valid_from_ms: int, within_ms: int, at_ms: int = 0, restates: bool = False) -> Control:
    value = {"answer_within_ms": within_ms, "escalation_kinds": ["functional"]}
    return Control(kind=POLICY, id=DECISIONS, valid_from_ms=valid_from_ms, value=value, at_ms=at_ms, restates=restates)


def answered_within(controls: list[Control], created_at_ms: int | None, *instants: int) -> list[int]:
    timeline = timeline_of(sorted(controls, key=lambda c: c.valid_from_ms), created_at_ms)
    return [timeline.at(at).answer_within_ms for at in instants]


def test_a_decision_holds_from_its_instant_on() -> None:
    assert answered_within([policy(0, 20), policy(1000, 30)], None, 0, 999, 1000, 5000) == [20, 20, 30, 30]


def test_without_any_decision_the_defaults_hold() -> None:
    assert answered_within([], None, 0, 10) == [20_000, 20_000]


@pytest.mark.parametrize(
    ("written_at_ms", "valid_from_ms", "created_at_ms", "expected"),
    [
        pytest.param(10 * DAY_MS, 5 * DAY_MS, 0, 20, id="set for the past, after the generation was begun: it does not reach in"),
        pytest.param(10 * DAY_MS, 5 * DAY_MS, 11 * DAY_MS, 30, id="set for the past, before the generation was begun: it does"),
        pytest.param(10 * DAY_MS, 10 * DAY_MS + AHEAD_MS, 0, 30, id="set ahead: it does"),
        pytest.param(10 * DAY_MS, 10 * DAY_MS + 1, 0, 20, id="set for a moment that events may have passed: it does not"),
    ],
)
def test_a_decision_never_reaches_into_what_may_have_been_counted(
    written_at_ms: int, valid_from_ms: int, created_at_ms: int, expected: int
) -> None:
    found = answered_within([policy(0, 20), policy(valid_from_ms, 30, written_at_ms)], created_at_ms, valid_from_ms + 1)
    assert found == [expected]


def test_what_is_restated_holds_for_the_whole_past_of_generations_made_later() -> None:
    controls = [policy(0, 20), policy(1000, 30, at_ms=1), policy(0, 40, at_ms=5000, restates=True)]
    assert answered_within(controls, 4000, 0, 2000) == [20, 30]
    assert answered_within(controls, 6000, 0, 2000) == [40, 40]


def test_a_calendar_that_ends_leaves_no_business_clock() -> None:
    [value] = [v for (kind, _), v in decisions_of(Settings(calendars={"default": OFFICE})).items() if kind == CALENDAR]
    begin = Control(kind=CALENDAR, id="default", valid_from_ms=0, value=value, at_ms=0)
    end = Control(kind=CALENDAR, id="default", valid_from_ms=1000, value=None, at_ms=0)
    timeline = timeline_of([begin, end])
    assert [sorted(timeline.at(at).calendars) for at in (0, 999, 1000)] == [["default"], ["default"], []]


def test_the_settings_alone_decide_from_the_beginning() -> None:
    timeline = timeline_of_settings(Settings(escalation_kinds=("sla",), calendars={"default": OFFICE}))
    assert timeline.at(0).escalation_kinds == {"sla"}
    assert list(timeline.at(0).calendars) == ["default"]


@pytest.mark.broker
async def test_settings_are_published_once_and_a_change_of_them_from_ahead_of_now(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, calendars={"default": OFFICE})
    await ensure_topics(settings)
    now_ms = time.time_ns() // 1_000_000
    first = await publish_settings(settings, now_ms)
    assert {(c.kind, c.id, c.valid_from_ms) for c in first} == {(POLICY, DECISIONS, 0), (CALENDAR, "default", 0)}
    assert await publish_settings(settings, now_ms) == first
    assert await read_controls(settings) == first
    changed = settings.model_copy(update={"targets": {"speed_of_answer_seconds": TargetSettings(within=45)}, "calendars": {}})
    after = await publish_settings(changed, now_ms)
    assert [(c.kind, c.id, c.valid_from_ms, c.value is None) for c in after if c not in first] == [
        (CALENDAR, "default", now_ms + AHEAD_MS, True),
        (POLICY, DECISIONS, now_ms + AHEAD_MS, False),
    ]
    timeline = timeline_of(after, 0)
    assert [timeline.at(at).answer_within_ms for at in (now_ms, now_ms + AHEAD_MS)] == [20_000, 45_000]


@pytest.mark.broker
async def test_whoever_follows_is_told_at_once_and_at_every_change(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka)
    await ensure_topics(settings)
    told: asyncio.Queue[list[Control]] = asyncio.Queue()
    following = asyncio.create_task(follow(settings, told.put_nowait))
    try:
        assert await asyncio.wait_for(told.get(), 30) == []
        control = await publish(settings, "audit", "last", {"differences": 0})
        assert await asyncio.wait_for(told.get(), 30) == [control]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


# ---- generations -------------------------------------------------------------------------------


def test_a_generation_keeps_its_own_cut_whatever_the_settings_say() -> None:
    settings = Settings(dimensions=DimensionSettings(pairs=(("channel", "team"),)))
    generation = made_with(settings, 2, 2, 0)
    wider = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 32}), "time_zone": "Europe/Helsinki"})
    assert waiting(wider, generation) == ["kafka.partitions = 32", "time_zone = 'Europe/Helsinki'"]
    inside = within(wider, generation)
    assert (inside.kafka.partitions, inside.time_zone) == (8, "UTC")
    assert [topic(inside, name) for name in ("events", "cells", "controls", "rejected")] == [
        "deskpulse.g2.events", "deskpulse.g2.cells", "deskpulse.controls", "deskpulse.rejected",
    ]  # fmt: skip
    assert topic(within(settings, made_with(settings, 1, 1, 0)), "cells") == "deskpulse.cells"


def test_other_rules_are_never_added_to_a_generation() -> None:
    generation = made_with(Settings(), 1, 1, 0)
    refuse_other_rules(generation)
    measures = {**generation.measures, "ticket_solved": 7}
    del measures["complaint"]
    other = msgspec.structs.replace(generation, measures=measures)
    assert changed_measures(other) == ["ticket_solved@1", "complaint@1"]
    with pytest.raises(ConfigError, match=r"numbers made without ticket_solved@1, complaint@1; expected .* `deskpulse rebuild --all`"):
        refuse_other_rules(other)


@pytest.mark.broker
async def test_the_first_start_makes_the_first_generation_and_a_switch_is_entered_by_the_next(
    kafka: str, settings_for: SettingsFor
) -> None:
    settings = settings_for(kafka)
    said: list[str] = []
    await prepared(settings, said.append)
    inside, first = await entered(settings, 1, said.append)
    assert (first.number, inside.kafka.generation, said) == (1, 1, [])
    wider = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 5})})
    still, same = await entered(wider, 2, said.append)
    assert (same, still.kafka.partitions) == (first, 2)
    assert said == ["kafka.partitions = 5 comes into force with `deskpulse rebuild --all`; until then generation 1 goes on as it is"]
    second = made_with(wider, 2, 2, 3)
    await announce(wider, second)
    assert live_of(await read_controls(settings)) == first
    pinned: Any = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"generation": 2})})
    assert (await entered(pinned, 4))[1] == second
    await make_live(wider, second)
    now, states = await prepared(wider, said.append)
    assert now.kafka.generation == 2
    assert all(state.wrong is None for state in states)
    assert (await entered(settings, 5, lambda text: None))[1] == second
    missing = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"generation": 9})})
    with pytest.raises(ConfigError, match="9, which was never made"):
        await entered(missing, 6)


@pytest.mark.broker
async def test_figures_of_which_nothing_was_written_down_are_never_added_to(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka)
    await ensure_topics(settings)
    producer = AIOKafkaProducer(**client_options(settings))
    await producer.start()
    try:
        await producer.send_and_wait(topic(settings, "cells"), b"{}", key=b"4|0|ticket_solved@1|0", partition=0)
    finally:
        await producer.stop()
    _, before = await entered(settings, 1, lambda text: None)
    assert live_of(await read_controls(settings)) is None
    with pytest.raises(ConfigError, match="numbers made without states@"):
        refuse_other_rules(before)
    assert plan(settings, [], [], everything=True, from_archive=False, now_ms=2, older=before).next.number == 2
