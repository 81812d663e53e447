"""Where the product is known to differ from the definition: the smallest events that show it, and which figures it may touch.

Each is a test that must fail (`test_findings.py`), so that one that was mended is noticed and taken from the list; what is
compared on generated companies leaves out what an entry excuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.oracle.compared import Difference
from tests.oracle.worlds.differing import DIFFERING


class Finding(NamedTuple):
    """One difference: what it is, the events (as in `tests.kpis.drawn`), the present, and what it excuses.

    `excuses` names KPIs, with `/created` or `/completed` where only that anchor is touched; `fields` are the beginnings of the
    numbers that may be off (empty: all), `splits_only` excuses cuts but not the total, `only_young` what is cut where buckets are not,
    `only_late` what holds a ticket whose creation is not its first event; what is `alone` is in no other events than its own.
    """

    name: str
    says: str
    events: str
    now: tuple[str, str]
    excuses: tuple[str, ...]
    fields: tuple[str, ...] = ()
    splits_only: bool = False
    only_young: bool = False
    only_late: bool = False
    alone: bool = False

    def excused(self, difference: Difference) -> bool:
        """Whether a difference may come from this."""
        return (
            any(name in (difference.kpi, f"{difference.kpi}/{difference.anchor}") for name in self.excuses)
            and (not self.fields or difference.what.startswith(self.fields))
            and not (self.splits_only and not difference.cut)
        )


COHORTS = (
    "resolution_rate", "resolved_within_24h", "reopen_rate", "escalation_rate/created", "csat_response_rate", "lead_to_booking_rate",
    "quote_to_booking_rate", "service_conversion_rate", "repeat_contact_rate", "first_reply_time/created", "next_reply_time/created",
    "first_resolution_time/created", "full_resolution_time/created", "open_age_adjusted_resolution", "time_to_escalate/created",
    "speed_of_answer/created", "lead_response_time/created", "time_to_booking/created",
)  # fmt: skip

FINDINGS: tuple[Finding, ...] = (
    Finding(
        name="a young cohort forgets who entered in the first, partial bucket of its window",
        says="Of two tickets created in the window one is solved: one half, not all of them.",
        events="""
            Mon 17:50 created @t1
            Mon 17:50 created @t2
            Mon 17:55 solved @t1
        """,
        now=("Tue", "17:40"),
        excuses=COHORTS,
        fields=("value", "ci_", "parts.within", "interval"),
        only_young=True,
    ),
    Finding(
        name="a run of messages keeps the attributes of its beginning, unfilled",
        says="What was not said when the run began takes the first value said later, as for every other entry.",
        events="""
            Mon 09:00 created
            Mon 10:00 reply
            Mon 11:00 message
            Mon 12:00 reply team=billing
        """,
        now=("Tue", "00:00"),
        excuses=("next_reply_time/created",),
        splits_only=True,
    ),
    Finding(
        name="what happened before a creation that was told late has no duration",
        says="The ticket was opened at 8 and solved at 9: that its creation came to light at 10 changes nothing of that hour; and a "
        "reply 3 s before the creation is the fault of a clock and counts 0.",
        events="""
            Mon 09:00 escalated kind=functional
            Mon 09:00 solved
            Mon 10:00 created opened=Mon_08:00
            Mon 10:59:57 reply @t2
            Mon 11:00 created @t2
        """,
        now=("Tue", "00:00"),
        excuses=(
            "first_reply_time",
            "first_resolution_time",
            "full_resolution_time",
            "requester_wait_time",
            "handle_time/created",
            "time_to_escalate",
            "escalation_rate/created",
            "backlog_age",
        ),
        only_late=True,
    ),
    Finding(
        name="a switch of channel is missed while the ticket is solved",
        says="The channel differs from the first one, whatever the status at that moment.",
        events="""
            Mon 09:00 created channel=email
            Mon 10:00 solved
            Mon 11:00 reopened channel=chat
        """,
        now=("Tue", "00:00"),
        excuses=("tickets_by_channel",),
        fields=("parts.switched",),
    ),
    Finding(
        name="a creation that comes after the customer's first message makes the wait shorter",
        says="The wait begins at the earliest message without an answer.",
        events="""
            Mon 09:00 message
            Mon 12:00 created
        """,
        now=("Tue", "00:00"),
        excuses=("current_longest_wait",),
        fields=("value", "parts.p", "parts.max"),
    ),
    Finding(
        name="the first reply of a bot is not counted under its own name",
        says="Handled by a bot is what a bot's reply makes of the ticket, as a person's reply makes it handled by a person.",
        events="""
            Mon 09:00 created
            Mon 09:01 bot
            Mon 09:02 solved
        """,
        now=("Tue", "00:00"),
        excuses=("first_reply_time/completed",),
        fields=("parts.bot", "figure"),
        splits_only=True,
    ),
    Finding(
        name="another agent or team in force after the connect is no transfer unless it was assigned",
        says="Whoever is responsible after an event is said on the event itself.",
        events="""
            Mon 09:00 created
            Mon 10:00 reply agent=a1 team=one
            Mon 11:00 note agent=a2 team=two
        """,
        now=("Tue", "00:00"),
        excuses=("transfer_rate",),
    ),
    Finding(
        name="a correction that names another ticket leaves the first one counted",
        says="The higher version replaces the event, wherever it stood.",
        events="""
            Mon 09:00 created @t1 #c
            Mon 09:00 created @t2 #c v1
        """,
        now=("Tue", "00:00"),
        excuses=("issues_created",),
        alone=True,
    ),
    Finding(
        name="an id used again for another ticket counts twice",
        says="The same (source, id) with other content and no higher version: the smallest holds, the other is kept out.",
        events="""
            Mon 09:00 created @t1 #c
            Mon 09:01 created @t2 #c
        """,
        now=("Tue", "00:00"),
        excuses=("issues_created",),
        alone=True,
    ),
    Finding(
        name="a withdrawal that was corrected goes on withdrawing what it named before",
        says="A withdrawal is an event with an id and a version as any other.",
        events="""
            Mon 09:00 created @t1 #c
            Mon 09:30 created @t2 #d
            Mon 10:00 withdrawn #w of=c
            Mon 10:00 withdrawn #w v1 of=d
        """,
        now=("Tue", "00:00"),
        excuses=("issues_created",),
        alone=True,
    ),
    Finding(
        name="a creation told late is handled by whoever replied before it",
        says="Entries are not split by who handled them: at the entry nobody had.",
        events="""
            Mon 09:00 bot
            Mon 10:00 created
        """,
        now=("Tue", "00:00"),
        excuses=("issues_created",),
        splits_only=True,
        alone=True,
    ),
)


ELSEWHERE = frozenset((case.kpi, case.anchor) for case in DIFFERING)
"""KPIs that differ in one of the small worlds, which is where that is tested."""
ATTRIBUTES = frozenset((case.kpi, case.anchor) for case in DIFFERING if case.cut)
"""Those of them where only a cut does."""


def unexcused(
    differences: list[Difference], *, heads: bool = True, late: Callable[[str], bool] = lambda cut: False, wild: bool = False
) -> list[Difference]:
    """The differences that no known finding explains.

    `heads` False: windows begin where buckets do. `late` tells whether a cut holds tickets whose creation was told late. `wild`:
    the events are such as no company sends, so that anything may stand beside anything.
    """
    findings = [finding for finding in FINDINGS if not finding.alone and (heads or not finding.only_young)]
    elsewhere = ELSEWHERE if wild else ATTRIBUTES
    return [
        difference for difference in differences
        if not ((difference.cut or wild) and {(difference.kpi, None), (difference.kpi, difference.anchor)} & elsewhere)
        and not any(finding.excused(difference) and (not finding.only_late or late(difference.cut)) for finding in findings)
    ]  # fmt: skip
