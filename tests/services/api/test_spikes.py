"""What the API tells of unusual numbers: incidents with causes and cases, in JSON, in the stream and in the metrics."""

from __future__ import annotations

import asyncio
import zlib

from msgspec import structs

from kpis.lineage_answer import Lineage
from kpis.query import Query
from kpis.window import HOUR
from schemas.events import TicketCreated, TicketDeleted
from services.api import spike_metrics
from services.api.app import create_app
from services.api.exposition import Exposition
from services.api.spikes import CASES, Spikes
from services.api.stream import Channel, pulse
from services.settings import Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import NOON_MS, FakeBoard
from tests.services.api.fake_lineages import FakeLineages
from tests.services.api.filled_board import told
from tests.services.api.spiky_board import burst, quiet_board, quiet_weeks

HOSTILE = '<img src=x onerror=alert(1)>\u202e\x07"\n'


class Cases(FakeLineages):
    """Lineages that list made-up tickets, and remember what was asked."""

    def __init__(self, names: tuple[str, ...] = (), problem: str | None = None) -> None:
        super().__init__(FakeBoard())
        self._names = names
        self.unreadable = problem

    async def lineage(self, query: Query, limit: int) -> Lineage:
        found = await super().lineage(structs.replace(query, span=None, windows=("1h",)), limit)
        one = found.entities[0]
        return structs.replace(found, entities=[structs.replace(one, entity=f"ticket:desk:{name}") for name in self._names[:limit]])


async def settled(spikes: Spikes, rounds: int) -> None:
    for _ in range(rounds):
        await spikes.round()
        while (reading := spikes._reading) is not None and not reading.done():
            await asyncio.wait([reading])


async def test_quiet_weeks_open_nothing_and_everything_watched_is_told() -> None:
    board = quiet_board()
    await settled(Spikes(board, lineages=lambda _: Cases()), 3)
    fresh = board.freshness()
    assert fresh.spikes == []
    escalations = [one for one in fresh.watched if one.watch == "escalation"]
    assert [one.dims for one in escalations if "team" not in one.dims] == [
        {}, *({"channel": name} for name in ("chat", "email", "phone", "web"))
    ]  # fmt: skip
    assert {one.dims["team"] for one in escalations if "team" in one.dims} >= {"billing"}
    assert all(one.surprise is not None and one.surprise < 4 for one in escalations)
    assert {one.watch for one in fresh.watched if one.surprise is None} == {"complaint", "abandonment", "negative_answer", "longest_wait"}


async def test_a_burst_opens_one_incident_with_its_cause_and_cases() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    cases = Cases(("b-13", "b-12"))
    await settled(Spikes(board, lineages=lambda _: cases), 3)
    spikes = {spike.kpi: spike for spike in board.freshness().spikes}
    spike = spikes["escalation_rate"]
    assert spike.title == "Escalations are unusually high"
    assert spike.observed >= 14
    assert spike.expected < 2
    assert spike.usual_high < 7
    assert spike.surprise > 8
    assert spike.once_in_seconds is not None
    assert spike.once_in_seconds > 86_400 * 365
    assert spike.causes[0].dims == {"channel": "chat", "team": "billing"}
    assert spike.causes[0].share > 0.9
    assert spike.tickets == ["b-13", "b-12"]
    assert "2026-11-22T11:49" <= spike.since <= "2026-11-22T11:51"
    assert dict(cases.asked[0][0].where) == {"channel": "chat", "team": "billing"}
    assert cases.asked[0][1] == CASES


async def test_one_incident_however_many_rounds() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    spikes = Spikes(board, lineages=lambda _: Cases())
    await settled(spikes, 2)
    ids = {spike.id for spike in board.freshness().spikes}
    await settled(spikes, 10)
    assert {spike.id for spike in board.freshness().spikes} == ids
    again = Spikes(board, lineages=lambda _: Cases())  # a replica that starts anew tells the same incidents
    await settled(again, 1)
    assert {spike.id for spike in board.freshness().spikes} == ids


async def test_withdrawn_escalations_end_the_incident() -> None:
    """What was taken back is no longer counted, whatever a counter would say."""
    now = [NOON_MS]
    board = quiet_board()
    board._clock = lambda: now[0]
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    spikes = Spikes(board, lineages=lambda _: Cases())
    await settled(spikes, 2)
    assert board.freshness().spikes
    told(
        board,
        (TicketDeleted(id=f"d-{i}", source="desk", occurred_at_ms=NOON_MS, ticket_id=f"b-{i}", reason="test") for i in range(14)),
        NOON_MS,
        offset=2,
        after=burst(NOON_MS, 14, "chat", "billing"),
    )
    for _ in range(50):
        now[0] += 5_000
        await settled(spikes, 1)
    assert board.freshness().spikes == []


async def test_a_history_that_is_being_written_opens_nothing() -> None:
    """Of eight weeks the half is in: beside that, what is usual today looks like much."""
    board = quiet_board(weeks=0)
    spikes = Spikes(board, lineages=lambda _: Cases())
    await settled(spikes, 1)
    weeks = list(quiet_weeks(NOON_MS, an_hour=24.0))
    today = [event for event in weeks if event.occurred_at_ms >= NOON_MS - 3 * HOUR]
    told(board, today, NOON_MS, offset=1)
    await settled(spikes, 1)
    past = [event for event in weeks if event.occurred_at_ms < NOON_MS - 3 * HOUR]
    for turn in range(6):
        part = [event for event in past if zlib.crc32(event.id[:-2].encode()) % 6 == turn]
        told(board, part, NOON_MS, offset=2 + turn, late=len(part))
        await settled(spikes, 2 if turn == 5 else 1)
        assert board.freshness().spikes == []
    await settled(spikes, 3)
    assert board.freshness().spikes == []
    assert any(one.surprise is not None for one in board.freshness().watched)


async def test_a_channel_under_a_new_name_is_no_spike() -> None:
    board = quiet_board()
    usual = [event for event in quiet_weeks(NOON_MS, an_hour=24.0, weeks=1, seed=2) if event.occurred_at_ms > NOON_MS - 3 * HOUR]
    history = [event for event in quiet_weeks(NOON_MS, an_hour=24.0, seed=3) if event.occurred_at_ms < NOON_MS - 3 * HOUR]
    told(board, history, NOON_MS, offset=1)
    renamed = [structs.replace(event, channel=f"new {event.channel}") if isinstance(event, TicketCreated) else event for event in usual]
    told(board, renamed, NOON_MS, offset=2)
    await settled(Spikes(board, lineages=lambda _: Cases()), 3)
    fresh = board.freshness()
    assert any(one.dims.get("channel", "").startswith("new ") for one in fresh.watched)
    assert fresh.spikes == []


async def test_too_little_history_is_no_judgement() -> None:
    board = quiet_board(weeks=0)
    told(board, burst(NOON_MS, 30, "chat", "billing"), NOON_MS, offset=1)
    await settled(Spikes(board, lineages=lambda _: Cases()), 3)
    fresh = board.freshness()
    assert fresh.spikes == []
    assert {one.surprise for one in fresh.watched} == {None}
    assert b"deskpulse_spike_alert" not in Exposition().render(spike_metrics.families(fresh))


async def test_cases_that_cannot_be_read_leave_the_incident_standing() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    await settled(Spikes(board, lineages=lambda _: Cases(problem="Kafka is away")), 3)
    assert board.freshness().spikes[0].tickets == []


async def test_hostile_names_stay_names() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, HOSTILE, "billing"), NOON_MS, offset=1)
    await settled(Spikes(board, lineages=lambda _: Cases()), 3)
    fresh = board.freshness()
    assert HOSTILE in [cause.dims.get("channel") for spike in fresh.spikes for cause in spike.causes]
    text = Exposition().render(spike_metrics.families(fresh)).decode()
    assert all(line.startswith(("#", "deskpulse_")) for line in text.splitlines())
    async with calling(create_app(Settings(), board, environ={})) as http:
        answer = await http.get("/v1/spikes")
    told_causes = [cause["dims"].get("channel") for spike in answer.json()["spikes"] for cause in spike["causes"]]
    assert HOSTILE in told_causes


async def test_the_metrics_tell_what_is_unusual() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    await settled(Spikes(board, lineages=lambda _: Cases()), 3)
    text = Exposition().render(spike_metrics.families(board.freshness())).decode()
    assert 'deskpulse_spike_alert{kpi="escalation_rate"} 1\n' in text
    assert 'deskpulse_spike_cause_share{kpi="escalation_rate",slice="channel=chat, team=billing"}' in text
    assert "\ndeskpulse_all_escalation_surprise " in text
    assert '\ndeskpulse_escalation_surprise{channel="chat"} ' in text


async def test_listeners_hear_of_an_incident_though_no_figure_changed() -> None:
    board = quiet_board()
    told(board, burst(NOON_MS, 14, "chat", "billing"), NOON_MS, offset=1)
    channel = Channel(board, (Query(kpis=("nps",), windows=("28d",)),))
    assert channel.compute()
    assert not channel.compute()
    await settled(Spikes(board, lineages=lambda _: Cases()), 2)
    assert channel.compute()
    assert [spike.kpi for spike in pulse(board.freshness(), NOON_MS)["spikes"]] == [s.kpi for s in board.freshness().spikes]
    assert board.freshness().spikes
