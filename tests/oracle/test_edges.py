"""Edges of tickets and windows: a few events each, and every figure of the product is the oracle's, in every window and both anchors."""

from __future__ import annotations

import pytest

from services.settings import Settings
from tests.kpis.drawn import drawn, moment
from tests.oracle.compared import Asked, Both

EDGES: list[tuple[str, str, tuple[str, str]]] = [
    (
        "Of two tickets created in the window one is solved: one half, not all of them.",
        "Mon 17:50 created @t1\nMon 17:50 created @t2\nMon 17:55 solved @t1",
        ("Tue", "17:40"),
    ),
    (
        "What was not said when the run began takes the first value said later, as for every other entry.",
        "Mon 09:00 created\nMon 10:00 reply\nMon 11:00 message\nMon 12:00 reply team=billing",
        ("Tue", "00:00"),
    ),
    (
        "The ticket was opened at 8 and solved at 9",
        "Mon 09:00 escalated kind=functional\nMon 09:00 solved\nMon 10:00 created opened=Mon_08:00\n"
        "Mon 10:59:57 reply @t2\nMon 11:00 created @t2",
        ("Tue", "00:00"),
    ),
    (
        "The channel differs from the first one, whatever the status at that moment.",
        "Mon 09:00 created channel=email\nMon 10:00 solved\nMon 11:00 reopened channel=chat",
        ("Tue", "00:00"),
    ),
    (
        "The wait begins at the earliest message without an answer.",
        "Mon 09:00 message\nMon 12:00 created",
        ("Tue", "00:00"),
    ),
    (
        "Handled by a bot is what a bot's reply makes of the ticket, as a person's reply makes it handled by a person.",
        "Mon 09:00 created\nMon 09:01 bot\nMon 09:02 solved",
        ("Tue", "00:00"),
    ),
    (
        "Whoever is responsible after an event is said on the event itself.",
        "Mon 09:00 created\nMon 10:00 reply agent=a1 team=one\nMon 11:00 note agent=a2 team=two",
        ("Tue", "00:00"),
    ),
    (
        "An id in two tickets is two events: a correction that names another ticket leaves the first one.",
        "Mon 09:00 created @t1 #c\nMon 09:00 created @t2 #c v1",
        ("Tue", "00:00"),
    ),
    (
        "An id used again for another ticket is another event.",
        "Mon 09:00 created @t1 #c\nMon 09:01 created @t2 #c",
        ("Tue", "00:00"),
    ),
    (
        "A withdrawal cannot be taken back.",
        "Mon 09:00 created @t1 #c\nMon 09:30 created @t2 #d\nMon 10:00 withdrawn #w of=c\nMon 10:00 withdrawn #w v1 of=d",
        ("Tue", "00:00"),
    ),
    (
        "Entries are not split by who handled them: at the entry nobody had.",
        "Mon 09:00 bot\nMon 10:00 created",
        ("Tue", "00:00"),
    ),
]


@pytest.mark.parametrize(("events", "now"), [pytest.param(events, now, id=says) for says, events, now in EDGES])
def test_every_figure_of_an_edge(events: str, now: tuple[str, str]) -> None:
    with Both(drawn(events), Settings(), moment(*now)) as both:
        assert both.differences(Asked()) == []


def test_a_window_of_the_past_knows_nobody_who_entered_after_its_end() -> None:
    """Its end lies inside a bucket of a quarter of an hour; who entered later in that quarter is not at risk in it."""
    lines = [f"Tue 10:{minute:02d} created @t{minute} customer=c{minute % 4}" for minute in range(40)]
    lines += [f"Tue 11:{minute:02d} solved @t{minute}" for minute in range(0, 40, 3)]
    with Both(drawn("\n".join(lines)), Settings(), moment("Tue", "12:00")) as both:
        assert both.differences(Asked(as_of_ms=moment("Tue", "10:20"))) == []
