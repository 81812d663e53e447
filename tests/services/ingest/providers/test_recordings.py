"""Every provider's own recordings become their events, the same ones each time, and nothing of a person comes with them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.codec import encode_event
from services.ingest.providers import PROVIDERS
from tests.services.ingest.providers.recorded import NOW_MS, became, delivery_of, options_of, recordings


@pytest.mark.parametrize(("kind", "recorded"), [pytest.param(kind, one, id=f"{kind}-{name}") for kind, name, one in recordings()])
def test_a_recording_becomes_its_events(kind: str, recorded: dict[str, Any]) -> None:
    delivery, options = delivery_of(recorded), options_of(kind, recorded.get("options"))
    events, ignored, refused = became(kind, delivery, options)
    assert refused == recorded.get("refused", [])
    assert [event.type for event in events] == [expected["type"] for expected in recorded["events"]]
    assert bool(ignored) == (not events and not refused) or ignored == recorded.get("ignored")
    for event, expected in zip(events, recorded["events"], strict=True):
        found = {field.encode_name: _plain(getattr(event, field.name)) for field in msgspec.structs.fields(event)}
        for name, value in expected.items():
            assert (event.type if name == "type" else found[name]) == value, name
    assert became(kind, delivery, options)[0] == events
    assert len({event.id for event in events}) == len(events)
    bytes_of_all = b"".join(encode_event(event) for event in events)
    assert b"SECRET" not in bytes_of_all
    assert b"@" not in bytes_of_all


def _plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    return None if value is msgspec.UNSET else msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_what_comes_of_a_recording_stands_in_the_table(kind: str) -> None:
    told = {name for line in PROVIDERS[kind].lines.values() for name in line.becomes}
    for of, name, recorded in recordings():
        if of == kind and not PROVIDERS[kind].generic:
            types = {event.type for event in became(kind, delivery_of(recorded), options_of(kind, recorded.get("options")))[0]}
            assert types <= told, name


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_a_sample_is_accepted_and_new_each_time(kind: str) -> None:
    first, second = (PROVIDERS[kind].sample(unique, NOW_MS) for unique in ("sample-1", "sample-2"))
    ids = []
    for sample in (first, second):
        delivery = delivery_of({"headers": dict(sample.headers), "text": sample.body.decode()})
        events, _, refused = became(kind, delivery)
        assert refused == []
        assert events, "a sample becomes at least one event"
        ids += [event.id for event in events]
    assert len(set(ids)) == len(ids)
