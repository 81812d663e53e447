"""Made-up incidents for the wall board: one with its cause, several, and one whose words are hostile."""

from __future__ import annotations

from schemas.canonical import rfc3339
from schemas.spikes import Spike, SpikeCause

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe\u202c\x07\u0000 " + "very long " * 60
"""Tags, a right-to-left override, control characters, and no end."""


def escalations(now_ms: int) -> Spike:
    """Fourteen escalations where three are usual, most of them from one corner."""
    return Spike(
        id=f"escalation_rate@{rfc3339(now_ms - 780_000)}",
        kpi="escalation_rate",
        watch="escalation",
        title="Escalations are unusually high",
        dims={},
        window="15m",
        since=rfc3339(now_ms - 780_000),
        opened_at=rfc3339(now_ms - 300_000),
        state="open",
        observed=14.0,
        expected=3.1,
        usual_low=0.0,
        usual_high=7.0,
        unit="tickets",
        surprise=6.2,
        once_in_seconds=23_328_000.0,
        causes=[
            SpikeCause(dims={"channel": "chat", "team": "billing"}, observed=11, expected=0.9, share=0.93, surprise=5.1),
            SpikeCause(dims={"channel": "chat"}, observed=12, expected=1.4, share=0.97, surprise=4.8),
        ],
        flat=["priority", "language"],
        tickets=["35436", "35441", "35447", "35450"],
    )


def longest_wait(now_ms: int) -> Spike:
    """A wait of 38 minutes; nothing carries it."""
    return Spike(
        id=f"current_longest_wait@{rfc3339(now_ms - 240_000)}", kpi="current_longest_wait", watch="longest_wait",
        title="The longest wait is unusually long", dims={}, window="now", since=rfc3339(now_ms - 240_000), opened_at=rfc3339(now_ms),
        state="closing", observed=2290.0, expected=310.0, usual_low=0.0, usual_high=780.0, unit="seconds", surprise=4.4,
        once_in_seconds=None,
    )  # fmt: skip


def hostile(now_ms: int) -> Spike:
    """What a sender who wishes us ill might bring about."""
    return Spike(
        id="complaint_count@hostile", kpi="complaint_count", watch="complaint", title=f"Complaints {HOSTILE}", dims={"channel": HOSTILE},
        window="1h", since=rfc3339(now_ms - 60_000), opened_at=rfc3339(now_ms), state="open", observed=30.0, expected=0.2, usual_low=0.0,
        usual_high=0.0, unit="complaints", surprise=12.0, once_in_seconds=1e12,
        causes=[SpikeCause(dims={"channel": HOSTILE, "team": HOSTILE}, observed=30, expected=0.1, share=1.0, surprise=9.0)],
        tickets=[HOSTILE, "<b>1</b>"],
    )  # fmt: skip
