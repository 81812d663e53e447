"""Edges on which the product once differed from the definition, or easily could."""

from __future__ import annotations

from tests.oracle.worlds.case import Case
from tests.oracle.worlds.customers import SOLVED

OUTBOUND = "Mon 09:00 queued @p\nMon 09:01 answered @p\nMon 09:02 ended @p\nMon 09:03 queued @p direction=outbound"

EDGES = [
    Case("csat_score", "a response of two events has two questions, and neither is called overall",
         "Mon 09:00 rated-alone @x1 response=r1 survey=s1 metric=csat score=5 question=skills\n"
         "Tue 09:00 rated-alone @x1 response=r1 survey=s1 metric=csat score=1 question=speed", 0),
    Case("csat_score", "an answer that is taken out of its scale is valid no more",
         "Mon 09:00 rated-alone @r1 metric=csat score=5\nTue 09:00 rated-alone @r1 metric=csat score=9", 0),
    Case("nps", "a recommendation on another scale is none of 0-10",
         "Mon 09:00 rated-alone @r1 type=relationship metric=nps score=5 scale_min=1 scale_max=5 customer=c1", 0, window="now"),
    Case("nps", "a panel's answers are not the relationship's",
         "Mon 09:00 rated-alone @r1 type=panel metric=nps score=9 customer=c1", 0, window="now"),
    Case("csat_response_rate", "a reminder sends no second time: the invitation stands where it was sent first",
         "Mon 09:00 surveyed-alone @s1\nMon2 09:00 surveyed-alone @s1", 1, 0.0),
    Case("csat_response_rate", "answered 6 s before it was sent cannot be",
         "Mon 09:00:06 surveyed-alone @s1\nMon 09:00 rated-alone @r1 survey=s1 metric=csat score=5", 1, 0.0),
    Case("csat_response_rate", "the attributes of the invitation: the agent responsible then, not who replied before",
         "Mon 09:00 created agent=a1\nMon 09:30 reply actor=a2\nMon 10:00 surveyed survey=s1", 1, 0.0, cut="agent=a1"),
    Case("csat_response_rate", "what was not said at the entry takes the first value said later",
         "Mon 09:00 created\nMon 10:00 surveyed survey=s1\nMon 11:00 note team=b", 1, 0.0, cut="team=b"),
    Case("quote_to_booking_rate", "what was not said when the quote was sent takes the first value said later",
         "Mon 09:00 quote @q1 lead=l1\nTue 09:00 contacted @l1 team=b", 1, 0.0, cut="team=b"),
    Case("quote_to_booking_rate", "booked 6 s before it was sent cannot be",
         "Mon 09:00:06 quote @q1\nMon 09:00 booked @b quote=q1", 1, 0.0),
    Case("quote_to_booking_rate", "last sent is last sent, though it was sent before too",
         "Mon 09:00 quote @q1 lead=l1 team=a\nMon 10:00 quote @q2 lead=l1 team=b\nMon 11:00 quote @q1 lead=l1 team=b\n"
         "Tue 09:00 booked @b lead=l1",
         1, 1.0, cut="team=a"),
    Case("lead_response_time", "contacted 3 s before it was created is the clock's fault and counts 0",
         "Mon 09:00:03 lead @l1\nMon 09:00 contacted @l1", 1, 0.0),
    Case("service_conversion_rate", "what was not said at the end takes the first value said later",
         SOLVED + "Tue 09:00 note team=b", 1, 0.0, cut="team=b"),
    Case("service_conversion_rate", "a purchase that names a contact is credited to that one or to none",
         SOLVED + "Mon 09:00 created @t2 customer=c1\nTue 09:00 bought @u customer=c1 ticket=t2", 1, 0.0),
    Case("handle_time", "dated at the start, with the attributes of the start",
         "Mon 09:00 queued @p channel=phone\nMon 09:01 answered @p\nMon 09:02 passed @p channel=video\n"
         "Mon 09:05 ended @p", 1, 240.0, anchor="created", cut="channel=phone"),
    Case("transfer_rate", "a second agent took over, though nobody sent a transfer",
         "Mon 09:00 queued @p\nMon 09:01 answered @p agent=a1\nMon 09:05 ended @p agent=a2", 1, 1.0),
    Case("abandonment_rate", "what proves outbound later was never inbound",
         "Mon 09:00 answered @p\nMon 09:01 queued @p direction=outbound", 0),
    Case("speed_of_answer", "nor did it wait", OUTBOUND, 0),
    Case("speed_of_answer", "nor enter a queue", OUTBOUND, 0, anchor="created"),
    Case("service_level", "nor was it served", OUTBOUND, 0),
    Case("handle_time", "nor was it work on a contact", OUTBOUND, 0),
    Case("speed_of_answer", "by its start: who accepted a callback and hung up still waits",
         "Mon 09:00 queued @p1\nMon 09:00:05 callback @p1\nMon 09:00:06 abandoned @p1\nMon 09:00 queued @p2\nMon 09:00:10 answered @p2\n"
         "Mon 09:00 queued @p3\nMon 09:00:30 answered @p3", 3, 30.0, anchor="created"),
    Case("abandonment_rate", "given up 3 s before the queue is the clock's fault: a short one",
         "Mon 09:00:03 queued @p\nMon 09:00 abandoned @p", 0),
    Case("abandonment_rate", "a callback accepted a moment after hanging up is accepted",
         "Mon 09:00 queued @p\nMon 09:01 abandoned @p\nMon 09:01:01 callback @p", 0),
]  # fmt: skip
