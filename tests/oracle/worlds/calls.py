"""Calls: waits, giving up, work, who took over."""

from __future__ import annotations

from tests.oracle.worlds.case import Case


def call(number: int, wait: str = "", end: str = "", clock: str = "Mon 09:00", **said: str) -> str:
    """A call that waits (`answered 10`, `abandoned 4`: seconds) and ends."""
    day, at = clock.split()
    attributes = " ".join(f"{k}={v}" for k, v in said.items())
    lines = [f"{day} {at} queued @p{number} {attributes}"]
    if wait:
        verb, seconds = wait.split()
        lines.append(f"{day} {at}:{seconds} {verb} @p{number}")
    if end:
        lines.append(f"{day} {end} ended @p{number}")
    return "\n".join(lines) + "\n"


SIX_CALLS = (
    call(1, "answered 20")
    + call(2, "answered 21")
    + call(3, "abandoned 05")
    + call(4, "abandoned 20")
    + call(5, "abandoned 25")
    + "Mon 09:00 answered @p6"
)

CALLS = [
    Case("speed_of_answer", "the median of two waits lies between them", call(1, "answered 10") + call(2, "answered 30"), 2, 20.0,
         {"mean": 20.0, "within_20s": 0.5}),
    Case("speed_of_answer", "without call.queued there is no wait", "Mon 09:00 answered @p1", 0),
    Case("speed_of_answer", "those who gave up have none", call(1, "answered 10") + call(2, "abandoned 30"), 1, 10.0),
    Case("speed_of_answer", "outbound calls have none", "Mon 09:00 queued @p direction=outbound\nMon 09:01 answered @p", 0),
    Case("speed_of_answer", "3 s before the queue is the clock's fault and counts 0",
         "Mon 09:00:03 queued @p\nMon 09:00 answered @p", 1, 0.0),
    Case("speed_of_answer", "6 s before the queue cannot be", "Mon 09:00:06 queued @p\nMon 09:00 answered @p", 0),
    # at 10 s one of the two still waiting is answered: half is reached
    Case("speed_of_answer", "by its start: who gave up left the queue",
         call(1, "answered 10") + call(2, "abandoned 05") + call(3, "answered 30"),
         3, 10.0, anchor="created"),
    Case("service_level", "20 s is within, short and early give-ups are left out", SIX_CALLS, 3, 1 / 3,
         {"formula_1": 3 / 5, "formula_2": 1 / 2, "formula_3": 1 / 5, "formula_4": 1 / 3}),
    Case("abandonment_rate", "without the short ones, with the answers nobody timed", SIX_CALLS, 5, 2 / 5,
         {"short": 1, "wait_n": 3, "wait_mean": 50 / 3}),
    Case("abandonment_rate", "5 s is short", call(1, "abandoned 05") + call(2, "answered 10"), 1, 0.0, {"short": 1}),
    Case("abandonment_rate", "a moment more is not", call(1, "abandoned 05.001") + call(2, "answered 10"), 2, 1 / 2, {"short": 0}),
    Case("abandonment_rate", "the machine and closing time give nobody up", call(2, "answered 10")
         + "Mon 09:00 queued @p1\nMon 09:01 abandoned @p1 reason=ivr\nMon 09:00 queued @p3\nMon 09:01 abandoned @p3 reason=closed", 1, 0.0),
    Case("abandonment_rate", "nor does who will be called back", call(2, "answered 10")
         + "Mon 09:00 queued @p1\nMon 09:01 callback @p1\nMon 09:02 abandoned @p1", 1, 0.0),
    Case("abandonment_rate", "nor who was answered before",
         "Mon 09:00 queued @p\nMon 09:00:09 answered @p\nMon 09:02 abandoned @p", 1, 0.0),
    Case("abandonment_rate", "a hang-up without a queue counts", "Mon 09:00 abandoned @p", 1, 1.0, {"wait_n": 0}),
    Case("handle_time", "talk, hold and wrap",
         "Mon 09:00 queued @p\nMon 09:00:10 answered @p\nMon 09:05 ended @p talk=100 hold=20 wrap=30", 1, 150.0),
    Case("handle_time", "nothing said: from the answer to the end",
         "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:05 ended @p", 1, 240.0),
    Case("handle_time", "never answered: no work", "Mon 09:00 queued @p\nMon 09:05 ended @p talk=100", 0),
    Case("handle_time", "a ticket counts once, at its latest solve, what was logged until then",
         "Mon 09:00 created\nMon 09:10 logged seconds=60\nMon 10:00 solved\nMon 11:00 reopened\nMon 11:10 logged seconds=30\n"
         "Mon 12:00 solved", 1, 90.0),
    Case("transfer_rate", "passed on after the answer, not before",
         "Mon 09:00 queued @p\nMon 09:01 passed @p mode=warm\nMon 09:02 answered @p\n"
         "Mon 09:00 queued @q\nMon 09:02 answered @q\nMon 09:03 passed @q mode=cold", 2, 1 / 2, {"cold": 1 / 2}),
    Case("current_longest_wait", "the oldest that still waits",
         "Mon 09:00 queued @p1\nMon 09:01 ended @p1\nMon 09:02 queued @p2\nMon 09:03 queued @p3\nMon 09:01 queued @p4\n"
         "Mon 09:02 abandoned @p4",
         2, 480.0, window="now", now="Mon 09:10"),
]  # fmt: skip
