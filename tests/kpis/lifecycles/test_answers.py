"""What answers to surveys contribute: one row a rule, each a drawn timeline."""

from __future__ import annotations

import pytest

from tests.kpis.drawn import Emitted, drawn, emitted

ANSWERS: list[tuple[str, str, Emitted]] = [
    (
        "an answer about a case, at its time and at the solve before it",
        "Mon 09:00 created\nMon 10:00 solved\nMon 11:00 rated metric=csat score=4",
        {"case_answer/csat|overall|1-5|4": ["Mon 11:00"], "case_answer_by_solve/csat|overall|1-5|4": ["Mon 10:00"]},
    ),
    ("before any solve it has no case time", "Mon 09:00 created\nMon 09:30 rated metric=csat score=4", {"case_answer_by_solve/csat|overall|1-5|4": []}),
    (
        "the only csat question is the overall one, whatever it is called",
        "Mon 11:00 rated metric=csat score=2 question=how-was-it",
        {"case_answer/csat|overall|1-5|2": ["Mon 11:00"]},
    ),
    (
        "scales are part of the class",
        "Mon 11:00 rated metric=csat score=6 scale_min=1 scale_max=7",
        {"case_answer/csat|overall|1-7|6": ["Mon 11:00"]},
    ),
    ("outside its scale it is no answer", "Mon 11:00 rated metric=csat score=6", {"case_answer/csat|overall|1-5|6": []}),
    ("a scale of one point is none", "Mon 11:00 rated metric=csat score=1 scale_min=1 scale_max=1", {"case_answer/csat|overall|1-1|1": []}),
    (
        "the last answer of a case within 7 days replaces, the edge included",
        "Mon 11:00 rated metric=csat score=1 response=r1\nMon2 11:00 rated metric=csat score=5 response=r2",
        {"case_answer/csat|overall|1-5|1": [], "case_answer/csat|overall|1-5|5": ["Mon2 11:00"]},
    ),
    (
        "later than that both stand",
        "Mon 11:00 rated metric=csat score=1 response=r1\nMon2 11:00:01 rated metric=csat score=5 response=r2",
        {"case_answer/csat|overall|1-5|1": ["Mon 11:00"], "case_answer/csat|overall|1-5|5": ["Mon2 11:00:01"]},
    ),
    (
        "the same response again replaces whenever",
        "Mon 11:00 rated metric=csat score=1 response=r1\nMon3 11:00 rated metric=csat score=5 response=r1",
        {"case_answer/csat|overall|1-5|1": [], "case_answer/csat|overall|1-5|5": ["Mon3 11:00"]},
    ),
    (
        "another question does not replace",
        "Mon 11:00 rated metric=csat score=1\nMon 12:00 rated metric=ces score=7 question=easy",
        {"case_answer/csat|overall|1-5|1": ["Mon 11:00"], "case_answer/ces|easy|1-7|7": ["Mon 12:00"]},
    ),
    (
        "an answer stays when the case is reopened",
        "Mon 09:00 created\nMon 10:00 solved\nMon 11:00 rated metric=csat score=4\nMon 12:00 reopened",
        {"case_answer/csat|overall|1-5|4": ["Mon 11:00"], "case_answer_by_solve/csat|overall|1-5|4": ["Mon 10:00"]},
    ),
    (
        "words and scores missing are no class",
        "Mon 11:00 rated-alone @r1 metric=words\nMon 11:00 rated-alone @r2 metric=csat",
        {"": []},
    ),
    (
        "an invitation answered: dated at the sending; the first answer counts",
        "Mon 09:00 created\nMon 10:00 surveyed survey=s1\nTue 10:00 rated survey=s1 metric=csat score=4\nWed 10:00 rated survey=s1 metric=csat score=5 response=r2",
        {"survey_response/in": ["Mon 10:00"], "survey_response/out": ["Mon 10:00 1d"]},
    ),
    (
        "sent with a ticket, answered without one",
        "Mon 10:00 surveyed survey=s1\nTue 10:00 rated-alone @r1 survey=s1 metric=csat score=4",
        {"survey_response/in": ["Mon 10:00"], "survey_response/out": ["Mon 10:00 1d"]},
    ),
    ("an answer to an unknown invitation is no response of it", "Tue 10:00 rated-alone @r1 survey=s9 metric=csat score=4", {"survey_response/in": []}),
    (
        "a relationship answer counts for 90 days, by customer",
        "Mon 10:00 rated-alone @r1 type=relationship metric=nps score=9 customer=c1",
        {"relationship_nps/9": ["Mon 10:00 +1", "Sun13 10:00 -1"], "case_answer/nps|overall|0-10|9": []},
    ),
    (
        "until the customer's next one",
        "Mon 10:00 rated-alone @r1 type=relationship metric=nps score=9 customer=c1\n"
        "Tue 10:00 rated-alone @r2 type=relationship metric=nps score=3 customer=c1",
        {"relationship_nps/9": ["Mon 10:00 +1", "Tue 10:00 -1"], "relationship_nps/3": ["Tue 10:00 +1", "Mon14 10:00 -1"]},
    ),
    (
        "anonymous answers stand for themselves",
        "Mon 10:00 rated-alone @r1 type=relationship metric=nps score=9\nTue 10:00 rated-alone @r2 type=relationship metric=nps score=3",
        {"relationship_nps/9": ["Mon 10:00 +1", "Sun13 10:00 -1"], "relationship_nps/3": ["Tue 10:00 +1", "Mon14 10:00 -1"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in ANSWERS])
def test_timeline(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text))
    if "" in expected:
        assert found == {}
        return
    assert {name: found.get(name, []) for name in expected} == expected
    assert emitted(list(reversed(drawn(text)))) == found
