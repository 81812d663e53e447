"""What contacts lead to: purchases and repeats."""

from __future__ import annotations

from tests.oracle.worlds.case import Case

SOLVED = "Mon 09:00 created customer=c1\nMon 10:00 solved\n"
CALLED = "Tue 09:00 queued @p customer=c1\nTue 09:01 answered @p\nTue 09:05 ended @p\n"
CUSTOMERS = [
    Case("service_conversion_rate", "bought at the end itself", SOLVED + "Mon 10:00 bought @u customer=c1", 1, 1.0),
    Case("service_conversion_rate", "7 days later it is too late", SOLVED + "Mon2 10:00 bought @u customer=c1", 1, 0.0),
    Case("service_conversion_rate", "a moment before it is not", SOLVED + "Mon2 09:59:59.999 bought @u customer=c1", 1, 1.0),
    Case("service_conversion_rate", "credited once, to the latest contact that ended before",
         SOLVED + CALLED + "Wed 09:00 bought @u customer=c1", 2, 1 / 2),
    Case("service_conversion_rate", "which was the call",
         SOLVED + CALLED + "Wed 09:00 bought @u customer=c1", 1, 1.0, cut="handled_by=human"),
    Case("service_conversion_rate", "or to the one it names",
         SOLVED + CALLED + "Wed 09:00 bought @u customer=c1 ticket=t1", 1, 0.0, cut="handled_by=human"),
    Case("service_conversion_rate", "named, it may come before the end", SOLVED + "Mon 09:30 bought @u customer=c1 ticket=t1", 1, 1.0),
    Case("service_conversion_rate", "two purchases convert one contact once",
         SOLVED + "Tue 09:00 bought @u customer=c1\nTue 09:00 bought @v customer=c1", 1, 1.0),
    Case("service_conversion_rate", "a refund takes it back", SOLVED + "Tue 09:00 bought @u customer=c1\nMon5 09:00 refunded @u", 1, 0.0),
    Case("service_conversion_rate", "somebody else's does not count", SOLVED + "Tue 09:00 bought @u customer=c2", 1, 0.0),
    Case("service_conversion_rate", "the unknown convert nothing", "Mon 09:00 created\nMon 10:00 solved", 0),
    Case("service_conversion_rate", "a reopened ticket has not ended", SOLVED + "Tue 09:00 reopened", 0),
    Case("service_conversion_rate", "the base: bought in the 7 days that end 28 days before",
         "Mon-4 09:00 bought @u customer=c1\n" + SOLVED, 1, 0.0, {"base_rate": 1.0, "incremental_conversion": -1.0}),
    Case("service_conversion_rate", "a moment before these 7 days it is not",
         "Mon-4 08:59:59.999 bought @u customer=c1\n" + SOLVED, 1, 0.0, {"base_rate": 0.0, "incremental_conversion": 0.0}),
    Case("service_conversion_rate", "nor 28 days before itself",
         "Mon-3 09:00 bought @u customer=c1\n" + SOLVED, 1, 0.0, {"base_rate": 0.0, "incremental_conversion": 0.0}),
    Case("repeat_contact_rate", "7 days later repeats", "Mon 09:00 created @t1 customer=c1\nMon2 09:00 created @t2 customer=c1", 1, 1.0),
    Case("repeat_contact_rate", "a moment more does not",
         "Mon 09:00 created @t1 customer=c1\nMon2 09:00:00.001 created @t2 customer=c1", 1, 0.0),
    Case("repeat_contact_rate", "a repeat is no first contact", "Mon 09:00 created @t1 customer=c1\nTue 09:00 created @t2 customer=c1\n"
         "Wed 09:00 created @t3 customer=c1", 1, 1.0),
    Case("repeat_contact_rate", "another issue is",
         "Mon 09:00 created @t1 customer=c1 issue_type=a\nTue 09:00 created @t2 customer=c1 issue_type=b", 2, 0.0),
    Case("repeat_contact_rate", "what is not said is any issue",
         "Mon 09:00 created @t1 customer=c1 issue_type=a\nTue 09:00 created @t2 customer=c1", 1, 1.0),
    Case("repeat_contact_rate", "an answered call is one, at its start", "Mon 09:00 created customer=c1\n" + CALLED, 1, 1.0),
    Case("repeat_contact_rate", "one given up is not",
         "Mon 09:00 created customer=c1\nTue 09:00 queued @p customer=c1\nTue 09:01 abandoned @p", 1, 0.0),
    Case("repeat_contact_rate", "nor what an agent or an export opened",
         "Mon 09:00 created @t1 customer=c1\nTue 09:00 created @t2 customer=c1 by=agent\n"
         "Tue 09:00 created @t3 customer=c1 backfill=yes", 1, 0.0),
    Case("repeat_contact_rate", "a merged ticket is no contact", "Mon 09:00 created @t1 customer=c1\nTue 09:00 created @t2 customer=c1\n"
         "Tue 10:00 merged @t2 into=t1", 1, 0.0),
]  # fmt: skip
