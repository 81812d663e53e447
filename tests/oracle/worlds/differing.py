"""Where the product and the definition differ: the oracle holds to the definition. What comes to agree is moved to the others."""

from __future__ import annotations

from schemas import events as ev
from tests.kpis.drawn import moment
from tests.oracle.worlds.case import Case
from tests.oracle.worlds.customers import SOLVED

MERGED = ev.CustomerMerged(id="m1", source="desk", occurred_at_ms=moment("Sun", "09:00"), customer_id="c2", into_customer_id="c1")

DIFFERING = [
    Case("nps", "merged customers have one latest answer",
         "Mon 09:00 rated-alone @r1 type=relationship metric=nps score=0 customer=c1\n"
         "Tue 09:00 rated-alone @r2 type=relationship metric=nps score=9 customer=c2", 1, 100.0, window="now", more=(MERGED,)),
    Case("service_conversion_rate", "what a merged customer buys is bought by the one that remains",
         SOLVED + "Tue 09:00 bought @u customer=c2", 1, 1.0, more=(MERGED,)),
    Case("repeat_contact_rate", "merged customers come back as one",
         "Mon 09:00 created @t1 customer=c1\nTue 09:00 created @t2 customer=c2", 1, 1.0, more=(MERGED,)),
]  # fmt: skip
