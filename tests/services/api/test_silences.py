"""A source that is unusually silent: an incident after two rounds, over with the next delivery."""

from __future__ import annotations

from kpis.window import HOUR, MINUTE
from schemas.rhythm import HOURS_A_WEEK, Rhythm, unknown
from schemas.standing import Standing
from services.api import silences

NOON = 480_012 * HOUR


def rhythm(source: str, an_hour: float) -> Rhythm:
    made = unknown(source, "here:1")
    made.seen, made.sums = [3.0] * HOURS_A_WEEK, [3.0 * an_hour] * HOURS_A_WEEK
    made.squares = [3.0 * an_hour**2] * HOURS_A_WEEK
    return made


def standing(source: str, last_ms: int | None) -> Standing:
    return Standing(source=source, kind="zendesk", door="here:1", at_ms=0, last_delivery_ms=last_ms)


BUSY = [rhythm("desk", 60.0), rhythm("rare", 0.1)]


def test_a_busy_source_opens_after_two_rounds_and_a_rare_one_does_not() -> None:
    standings = [standing("desk", NOON - HOUR), standing("rare", NOON - HOUR), standing("never", None)]
    watch = silences.Silences()
    told = silences.watched(standings, BUSY, NOON)
    assert [(one.dims["source"], one.surprise is not None and one.surprise > 4) for one in told] == [("desk", True), ("rare", False)]
    assert watch.step(told, standings, NOON) == []
    (spike,) = watch.step(told, standings, NOON + 5_000)
    assert (spike.title, spike.dims) == ("desk is unusually silent", {"source": "desk"})
    assert watch.step(told, standings, NOON + 10_000)[0].id == spike.id
    delivered = [standing("desk", NOON + MINUTE)]
    assert watch.step(silences.watched(delivered, BUSY, NOON + MINUTE), delivered, NOON + MINUTE) == []


def test_a_source_without_a_rhythm_is_not_judged() -> None:
    assert silences.watched([standing("desk", NOON - HOUR)], [], NOON) == []
    (one,) = silences.watched([standing("desk", NOON - HOUR)], [unknown("desk", "here:1")], NOON)
    assert (one.surprise, one.expected) == (None, None)
