"""The demonstration posts everything that it should, compares what it says it compares, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import orjson
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer

from cli.auditing.comparison import PUBLICATION, Question, differences, questions
from cli.company import timeline
from cli.company.deliveries import KIND_OF, Delivery
from cli.demo_ending import Ending
from cli.demo_proof import Proof, events_kept, prove
from cli.demo_sender import DeliveryRefused, sender
from cli.demo_settings import api_port, demo_settings
from cli.processes import ChildFailed, Service, Supervisor
from cli.settled import settled
from kpis.query import Query
from schemas.canonical import event_from
from schemas.codec import encode_event, join_events
from schemas.events import Event
from schemas.figures import Figure
from schemas.topics import EVENTS, FACTS
from services.kafka import client_options
from services.settings import load_settings, topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor

NOW_MS = 1_767_609_000_000


Handler = Callable[[web.Request], Awaitable[web.Response]]


class Ingest:
    """Stands at the other end: keeps the bodies, and answers with what is on its list, then always 202."""

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self.ids: list[str] = []
        self._answers = list(answers)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.ids.append(request.headers.get("webhook-id", ""))
        status = self._answers.pop(0) if self._answers else 202
        if status != 202:
            return web.json_response({"detail": "no"}, status=status)
        self.bodies.append((request.match_info["source"], body))
        parsed = orjson.loads(body)
        return web.json_response({"accepted": len(parsed) if isinstance(parsed, list) else 1, "ignored": 0, "rejected": 0}, status=202)

    def events(self) -> list[tuple[str, Any]]:
        """What came, one by one."""
        out = []
        for source, body in self.bodies:
            parsed = orjson.loads(body)
            out += [(source, event) for event in (parsed if isinstance(parsed, list) else [parsed])]
        return out


@asynccontextmanager
async def serving(ingest: Ingest) -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/webhooks/{source}", ingest.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(path: str, handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get(path, handler)
    app.router.add_get("/v1/kpis", _catalogue)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _catalogue(request: web.Request) -> web.Response:
    return web.json_response({"kpis": [{"id": "csat_score", "dimensions": ["channel"], "anchors": ["completed"]}]})


SECRETS = {source: "whsec_c2VjcmV0" for source in KIND_OF}


@pytest.fixture(scope="module")
def past() -> list[Delivery]:
    return timeline.around(4, NOW_MS, events=1500)[0]


async def test_every_delivery_of_the_past_arrives_once(past: list[Delivery]) -> None:
    ingest = Ingest()
    told: list[int] = []
    async with serving(ingest) as url, sender(url, SECRETS) as post:
        await post.post_past(past, told.append)
    came = sorted((source, orjson.dumps(event)) for source, event in ingest.events())
    assert came == sorted((delivery.source, delivery.body) for delivery in past)
    assert sum(told) == len(past) == post.answers["accepted"]


async def test_zendesk_posts_one_by_one_and_the_others_in_arrays(past: list[Delivery]) -> None:
    ingest = Ingest()
    async with serving(ingest) as url, sender(url, SECRETS) as post:
        await post.post_past(past)
    for source, body in ingest.bodies:
        assert body.startswith(b"{") or source != "zendesk"
    assert len(ingest.bodies) < len(past)


async def test_what_is_refused_for_now_is_posted_again_with_the_same_id(past: list[Delivery]) -> None:
    ingest = Ingest(answers=(503, 429))
    one = [next(delivery for delivery in past if delivery.kind == "standardwebhooks")]
    async with serving(ingest) as url, sender(url, SECRETS) as post:
        await post.post_past(one)
    assert ingest.ids == [one[0].id] * 3
    assert len(ingest.bodies) == 1


async def test_what_is_refused_for_good_ends_the_posting_with_the_answer(past: list[Delivery]) -> None:
    async with serving(Ingest(answers=[401] * 99)) as url, sender(url, SECRETS) as post:
        with pytest.raises(DeliveryRefused, match="401"):
            await post.post_past(past)


async def test_live_deliveries_wait_for_their_time() -> None:
    loop = asyncio.get_running_loop()
    first = timeline.around(4, NOW_MS, events=10)[0][0]
    now_ms = time.time_ns() // 1_000_000
    later = [first._replace(at_ms=now_ms + offset_ms) for offset_ms in (0, 150, 300)]
    ingest = Ingest()
    began = loop.time()
    async with serving(ingest) as url, sender(url, SECRETS) as post:
        await post.post_live(iter(later))
    assert loop.time() - began >= 0.25
    assert len(ingest.bodies) == 3


def test_children_load_exactly_the_settings_of_the_demonstration(tmp_path: Any) -> None:
    demo = demo_settings(tmp_path, "127.0.0.1:9", 8081)
    assert load_settings(environ=demo.environment) == demo.settings
    for source in demo.settings.sources.values():
        assert source.secrets(demo.environment)
    assert not any(secret in demo.settings.model_dump_json() for secret in demo.secrets.values())


def test_two_demonstrations_share_neither_ports_nor_secrets(tmp_path: Any) -> None:
    one, other = (demo_settings(tmp_path, "127.0.0.1:9", 8081) for _ in range(2))
    assert set(one.secrets.values()).isdisjoint(other.secrets.values())
    assert one.settings.ingest.port != one.settings.aggregator.port


def test_a_port_that_is_taken_is_replaced_and_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = int(taken.getsockname()[1])
        other, why = api_port(number)
    assert other != number
    assert str(number) in why
    assert str(other) in why
    assert api_port(other) == (other, "")


def _figure(**given: Any) -> Figure:
    plain: dict[str, Any] = {
        "kpi": "csat_score", "version": 1, "window": "1h", "window_start": None, "anchor": "completed", "clock": "calendar", "dims": {},
        "as_of": "2026-01-05T10:30:00.000Z", "watermark": None, "value": 0.5, "unit": "ratio", "n": 2, "numerator": 1, "denominator": 2,
        "ci_low": 0.1, "ci_high": 0.9, "quality": "provisional",
    }  # fmt: skip
    return Figure(**{**plain, **given})


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        pytest.param({"value": 0.6}, ["value"], id="value"),
        pytest.param({"value": None, "reason": "no_data"}, ["reason", "value"], id="no value"),
        pytest.param({"n": 3}, ["n"], id="n"),
        pytest.param({"ci_high": 0.91}, ["ci_high"], id="interval"),
        pytest.param({"parts": {"p90": 3.0}}, ["parts"], id="parts"),
        pytest.param({"as_of": "2026-01-05T10:30:00.001Z"}, ["as_of"], id="instant"),
        pytest.param({"dims": {"channel": "chat"}}, ["figure", "figure"], id="another cut"),
        pytest.param({"value": 0.5 + 1e-12}, [], id="a rounding of JSON"),
        pytest.param({"quality": "final", "revision": 4, "late_applied": 2, "watermark": "2026-01-05T10:29:00.000Z"}, [], id="publication"),
    ],
)
def test_differences_are_found_and_named(change: dict[str, Any], fields: list[str]) -> None:
    assert [difference.field for difference in differences([_figure()], [_figure(**change)])] == fields
    assert differences([_figure(**change)], [_figure(**change)]) == []


def test_every_field_but_those_of_the_publication_is_compared() -> None:
    named = {"watermark", "revision", "late_applied", "quality"}
    assert named == PUBLICATION
    assert named < set(Figure.__struct_fields__)


def test_a_figure_that_one_side_lacks_is_a_difference() -> None:
    assert [d.field for d in differences([_figure()], [])] == ["figure"]
    assert [d.field for d in differences([], [_figure()])] == ["figure"]


def test_a_figure_of_nothing_that_one_side_lacks_is_none() -> None:
    empty = _figure(value=None, n=0, reason="no_data", dims={"channel": "chat"})
    assert differences([empty], []) == differences([], [empty]) == []


def test_all_is_asked_by_anchor_total_dimension_and_pair() -> None:
    catalogue = [
        {"id": "a", "dimensions": ["channel", "team"], "anchors": ["completed", "created"]},
        {"id": "b", "dimensions": ["channel"], "anchors": ["completed"]},
    ]
    asked = list(questions(catalogue, [("channel", "team")]))
    assert asked[0] == Question(("a", "b"))
    assert Question(("a", "b"), ("channel",), "completed") in asked
    assert Question(("a",), ("team",), "created") in asked
    assert Question(("a",), ("channel", "team"), "completed") in asked
    assert Question(("a",), (), "created") in asked
    assert Question(("a", "b"), (), "created") not in asked
    assert len(asked) == len(set(asked))


def test_a_question_is_the_query_string_of_the_api() -> None:
    asked = Question(("a", "b"), ("channel", "team"), "created").parameters()
    assert str(httpx.QueryParams(asked)) == "kpi=a&kpi=b&by=channel%2Cteam&anchor=created"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_both_signals_end_in_keyboard_interrupt_and_are_given_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Ending():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_work_that_is_interrupted_closes_what_it_opened() -> None:
    closed: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            closed.append("connection")

    with Ending() as ending, pytest.raises(KeyboardInterrupt):
        ending.run(work())
    assert closed == ["connection"]


def test_work_that_ends_by_itself_gives_its_result_and_its_error() -> None:
    async def work(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 7

    with Ending() as ending:
        assert ending.run(work(None)) == 7
        with pytest.raises(DeliveryRefused, match="never"):
            ending.run(work(DeliveryRefused("never")))


def test_a_signal_while_things_are_taken_down_is_only_noted() -> None:
    with Ending() as ending:
        ending.hush()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            ending.check()


def test_a_child_that_cannot_start_ends_the_work() -> None:
    with Ending() as ending, Supervisor(say=lambda line: None) as children:
        children.start(Service("brief", (sys.executable, "-c", "import sys; print('the last word'); sys.exit(1)"), "http://127.0.0.1:1/"))
        with pytest.raises(ChildFailed, match="the last word"):
            ending.run(asyncio.sleep(30), children)


def test_a_child_that_is_killed_is_started_again_while_the_work_goes_on() -> None:
    with Ending() as ending, Supervisor(say=lambda line: None) as children:
        first = children.start(Service("deaf", (sys.executable, "-c", "import time; time.sleep(600)")))

        async def until_started_again() -> None:
            while children.pid("deaf") == first:
                await asyncio.sleep(0.02)

        os.kill(first, signal.SIGKILL)
        ending.run(asyncio.wait_for(until_started_again(), 20), children)
        assert children.is_running("deaf")


class Computed:
    """A board that says the same for every question."""

    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    def read(self, query: Query) -> list[Figure]:
        return self._figures


async def _proof(served: list[Figure], computed: list[Figure]) -> tuple[Proof, list[int]]:
    instants: list[int] = []

    async def figures(request: web.Request) -> web.Response:
        return web.json_response({"figures": msgspec.to_builtins(served)})

    def reader_at(at_ms: int) -> Computed:
        instants.append(at_ms)
        return Computed(computed)

    async with answering("/v1/figures", figures) as url:
        return await asyncio.to_thread(prove, url, [], reader_at, [("channel", "team")], lambda more: None), instants


async def test_the_proof_computes_at_the_instant_of_the_answer() -> None:
    proof, instants = await _proof([_figure()], [_figure()])
    assert not proof.differences
    assert proof.compared == 3  # the totals, then total and channel by the one anchor
    assert proof.totals == [_figure()]
    assert set(instants) == {1_767_609_000_000}


async def test_the_proof_fails_on_one_wrong_number() -> None:
    proof, _ = await _proof([_figure(numerator=1)], [_figure(numerator=2)])
    assert {(difference.kpi, difference.field, difference.served, difference.computed) for difference in proof.differences} == {
        ("csat_score", "numerator", 1, 2)
    }


def _event(number: int) -> Event:
    outside = {"type": "ticket.created", "id": f"e{number}", "ticket_id": f"t{number}", "occurred_at": "2026-01-05T10:00:00Z"}
    return event_from(outside, source="desk", received_at_ms=NOW_MS)[0]


@pytest.mark.broker
async def test_settled_waits_for_the_newest_record_of_each_input_and_not_for_its_markers(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=2)
    await ensure_topics(settings)
    events, facts = topic(settings, EVENTS), topic(settings, FACTS)
    async with AIOKafkaProducer(**client_options(settings), acks="all") as producer:
        for number in range(3):
            await producer.send_and_wait(events, join_events([encode_event(_event(number))]), partition=1)
    producer = AIOKafkaProducer(**client_options(settings), transactional_id=f"{settings.kafka.topic_prefix}t")
    async with producer:
        async with producer.transaction():
            await producer.send_and_wait(facts, b"[]", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(facts, b"[]", partition=0)
        await producer.abort_transaction()
    asked = 0

    async def progress(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"progress": {"events-1": min(asked, 2), "facts-0": 0 if asked > 4 else -1}})

    told: list[str] = []
    async with answering("/v1/progress", progress) as url:
        await settled(settings, url, told.append)
    assert asked == 5
    assert told[0] == "2 records on their way"


@pytest.mark.broker
async def test_events_are_read_back_from_all_partitions(kafka: str, settings_for: SettingsFor, tmp_path: Any) -> None:
    settings = settings_for(kafka, partitions=2)
    await ensure_topics(settings)
    sent = [_event(number) for number in range(5)]
    async with AIOKafkaProducer(**client_options(settings), acks="all") as producer:
        for partition, some in ((0, sent[:2]), (1, sent[2:])):
            await producer.send_and_wait(topic(settings, EVENTS), join_events(encode_event(event) for event in some), partition=partition)
    assert await events_kept(settings, tmp_path / "events.jsonl") == sent
    assert (tmp_path / "events.jsonl").read_bytes().splitlines() == [encode_event(event) for event in sent]
