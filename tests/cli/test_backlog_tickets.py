"""What a row tells: times, words, ids, nothing of persons; and the figures of the first day, whatever the webhooks tell as well."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.exports.mapping import ExportMapping
from cli.exports.tickets import Ticket, events_of
from kpis import batch
from schemas.canonical import millis_from
from tests.cli.exported import MAPPING, NOW, admitted, looked_through, values
from tests.services.aggregator.shards import LEVELS, PAIRS

WIDE = (
    MAPPING
    + """
updated_at = "Updated"
first_reply_at = "Replied"
customer_message_at = "Wrote"
solved_at = "Solved"
agent_id = "Agent"
team = "Team"
channel = "Channel"
priority = "Priority"
customer_id = "Customer"
tags = "Tags"
"""
)
COLUMNS = ("ID", "Status", "Created", "Updated", "Replied", "Wrote", "Solved", "Agent", "Team", "Channel", "Priority", "Customer", "Tags")


def export(*rows: dict[str, str]) -> str:
    """A CSV of rows; what a row does not say is empty."""
    return "\n".join([",".join(COLUMNS), *(",".join(row.get(name, "") for name in COLUMNS) for row in rows)])


def row(ticket: str, status: str, created: str, **more: str) -> dict[str, str]:
    """A row of the export; times are hours and minutes of the day before `NOW`, UTC, in seconds."""
    times = {"Created": created, **{name: at for name, at in more.items() if name in COLUMNS[3:7]}}
    rest = {name: value for name, value in more.items() if name not in times}
    return {"ID": ticket, "Status": status, **rest, **{name: f"2026-03-01T{at}:00Z" for name, at in times.items()}}


def webhook(kind: str, ticket: str, at: str, **more: Any) -> dict[str, Any]:
    """What a webhook of the helpdesk tells of a ticket."""
    return {"type": kind, "id": f"{kind}-{ticket}-{at}", "ticket_id": ticket, "occurred_at": at, **more}


@pytest.mark.parametrize(
    ("written", "settings", "opened"),
    [
        pytest.param("2026-03-01T08:00:00Z", "", "2026-03-01T08:00:00.000Z", id="with a zone"),
        pytest.param("2026-03-01 08:00:00 -0500", "", "2026-03-01T13:00:00.000Z", id="with an offset"),
        pytest.param("2026-03-01 08:00:00 UTC", "", "2026-03-01T08:00:00.000Z", id="with a name"),
        pytest.param("1772352000", "", "2026-03-01T08:00:00.000Z", id="seconds since 1970"),
        pytest.param("1772352000500", "", "2026-03-01T08:00:00.500Z", id="milliseconds since 1970"),
        pytest.param("2026-03-01 08:00", "", "2026-03-01T08:00:00.000Z", id="naive"),
        pytest.param("2026-03-01 08:00", 'time_zone = "Europe/Berlin"', "2026-03-01T07:00:00.000Z", id="naive, in a zone, winter"),
        pytest.param("2025-07-01 08:00", 'time_zone = "Europe/Berlin"', "2025-07-01T06:00:00.000Z", id="naive, in a zone, summer"),
        pytest.param(
            "2025-10-26 02:30", 'time_zone = "Europe/Berlin"', "2025-10-26T00:30:00.000Z", id="an hour that is there twice: the first"
        ),
        pytest.param("2025-03-30 02:30", 'time_zone = "Europe/Berlin"', "2025-03-30T01:30:00.000Z", id="an hour that is not there"),
        pytest.param("2026-03-01", 'time_zone = "America/New_York"', "2026-03-01T05:00:00.000Z", id="a day"),
        pytest.param("02/03/2026 09:30", 'time_format = "%d/%m/%Y %H:%M"', "2026-03-02T09:30:00.000Z", id="the day first"),
        pytest.param("03/01/2026 12:05 AM", 'time_format = "%m/%d/%Y %I:%M %p"', "2026-03-01T00:05:00.000Z", id="the month first, AM"),
        pytest.param(
            "01.03.2026 08:00", 'time_format = "%d.%m.%Y %H:%M"\ntime_zone = "Europe/Berlin"', "2026-03-01T07:00:00.000Z", id="both"
        ),
    ],
)
def test_times_as_they_are_written(tmp_path: Path, written: str, settings: str, opened: str) -> None:
    _, said = looked_through(tmp_path, f"ID,Status,Created\n1,open,{written}\n", settings + MAPPING)
    assert said[0]["opened_at"] == opened


@pytest.mark.parametrize(
    ("after", "unit", "reply"),
    [
        pytest.param("90", "minutes", "2026-03-01T09:30:00.000Z", id="minutes"),
        pytest.param("1.5", "hours", "2026-03-01T09:30:00.000Z", id="hours"),
        pytest.param("5400", "seconds", "2026-03-01T09:30:00.000Z", id="seconds"),
        pytest.param("1:30:00", "minutes", "2026-03-01T09:30:00.000Z", id="hours, minutes and seconds"),
        pytest.param("25:30", "hours", "2026-03-02T09:30:00.000Z", id="hours and minutes"),
        pytest.param("0", "minutes", "2026-03-01T08:00:00.000Z", id="at once"),
        pytest.param("", "minutes", None, id="not yet"),
    ],
)
def test_how_long_the_first_reply_took(tmp_path: Path, after: str, unit: str, reply: str | None) -> None:
    mapping = f'first_reply_unit = "{unit}"' + MAPPING + 'first_reply_after = "After"\n'
    survey, said = looked_through(tmp_path, f"ID,Status,Created,After\n1,open,2026-03-01T08:00:00Z,{after}\n", mapping)
    assert (survey.refused, [one["occurred_at"] for one in said if one["type"] == "ticket.public_reply"]) == ({}, [reply] if reply else [])


@pytest.mark.parametrize("after", ["soon", "1:2:3:4", "-5", "nan", "1e12"])
def test_what_is_no_duration_is_refused(tmp_path: Path, after: str) -> None:
    survey, said = looked_through(
        tmp_path, f"ID,Status,Created,After\n1,open,2026-03-01T08:00:00Z,{after}\n", MAPPING + 'first_reply_after = "After"\n'
    )
    assert (said, list(survey.refused)) == ([], ["first_reply_after is neither a number nor a duration such as 1:23:45"])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"Agent": "17"}, {"agent_id": "17"}, id="an id"),
        pytest.param({"Agent": "Some SECRET"}, {}, id="a name is left out"),
        pytest.param({"Customer": "secret@example.com"}, {}, id="an address is left out"),
        pytest.param(
            {"Channel": "EMail", "Priority": "High"}, {"channel": "email", "priority": "high"}, id="channel and priority in lower case"
        ),
        pytest.param({"Team": " Tier 2 "}, {"team": "Tier 2"}, id="a team as it is called"),
        pytest.param({"Tags": '"vip, refund ,vip,"'}, {"tags": ["vip", "refund"]}, id="tags"),
        pytest.param({"Tags": "a@b.example"}, {}, id="a tag that is an address"),
    ],
)
def test_attributes(tmp_path: Path, said: dict[str, str], expected: dict[str, Any]) -> None:
    _, [created, *_] = looked_through(tmp_path, export(row("1", "open", "08:00", **said)), WIDE)
    fields = ("agent_id", "customer_id", "team", "channel", "priority", "tags")
    assert {field: created[field] for field in fields if field in created} == expected


def test_words_and_constants(tmp_path: Path) -> None:
    more = '[constants]\nqueue = "backlog"\nby = "agent"\npublic = false\n'
    more += '[words.team]\n"Tier 2" = "360001"\n[words.agent_id]\n"Some Body" = "7"\n'
    rows = [row("1", "open", "08:00", Team="tier 2", Agent="some body"), row("2", "open", "08:00", Team="Other", Agent="Solo")]
    survey, said = looked_through(tmp_path, export(*rows), WIDE + more)
    one, two = (event for event in said if event["type"] == "ticket.created")
    assert (one["team"], one["agent_id"], one["queue"], one["by"], one["public"]) == ("360001", "7", "backlog", "agent", False)
    assert (two["team"], "agent_id" in two, survey.left_out) == ("Other", False, {"agent_id": 1})


def test_a_number_that_went_through_a_table_is_the_id_that_it_was(tmp_path: Path) -> None:
    content = orjson.dumps([{"ID": 17.0, "Status": "open", "Created": "2026-03-01T08:00:00Z"}])
    _, said = looked_through(tmp_path, content, name="t.json")
    assert said[0]["ticket_id"] == "17"


# ---- the figures of the first day ----------------------------------------------------------------

ROWS = [
    row("1", "open", "08:00", Team="a", Channel="email"),
    row("2", "pending", "07:00", Team="b", Channel="web", Replied="07:30"),
    row("3", "new", "09:00", Team="a", Channel="web"),
    row("4", "open", "06:00", Team="a", Channel="web", Replied="06:10", Wrote="10:00"),
    row("5", "open", "05:00", Team="b", Channel="web", Replied="06:10", Wrote="06:00"),
    row("6", "solved", "04:00", Team="b", Channel="web", Solved="05:00"),
]
BACKLOG = export(*ROWS)


def test_the_backlog_is_right_on_the_first_day_and_nothing_is_new(tmp_path: Path) -> None:
    survey, said = looked_through(tmp_path, BACKLOG, WIDE)
    assert (survey.tickets, survey.closed) == (5, 1)
    events = admitted(said)
    assert values(events, "active_issues") == {"": 5.0}
    assert values(events, "active_issues", by=("channel",)) == {"email": 1.0, "web": 4.0}
    assert values(events, "active_issues", by=("team",)) == {"a": 3.0, "b": 2.0}
    assert values(events, "issues_created", "7d") == {"": 0.0}
    assert values(events, "resolved_issues", "7d") == {"": 0.0}
    waited_seconds = (millis_from(NOW) - millis_from("2026-03-01T08:00:00Z")) / 1000
    assert values(events, "current_longest_wait") == {"": waited_seconds}, "those that were answered do not wait, of 4 only the message"
    assert values(events, "current_longest_wait", by=("team",))["a"] == waited_seconds
    assert values([event for event in events if event.ticket_id in "2345"], "current_longest_wait") == {  # type: ignore[attr-defined]
        "": (millis_from(NOW) - millis_from("2026-03-01T09:00:00Z")) / 1000
    }


def test_first_replies_end_their_waits_and_the_others_still_wait(tmp_path: Path) -> None:
    _, said = looked_through(tmp_path, export(row("1", "open", "08:00", Replied="08:20"), row("2", "open", "08:00")), WIDE)
    events = admitted(said)
    [reply] = [event for event in said if event["type"] == "ticket.public_reply"]
    assert reply["occurred_at"] == "2026-03-01T08:20:00.000Z"
    assert values(events, "first_reply_time", "7d") == {"": pytest.approx(1200, rel=0.01)}
    later = admitted([webhook("ticket.public_reply", "2", "2026-03-02T08:00:00Z", message_id="m")])
    assert values([*events, *later], "current_longest_wait") in ({"": None}, {"": 0.0})


def test_what_the_customer_wrote_before_the_reply_does_not_shorten_the_wait_for_it(tmp_path: Path) -> None:
    _, said = looked_through(tmp_path, export(row("1", "open", "05:00", Replied="06:10", Wrote="06:00")), WIDE)
    assert values(admitted(said), "first_reply_time", "7d") == {"": pytest.approx(4200, rel=0.01)}


def test_closed_tickets_are_told_of_when_that_is_wanted(tmp_path: Path) -> None:
    rows = [
        row("1", "closed", "08:00", Solved="09:00"),
        row("2", "solved", "08:00"),
        row("3", "open", "08:00", Solved="08:30"),
    ]
    survey, said = looked_through(tmp_path, export(*rows), 'closed = "send"' + WIDE)
    assert (survey.statuses, survey.closed_untimed) == ({"closed": 1, "open": 1}, 1)
    events = admitted(said)
    assert values(events, "active_issues") == {"": 1.0}
    assert values(events, "resolved_issues", "7d") == {"": 1.0}
    assert values(events, "full_resolution_time", "7d") == {"": pytest.approx(3600, rel=0.01)}
    assert values(events, "issues_created", "7d") == {"": 0.0}


def test_the_row_changed_last_counts(tmp_path: Path) -> None:
    rows = [row("1", "open", "08:00", Updated="11:00", Team="new"), row("1", "pending", "08:00", Updated="10:00", Team="old")]
    survey, said = looked_through(tmp_path, export(*rows), WIDE)
    assert (survey.tickets, survey.duplicates) == (1, 1)
    assert values(admitted(said), "active_issues", by=("team",)) == {"new": 1.0}


WEBHOOKS = {
    "the creation comes as well": ([webhook("ticket.created", "1", "2026-03-01T08:00:12Z", channel="email")], 5.0, 1.0),
    "a solve after the export": ([webhook("ticket.solved", "1", "2026-03-01T11:00:00Z")], 4.0, 0.0),
    "a status from before the export, which the export knows better": (
        [webhook("ticket.status_changed", "1", "2026-03-01T08:30:00Z", to="pending")],
        5.0,
        0.0,
    ),
    "a solve from before the export, reopened where nobody saw it": ([webhook("ticket.solved", "1", "2026-03-01T08:30:00Z")], 5.0, 0.0),
    "a ticket that the export does not know": ([webhook("ticket.created", "9", "2026-03-02T11:00:00Z", channel="web")], 6.0, 1.0),
}


@pytest.mark.parametrize(("told", "active", "created"), WEBHOOKS.values(), ids=WEBHOOKS)
def test_webhooks_and_the_export_count_once(tmp_path: Path, told: list[dict[str, Any]], active: float, created: float) -> None:
    minutes = BACKLOG.replace(":00Z", "Z")  # an export that writes no seconds
    _, said = looked_through(tmp_path, minutes, WIDE)
    for order in (admitted([*said, *told]), admitted([*told, *said])):
        assert values(order, "active_issues") == {"": active}
        assert values(order, "issues_created", "7d") == {"": created}


def test_the_creation_of_the_newest_ticket_counts_though_the_export_writes_no_seconds(tmp_path: Path) -> None:
    _, said = looked_through(tmp_path, export(row("1", "open", "10:00")).replace(":00Z", "Z"), WIDE)
    told = [webhook("ticket.created", "1", "2026-03-01T10:00:59.500Z")]
    for order in (admitted([*said, *told]), admitted([*told, *said])):
        assert (values(order, "active_issues"), values(order, "issues_created", "7d")) == ({"": 1.0}, {"": 1.0})


def test_tickets_that_the_webhooks_tell_of_are_left_to_them(tmp_path: Path) -> None:
    rows = [
        row("1", "open", "08:00", Replied="08:10"),
        row("2", "open", "09:00", Replied="09:10"),
        row("3", "open", "08:59", Replied="09:05"),
    ]
    survey, said = looked_through(tmp_path, export(*rows), 'webhooks_since = "2026-03-01T09:00:00Z"' + WIDE)
    assert (survey.tickets, survey.by_webhooks) == (2, 1)
    assert [one["ticket_id"] for one in said if one["type"] == "ticket.public_reply"] == ["1"], "the reply to 3 comes by webhook"


def test_the_same_export_twice_and_a_newer_one(tmp_path: Path) -> None:
    _, first = looked_through(tmp_path, BACKLOG, WIDE)
    _, same = looked_through(tmp_path, BACKLOG, WIDE)
    assert same == first
    changed = [{**one, "Team": "c"} for one in ROWS]
    changed[0] |= {"Status": "pending"}
    changed[2] |= {"Status": "solved", "Solved": "2026-03-01T11:00:00Z"}
    newer = export(*changed, row("7", "open", "11:30", Team="c", Channel="chat"))
    _, second = looked_through(tmp_path, newer, 'closed = "send"' + WIDE)
    orders = [[*first, *second], [*second, *first, *second], [*first, *first, *second]]
    Random(7).shuffle(orders[1])
    for order in orders:
        assert conflicts(order) == 0
        events = admitted(order)
        assert values(events, "active_issues") == {"": 5.0}
        assert values(events, "active_issues", by=("team",))["c"] == 5.0
        assert values(events, "issues_created", "7d") == {"": 0.0}
        assert values(events, "first_reply_time", "7d") == values(admitted(first), "first_reply_time", "7d")


def conflicts(said: list[dict[str, Any]]) -> int:
    """How many of these events have the id of another that says something else."""
    return batch.run(admitted(said), levels=LEVELS, pairs=PAIRS).entities.counters["conflicting_id"]


def test_a_corrected_mapping_of_a_higher_revision_holds(tmp_path: Path) -> None:
    _, wrong = looked_through(tmp_path, BACKLOG, WIDE)
    _, right = looked_through(
        tmp_path, BACKLOG, "revision = 1" + WIDE + '[words.team]\na = "Tier 1"\nb = "Tier 1"\n[constants]\nqueue = "q"\n'
    )
    for order in ([*wrong, *right], [*right, *wrong]):
        assert conflicts(order) == 0
        assert values(admitted(order), "active_issues", by=("team",))["Tier 1"] == 5.0
        replies = values(admitted(order), "first_reply_time", "7d", by=("team",))
        assert {team for team, seconds in replies.items() if seconds is not None} == {"Tier 1"}


def test_what_was_sent_with_wrong_times_is_taken_back(tmp_path: Path) -> None:
    naive = BACKLOG.replace("Z,", ",")
    _, wrong = looked_through(tmp_path, naive, 'time_zone = "Asia/Tokyo"' + WIDE)
    _, back = looked_through(tmp_path, naive, 'time_zone = "Asia/Tokyo"' + WIDE, take_back=True)
    assert values(admitted([*wrong, *back]), "active_issues") == {"": 0.0}
    _, right = looked_through(tmp_path, naive, "taken_back = 1" + WIDE)
    _, never_wrong = looked_through(tmp_path, naive, WIDE)
    for order in ([*wrong, *back, *right], [*right, *back, *wrong]):
        for kpi, window in (("active_issues", "now"), ("current_longest_wait", "now"), ("first_reply_time", "7d"), ("backlog_age", "now")):
            assert values(admitted(order), kpi, window) == values(admitted(never_wrong), kpi, window)


TICKETS = st.builds(
    Ticket,
    id=st.sampled_from("abc"),
    status=st.sampled_from(["new", "open", "pending", "on_hold"]),
    opened_ms=st.integers(0, 10**6),
    opened_until_ms=st.integers(10**6, 10**6 + 59_999),
    first_reply_ms=st.none() | st.integers(10**6, 2 * 10**6),
    customer_message_ms=st.none() | st.integers(10**6, 3 * 10**6),
    updated_ms=st.none() | st.integers(10**6, 3 * 10**6),
    attributes=st.fixed_dictionaries({}, optional={"team": st.sampled_from("xy"), "agent_id": st.sampled_from("12")}),
    nobody=st.booleans(),
)


PLAIN = ExportMapping(tickets_of="zendesk", columns={})


@given(tickets=st.lists(TICKETS, max_size=12), as_of_ms=st.lists(st.integers(10**6, 4 * 10**6), min_size=1, max_size=3))
def test_no_two_events_of_whatever_exports_share_an_id_and_say_different_things(tickets: list[Ticket], as_of_ms: list[int]) -> None:
    said: dict[tuple[str, int], dict[str, Any]] = {}
    for at_ms in as_of_ms:
        for ticket in {ticket.id: ticket for ticket in tickets}.values():
            for event in events_of(ticket, at_ms, PLAIN):
                content = {name: value for name, value in event.items() if name != "version"}
                assert said.setdefault((event["id"], event.get("version", 0)), content) == content
