"""What ends is started again at a bearable pace, and what cannot start is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.restarts import FIRST_SECONDS, LAST_SECONDS, STEADY_SECONDS, Restarts, how_it_ended


@pytest.mark.parametrize(
    ("code", "was_ready", "again"),
    [
        pytest.param(-9, False, True, id="killed while it starts"),
        pytest.param(-9, True, True, id="killed"),
        pytest.param(75, False, True, id="a lost shard while it starts"),
        pytest.param(75, True, True, id="a lost shard"),
        pytest.param(0, True, True, id="asked to end by somebody else"),
        pytest.param(1, True, True, id="broke down at work"),
        pytest.param(1, False, False, id="cannot start"),
        pytest.param(2, False, False, id="cannot use its configuration"),
        pytest.param(2, True, False, id="cannot use its configuration any more"),
    ],
)
def test_what_may_have_gone_is_tried_again(code: int, was_ready: bool, again: bool) -> None:
    assert (Restarts().pause("api", code, 1.0, was_ready=was_ready) is not None) == again


def test_pauses_grow_by_service_and_begin_anew_after_a_steady_time() -> None:
    restarts = Restarts()

    def pause(name: str, ran_seconds: float) -> float | None:
        return restarts.pause(name, -9, ran_seconds, was_ready=True)

    assert [pause("api", 0) for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert pause("ingest", 0) == FIRST_SECONDS
    assert pause("api", STEADY_SECONDS - 1) == LAST_SECONDS
    assert [pause("api", STEADY_SECONDS), pause("api", 0)] == [0.5, 1]


@given(st.lists(st.floats(0, 2 * STEADY_SECONDS) | st.just(0.0), min_size=1, max_size=60))
def test_there_are_never_more_than_ten_starts_in_a_minute(lives: list[float]) -> None:
    restarts = Restarts()
    starts, now = [0.0], 0.0
    for lived in lives:
        pause = restarts.pause("api", 75, lived, was_ready=True)
        assert pause is not None
        now += lived + pause
        starts.append(now)
    assert max(sum(start <= other < start + 60 for other in starts) for start in starts) <= 10


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was killed by SIGKILL"),
        (-99, "was killed by signal 99"),
        (75, "ended by itself with code 75"),
        (0, "ended by itself with code 0"),
    ],
)
def test_an_end_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
