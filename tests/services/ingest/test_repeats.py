"""A delivery that a copy could repeat is taken once, gets one answer, and is counted as what it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.standing import OUTCOMES
from services.ingest.answers import counted
from services.ingest.delivery import Delivery
from services.ingest.door import Taken
from services.ingest.repeats import Repeats
from tests.services.ingest.senders import NOW_MS, TOKEN, Remembering, app_with, post, signed

BODY = b'{"type": "ticket.solved", "id": "e1", "ticket_id": "1"}'
TAKEN = Taken(counted(1, 0, 0), accepted=1)


def delivery(body: bytes = BODY, **headers: str) -> Delivery:
    return Delivery(headers={name.encode(): value.encode() for name, value in headers.items()}, body=body, received_at_ms=NOW_MS)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(delivery(), True, id="the same"),
        pytest.param(delivery(unread="another"), True, id="a header that says nothing"),
        pytest.param(delivery(topic="b"), False, id="a header that is read"),
        pytest.param(delivery(BODY + b" "), False, id="another body"),
    ],
)
def test_what_tells_deliveries_apart(other: Delivery, same: bool) -> None:
    repeats = Repeats(("topic",))
    repeats.put(repeats.key(delivery()), TAKEN, NOW_MS)
    assert (repeats.get(repeats.key(other), NOW_MS) is TAKEN) is same


def test_only_so_many_are_remembered_for_so_long() -> None:
    repeats = Repeats((), remembered=2, kept_ms=1000)
    keys = [repeats.key(delivery(b"%d" % number)) for number in range(3)]
    for key in keys:
        repeats.put(key, TAKEN, NOW_MS)
    assert [repeats.get(key, NOW_MS + 1000) is not None for key in keys] == [False, True, True]
    assert repeats.get(keys[2], NOW_MS + 1001) is None


async def test_a_repetition_gets_the_same_answer_and_is_not_published() -> None:
    publisher = Remembering()
    app = app_with(publisher)
    answers = [await post(app, f"/webhooks/bus/{TOKEN}", _cloud_event(), {}, "application/cloudevents+json") for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"accepted":1,"ignored":0,"rejected":0}')}
    assert len(publisher.events) == 1
    said = dict(_samples((await post(app, "/metrics", b"", {}, method="GET")).text))
    assert said["deskpulse_ingest_repeated_total", "bus"] == 2
    assert said["deskpulse_events_accepted_total", "bus"] == 1


async def test_a_signed_time_is_protection_enough() -> None:
    publisher = Remembering()
    app = app_with(publisher)
    for _ in range(2):
        await post(app, "/webhooks/shop", BODY, signed(BODY), "application/json")
    assert len(publisher.events) == 2  # the same id twice: the entity's log holds it once


async def test_the_outcomes_add_up_to_what_was_sent() -> None:
    app = app_with(Remembering())
    sent = [
        ("/webhooks/shop", BODY, signed(BODY)),
        ("/webhooks/shop", b"{}", signed(b"{}")),
        ("/webhooks/shop", BODY, {}),
        ("/webhooks/nobody", BODY, {}),
        ("/webhooks/shop", b"[]", signed(b"[]")),
    ]
    for path, body, headers in sent:
        await post(app, path, body, headers, "application/json")
    counts = {
        (sample.labels["source"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families((await post(app, "/metrics", b"", {}, method="GET")).text)
        for sample in family.samples
        if sample.name == "deskpulse_ingest_deliveries_total"
    }
    assert [counts["shop", outcome] for outcome in OUTCOMES] == [1, 1, 1, 1]
    assert counts["unknown", "refused"] == 1
    assert sum(counts.values()) == len(sent)


def _cloud_event() -> bytes:
    return b'{"specversion": "1.0", "type": "ticket.solved", "id": "c1", "source": "/s", "data": {"ticket_id": "1"}}'


def _samples(text: str) -> Iterator[tuple[tuple[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield (sample.name, sample.labels.get("source", "")), sample.value
