"""GET /v1/lineage: what may be asked, what is refused and how; and on a real broker, that the logs add up to the board's figure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from kpis import batch
from kpis.catalogue import KPIS
from kpis.lineage_answer import Lineage
from kpis.query import Query, Unanswerable
from schemas import topics
from schemas.differences import decode_differences
from schemas.events import Event
from services.aggregator.shard import Outgoing
from services.api.app import create_app
from services.api.board import Board
from services.api.lineage import StateLineages, Unreadable
from services.kafka import client_options
from services.partition import partition_of
from services.settings import Settings, topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.services.aggregator.shards import afternoon, entity_shard, ledger_shard, record
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard
from tests.services.api.fake_lineages import NAMES, FakeLineages

PARTITIONS = 2
AFTERNOON = afternoon(120)


@pytest.fixture
def lineages(board: FakeBoard) -> FakeLineages:
    """Lineages of the fake board."""
    return FakeLineages(board)


@pytest.fixture
async def client(board: FakeBoard, lineages: FakeLineages) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the application with lineages."""
    async with calling(create_app(Settings(), board, lineages, environ={})) as client:
        yield client


async def test_the_list_behind_a_figure(client: httpx.AsyncClient, lineages: FakeLineages) -> None:
    answer = await client.get("/v1/lineage?kpi=first_reply_time&window=1h&channel=email&limit=2")
    assert answer.status_code == 200
    told = answer.json()
    assert told["figure"]["kpi"] == "first_reply_time"
    assert [one["entity"] for one in told["entities"]] == [f"ticket:zendesk:{name}" for name in NAMES[:2]]
    assert told["entities"][0]["counts"][0]["class"] == ""
    assert (told["counted"], told["more"], told["left_out_counts"]) == (3, 1, {"merged": 1})
    assert answer.headers["cache-control"] == "no-store"
    query, limit = lineages.asked[0]
    assert (query.windows, query.where, limit) == (("1h",), (("channel", "email"),), 2)


@pytest.mark.parametrize(
    ("asked", "window", "span"),
    [
        pytest.param("kpi=first_reply_time", ("24h",), None, id="a day, where the KPI has it"),
        pytest.param("kpi=current_longest_wait", ("now",), None, id="now, where it has no day"),
        pytest.param(
            "kpi=first_reply_time&from=2026-11-22T08:00:00Z&to=2026-11-22T09:00:00Z",
            (),
            (1_795_334_400_000, 1_795_338_000_000),
            id="no window beside a span",
        ),
    ],
)
async def test_without_a_window(
    client: httpx.AsyncClient, lineages: FakeLineages, asked: str, window: tuple[str, ...], span: tuple[int, int] | None
) -> None:
    assert (await client.get(f"/v1/lineage?{asked}")).status_code == 200
    assert (lineages.asked[0][0].windows, lineages.asked[0][0].span) == (window, span)


@pytest.mark.parametrize(
    ("asked", "pointer", "says"),
    [
        pytest.param("", "?kpi", "add kpi=", id="no KPI"),
        pytest.param("kpi=first_reply_tim", "?kpi", "the nearest is first_reply_time", id="a misspelt KPI"),
        pytest.param("kpi=nps&kpi=ces", "?kpi", "one figure", id="two KPIs"),
        pytest.param("kpi=nps&window=28d&window=90d", "?window", "one figure", id="two windows"),
        pytest.param("kpi=nps&window=1y", "?window", "there are", id="an unknown window"),
        pytest.param("kpi=nps&by=channel", "?by", "no parameter by", id="a split"),
        pytest.param("kpi=nps&limit=0", "?limit", "from 1 to 1000", id="nobody listed"),
        pytest.param("kpi=nps&limit=1001", "?limit", "from 1 to 1000", id="too many listed"),
        pytest.param("kpi=nps&limit=٣", "?limit", "from 1 to 1000", id="digits that are none of ours"),
        pytest.param("kpi=nps&chanel=email", "?chanel", "the nearest is channel", id="a misspelt dimension"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, asked: str, pointer: str, says: str) -> None:
    answer = await client.get(f"/v1/lineage?{asked}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert says in answer.json()["detail"]


async def test_logs_that_cannot_be_read_now(client: httpx.AsyncClient, lineages: FakeLineages) -> None:
    lineages.unreadable = "another lineage is being read: they are read one at a time"
    answer = await client.get("/v1/lineage?kpi=nps")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["detail"] == lineages.unreadable


async def test_without_lineages_there_is_no_such_address(board: FakeBoard) -> None:
    async with calling(create_app(Settings(), board, environ={})) as client:
        assert (await client.get("/v1/lineage?kpi=nps")).status_code == 404


# ---- on a broker -------------------------------------------------------------------------------


async def written(settings: Settings, events: list[Event]) -> Board:
    """What the aggregator would have written of these events in its state topics, and a board that has heard all of it."""
    await ensure_topics(settings)
    board = Board(settings, clock=lambda: max(event.occurred_at_ms for event in events))
    producer = AIOKafkaProducer(**client_options(settings), transactional_id=settings.kafka.topic_prefix, max_request_size=8_000_000)
    entities = [entity_shard(number, PARTITIONS) for number in range(PARTITIONS)]
    ledgers = [ledger_shard(number) for number in range(PARTITIONS)]
    offset = 0

    async def write(outgoing: Outgoing) -> None:
        for (name, partition), pairs in outgoing.items():
            for key, value in pairs:
                if name == topics.DIFFERENCES:
                    board.folded.add(decode_differences(value or b""), 0)
                elif name in (topics.EVENTS_STATE, topics.FACTS_STATE, topics.REJECTED):
                    await producer.send(topic(settings, name), value, key=key, partition=partition)

    await producer.start()
    try:
        async with producer.transaction():
            pending = [(partition_of(f"ticket:desk:{event.ticket_id}", PARTITIONS), record([event])) for event in events]  # type: ignore[attr-defined]
            while pending:
                for number, taken in pending:
                    entities[number].apply(taken, offset)
                    offset += 1
                snapshots = [shard.snapshot(offset) for shard in entities]
                for outgoing in snapshots:
                    await write(outgoing)
                    for (name, partition), pairs in outgoing.items():
                        for _, value in pairs if name == topics.FACTS else ():
                            ledgers[partition].apply(value or b"", offset)
                            offset += 1
                passed_on = [(where, pairs) for outgoing in snapshots for where, pairs in outgoing.items() if where[0] == topics.EVENTS]
                pending = [(where[1], log or b"") for where, pairs in passed_on for _, log in pairs]
            for ledger in ledgers:
                await write(ledger.snapshot(offset))
    finally:
        await producer.stop()
    board.version += 1
    return board


@pytest.mark.broker
async def test_the_logs_add_up_to_what_the_board_shows(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=PARTITIONS, now="watermark")
    board = await written(settings, AFTERNOON)
    lineages = StateLineages(board)
    for kpi in KPIS:
        for window in {"24h", "28d", "now"} & set(kpi.windows):
            told = await lineages.lineage(Query(kpis=(kpi.id,), windows=(window,)), 1000)
            assert told.complete or window == "28d", (kpi.id, window, told.reason)
            assert told.reason is None or told.reason.startswith("what ended"), (kpi.id, told.reason)
            assert told.read_at.keys() <= {f"{name}-{n}" for name in ("events", "facts") for n in range(PARTITIONS)}
    told = await lineages.lineage(Query(kpis=("resolved_issues",), windows=("24h",), where=(("channel", "chat"),)), 5)
    assert told.figure.value == told.counted
    assert (len(told.entities), told.more > 0) == (5, True)
    assert {one.attributes["channel"] for one in told.entities} == {"chat"}
    assert all(one.events for one in told.entities if one.entity.startswith("ticket:"))
    assert told.left_out_counts["merged"] > 0
    by_hand = batch.run(AFTERNOON, levels=board.folded.cells.levels, pairs=settings.dimensions.pairs)
    assert len(by_hand.logs) == len({event.ticket_id for event in AFTERNOON})  # type: ignore[attr-defined]


@pytest.mark.broker
async def test_one_lineage_at_a_time_and_by_a_deadline(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=PARTITIONS, now="watermark")
    board = await written(settings, AFTERNOON)
    query = Query(kpis=("first_reply_time",), windows=("24h",))
    lineages = StateLineages(board)
    first = asyncio.create_task(lineages.lineage(query, 10))
    await asyncio.sleep(0)
    with pytest.raises(Unreadable, match="one at a time"):
        await lineages.lineage(query, 10)
    assert isinstance(await first, Lineage)
    with pytest.raises(Unreadable, match="took too long"):
        await StateLineages(board, deadline_seconds=0.0).lineage(query, 10)
    with pytest.raises(Unanswerable, match="24h"):
        await lineages.lineage(Query(kpis=("nps",), windows=("5m",)), 10)


@pytest.mark.broker
async def test_what_was_kept_out_is_told(kafka: str, settings_for: SettingsFor) -> None:
    again = msgspec.structs.replace(AFTERNOON[0], occurred_at_ms=AFTERNOON[0].occurred_at_ms + 1, channel="phone")
    board = await written(settings_for(kafka, partitions=PARTITIONS, now="watermark"), [*AFTERNOON, again])
    told = await StateLineages(board).lineage(Query(kpis=("issues_created",), windows=("24h",)), 1000)
    assert told.complete
    assert told.left_out_counts["conflicting_id"] == 1
    assert [(one.entity, one.detail.split(":")[0]) for one in told.left_out if one.reason == "conflicting_id"] == [
        ("ticket:desk:k0", "ticket.created 0-a")
    ]


@pytest.mark.broker
async def test_what_may_have_left_the_state_is_said(kafka: str, settings_for: SettingsFor) -> None:
    board = await written(settings_for(kafka, partitions=PARTITIONS, now="watermark"), AFTERNOON)
    told = await StateLineages(board).lineage(Query(kpis=("issues_created",), windows=("28d",)), 10)
    assert not told.complete
    assert told.reason is not None
    assert told.reason.startswith("what ended more than 21 days ago may have left the state")


async def test_a_broker_that_is_away_is_said(settings_for: SettingsFor) -> None:
    board = Board(settings_for(), clock=lambda: 0)
    with pytest.raises(Unreadable, match="cannot be read from Kafka"):
        await StateLineages(board).lineage(Query(kpis=("nps",), windows=("90d",)), 10)
