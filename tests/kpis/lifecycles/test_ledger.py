"""What a customer contributes as a whole: one row a rule, each a drawn timeline."""

from __future__ import annotations

import pytest

from kpis.contributions import Contributions
from kpis.entities import Entities
from kpis.ledgers import Ledgers
from kpis.lifecycles.ledger import Rules
from kpis.measures import SLOTS
from kpis.window import Zone
from schemas import facts as f
from tests.kpis.drawn import Emitted, drawn, emitted, written

CUSTOMERS: list[tuple[str, str, Emitted]] = [
    (
        "the next contact of the same issue within 7 days is a repeat; it is no first contact itself",
        "Mon 09:00 created @t1 customer=c1 issue_type=bug\nWed 09:00 created @t2 customer=c1 issue_type=bug",
        {"repeat_contact/in": ["Mon 09:00"], "repeat_contact/out": ["Mon 09:00 2d"]},
    ),
    (
        "another issue is not",
        "Mon 09:00 created @t1 customer=c1 issue_type=bug\nWed 09:00 created @t2 customer=c1 issue_type=bill",
        {"repeat_contact/in": ["Mon 09:00", "Wed 09:00"], "repeat_contact/out": []},
    ),
    (
        "what is not said is any issue",
        "Mon 09:00 created @t1 customer=c1 issue_type=bug\nWed 09:00 created @t2 customer=c1",
        {"repeat_contact/in": ["Mon 09:00"], "repeat_contact/out": ["Mon 09:00 2d"]},
    ),
    (
        "another product is another issue",
        "Mon 09:00 created @t1 customer=c1 product=a\nWed 09:00 created @t2 customer=c1 product=b",
        {"repeat_contact/in": ["Mon 09:00", "Wed 09:00"]},
    ),
    (
        "7 days later is the last that repeats",
        "Mon 09:00 created @t1 customer=c1\nMon2 09:00 created @t2 customer=c1",
        {"repeat_contact/in": ["Mon 09:00"], "repeat_contact/out": ["Mon 09:00 7d"]},
    ),
    (
        "a moment later is a new first contact",
        "Mon 09:00 created @t1 customer=c1\nMon2 09:00:00.001 created @t2 customer=c1",
        {"repeat_contact/in": ["Mon 09:00", "Mon2 09:00:00.001"], "repeat_contact/out": []},
    ),
    (
        "an answered inbound call is a contact, at its start; one given up or made by us is not",
        "Mon 09:00 created @t1 customer=c1\nTue 09:00 queued @p customer=c1\nTue 09:01 answered @p\n"
        "Mon 10:00 queued @q customer=c1\nMon 10:01 abandoned @q\nMon 11:00 queued @o customer=c1 direction=outbound\nMon 11:01 answered @o",
        {"repeat_contact/in": ["Mon 09:00"], "repeat_contact/out": ["Mon 09:00 1d"]},
    ),
    (
        "tickets that agents open or exports bring are no contacts; nor is anybody unknown",
        "Mon 09:00 created @t1 customer=c1 by=agent\nMon 09:30 created @t2 customer=c1 backfill=yes\nMon 10:00 created @t3",
        {"repeat_contact/in": []},
    ),
    (
        "other customers do not matter",
        "Mon 09:00 created @t1 customer=c1\nTue 09:00 created @t2 customer=c2",
        {"repeat_contact/in": ["Mon 09:00", "Tue 09:00"], "repeat_contact/out": []},
    ),
    (
        "a purchase within 7 days of a solve is credited to it",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 10:00 bought @u customer=c1",
        {"conversion/in": ["Mon 10:00"], "conversion/out": ["Mon 10:00 1d"], "conversion_base/not": ["Mon 10:00"]},
    ),
    (
        "7 days later it is not",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nMon2 10:00 bought @u customer=c1",
        {"conversion/in": ["Mon 10:00"], "conversion/out": []},
    ),
    (
        "at the end itself it is",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nMon 10:00 bought @u customer=c1",
        {"conversion/out": ["Mon 10:00 0s"]},
    ),
    (
        "before the end it is not",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nMon 09:59 bought @u customer=c1",
        {"conversion/out": []},
    ),
    (
        "unless it names the contact",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nMon 09:30 bought @u customer=c1 ticket=t1",
        {"conversion/out": ["Mon 10:00 0s"]},
    ),
    (
        "it is credited once: to the latest contact that ended before it",
        "Mon 09:00 created @t1 customer=c1\nMon 10:00 solved @t1\nTue 09:00 queued @p customer=c1\nTue 09:01 answered @p\nTue 09:05 ended @p\n"
        "Wed 10:00 bought @u customer=c1",
        {"conversion/in": ["Mon 10:00", "Tue 09:05"], "conversion/out": ["Tue 09:05 1d55m"]},
    ),
    (
        "or to the one it names",
        "Mon 09:00 created @t1 customer=c1\nMon 10:00 solved @t1\nTue 09:00 queued @p customer=c1\nTue 09:01 answered @p\nTue 09:05 ended @p\n"
        "Wed 10:00 bought @u customer=c1 ticket=t1",
        {"conversion/out": ["Mon 10:00 2d"]},
    ),
    (
        "of several the first counts",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nWed 10:00 bought @u customer=c1\nTue 10:00 bought @v customer=c1",
        {"conversion/out": ["Mon 10:00 1d"]},
    ),
    (
        "a refund takes it back",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 10:00 bought @u customer=c1\nSun 10:00 refunded @u",
        {"conversion/in": ["Mon 10:00"], "conversion/out": []},
    ),
    (
        "a reopening takes the contact back until the next solve",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 10:00 bought @u customer=c1\nWed 10:00 reopened\nWed 11:00 solved",
        {"conversion/in": ["Wed 11:00"], "conversion/out": []},
    ),
    (
        "the base: did the customer buy in the 7 days that end 28 days before the contact began",
        "Mon 09:00 bought @u customer=c1\nMon5 09:00:01 created customer=c1\nMon5 10:00 solved\nMon6 09:00 created @t2 customer=c1\nMon6 11:00 solved @t2\n"
        "Mon6 09:00:01 created @t3 customer=c1\nMon6 12:00 solved @t3",
        {"conversion_base/bought": ["Mon5 10:00", "Mon6 11:00"], "conversion_base/not": ["Mon6 12:00"]},
    ),
    (
        "the customer of a ticket is said later, then another: the facts move",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 10:00 bought @u customer=c2\nWed 10:00 note customer=c2",
        {"conversion/in": ["Mon 10:00"], "conversion/out": ["Mon 10:00 1d"]},
    ),
    (
        "a deleted ticket is no contact",
        "Mon 09:00 created customer=c1\nMon 10:00 solved\nTue 10:00 deleted",
        {"conversion/in": [], "repeat_contact/in": []},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in CUSTOMERS])
def test_timeline(text: str, expected: Emitted) -> None:
    found = emitted(drawn(text))
    assert {name: found.get(name, []) for name in expected} == expected
    assert emitted(list(reversed(drawn(text)))) == found


def test_distinct_customers_stand_at_their_latest_and_second_latest_solve_in_each_cut() -> None:
    entities, ledgers = Entities(), Ledgers(Rules(Zone(), (("channel", "team"),)))
    text = (
        "Mon 09:00 created @t1 customer=c1 channel=chat\nMon 10:00 solved @t1\nTue 09:00 created @t2 customer=c1 channel=chat\n"
        "Tue 10:00 solved @t2\nMon2 09:00 created @t3 customer=c1 channel=email team=x\nMon2 10:00 solved @t3 agent=a1"
    )
    for event in drawn(text):
        entities.apply(event)
    for fact in entities.changes()[1]:
        ledgers.apply(fact)
    ledgers.changes()
    found: dict[tuple[str, object], list[str]] = {}
    for (slot, at, attributes, _), count in sorted(ledgers.rows.rows.items(), key=lambda row: row[0][1]):
        key, cls = SLOTS[slot]
        if key.startswith("solved_customer"):
            assert count == 1
            found.setdefault((cls, attributes[1:]), []).append(written(at))
    assert found["latest", ()] == ["Mon2 10:00"]
    assert found["second", ()] == ["Tue 10:00"]
    assert found["latest", ("channel", "chat")] == ["Tue 10:00"]
    assert found["second", ("channel", "chat")] == ["Mon 10:00"]
    assert found["latest", ("channel", "email", "team", "x")] == ["Mon2 10:00"]
    assert ("second", ("channel", "email")) not in found
    assert found["day", ()] == ["Mon 10:00", "Tue 10:00", "Mon2 10:00"]
    assert found["week", ()] == ["Mon 10:00", "Mon2 10:00"]
    assert found["month", ("channel", "chat")] == ["Mon 10:00"]
    assert not any("agent" in cut for _, cut in found if isinstance(cut, tuple))


def _answer(score: int, at_ms: int, version: int, withdrawn: bool = False) -> f.RelationshipAnswer:
    attributes = ("customer", *([None] * 6))
    return f.RelationshipAnswer(
        key="customer:c1", id="a", version=version, at_ms=at_ms, score=score, attributes=attributes, withdrawn=withdrawn
    )


@pytest.mark.parametrize(
    ("versions", "score"),
    [
        pytest.param([(9, 1, False), (3, 2, False)], "3", id="the higher version holds"),
        pytest.param([(3, 2, False), (9, 1, False)], "3", id="whatever comes first"),
        pytest.param([(9, 1, False), (9, 1, False)], "9", id="again changes nothing"),
        pytest.param([(9, 1, False), (9, 2, True)], None, id="withdrawn"),
        pytest.param([(9, 2, True), (9, 1, False)], None, id="withdrawn before it came"),
    ],
)
@pytest.mark.parametrize("checkpoints", [False, True], ids=["one checkpoint", "one after each"])
def test_of_equal_facts_the_highest_version_holds(versions: list[tuple[int, int, bool]], score: str | None, checkpoints: bool) -> None:
    ledgers = Ledgers(Rules(Zone()))
    rows = Contributions()
    for number, (value, version, withdrawn) in enumerate(versions):
        ledgers.apply(_answer(value, 1_789_000_000_000, version, withdrawn))
        if checkpoints or number == len(versions) - 1:
            for key, state in ledgers.changes():
                rows.add_all(ledgers.rows)
                ledgers = Ledgers(ledgers.rules)
                ledgers.restore(key, state)
    found = {SLOTS[slot][1]: count for (slot, at, _, _), count in rows.rows.items() if at == 1_789_000_000_000}
    assert found == ({} if score is None else {score: 1})
