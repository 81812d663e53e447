"""The past and the present are one timeline, and the past is as long as it is asked to be."""

from __future__ import annotations

from itertools import islice

import orjson
import pytest

from cli.company import timeline

NOW_MS = 1_767_609_000_000
"""2026-01-05T10:30Z, a Monday morning."""


@pytest.mark.parametrize("events", [1, 50, 800, 6_000, 30_000])
def test_the_past_holds_at_least_as_many_events_as_asked_and_hardly_more(events: int) -> None:
    past, _ = timeline.around(3, NOW_MS, events=events)
    assert events <= sum(not delivery.repeated for delivery in past) <= events * 1.4 + 40


def test_what_begins_before_now_goes_on_after_it() -> None:
    past, rest = timeline.around(3, NOW_MS)
    later = list(islice(rest, 300))
    assert past[-1].at_ms < NOW_MS <= later[0].at_ms
    subjects = {orjson.loads(delivery.body).get("subject") for delivery in past} - {None}
    assert subjects & {orjson.loads(delivery.body).get("subject") for delivery in later}


def test_the_same_seed_gives_the_same_timeline() -> None:
    (first, first_rest), (second, second_rest) = (timeline.around(9, NOW_MS, events=400) for _ in range(2))
    assert first == second
    assert list(islice(first_rest, 50)) == list(islice(second_rest, 50))
