"""What a ticket contributes: one row a rule, each a drawn timeline. A measure named with an empty list must not be there."""

from __future__ import annotations

import pytest

from tests.kpis.drawn import Emitted, drawn, emitted

REPLIES: list[tuple[str, str, Emitted]] = [
    (
        "first reply is from creation to the first public human word",
        "Mon 09:00 created\nMon 09:10 note\nMon 09:20 reply\nMon 09:30 reply",
        {"first_reply_wait": ["Mon 09:20 20m"], "first_reply_wait_cohort/in": ["Mon 09:00"], "first_reply_wait_cohort/out": ["Mon 09:00 20m"]},
    ),
    (
        "a bot's reply is none, it has a measure of its own",
        "Mon 09:00 created\nMon 09:01 bot\nMon 09:02 bot\nMon 09:20 reply\nMon 09:30 bot",
        {"first_reply_wait": ["Mon 09:20 20m"], "first_bot_reply_wait": ["Mon 09:01 1m"]},
    ),
    (
        "reopened after a bot-only solve: 10 min, not 4 d 5 h 10 min",
        "Mon 09:00 created\nMon 09:05 bot\nMon 09:05 solved\nFri 14:00 reopened\nFri 14:10 reply",
        {"first_reply_wait": ["Fri 14:10 10m"], "first_reply_wait_cohort/in": ["Fri 14:00"], "first_reply_wait_cohort/out": ["Fri 14:00 10m"]},
    ),
    (
        "reopened after a human word: the clock does not start again",
        "Mon 09:00 created\nMon 09:05 reply\nMon 09:06 solved\nFri 14:00 reopened\nFri 14:10 reply",
        {"first_reply_wait": ["Mon 09:05 5m"], "next_reply_wait": []},
    ),
    (
        "created by an agent: the creation is no reply, the next agent comment is",
        "Mon 09:00 created by=agent\nMon 11:00 reply",
        {"first_reply_wait": ["Mon 11:00 2h"], "contact_waiting": []},
    ),
    (
        "private notes first: the clock starts at the customer's first message",
        "Mon 09:00 created by=agent public=no\nMon 09:30 note\nMon 10:00 message\nMon 10:15 reply",
        {"first_reply_wait": ["Mon 10:15 15m"], "first_reply_wait_cohort/in": ["Mon 10:00"]},
    ),
    (
        "no customer ever wrote: a reply to nobody has no wait",
        "Mon 09:00 created by=agent public=no\nMon 09:30 reply",
        {"first_reply_wait": [], "first_reply_wait_cohort/in": []},
    ),
    (
        "next replies run from the first unanswered message",
        "Mon 09:00 created\nMon 09:05 reply\nMon 10:00 message\nMon 10:20 message\nMon 10:30 reply\nMon 11:00 message\nMon 11:01 reply",
        {
            "next_reply_wait": ["Mon 10:30 30m", "Mon 11:01 1m"],
            "next_reply_wait_cohort/in": ["Mon 10:00", "Mon 11:00"],
            "next_reply_wait_cohort/out": ["Mon 10:00 30m", "Mon 11:00 1m"],
        },
    ),
    (
        "messages before the first reply are no run; a bot does not end one; a solve censors it",
        "Mon 09:00 created\nMon 09:01 message\nMon 09:05 reply\nMon 10:00 message\nMon 10:01 bot\nMon 10:30 solved",
        {
            "next_reply_wait": [],
            "next_reply_wait_cohort/in": ["Mon 10:00"],
            "next_reply_wait_cohort/out": [],
            "next_reply_wait_cohort/cens": ["Mon 10:00 30m"],
        },
    ),
    (
        "the clocks of two services may differ by 5 s: 0",
        "Mon 09:00:05 created\nMon 09:00 reply",
        {"first_reply_wait": ["Mon 09:00 0s"], "quarantined/first_reply_wait": []},
    ),
]  # fmt: skip
SOLVES: list[tuple[str, str, Emitted]] = [
    (
        "first and full resolution, requester wait without pending",
        "Mon 09:00 created\nMon 10:00 status to=pending\nMon 12:00 status to=on_hold\nMon 13:00 solved",
        {
            "first_resolution": ["Mon 13:00 4h"], "full_resolution": ["Mon 13:00 4h"], "requester_wait": ["Mon 13:00 2h"],
            "requester_wait_by_start": ["Mon 09:00 2h"], "ticket_solved/no_reply": ["Mon 13:00"],
            "full_resolution_no_reply": ["Mon 13:00 4h"],
        },
    ),
    (
        "a reopening takes back the latest solve, never the first",
        "Mon 09:00 created\nMon 10:00 solved\nTue 09:00 reopened",
        {
            "ticket_solved/no_reply": [], "full_resolution": [], "requester_wait": [], "full_resolution_cohort/out": [],
            "first_resolution": ["Mon 10:00 1h"], "ticket_solved_gross": ["Mon 10:00"], "ticket_reopened": ["Tue 09:00"],
            "reopening/in": ["Mon 10:00"], "reopening/out": ["Mon 10:00 23h"],
        },
    ),
    (
        "solved twice: one net, two gross, wait goes on",
        "Mon 09:00 created\nMon 10:00 solved\nTue 09:00 reopened\nTue 10:00 solved\nTue 11:00 reopened\nTue 12:00 solved",
        {
            "ticket_solved/no_reply": ["Tue 12:00"], "ticket_solved_gross": ["Mon 10:00", "Tue 10:00", "Tue 12:00"],
            "ticket_reopened": ["Tue 09:00", "Tue 11:00"], "full_resolution": ["Tue 12:00 1d3h"], "requester_wait": ["Tue 12:00 3h"],
            "reopening/in": ["Mon 10:00"], "reopening/out": ["Mon 10:00 23h"], "first_resolution_cohort/out": ["Mon 09:00 1h"],
            "full_resolution_cohort/out": ["Mon 09:00 1d3h"],
        },
    ),
    (
        "claims count as the transitions they make: a claim of the state held does nothing",
        "Mon 09:00 created\nMon 09:30 reopened\nMon 10:00 solved\nMon 10:01 solved\nMon 11:00 status to=solved\nMon 12:00 closed",
        {"ticket_solved_gross": ["Mon 10:00"], "ticket_solved/no_reply": ["Mon 10:00"], "ticket_reopened": []},
    ),
    (
        "closed without solved is a solve; closed to open is a reopening",
        "Mon 09:00 created\nMon 10:00 closed\nMon 11:00 status to=open",
        {"ticket_solved_gross": ["Mon 10:00"], "ticket_reopened": ["Mon 11:00"]},
    ),
    (
        "created as solved",
        "Mon 09:00 created status=solved",
        {"ticket_solved_gross": ["Mon 09:00"], "full_resolution": ["Mon 09:00 0s"], "ticket_open/new": [], "ticket_open/open": []},
    ),
    (
        "a solve that stood for a day lasts, whatever comes later",
        "Mon 09:00 created\nMon 10:00 solved\nTue 10:00:01 reopened\nTue 11:00 solved",
        {"lasting_solve/out": ["Mon 09:00 1h"]},
    ),
    (
        "one reopened within 24 h, the edge included, does not: the next one may",
        "Mon 09:00 created\nMon 10:00 solved\nTue 10:00 reopened\nTue 11:00 solved",
        {"lasting_solve/out": ["Mon 09:00 1d2h"]},
    ),
    (
        "taken back and nothing since",
        "Mon 09:00 created\nMon 10:00 solved\nMon 11:00 reopened",
        {"lasting_solve/out": []},
    ),
    (
        "one touch: exactly one public human reply and no reopening",
        "Mon 09:00 created\nMon 09:05 bot\nMon 10:00 reply\nMon 10:30 note\nMon 11:00 solved",
        {"ticket_solved/one_touch": ["Mon 11:00"]},
    ),
    (
        "two replies are not one touch",
        "Mon 09:00 created\nMon 10:00 reply\nMon 10:30 reply\nMon 11:00 solved",
        {"ticket_solved/one_touch": [], "ticket_solved/replied": ["Mon 11:00"]},
    ),
    (
        "one reply and a reopening are not",
        "Mon 09:00 created\nMon 10:00 reply\nMon 11:00 solved\nMon 12:00 reopened\nMon 13:00 solved",
        {"ticket_solved/one_touch": [], "ticket_solved/replied": ["Mon 13:00"]},
    ),
    (
        "solved by a bot alone",
        "Mon 09:00 created\nMon 10:00 bot\nMon 11:00 solved",
        {"ticket_solved/bot_only": ["Mon 11:00"], "full_resolution_no_reply": []},
    ),
    (
        "logged time counts at the solve, all of it",
        "Mon 09:00 created\nMon 09:30 logged seconds=60\nMon 10:00 logged seconds=30.5\nMon 11:00 solved",
        {"handle_span": ["Mon 11:00 1m30.5s"], "handle_span_by_start": ["Mon 09:00 1m30.5s"]},
    ),
    ("without logged time no handle time", "Mon 09:00 created\nMon 11:00 solved", {"handle_span": []}),
]  # fmt: skip
MOVES: list[tuple[str, str, Emitted]] = [
    (
        "a transfer after the connect is dated at the connect, once, each mode as a part",
        "Mon 09:00 created\nMon 10:00 reply agent=a1\nMon 11:00 transferred mode=cold to_agent=a2\nMon 12:00 transferred mode=warm to_agent=a1\n"
        "Mon 13:00 transferred mode=cold to_agent=a2",
        {
            "contact_connected": ["Mon 10:00"], "contact_transferred": ["Mon 10:00"],
            "contact_transferred/+cold": ["Mon 10:00"], "contact_transferred/+warm": ["Mon 10:00"],
        },
    ),
    (
        "moved before anybody answered is routing, not a transfer",
        "Mon 09:00 created\nMon 09:10 transferred mode=cold to_team=t2\nMon 10:00 reply agent=a1 team=t2",
        {"contact_connected": ["Mon 10:00"], "contact_transferred": []},
    ),
    (
        "assigned to another agent afterwards",
        "Mon 09:00 created\nMon 10:00 reply agent=a1\nMon 11:00 assigned agent=a2",
        {"contact_transferred": ["Mon 10:00"], "contact_transferred/+unknown": ["Mon 10:00"]},
    ),
    (
        "assigned to nobody is no second person",
        "Mon 09:00 created\nMon 10:00 reply agent=a1\nMon 11:00 assigned agent=nobody",
        {"contact_transferred": []},
    ),
    (
        "a second agent replies",
        "Mon 09:00 created\nMon 10:00 reply actor=a1\nMon 11:00 reply actor=a2",
        {"contact_transferred": ["Mon 10:00"]},
    ),
    (
        "a second agent replies to a message",
        "Mon 09:00 created\nMon 10:00 reply actor=a1\nMon 10:30 message\nMon 11:00 reply actor=a2",
        {"contact_transferred": ["Mon 10:00"]},
    ),
    (
        "an escalation counts once a kind; the first counted one has the time",
        "Mon 09:00 created\nMon 09:30 escalated kind=sla\nMon 10:00 escalated kind=functional\nMon 11:00 escalated kind=functional\n"
        "Mon 12:00 escalated kind=hierarchic\nMon 13:00 solved",
        {
            "ticket_escalated": ["Mon 09:30", "Mon 10:00", "Mon 12:00"], "escalation_wait": ["Mon 10:00 1h"],
            "escalation_wait/functional": ["Mon 10:00 1h"], "escalation_wait/hierarchic": [], "escalation_wait_cohort/out": ["Mon 09:00 1h"],
            "ticket_solved_escalated": ["Mon 13:00"], "ticket_solved_escalated/+functional": ["Mon 13:00"],
            "ticket_solved_escalated/+hierarchic": ["Mon 13:00"], "ticket_solved_escalated/+sla": [],
        },
    ),
    (
        "kinds that are not counted make no escalated ticket",
        "Mon 09:00 created\nMon 09:30 escalated kind=sla\nMon 13:00 solved",
        {"ticket_solved_escalated": [], "escalation_wait": [], "escalation_wait_cohort/out": []},
    ),
    (
        "a complaint counts once, by its category, whatever it is called",
        "Mon 09:00 created\nMon 09:30 complaint category=invoice\nMon 09:40 complaint category=invoice\nMon 10:00 complaint complaint=x2 category=+1",
        {"complaint/invoice": ["Mon 09:30"], "complaint/1": ["Mon 10:00"]},
    ),
    ("a complaint without a ticket", "Mon 09:30 complaint-alone @c7 category=delay", {"complaint/delay": ["Mon 09:30"]}),
]  # fmt: skip
ENTRIES: list[tuple[str, str, Emitted]] = [
    (
        "first seen by another event than its creation: entered otherwise, open, solved, without durations",
        "Mon 09:00 message\nMon 10:00 solved",
        {
            "ticket_entered_otherwise/first_seen": ["Mon 09:00"], "ticket_created/unlinked": [], "full_resolution": [],
            "ticket_solved_gross": ["Mon 10:00"], "ticket_open/open": ["Mon 09:00 +1", "Mon 10:00 -1"],
        },
    ),
    (
        "first seen by its reopening: it was not open before, so it does not enter twice",
        "Mon 09:00 reopened",
        {"ticket_entered_otherwise/first_seen": [], "ticket_reopened": ["Mon 09:00"], "ticket_open/open": ["Mon 09:00 +1"]},
    ),
    (
        "its creation comes later: from there on it counts as created, no longer as entered otherwise",
        "Mon 09:00 message\nMon 10:00 created",
        {
            "ticket_entered_otherwise/first_seen": ["Mon 09:00", "Mon 10:00 -1"], "ticket_created/unlinked": ["Mon 10:00"],
            "ticket_open/open": ["Mon 09:00 +1"], "first_resolution_cohort/in": [],
        },
    ),
    (
        "an export fills the backlog and counts nothing as new; its age is known",
        "Tue 09:00 created backfill=yes opened=Mon_08:00 status=open\nTue 10:00 solved",
        {
            "ticket_entered_otherwise/backfill": ["Tue 09:00"], "full_resolution": ["Tue 10:00 1d2h"], "full_resolution_cohort/out": [],
            "ticket_open/open": ["Tue 09:00 +1", "Tue 10:00 -1"], "ticket_created/unlinked": [],
        },
    ),
    (
        "an export of a ticket whose age nobody says has no durations",
        "Tue 09:00 created backfill=yes status=open\nTue 10:00 solved",
        {"full_resolution": [], "first_resolution": [], "requester_wait": [], "ticket_solved_gross": ["Tue 10:00"]},
    ),
    (
        "linked as soon as the customer is known",
        "Mon 09:00 created\nMon 10:00 message customer=c1",
        {"ticket_created/linked": ["Mon 09:00"], "ticket_created/unlinked": []},
    ),
    (
        "opened in the future beyond the slack is quarantined",
        "Mon 09:00 created opened=Mon_09:10\nMon 09:05 solved",
        {"first_resolution": [], "quarantined/first_resolution": ["Mon 09:05"], "quarantined/full_resolution": ["Mon 09:05"]},
    ),
    (
        "up to 5 s below zero is clock skew and counts 0",
        "Mon 09:00 created opened=Mon_09:05:05\nMon 09:05 solved",
        {"first_resolution": ["Mon 09:05 0s"], "full_resolution": ["Mon 09:05 0s"], "quarantined/first_resolution": []},
    ),
    (
        "a channel that changes is counted at the creation",
        "Mon 09:00 created channel=email\nMon 10:00 message channel=chat\nMon 11:00 message channel=email",
        {"ticket_channel_switched": ["Mon 09:00"], "ticket_created/unlinked": ["Mon 09:00"]},
    ),
    (
        "the open gauge by status",
        "Mon 09:00 created\nMon 10:00 status to=open\nMon 11:00 status to=pending\nMon 12:00 solved",
        {
            "ticket_open/new": ["Mon 09:00 +1", "Mon 10:00 -1"], "ticket_open/open": ["Mon 10:00 +1", "Mon 11:00 -1"],
            "ticket_open/pending": ["Mon 11:00 +1", "Mon 12:00 -1"], "ticket_open/^": [],
        },
    ),
    (
        "waiting: from the creation by the customer, not while pending, from the next message",
        "Mon 09:00 created\nMon 10:00 status to=pending\nMon 11:00 status to=open\nMon 12:00 reply\nMon 13:00 message\nMon 14:00 solved",
        {
            "contact_waiting": ["Mon 09:00 +1", "Mon 10:00 -1", "Mon 11:00 +1", "Mon 12:00 -1", "Mon 13:00 +1", "Mon 14:00 -1"],
            "contact_waiting/^": [],
        },
    ),
    (
        "who waits is counted at the start of the wait",
        "Mon 09:00 created\nMon 12:00 reply\nMon 13:00 message\nMon 14:00 message",
        {"contact_waiting/^": ["Mon 13:00 +1"], "ticket_open/^": ["Mon 09:00 +1"]},
    ),
]  # fmt: skip
CORRECTIONS: list[tuple[str, str, Emitted]] = [
    ("deleted counts nowhere", "Mon 09:00 created\nMon 10:00 reply\nMon 11:00 solved\nMon 12:00 deleted reason=spam", {"": []}),
    ("what comes after the deletion counts nowhere either", "Mon 09:00 created\nMon 12:00 deleted\nMon 13:00 reply\nMon 14:00 solved", {"": []}),
    (
        "brought back it counts as if never deleted",
        "Mon 09:00 created\nMon 10:00 deleted\nMon 11:00 status to=open",
        {"ticket_created/unlinked": ["Mon 09:00"], "ticket_open/new": ["Mon 09:00 +1", "Mon 11:00 -1"], "ticket_open/open": ["Mon 11:00 +1"]},
    ),
    (
        "a merged ticket counts nowhere; its messages are the primary's",
        "Mon 09:00 created\nMon 09:30 created @t2\nMon 10:00 message @t2\nMon 10:30 merged @t2 into=t1\nMon 11:00 reply\nMon 11:30 reply",
        {"ticket_created/unlinked": ["Mon 09:00"], "first_reply_wait": ["Mon 11:00 2h"], "ticket_open/new": ["Mon 09:00 +1"]},
    ),
    (
        "messages that reach the secondary later are the primary's too, in their places",
        "Mon 09:00 created\nMon 09:10 reply\nMon 09:30 created @t2\nMon 10:30 merged @t2 into=t1\nMon 12:00 message @t2\nMon 11:00 message\n"
        "Mon 11:30 reply\nMon 12:30 reply",
        {"next_reply_wait": ["Mon 11:30 30m", "Mon 12:30 30m"]},
    ),
    (
        "a merged ticket stays merged when its status changes",
        "Mon 09:00 created\nMon 09:30 created @t2\nMon 10:30 merged @t2 into=t1\nMon 10:31 status @t2 to=closed\nMon 11:00 status @t2 to=open",
        {"ticket_created/unlinked": ["Mon 09:00"], "ticket_solved_gross": []},
    ),
    (
        "a merge that is withdrawn never was: nothing of the secondary stays with the primary",
        "Mon 09:00 created\nMon 09:10 reply\nMon 09:30 created @t2\nMon 10:00 message @t2\nMon 10:30 merged @t2 into=t1 #merge\n"
        "Mon 11:00 withdrawn of=merge",
        {"ticket_created/unlinked": ["Mon 09:00", "Mon 09:30"], "next_reply_wait_cohort/in": []},
    ),
    (
        "a message of the secondary that is corrected is corrected at the primary",
        "Mon 09:00 created\nMon 09:10 reply\nMon 09:30 created @t2\nMon 10:00 message @t2 #m\nMon 10:30 merged @t2 into=t1\nMon 10:20 message @t2 #m v1",
        {"next_reply_wait_cohort/in": ["Mon 10:20"]},
    ),
    (
        "answers go to the primary",
        "Mon 09:00 created\nMon 09:30 created @t2\nMon 10:00 rated @t2 metric=csat score=5\nMon 10:30 merged @t2 into=t1",
        {"case_answer/csat|overall|1-5|5": ["Mon 10:00"]},
    ),
    (
        "a higher version replaces, a lower or equal one does not",
        "Mon 09:00 created\nMon 10:00 reply #r\nMon 11:00 reply #r v2\nMon 09:30 reply #r v1\nMon 11:00 reply #r v2",
        {"first_reply_wait": ["Mon 11:00 2h"]},
    ),
    (
        "one id with two contents: the earlier one",
        "Mon 09:00 created\nMon 11:00 reply #r\nMon 10:00 reply #r\nMon 12:00 reply #r",
        {"first_reply_wait": ["Mon 10:00 1h"]},
    ),
    (
        "withdrawn, before or after it came",
        "Mon 09:00 created\nMon 09:00 withdrawn of=late\nMon 10:00 solved #early\nMon 11:00 withdrawn of=early\nMon 12:00 closed #late",
        {"ticket_solved_gross": [], "ticket_open/new": ["Mon 09:00 +1"]},
    ),
    (
        "out of order is as in order",
        "Mon 11:00 solved\nMon 10:00 reply\nMon 09:00 created",
        {"first_reply_wait": ["Mon 10:00 1h"], "ticket_solved/one_touch": ["Mon 11:00"], "ticket_entered_otherwise/first_seen": []},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(text, expected, id=name) for name, text, expected in (*REPLIES, *SOLVES, *MOVES, *ENTRIES, *CORRECTIONS)],
)
def test_timeline(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text))
    if "" in expected:
        assert found == {}
        return
    assert {name: found.get(name, []) for name in expected} == expected
    backwards = emitted(list(reversed(drawn(text))))
    assert backwards == found


ATTRIBUTES: list[tuple[str, str, str, Emitted]] = [
    (
        "a completed figure has the attributes in force at its end; a cohort those of its entry", "team",
        "Mon 09:00 created team=t1\nMon 10:00 assigned team=t2\nMon 11:00 solved",
        {"full_resolution": ["Mon 11:00 2h t2"], "full_resolution_cohort/out": ["Mon 09:00 2h t1"], "ticket_created/unlinked": ["Mon 09:00 t1"]},
    ),
    (
        "what was not said at the entry takes the first value said later", "team",
        "Mon 09:00 created\nMon 10:00 assigned team=t1\nMon 10:30 assigned team=t2\nMon 11:00 solved",
        {"ticket_created/unlinked": ["Mon 09:00 t1"], "first_reply_wait_cohort/in": ["Mon 09:00 t1"]},
    ),
    (
        "a gauge is left with the attributes it was entered with", "team",
        "Mon 09:00 created team=t1\nMon 10:00 assigned team=t2\nMon 11:00 solved",
        {"ticket_open/new": ["Mon 09:00 +1 t1", "Mon 10:00 +1 t2", "Mon 10:00 -1 t1", "Mon 11:00 -1 t2"]},
    ),
    (
        "a reply is credited to who wrote it", "agent",
        "Mon 09:00 created agent=a1\nMon 10:00 reply actor=a2",
        {"first_reply_wait": ["Mon 10:00 1h a2"]},
    ),
    (
        "a rating is credited to who replied last before it", "agent",
        "Mon 09:00 created agent=a1\nMon 10:00 reply actor=a2\nMon 11:00 solved\nMon 12:00 rated metric=csat score=4",
        {"case_answer/csat|overall|1-5|4": ["Mon 12:00 a2"], "case_answer_by_solve/csat|overall|1-5|4": ["Mon 11:00 a2"]},
    ),
    (
        "handled by", "handled_by",
        "Mon 09:00 created\nMon 09:05 bot\nMon 10:00 reply\nMon 11:00 solved",
        {"full_resolution": ["Mon 11:00 2h mixed"], "ticket_created/unlinked": ["Mon 09:00 None"]},
    ),
    (
        "priority and class as of the event", "priority",
        "Mon 09:00 created priority=low\nMon 10:00 priority to=high\nMon 11:00 solved",
        {"full_resolution": ["Mon 11:00 2h high"], "lasting_solve/out": ["Mon 09:00 2h low"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("dimension", "text", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ATTRIBUTES])
def test_attributes(dimension: str, text: str, expected: Emitted) -> None:
    found = emitted(drawn(text), attribute=dimension)
    assert {name: found.get(name, []) for name in expected} == expected
