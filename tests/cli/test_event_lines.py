"""Lines on their way out: nothing is lost, disturbed only as asked, batches within their bounds."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.batches import Batch, batches
from cli.event_lines import delayed, is_json, read_lines, repeated

EVENTS = [orjson.dumps({"id": f"e{n}", "occurred_at": f"2026-11-22T08:{n // 60:02d}:{n % 60:02d}Z"}) for n in range(600)]


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_a_file_is_read_without_its_blank_lines(tmp_path: Path, name: str) -> None:
    content = b"\n" + EVENTS[0] + b"\r\n   \n" + EVENTS[1]
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(read_lines(str(tmp_path / name))) == EVENTS[:2]


@given(seconds=st.floats(0, 1000), seed=st.integers(0, 99), broken=st.lists(st.binary(min_size=1, max_size=9), max_size=5))
def test_delaying_loses_and_adds_nothing(seconds: float, seed: int, broken: list[bytes]) -> None:
    lines = [*EVENTS[:50], *broken, *EVENTS[50:100]]
    assert Counter(delayed(lines, seconds, Random(seed))) == Counter(lines)


def test_a_delay_moves_events_and_never_further_than_asked() -> None:
    order = [EVENTS.index(line) for line in delayed(EVENTS, 30, Random(1))]
    assert order != sorted(order)
    newest = 0
    for second in order:
        assert newest - second <= 31
        newest = max(newest, second)


@given(share=st.floats(0, 1), seed=st.integers(0, 99))
def test_repeating_sends_everything_once_or_twice(share: float, seed: int) -> None:
    counts = Counter(repeated(EVENTS[:100], share, Random(seed)))
    assert set(counts) == set(EVENTS[:100])
    assert set(counts.values()) <= {1, 2}


def test_the_share_of_repeats_is_the_one_asked_for() -> None:
    assert 240 <= len(list(repeated(EVENTS, 0.5, Random(3)))) - len(EVENTS) <= 360


@given(lines=st.lists(st.binary(min_size=1, max_size=50), max_size=60), most=st.integers(1, 10), size=st.integers(10, 200))
def test_batches_hold_all_lines_in_order_within_their_bounds(lines: list[bytes], most: int, size: int) -> None:
    cut = list(batches(lines, most, size))
    assert [line for batch in cut for line in batch.lines] == lines
    for batch in cut:
        assert 1 <= len(batch.lines) <= most
        assert len(batch.lines) == 1 or len(b"\n".join(batch.lines)) <= size


@pytest.mark.parametrize(
    ("line", "whether"),
    [
        pytest.param(b'{"a": 1}', True, id="an object"),
        pytest.param(b'{"occurred_at": 5}', True, id="an object with a wrong time"),
        pytest.param(b"{broken", False, id="broken"),
        pytest.param(b"[1]", False, id="an array"),
        pytest.param(b"1", False, id="a number"),
        pytest.param(b"\xff", False, id="not UTF-8"),
    ],
)
def test_only_objects_go_into_an_array(line: bytes, whether: bool) -> None:
    assert is_json(line) is whether
    assert Batch((line,)).body()[0] == ("application/json" if whether else "application/x-ndjson")
