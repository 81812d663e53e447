"""What customers say: answers, scales, replacements, invitations."""

from __future__ import annotations

from schemas import events as ev
from schemas.events import Event
from tests.kpis.drawn import moment
from tests.oracle.worlds.case import Case


def two_questions(first: str, second: str) -> Event:
    """One response to two questions of satisfaction, 5 to the first and 1 to the second."""
    answers = (ev.Answer(question=first, metric="csat", score=5), ev.Answer(question=second, metric="csat", score=1))
    return ev.SurveyResponded(
        id="two", source="desk", occurred_at_ms=moment("Tue", "09:00"), response_id="r1", survey_type="post_case", answers=answers
    )


ANSWERS = [
    Case("csat_score", "4 and 5 of 1-5",
         "Mon 09:00 rated-alone @r1 metric=csat score=4\nMon 09:00 rated-alone @r2 metric=csat score=3", 2, 1 / 2,
         {"mean_1-5": 3.5}),
    Case("csat_score", "6 and 7 of 1-7, never in one mean with 1-5",
         "Mon 09:00 rated-alone @r1 metric=csat score=6 scale_min=1 scale_max=7\n"
         "Mon 09:00 rated-alone @r2 metric=csat score=5 scale_min=1 scale_max=7\n"
         "Mon 09:00 rated-alone @r3 metric=csat score=5", 3, 2 / 3, {"mean_1-5": 5.0, "mean_1-7": 5.5}),
    Case("csat_score", "yes of yes and no", "Mon 09:00 rated-alone @r1 metric=csat score=1 scale_min=0 scale_max=1\n"
         "Mon 09:00 rated-alone @r2 metric=csat score=0 scale_min=0 scale_max=1", 2, 1 / 2, {"mean_0-1": 0.5}),
    Case("csat_score", "what lies outside its scale is no answer", "Mon 09:00 rated-alone @r1 metric=csat score=6", 0),
    Case("csat_score", "a higher version replaces",
         "Mon 09:00 rated-alone @r1 #a metric=csat score=5\nMon 09:00 rated-alone @r1 #a v1 metric=csat score=1", 1, 0.0),
    Case("csat_score", "a lower version does not, whenever it comes",
         "Mon 09:00 rated-alone @r1 #a v1 metric=csat score=1\nMon 10:00 rated-alone @r1 #a metric=csat score=5", 1, 0.0),
    Case("csat_score", "the same response again replaces, and dates it anew",
         "Sat 09:00 rated-alone @r1 metric=csat score=5\nTue2 09:00 rated-alone @r1 metric=csat score=1", 0),
    Case("csat_score", "another response of the case within 7 days replaces",
         "Mon 09:00 created\nTue 09:00 rated response=r1 metric=csat score=1\nSun 09:00 rated response=r2 metric=csat score=5", 1, 1.0),
    Case("csat_score", "at 7 days too", "Mon 09:00 created\nMon 10:00 rated response=r1 metric=csat score=1\n"
         "Mon2 10:00 rated response=r2 metric=csat score=5", 0),
    Case("csat_score", "a moment later both stand", "Mon 09:00 created\nMon 10:00 rated response=r1 metric=csat score=1\n"
         "Mon2 10:00:00.001 rated response=r2 metric=csat score=5", 1, 0.0),
    Case("csat_score", "an only question is the overall one, whatever its name",
         "Mon 09:00 rated-alone @r1 metric=csat score=5 question=skills", 1, 1.0),
    Case("csat_score", "of two the one that is called so", "", 1, 0.0, more=(two_questions("skills", "overall"),)),
    Case("csat_score", "else none", "", 0, more=(two_questions("skills", "speed"),)),
    Case("csat_score", "answers about the relationship are no cases", "Mon 09:00 rated-alone @r1 type=relationship metric=csat score=5", 0),
    Case("csat_score", "a deleted ticket has none", "Mon 09:00 created\nMon 10:00 rated metric=csat score=5\nTue 09:00 deleted", 0),
    Case("csat_score", "a merged ticket's goes to its primary, once",
         "Mon 09:00 created @t1 team=a\nMon 09:00 created @t2 team=b\nMon 10:00 rated @t2 response=r1 metric=csat score=5\n"
         "Tue 09:00 merged @t2 into=t1",
         1, 1.0, cut="team=a"),
    Case("csat_score", "credit goes to who replied last before it",
         "Mon 09:00 created agent=a9\nMon 09:10 reply actor=a1\nMon 09:20 reply actor=a2\nMon 09:30 bot\n"
         "Mon 10:00 rated metric=csat score=5\n"
         "Mon 11:00 reply actor=a3", 1, 1.0, cut="agent=a2"),
    Case("csat_score", "anchored at the case: dated at the solve before it",
         "Mon 09:00 created\nSun 10:00 solved\nTue2 10:00 rated metric=csat score=5", 1, 1.0, anchor="created"),
    Case("csat_score", "not at a later one",
         "Mon 09:00 created\nTue 10:00 rated metric=csat score=5\nWed 10:00 solved", 0, anchor="created"),
    Case("csat_score", "withdrawn is withdrawn", "Mon 09:00 rated-alone @r1 #a metric=csat score=5\nTue 09:00 withdrawn of=a", 0),
    Case("ces", "5 to 7 of 1-7", "Mon 09:00 rated-alone @r1 metric=ces score=5\nMon 09:00 rated-alone @r2 metric=ces score=4", 2, 1 / 2,
         {"mean_1-7": 4.5}),
    Case("nps", "of cases: promoters less detractors",
         "Mon 09:00 rated-alone @r1 metric=nps score=9\nMon 09:00 rated-alone @r2 metric=nps score=10\n"
         "Mon 09:00 rated-alone @r3 metric=nps score=6\nMon 09:00 rated-alone @r4 metric=nps score=7\n"
         "Mon 09:00 rated-alone @r5 type=relationship metric=nps score=0", 4, 25.0, {"promoters": 2, "passives": 1, "detractors": 1}),
    Case("nps", "another scale is not mixed in", "Mon 09:00 rated-alone @r1 metric=nps score=5 scale_min=1 scale_max=5", 0),
    Case("nps", "of the relationship: each customer's latest, the unknown each for itself",
         "Mon 09:00 rated-alone @r1 type=relationship metric=nps score=0 customer=c1\n"
         "Tue 09:00 rated-alone @r2 type=relationship metric=nps score=10 customer=c1\n"
         "Mon 09:00 rated-alone @r3 type=relationship metric=nps score=9\nMon 09:00 rated-alone @r4 type=relationship metric=nps score=2\n"
         "Mon 09:00 rated-alone @r5 metric=nps score=0", 3, 100 / 3, {"promoters": 2, "detractors": 1}, window="now"),
    Case("nps", "it holds for 90 days", "Mon 09:00 rated-alone @r1 type=relationship metric=nps score=9 customer=c1", 1, 100.0,
         window="90d", now="Sun13 09:00"),
    Case("nps", "and no longer",
         "Mon 09:00 rated-alone @r1 type=relationship metric=nps score=9 customer=c1", 0, window="90d", now="Sun13 09:15"),
    Case("csat_response_rate", "14 days are in time, a moment more is late",
         "Mon 09:00 surveyed-alone @s1\nMon3 09:00 rated-alone @r1 survey=s1 metric=csat score=5\n"
         "Mon 10:00 surveyed-alone @s2\nMon3 10:00:00.001 rated-alone @r2 survey=s2 metric=csat score=5", 2, 1 / 2),
    Case("csat_response_rate", "what was never sent has no rate", "Mon 09:00 rated-alone @r1 survey=s1 metric=csat score=5", 0),
    Case("csat_response_rate", "one invitation, answered twice, is answered once, at the first",
         "Mon 09:00 created\nMon 10:00 surveyed survey=s1\nTue 09:00 rated survey=s1 response=r1 metric=csat score=5\n"
         "Mon4 09:00 rated survey=s1 response=r2 metric=csat score=5", 1, 1.0),
]  # fmt: skip
