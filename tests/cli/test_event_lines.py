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
from cli.event_lines import delayed, identified, is_json, read_lines, repeated
from services.ingest.delivery import Delivery
from services.ingest.providers import standardwebhooks

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


def translated(lines: list[bytes], message_id: str) -> list[object]:
    """The ids that ingest gives the events of one request."""
    content_type, body = Batch(tuple(lines)).body()
    headers = {b"content-type": content_type.encode(), b"webhook-id": message_id.encode()}
    translation = standardwebhooks.translate(Delivery(headers=headers, body=body, received_at_ms=0), None)
    return [item.get("id") if isinstance(item, dict) else item for item in translation.items]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"type":"ticket.note","ticket_id":"1"}', id="flat"),
        pytest.param(b'{ "type":"ticket.note"}', id="a space first"),
        pytest.param(b"{}", id="nothing"),
        pytest.param(b"{ }", id="a space"),
        pytest.param(b'{"id":null,"type":"ticket.note"}', id="null"),
        pytest.param(b'{"type":"ticket.note","ticket_id":"id"}', id="a value that is called id"),
        pytest.param(b'{"type":"ticket.note","about":{"id":"x"}}', id="an id further down"),
        pytest.param(b'{"type":"ticket.note","data":{"ticket_id":"1"}}', id="an envelope"),
        pytest.param(b'{"type":"ticket.note","data":{"ticket_id":"1","id":null}}', id="null in an envelope"),
        pytest.param(b'{"id":"outer","type":"ticket.note","data":{"ticket_id":"1","id":null}}', id="null inside hides the one outside"),
        pytest.param(b'{"type":"ticket.note","data":[1]}', id="data that is no envelope"),
    ],
)
def test_an_event_without_an_id_has_one_of_what_it_says(line: bytes) -> None:
    twice = list(identified([line, b'{"id":"e"}', line]))
    first, _, second = translated(twice, "msg-1")
    assert str(first).startswith("send:")
    assert str(second).startswith("send:")
    assert first != second, "two equal lines are two facts"
    assert translated(list(identified([line])), "msg-2") == [first], "whatever else is sent, whenever"
    said, before = orjson.loads(twice[0]), orjson.loads(line)
    assert {k: v for k, v in said.items() if k not in ("id", "data")} == {k: v for k, v in before.items() if k not in ("id", "data")}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"id":"e","type":"ticket.note"}', id="flat"),
        pytest.param(b'{"id":"e","type":"ticket.note","data":{"ticket_id":"1"}}', id="outside an envelope"),
        pytest.param(b'{"type":"ticket.note","data":{"id":"e"}}', id="in an envelope"),
        pytest.param(b'{"id":5}', id="a number, which ingest refuses"),
        pytest.param(b"{broken", id="broken"),
        pytest.param(b"[1]", id="an array"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[" * 5000, id="deep"),
    ],
)
def test_what_has_an_id_or_cannot_have_one_stays_as_it_is(line: bytes) -> None:
    assert list(identified([line, line])) == [line, line]


@given(lines=st.lists(st.binary(min_size=1, max_size=9), max_size=30), done=st.sets(st.integers(0, 29)), most=st.integers(1, 5))
def test_what_was_answered_before_is_left_out(lines: list[bytes], done: set[int], most: int) -> None:
    cut = list(batches(lines, most, 10_000, done))
    placed = [(batch.first + ordinal, line) for batch in cut for ordinal, line in enumerate(batch.lines)]
    assert placed == [(place, line) for place, line in enumerate(lines) if place not in done]
