"""What the shards tallied, told as counters and durations."""

from __future__ import annotations

import pytest

from kpis.folding import TallyKey
from services.api import tallied

Told = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def told(tallies: dict[TallyKey, int]) -> Told:
    return {(name, tuple(sorted(labels.items()))): n for name, labels, n in tallied.counters(tallies)}


CHAT = (("channel", "chat"),)


@pytest.mark.parametrize(
    ("tally", "counters"),
    [
        (("issues_created", "n", "chat", "", ""), {"issues_created": 1}),
        (("escalations", "+functional", "chat", "", ""), {}),
        (("first_reply_time", "met", "chat", "", ""), {"first_reply_time_due": 1}),
        (("first_reply_time", "breached", "chat", "", ""), {"first_reply_time_due": 1, "first_reply_time_breached": 1}),
        (("first_reply_time", "le60000", "chat", "", ""), {}),
        (("first_reply_time", "sum", "chat", "", ""), {}),
        (("calls_answered", "within", "chat", "", ""), {"calls_answered": 1, "speed_of_answer_due": 1}),
        (("calls_answered", "late", "chat", "", ""), {"calls_answered": 1, "speed_of_answer_due": 1, "speed_of_answer_breached": 1}),
        (("calls_answered", "no_wait", "chat", "", ""), {"calls_answered": 1}),
        (("calls_abandoned", "short", "chat", "", ""), {"calls_abandoned": 1}),
        (("calls_abandoned", "late", "chat", "", ""), {"calls_abandoned": 1, "speed_of_answer_due": 1, "speed_of_answer_breached": 1}),
        (("conversions", "in", "chat", "", ""), {"conversion_opportunities": 1}),
        (("conversions", "out", "chat", "", ""), {"conversions": 1}),
        (("complaints", "billing", "chat", "", ""), {"complaints": 1}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_a_tally_counts_as(tally: TallyKey, counters: dict[str, int]) -> None:
    assert {name: n for (name, labels), n in told({tally: 1}).items() if n and labels == CHAT} == counters


def test_answers_have_labels_of_their_own() -> None:
    found = told({("csat_ratings", "1-5|4", "chat", "", ""): 3, ("nps_responses", "relationship|promoter", "", "", ""): 2})
    assert found == {
        ("csat_ratings", (("channel", "chat"), ("scale", "1-5"), ("score", "4"))): 3,
        ("nps_responses", (("group", "promoter"), ("kind", "relationship"))): 2,
    }


def test_a_counter_stands_at_0_before_the_first_of_its_kind() -> None:
    found = told({("issues_created", "n", "chat", "tier1", ""): 5})
    labels = (("channel", "chat"), ("team", "tier1"))
    assert found["escalations", labels] == 0
    assert found["first_reply_time_breached", labels] == 0
    assert not any(name.startswith("calls") for name, _ in found), "a channel of tickets is none of calls"


def test_durations_by_kpi_and_channel() -> None:
    found = tallied.durations(
        {
            ("first_reply_time", "le60000", "chat", "", ""): 3,
            ("first_reply_time", "leinf", "chat", "", ""): 1,
            ("first_reply_time", "sum", "chat", "", ""): 90_000,
            ("first_reply_time", "met", "chat", "tier1", ""): 3,
            ("speed_of_answer", "le5000", "", "", ""): 2,
            ("issues_created", "n", "chat", "", ""): 9,
        }
    )
    assert [(one.kpi, one.channel, one.counts, one.sum_ms) for one in found] == [
        ("first_reply_time", "chat", {60_000: 3, float("inf"): 1}, 90_000),
        ("speed_of_answer", "", {5_000: 2}, 0),
    ]
