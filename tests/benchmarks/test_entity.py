"""The size of an open ticket: the tickets are what the table says they are."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.entity import LENGTHS, measured, story
from kpis.entities import Entities


@pytest.mark.parametrize("length", LENGTHS)
def test_a_story_leaves_one_open_ticket_with_all_its_events(length: int) -> None:
    entities = Entities()
    for event in story(Random(1), 7, length):
        entities.apply(event)
    assert entities.counters == {"applied": length}
    assert len(entities) == 1
    assert not entities.refused


def test_a_longer_ticket_has_a_larger_record() -> None:
    short, long = (measured(20, length, 0).record_median for length in (1, 9))
    assert 0 < short < long
