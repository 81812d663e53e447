"""What a call contributes: one row a rule, each a drawn timeline."""

from __future__ import annotations

import pytest

from kpis.controls import Controls
from tests.kpis.drawn import Emitted, drawn, emitted

CALLS: list[tuple[str, str, Emitted]] = [
    (
        "answered in time",
        "Mon 09:00 queued @p\nMon 09:00:20 answered @p\nMon 09:05 ended @p talk=200 hold=20 wrap=30",
        {
            "call_answered/within": ["Mon 09:00:20"], "answer_wait": ["Mon 09:00:20 20s"], "contact_connected": ["Mon 09:00:20"],
            "answer_wait_cohort/in": ["Mon 09:00"], "answer_wait_cohort/out": ["Mon 09:00 20s"], "handle_span": ["Mon 09:05 4m10s"],
            "handle_span_by_start": ["Mon 09:00 4m10s"], "contact_waiting": ["Mon 09:00 +1", "Mon 09:00:20 -1"], "contact_waiting/^": [],
        },
    ),
    ("late by a moment", "Mon 09:00 queued @p\nMon 09:00:20.001 answered @p", {"call_answered/late": ["Mon 09:00:20.001"]}),
    (
        "without said seconds the work is ended − answered",
        "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:05 ended @p",
        {"handle_span": ["Mon 09:05 4m"]},
    ),
    (
        "one of them said is all of the work",
        "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:05 ended @p talk=90",
        {"handle_span": ["Mon 09:05 1m30s"]},
    ),
    (
        "answered without a queue: connected, no wait",
        "Mon 09:01 answered @p\nMon 09:05 ended @p talk=60",
        {"call_answered/no_wait": ["Mon 09:01"], "answer_wait": [], "contact_connected": ["Mon 09:01"], "handle_span": ["Mon 09:05 1m"]},
    ),
    (
        "outbound calls count nowhere",
        "Mon 09:00 queued @p direction=outbound\nMon 09:01 answered @p\nMon 09:05 ended @p talk=60",
        {"": []},
    ),
    (
        "given up after 5 s is short: no loss, but in the curve",
        "Mon 09:00 queued @p\nMon 09:00:05 abandoned @p",
        {"call_abandoned/short": ["Mon 09:00:05"], "abandon_wait": ["Mon 09:00:05 5s"], "answer_wait_cohort/cens": ["Mon 09:00 5s"]},
    ),
    ("given up within the target", "Mon 09:00 queued @p\nMon 09:00:05.001 abandoned @p", {"call_abandoned/within": ["Mon 09:00:05.001"]}),
    ("given up after it", "Mon 09:00 queued @p\nMon 09:00:20.001 abandoned @p", {"call_abandoned/late": ["Mon 09:00:20.001"]}),
    (
        "of the reasons only caller and other count",
        "Mon 09:00 queued @p\nMon 09:01 abandoned @p reason=ivr\nMon 09:00 queued @q\nMon 09:01 abandoned @q reason=closed\n"
        "Mon 09:00 queued @r\nMon 09:02 abandoned @r reason=other\nMon 09:00 queued @s\nMon 09:02 abandoned @s reason=short",
        {"call_abandoned/late": ["Mon 09:02"], "call_abandoned/within": [], "call_abandoned/short": [], "contact_waiting/^": []},
    ),
    (
        "an accepted callback is no abandonment",
        "Mon 09:00 queued @p\nMon 09:02 callback @p\nMon 09:03 abandoned @p",
        {"call_abandoned/late": [], "abandon_wait": [], "answer_wait_cohort/cens": []},
    ),
    (
        "answered after it seemed given up: answered counts, both stand",
        "Mon 09:00 queued @p\nMon 09:00:30 answered @p\nMon 09:03 abandoned @p",
        {"call_answered/late": ["Mon 09:00:30"], "call_abandoned/late": [], "answer_wait_cohort/cens": []},
    ),
    (
        "given up without a queue: counted, without a wait",
        "Mon 09:03 abandoned @p",
        {"call_abandoned/no_wait": ["Mon 09:03"], "abandon_wait": [], "quarantined/abandon_wait": []},
    ),
    (
        "transferred at the connect",
        "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:02 passed @p mode=warm to_queue=vip\nMon 09:09 ended @p",
        {"contact_transferred": ["Mon 09:01"], "contact_transferred/+warm": ["Mon 09:01"]},
    ),
    (
        "passed on in the queue is no transfer",
        "Mon 09:00 queued @p\nMon 09:00:30 passed @p to_queue=vip\nMon 09:01 answered @p",
        {"contact_transferred": [], "contact_connected": ["Mon 09:01"]},
    ),
    (
        "repeated and contradictory events change nothing",
        "Mon 09:00 queued @p\nMon 09:00:10 queued @p\nMon 09:01 answered @p\nMon 09:01:10 answered @p\nMon 09:05 ended @p\nMon 09:06 ended @p",
        {"answer_wait": ["Mon 09:01 1m"], "handle_span": ["Mon 09:05 4m"], "answer_wait_cohort/in": ["Mon 09:00"]},
    ),
    (
        "answered up to 5 s before it was queued: 0",
        "Mon 09:00:05 queued @p\nMon 09:00 answered @p",
        {"answer_wait": ["Mon 09:00 0s"], "answer_wait_cohort/out": ["Mon 09:00:05 0s"], "contact_waiting/^": []},
    ),
    (
        "earlier than that is quarantined, and still an answer",
        "Mon 09:00:05.001 queued @p\nMon 09:00 answered @p",
        {"answer_wait": [], "quarantined/answer_wait": ["Mon 09:00"], "call_answered/no_wait": ["Mon 09:00"]},
    ),
    (
        "work that cannot be is quarantined",
        "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:05 ended @p talk=-60",
        {"handle_span": [], "quarantined/handle_span": ["Mon 09:05"]},
    ),
    (
        "given up up to 5 s before it was queued: a short one, and not waiting for ever",
        "Mon 09:00:05 queued @p\nMon 09:00:01 abandoned @p",
        {"contact_waiting": [], "contact_waiting/^": [], "call_abandoned/short": ["Mon 09:00:01"], "abandon_wait": ["Mon 09:00:01 0s"]},
    ),
    (
        "ended without an answer: over, not waiting for ever",
        "Mon 09:00 queued @p\nMon 09:05 ended @p",
        {"contact_waiting": ["Mon 09:00 +1", "Mon 09:05 -1"], "contact_waiting/^": [], "handle_span": []},
    ),
    (
        "answered after it ended, by the clocks: connected, but no work and no end that a purchase could follow",
        "Mon 09:00 ended @p\nMon 09:01 answered @p",
        {"call_answered/no_wait": ["Mon 09:01"], "handle_span": [], "conversion/in": []},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in CALLS])
def test_timeline(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text))
    if "" in expected:
        assert found == {}
        return
    assert {name: found.get(name, []) for name in expected} == expected
    assert emitted(list(reversed(drawn(text)))) == found


def test_the_target_decides_what_is_within() -> None:
    text = "Mon 09:00 queued @p\nMon 09:00:25 answered @p\nMon 09:00 queued @q\nMon 09:00:25 abandoned @q"
    found = emitted(drawn(text), Controls(answer_within_ms=30_000, short_abandon_ms=25_000))
    assert (found["call_answered/within"], found["call_abandoned/short"]) == (["Mon 09:00:25"], ["Mon 09:00:25"])


def test_a_wait_has_the_attributes_of_its_start_an_answer_those_of_its_own() -> None:
    text = "Mon 09:00 queued @p queue=a\nMon 09:00:10 passed @p to_queue=vip\nMon 09:00:20 answered @p"
    found = emitted(drawn(text), attribute="queue")
    assert found["answer_wait_cohort/out"] == ["Mon 09:00 20s a"]
    assert found["answer_wait"] == ["Mon 09:00:20 20s vip"]
    assert found["contact_waiting"] == ["Mon 09:00 +1 a", "Mon 09:00:10 +1 vip", "Mon 09:00:10 -1 a", "Mon 09:00:20 -1 vip"]
