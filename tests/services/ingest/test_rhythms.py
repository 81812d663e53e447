"""How often a source delivers, as ingest tells it: whole hours only, going on where the door stopped."""

from __future__ import annotations

import asyncio
import contextlib

from kpis.window import HOUR, MINUTE
from schemas.rhythm import HOURS_A_WEEK, Rhythm, decode_rhythm, unknown
from services.ingest.packer import Record, Unavailable
from services.ingest.reporting import report_rhythms
from services.ingest.rhythms import Rhythms

NOON = 480_012 * HOUR


def slot(hours_after_noon: int) -> int:
    return (NOON // HOUR + hours_after_noon) % HOURS_A_WEEK


def test_the_hour_in_which_ingest_began_is_not_known() -> None:
    rhythms = Rhythms(["desk"], "here:1", NOON + 20 * MINUTE)
    rhythms.delivered("desk")
    assert rhythms.told(NOON + 59 * MINUTE) == []
    assert rhythms.told(NOON + HOUR) == []
    for _ in range(3):
        rhythms.delivered("desk")
    (told,) = rhythms.told(NOON + 2 * HOUR)
    assert (told.seen[slot(0)], told.seen[slot(1)], told.sums[slot(1)]) == (0.0, 1.0, 3.0)
    assert rhythms.told(NOON + 2 * HOUR + MINUTE) == []


def test_a_silent_hour_is_known_to_be_silent() -> None:
    rhythms = Rhythms(["desk"], "here:1", NOON)
    (told,) = rhythms.told(NOON + HOUR)
    assert (told.seen[slot(0)], told.sums[slot(0)]) == (1.0, 0.0)


def test_hours_of_a_machine_that_slept_are_not_silent() -> None:
    rhythms = Rhythms(["desk"], "here:1", NOON)
    (told,) = rhythms.told(NOON + 5 * HOUR)
    assert (told.seen[slot(0)], told.seen[slot(2)]) == (1.0, 0.0)


def test_it_goes_on_where_the_door_stopped_and_forgets_sources_that_are_gone() -> None:
    rhythms = Rhythms(["desk"], "here:1", NOON)
    earlier = unknown("desk", "here:1")
    earlier.seen[slot(0)], earlier.sums[slot(0)] = 2.0, 20.0
    rhythms.go_on({"desk": earlier, "gone": unknown("gone", "here:1")})
    rhythms.delivered("gone")
    (told,) = rhythms.told(NOON + HOUR)
    assert (told.seen[slot(0)], told.sums[slot(0)]) == (2.7, 17.0)


async def test_what_kafka_did_not_take_is_told_again() -> None:
    now, away, sent = [NOON], [1], list[Rhythm]()
    rhythms = Rhythms(["desk"], "here:1", NOON)

    async def before() -> dict[str, Rhythm]:
        return {}

    async def send(record: Record) -> None:
        now[0] = NOON + HOUR + MINUTE
        if away[0]:
            away[0] -= 1
            raise Unavailable("Kafka is away")
        sent.append(decode_rhythm(record.value))

    now[0] = NOON + HOUR
    task = asyncio.create_task(report_rhythms(rhythms, before, send, lambda: now[0]))
    async with asyncio.timeout(10):
        while not sent:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [rhythm.source for rhythm in sent] == ["desk"]
