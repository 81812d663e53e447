"""The door for canonical events: an Event or Rejected, whatever the object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import CLOCK_AHEAD_MS, event_from, millis_from, outside_of, rfc3339
from schemas.events import BY_TYPE, TIME_MAX_MS, Event
from schemas.rejections import Reason, Rejected

NOW_MS = 1_772_450_000_000
SOLVED = {"type": "ticket.solved", "id": "e-1", "occurred_at": "2026-03-02T08:00:00Z", "ticket_id": "42"}
NAMES = sorted({name for cls in BY_TYPE.values() for name in cls.__struct_fields__} | {"occurred_at", "due_at", "type", "colour"})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.just("2026-03-02T08:00:00Z")
    | st.just("x" * 201),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)


def door(outside: Any, **given: Any) -> tuple[Event, tuple[str, ...]]:
    """The door of a source named `desk` at a fixed time."""
    return event_from(outside, source="desk", received_at_ms=NOW_MS, **given)


@given(outside=VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12), kind=st.none() | st.sampled_from(sorted(BY_TYPE)))
def test_any_value_is_an_event_or_rejected(outside: Any, kind: str | None) -> None:
    if kind is not None and isinstance(outside, dict):
        outside = {**outside, "type": kind}
    try:
        event, stripped = door(outside, customer_prefix="desk:", ticket_source="other")
    except Rejected as rejected:
        found: tuple[Reason, str] = (rejected.reason, rejected.pointer)
    else:
        assert (event.source, event.received_at_ms, event.type) == ("desk", NOW_MS, outside["type"])
        assert 0 <= event.occurred_at_ms <= NOW_MS + CLOCK_AHEAD_MS
        assert all(isinstance(name, str) for name in stripped)
        return
    assert isinstance(found[0], Reason)
    assert found[1] == "" or found[1].startswith("/")


@pytest.mark.parametrize(
    ("changed", "reason", "pointer"),
    [
        pytest.param({"type": None}, Reason.MISSING_FIELD, "/type", id="no-type"),
        pytest.param({"type": 5}, Reason.BAD_FIELD, "/type", id="type-is-a-number"),
        pytest.param({"type": "ticket.sloved"}, Reason.UNKNOWN_TYPE, "/type", id="unknown-type"),
        pytest.param({"id": None}, Reason.MISSING_FIELD, "/id", id="no-id"),
        pytest.param({"id": ""}, Reason.BAD_FIELD, "/id", id="empty-id"),
        pytest.param({"id": 5}, Reason.BAD_FIELD, "/id", id="id-is-a-number"),
        pytest.param({"id": "x" * 201}, Reason.BAD_FIELD, "/id", id="long-id"),
        pytest.param({"ticket_id": None}, Reason.MISSING_FIELD, "/ticket_id", id="no-ticket"),
        pytest.param({"occurred_at": 5}, Reason.BAD_TIME, "/occurred_at", id="time-is-a-number"),
        pytest.param({"occurred_at": "2026-03-02T08:00:00"}, Reason.BAD_TIME, "/occurred_at", id="time-without-zone"),
        pytest.param({"occurred_at": "1969-12-31T23:59:59Z"}, Reason.BAD_TIME, "/occurred_at", id="before-1970"),
        pytest.param({"occurred_at": "3000-01-01T00:00:00Z"}, Reason.BAD_TIME, "/occurred_at", id="the-year-3000"),
        pytest.param({"occurred_at": rfc3339(NOW_MS + CLOCK_AHEAD_MS + 1)}, Reason.CLOCK_AHEAD, "/occurred_at", id="ahead"),
        pytest.param({"automatic": "yes"}, Reason.BAD_FIELD, "/automatic", id="a-flag-is-text"),
        pytest.param({"version": -1}, Reason.BAD_FIELD, "/version", id="negative-version"),
        pytest.param({"version": 10**30}, Reason.BAD_FIELD, "/version", id="huge-version"),
        pytest.param({"tags": ["a", 5]}, Reason.BAD_FIELD, "/tags/1", id="a-tag-is-a-number"),
        pytest.param(
            {"type": "survey.responded", "response_id": "r", "survey_type": "panel", "answers": [{}]},
            Reason.BAD_FIELD,
            "/answers/0",
            id="answer",
        ),
        pytest.param({"type": "ticket.absorbed", "log": []}, Reason.UNKNOWN_TYPE, "/type", id="a-type-of-our-own"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], reason: Reason, pointer: str) -> None:
    with pytest.raises(Rejected) as caught:
        door({**SOLVED, **changed})
    assert (caught.value.reason, caught.value.pointer) == (reason, pointer)
    assert caught.value.detail


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("ticket.sloved", "the nearest is ticket.solved"),
        ("tikcet.solved", "the nearest is ticket.solved"),
        ("solved", "no event type of this name"),
        ("zzz", "no event type of this name"),
        ("t" * 100_000, "no event type of this name"),
    ],
)
def test_an_unknown_type_names_the_nearest(kind: str, says: str) -> None:
    with pytest.raises(Rejected, match=says) as caught:
        door({**SOLVED, "type": kind})
    assert len(caught.value.detail) < 200


def test_unknown_fields_are_left_out_and_named() -> None:
    answers = [{"metric": "csat", "score": 1, "comment": "text", "colour": "red"}, {"metric": "nps", "score": 9}]
    given = {
        "type": "survey.responded",
        "id": "e",
        "response_id": "r",
        "survey_type": "panel",
        "answers": answers,
        "zip": 1,
        "source": "me",
    }
    event, stripped = door(given)
    assert stripped == ("source", "zip", "answers/colour", "answers/comment")
    assert [(a.metric, a.score) for a in event.answers] == [("csat", 1.0), ("nps", 9.0)]  # type: ignore[attr-defined]


def test_what_only_we_may_say_cannot_be_said_from_outside() -> None:
    event, stripped = door({**SOLVED, "received_at_ms": 1, "occurred_at_ms": 1, "source": "me", "ticket_source": "x"})
    assert (event.source, event.received_at_ms, event.occurred_at_ms) == ("desk", NOW_MS, millis_from(SOLVED["occurred_at"]))
    assert stripped == ("occurred_at_ms", "received_at_ms", "source", "ticket_source")


def test_without_a_time_the_receipt_stands_in() -> None:
    event, _ = door({name: value for name, value in SOLVED.items() if name != "occurred_at"})
    assert (event.occurred_at_ms, event.time_is_received) == (NOW_MS, True)


@pytest.mark.parametrize(
    ("given", "agent_is_said", "agent"),
    [({"agent_id": None}, True, None), ({"agent_id": "7"}, True, "7"), ({"team": "a"}, False, None)],
    ids=["nobody", "somebody", "nothing-said"],
)
def test_assigned_to_nobody_differs_from_nothing_said(given: dict[str, Any], agent_is_said: bool, agent: str | None) -> None:
    event, _ = door({**SOLVED, "type": "ticket.assigned", **given})
    inside = json.loads(json.dumps(outside_of(event)))
    assert ("agent_id" in inside) is agent_is_said
    assert inside.get("agent_id") == agent


def test_customers_are_prefixed_wherever_they_are_named() -> None:
    given = {"type": "customer.merged", "id": "e", "customer_id": "1", "into_customer_id": "2"}
    event, _ = door(given, customer_prefix="desk:")
    assert (event.customer_id, event.into_customer_id) == ("desk:1", "desk:2")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="epoch"),
        pytest.param("2026-03-02T08:15:30.123456789Z", 1_772_439_330_123, id="nanoseconds-are-cut"),
        pytest.param("2026-03-02T10:15:30.5+02:00", 1_772_439_330_500, id="offset"),
        pytest.param("2026-03-02", 1_772_409_600_000, id="a-date-is-midnight-utc"),
    ],
)
def test_times(text: str, at_ms: int) -> None:
    assert millis_from(text) == at_ms


@given(st.integers(0, TIME_MAX_MS - 1))
def test_a_time_survives_its_writing(at_ms: int) -> None:
    assert millis_from(rfc3339(at_ms)) == at_ms
