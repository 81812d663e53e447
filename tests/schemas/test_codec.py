"""Records and packed events come back as they went in, and a bad item costs itself alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import event_from, outside_of
from schemas.codec import decode_event, decode_record, encode_event, join_events, pack_event, unpack_event
from schemas.events import BY_TYPE
from tests.schemas.examples import example

KINDS = sorted(BY_TYPE)
OPTIONAL = st.fixed_dictionaries(
    {},
    optional={
        "customer_id": st.text(min_size=1, max_size=200),
        "team": st.text(min_size=1, max_size=20),
        "tags": st.lists(st.text(min_size=1, max_size=5), max_size=4).map(tuple),
        "sequence": st.integers(0, 2**53),
        "version": st.integers(0, 2**31),
        "time_is_received": st.booleans(),
    },
)


@given(st.sampled_from(KINDS), OPTIONAL)
def test_an_event_survives_both_encodings(kind: str, optional: dict[str, object]) -> None:
    if kind in ("customer.created", "customer.merged", "customer.tier_changed", "customer.referred"):
        optional = {**optional, "customer_id": "1"}
    event = example(kind, **optional)
    assert decode_event(encode_event(event)) == event
    assert unpack_event(pack_event(event)) == event


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ticket.absorbed"])
def test_the_outside_form_comes_back_through_the_door(kind: str) -> None:
    event = example(kind, source="desk", received_at_ms=1_772_450_000_000)
    again, stripped = event_from(outside_of(event), source="desk", received_at_ms=event.received_at_ms)
    assert (again, stripped) == (event, ())


@given(st.lists(st.sampled_from(KINDS), max_size=8), st.lists(st.sampled_from([b"3", b"{}", b'{"type":"nope"}', b"null"]), max_size=3))
def test_a_bad_item_costs_itself_alone(kinds: list[str], bad: list[bytes]) -> None:
    events = [example(kind) for kind in kinds]
    good, refused = decode_record(join_events([*(encode_event(event) for event in events), *bad]))
    assert list(good) == events
    assert [item for item, _ in refused] == bad


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_one_bad_item(value: bytes) -> None:
    good, refused = decode_record(value)
    assert not good or not refused or value.strip().startswith(b"[")


def test_bytes_that_are_no_array_are_one_bad_item() -> None:
    good, [(item, why)] = decode_record(b"[[" * 50_000)
    assert (list(good), item) == ([], b"[[" * 50_000)
    assert why
