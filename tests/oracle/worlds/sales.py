"""Leads, quotes and bookings."""

from __future__ import annotations

from tests.oracle.worlds.case import Case

LEAD = "Mon 09:00 lead @l1\n"
SALES = [
    Case("lead_response_time", "the first contact by a person",
         LEAD + "Mon 09:05 contacted @l1 automatic=yes\nMon 09:10 contacted @l1\nMon 09:20 contacted @l1",
         1, 600.0, {"within_300s": 0.0, "within_3600s": 1.0}),
    Case("lead_response_time", "by its start: who was never contacted waits on",
         LEAD + "Mon 09:10 contacted @l1\nMon 09:00 lead @l2", 2, 600.0, anchor="created"),
    Case("lead_to_booking_rate", "30 days are in time", LEAD + "Wed5 09:00 booked @b lead=l1", 1, 1.0),
    Case("lead_to_booking_rate", "a moment more is late", LEAD + "Wed5 09:00:00.001 booked @b lead=l1", 1, 0.0),
    Case("lead_to_booking_rate", "a cancelled one is none", LEAD + "Tue 09:00 booked @b lead=l1\nWed 09:00 cancelled @b lead=l1", 1, 0.0),
    Case("lead_to_booking_rate", "the next one is",
         LEAD + "Tue 09:00 booked @b lead=l1\nWed 09:00 cancelled @b lead=l1\nThu 09:00 booked @c lead=l1", 1, 1.0),
    Case("lead_to_booking_rate", "a won deal is a booking", LEAD + "Tue 09:00 won @d lead=l1", 1, 1.0),
    Case("lead_to_booking_rate", "a lost lead stays in the count", LEAD + "Tue 09:00 lost @l1", 1, 0.0),
    Case("lead_to_booking_rate", "a duplicate does not", LEAD + "Mon 10:00 lead @l2\nTue 09:00 duplicate @l2 into_lead=l1", 1, 0.0),
    Case("time_to_booking", "the first that was not cancelled",
         LEAD + "Tue 09:00 booked @b lead=l1\nWed 09:00 cancelled @b lead=l1\nThu 09:00 booked @c lead=l1\n"
         "Fri 09:00 won @d lead=l1", 1, 3 * 86400.0),
    Case("time_to_booking", "booked before it was a lead counts 0", "Mon 08:00 booked @b lead=l1\n" + LEAD, 1, 0.0),
    Case("quote_to_booking_rate", "the quote that the booking names",
         "Mon 09:00 quote @q1 lead=l1\nMon 10:00 quote @q2 lead=l1\nTue 09:00 booked @b lead=l1 quote=q1", 2, 1 / 2),
    Case("quote_to_booking_rate", "else the one last sent before it",
         "Mon 09:00 quote @q1 lead=l1 team=a\nMon 10:00 quote @q2 lead=l1 team=b\nTue 09:00 booked @b lead=l1\n"
         "Wed 09:00 quote @q3 lead=l1 team=c",
         1, 1.0, cut="team=b"),
    Case("quote_to_booking_rate", "not one sent afterwards", "Mon 09:00 booked @b lead=l1\nTue 09:00 quote @q1 lead=l1", 1, 0.0),
    Case("quote_to_booking_rate", "without a lead the name joins them", "Mon 09:00 quote @q1\nTue 09:00 booked @b quote=q1", 1, 1.0),
    Case("quote_to_booking_rate", "a cancelled booking closes nothing",
         "Mon 09:00 quote @q1\nTue 09:00 booked @b quote=q1\nWed 09:00 cancelled @b quote=q1",
         1, 0.0),
]  # fmt: skip
