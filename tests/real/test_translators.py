"""The translators' hard cases, on rows of the logs' shape that are made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.calls import calls
from tests.real.helpdesk import helpdesk
from tests.real.incidents import incidents
from tests.real.leads import leads
from tests.real.translate import translated

_CALL_HEADER = (
    "vru+line,call_id,customer_id,priority,type,date,vru_entry,vru_exit,vru_time,"
    "q_start,q_exit,q_time,outcome,ser_start,ser_exit,ser_time,server"
)
# fmt: off
CALLS = {
    "queued and answered at the end of the wait, whatever the server's clock says": (
        "L1,1,0,0,AA,2010-08-03,9:00:00,9:00:10,10,9:00:10,9:00:40,30,AGENT,9:00:39,9:01:39,60,agent-1",
        [("call.queued", "03T09:00:10"), ("call.answered", "03T09:00:40"), ("call.ended", "03T09:01:39")]),
    "answered at once waits zero": (
        "L1,1,0,0,AA,2010-08-03,9:00:00,9:00:10,10,0:00:00,0:00:00,0,AGENT,9:00:09,9:01:09,60,agent-1",
        [("call.queued", "03T09:00:09"), ("call.answered", "03T09:00:09"), ("call.ended", "03T09:01:09")]),
    "answered without a server's time ends at its answer": (
        "L1,1,0,0,AA,2010-08-03,9:00:00,9:00:10,10,0:00:00,0:00:00,0,AGENT,0:00:00,0:00:00,0,agent-1",
        [("call.queued", "03T09:00:10"), ("call.answered", "03T09:00:10"), ("call.ended", "03T09:00:10")]),
    "waits over midnight": (
        "L1,1,0,0,AA,2010-08-03,23:59:30,23:59:40,10,23:59:40,0:00:20,40,AGENT,0:00:19,0:01:19,60,agent-1",
        [("call.queued", "03T23:59:40"), ("call.answered", "04T00:00:20"), ("call.ended", "04T00:01:19")]),
    "begins service over midnight, on the dot": (
        "L1,1,0,0,AA,2010-08-03,23:59:30,23:59:40,10,0:00:00,0:00:00,0,AGENT,0:00:00,0:00:30,30,agent-1",
        [("call.queued", "04T00:00:00"), ("call.answered", "04T00:00:00"), ("call.ended", "04T00:00:30")]),
    "a clock that ran backwards in the menu stays on its day": (
        "L1,1,0,0,AA,2010-08-03,9:05:00,9:03:00,-120,9:03:00,9:05:30,150,HANG,0:00:00,0:00:00,0,NO_SERVER",
        [("call.queued", "03T09:03:00"), ("call.abandoned", "03T09:05:30")]),
    "hung up in the menu": (
        "L1,1,0,0,AA,2010-08-03,9:00:00,9:00:10,10,0:00:00,0:00:00,0,HANG,0:00:00,0:00:00,0,NO_SERVER",
        [("call.abandoned", "03T09:00:10")]),
    "a phantom is no call": (
        "L1,1,0,0,AA,2010-08-03,9:00:00,9:00:10,10,9:00:10,9:00:40,30,PHANTOM,9:00:39,9:01:39,60,NO_SERVER",
        []),
}
# fmt: on


@pytest.mark.parametrize(("row", "expected"), CALLS.values(), ids=CALLS.keys())
def test_a_call_becomes_events(tmp_path: Path, row: str, expected: list[tuple[str, str]]) -> None:
    events = list(calls(_file(tmp_path, _CALL_HEADER, row)))
    assert [(e["type"], e["occurred_at"]) for e in events] == [(kind, f"2010-08-{at}.000Z") for kind, at in expected]
    assert not any("customer_id" in e for e in events), "customer 0 is nobody"


def test_a_hang_up_says_whether_there_was_a_queue(tmp_path: Path) -> None:
    rows = [row for name, (row, _) in CALLS.items() if "hung up" in name or "backwards" in name]
    reasons = [e["reason"] for e in calls(_file(tmp_path, _CALL_HEADER, *rows)) if e["type"] == "call.abandoned"]
    assert reasons == ["caller", "ivr"]


_INCIDENT_HEADER = (
    "number,incident_state,sys_mod_count,caller_id,opened_at,sys_updated_at,contact_type,"
    "category,priority,assignment_group,assigned_to,resolved_at,closed_at"
)
_INCIDENT_ROWS = (
    "INC1,Active,3,Caller 1,1/3/2016 08:00,1/3/2016 09:00,Phone,?,3 - Moderate,Group 1,?,2/3/2016 10:00,3/3/2016 10:00",
    "INC1,New,0,Caller 1,1/3/2016 08:00,1/3/2016 08:30,Self service,Category 1,4 - Low,?,?,2/3/2016 10:00,3/3/2016 10:00",
    "INC1,-100,4,Caller 1,1/3/2016 08:00,1/3/2016 09:00,Phone,?,3 - Moderate,Group 1,Resolver 1,2/3/2016 10:00,3/3/2016 10:00",
)


def test_a_case_is_created_when_opened_and_every_row_is_a_change(tmp_path: Path) -> None:
    created, active, new, unknown = incidents(_file(tmp_path, _INCIDENT_HEADER, *_INCIDENT_ROWS))
    assert created == {
        "type": "ticket.created",
        "id": "INC1:created",
        "occurred_at": "2016-03-01T08:00:00.000Z",
        "ticket_id": "INC1",
        "channel": "self_service",
        "customer_id": "Caller 1",
    }
    assert (active["to"], active["sequence"], active["occurred_at"]) == ("open", 3, "2016-03-01T09:00:00.000Z")
    assert (new["to"], new["issue_type"], new["priority"]) == ("new", "Category 1", "low")
    assert unknown["type"] == "ticket.note"
    assert unknown["agent_id"] == "Resolver 1"
    assert "agent_id" not in active
    assert "issue_type" not in active


def test_outcomes_known_only_later_are_never_told(tmp_path: Path) -> None:
    events = list(incidents(_file(tmp_path, _INCIDENT_HEADER, *_INCIDENT_ROWS)))
    assert not any("2016-03-02" in str(e) or "2016-03-03" in str(e) for e in events)


def test_a_helpdesk_case_is_created_at_its_first_row_and_a_duplicate_keeps_its_id(tmp_path: Path) -> None:
    header = "Case ID,Activity,Resource,Complete Timestamp,Variant,Variant index,Variant,a,customer,product,b,c,d,e,f,g"
    late = "Case 1,Resolve ticket,Value 1,2012/10/09 14:50:17.250,V,1,V,1,2,3,4,5,6,7,8,9"
    early = "Case 1,Assign seriousness,Value 1,2012/10/09 14:50:17.000,V,1,V,1,2,3,4,5,6,7,8,9"
    created, solved, again, note = helpdesk(_file(tmp_path, header, late, late, early))
    assert created["occurred_at"] == "2012-10-09T14:50:17.000Z"
    assert (solved["to"], solved["occurred_at"]) == ("solved", "2012-10-09T14:50:17.250Z")
    assert solved == again
    assert note["type"] == "ticket.note"
    assert note["id"] != solved["id"]


def test_a_lead_and_its_deal_are_one_entity(tmp_path: Path) -> None:
    contacts = _file(tmp_path, "mql_id,first_contact_date,origin", "m1,2/13/2018,social", "m2,2/14/2018,")
    deals = _file(tmp_path, "mql_id,seller_id,sdr_id,sr_id,won_date", "m1,s,d,r,2018-02-26 19:58:54", name="deals.csv")
    first, second, won = leads(contacts, deals)
    assert (first["lead_id"], first["occurred_at"], first["channel"]) == ("m1", "2018-02-13T00:00:00.000Z", "social")
    assert "channel" not in second
    assert (won["type"], won["lead_id"], won["occurred_at"]) == ("deal.won", "m1", "2018-02-26T19:58:54.000Z")


@pytest.mark.real
def test_every_order_holds_the_same_events() -> None:
    by_order = {order: list(translated("leads", order, seed=3)) for order in ("file", "time", "shuffled")}
    texts = [sorted(map(str, events)) for events in by_order.values()]
    assert texts[0] == texts[1] == texts[2]
    times = [e["occurred_at"] for e in by_order["time"]]
    assert times == sorted(times) != [e["occurred_at"] for e in by_order["shuffled"]]


def _file(folder: Path, header: str, *rows: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path
