"""Sending: everything is answered once, what says "later" is sent again with the same id, what says "never" is told."""

from __future__ import annotations

import time

import orjson
import pytest
from aiohttp import web

from cli.batches import batches, signing_key
from cli.sending import GaveUp, Sender, Tally
from deploy.ports import free_ports
from tests.cli.fake_ingest import SECRET, Answer, FakeIngest, problem

LINES = [orjson.dumps({"type": "ticket.created", "id": f"e{n}", "ticket_id": str(n)}) for n in range(1200)]


async def _send(ingest: FakeIngest, lines: list[bytes], *, secret: str = SECRET, rate: float | None = None, connections: int = 4) -> Tally:
    async with ingest.running() as url:
        sender = Sender(f"{url}/webhooks/own", signing_key(secret), connections=connections, patience_seconds=5)
        return await sender.send(batches(lines, 100, 100_000), rate)


async def test_every_event_arrives_once_and_is_signed() -> None:
    ingest = FakeIngest()
    tally = await _send(ingest, LINES)
    assert (tally.sent, tally.accepted, tally.refused, tally.retries) == (1200, 1200, 0, 0)
    assert sorted(ingest.accepted) == sorted(LINES)
    assert len(set(ingest.message_ids)) == 12
    assert (tally.quantile(0.5) or 0) > 0


async def test_one_connection_keeps_the_order() -> None:
    ingest = FakeIngest()
    await _send(ingest, LINES, connections=1)
    assert ingest.accepted == LINES


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda: problem(503, "Kafka is away", "1"), id="503 with Retry-After"),
        pytest.param(lambda: problem(429, "slower", "1"), id="429 with Retry-After"),
        pytest.param(lambda: problem(500, "a fault"), id="500 without"),
        pytest.param(lambda: problem(503, "later", "Sun, 22 Nov 2026 00:00:00 GMT"), id="a date as Retry-After"),
    ],
)
async def test_what_says_later_is_sent_again_with_the_same_id(later: object) -> None:
    assert callable(later)
    answer: Answer = lambda turn, events: later() if turn == 1 else None  # noqa: E731 - a row of the table
    ingest = FakeIngest(answer)
    tally = await _send(ingest, LINES[:50], connections=1)
    assert (tally.accepted, tally.retries) == (50, 1)
    assert ingest.message_ids[0] == ingest.message_ids[1]


async def test_a_body_too_large_is_halved_until_it_fits() -> None:
    ingest = FakeIngest(lambda turn, events: problem(413, "too large") if len(events) > 30 else None)
    places: list[int] = []
    async with ingest.running() as url:
        answered = lambda batch, refused: places.extend(range(batch.first, batch.first + len(batch.lines)))  # noqa: E731
        tally = await Sender(f"{url}/webhooks/own", signing_key(SECRET), answered=answered).send(batches(LINES[:100], 100, 100_000))
    assert (tally.accepted, tally.refused, sorted(places)) == (100, 0, list(range(100)))
    assert sorted(ingest.accepted) == sorted(LINES[:100])


async def test_one_event_too_large_is_refused_and_the_rest_goes_on() -> None:
    ingest = FakeIngest(lambda turn, events: problem(413, "too large") if LINES[3] in events else None)
    tally = await _send(ingest, LINES[:10])
    assert (tally.accepted, tally.refused, dict(tally.reasons)) == (9, 1, {"too large": 1})


async def test_refusals_are_counted_by_their_reason() -> None:
    errors = [
        {"index": 0, "pointer": "/type", "reason": "unknown_type: no such"},
        {"index": 1, "pointer": "", "reason": "bad_time: no zone"},
    ]
    said = {"accepted": 7, "ignored": 0, "rejected": 3, "errors": errors}
    ingest = FakeIngest(lambda turn, events: web.json_response(said, status=202))
    tally = await _send(ingest, LINES[:10])
    assert (tally.accepted, tally.refused) == (7, 3)
    assert dict(tally.reasons) == {"unknown_type": 1, "bad_time": 1, "not listed": 1}


async def test_a_delivery_without_one_usable_event_is_refused_as_a_whole() -> None:
    ingest = FakeIngest(lambda turn, events: problem(422, "nothing usable"))
    tally = await _send(ingest, LINES[:10])
    assert (tally.sent, tally.refused, dict(tally.reasons)) == (10, 10, {"nothing usable": 10})


async def test_a_wrong_secret_ends_the_sending_at_once() -> None:
    ingest = FakeIngest()
    with pytest.raises(GaveUp, match=r"401: the signature is wrong"):
        await _send(ingest, LINES, secret="whsec_b3RoZXI=")
    assert ingest.accepted == []


async def test_nobody_there_is_waited_for_and_then_told() -> None:
    [port] = free_ports(1)
    sender = Sender(f"http://127.0.0.1:{port}/webhooks/own", b"k", connections=2, patience_seconds=0.3)
    with pytest.raises(GaveUp, match="no answer"):
        await sender.send(batches(LINES[:10], 5, 10_000))


async def test_the_rate_is_kept() -> None:
    began = time.monotonic()
    tally = await _send(FakeIngest(), LINES[:300], rate=600)
    assert tally.accepted == 300
    assert time.monotonic() - began >= 200 / 600


async def test_a_broken_line_costs_only_itself() -> None:
    ingest = FakeIngest()
    await _send(ingest, [LINES[0], b"{broken", LINES[1]])
    assert ingest.bodies == [b"\n".join([LINES[0], b"{broken", LINES[1]])]
