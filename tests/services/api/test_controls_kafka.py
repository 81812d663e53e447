"""Boards on a real broker: written through one replica, served by every other, kept as one record each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from services.api.app import create_app
from services.api.board import Board
from services.api.boards.kept import revisions
from services.api.boards.shipped import SHIPPED
from services.api.ports import Undecided
from services.controls import BOARD, read_controls
from services.settings import ApiSettings, Settings
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.services.aggregator.workers import until
from tests.services.api.calling import calling

pytestmark = pytest.mark.broker
DECLARATION = {"title": "Ours", "tiles": [{"kpi": "nps", "windows": ["28d"]}]}


@contextlib.asynccontextmanager
async def replicas(kafka: str, settings_for: SettingsFor, number: int) -> AsyncIterator[list[Board]]:
    """Boards that follow the same topics."""
    settings = settings_for(kafka, partitions=1)
    await ensure_topics(settings)
    boards = [Board(settings) for _ in range(number)]
    for board in boards:
        await board.start()
    try:
        # a client that is ended while it still connects leaves its connection to the garbage collector
        await until(lambda: all(board.caught_up for board in boards), "the replicas are caught up")
        yield boards
    finally:
        for board in boards:
            await board.stop()


async def test_what_one_replica_takes_every_replica_serves(kafka: str, settings_for: SettingsFor) -> None:
    async with replicas(kafka, settings_for, 2) as (one, other):
        settings = one.settings.model_copy(update={"api": ApiSettings(edit_token_env="EDIT")})
        app = create_app(settings, one, decisions=one.decisions, environ={"EDIT": "one-that-edits-boards"})
        async with calling(app, Authorization="Bearer one-that-edits-boards") as client:
            kept = None
            for title in ("First", "Second", "Third"):
                kept = await client.put("/v1/controls/board/ours", json={**DECLARATION, "title": title})
                assert kept.status_code == 200, kept.text
                assert (await client.get("/v1/boards/ours")).json()["title"] == title  # its own write, at once
            assert kept is not None
            revision = kept.json()["revision"]
            await until(lambda: revisions(other.decisions.standing).get("ours") == revision, "the other replica serves it")
            async with calling(create_app(Settings(), other, environ={})) as elsewhere:
                assert (await elsewhere.get("/v1/boards/ours")).json()["title"] == "Third"
            records = [control for control in await read_controls(one.settings) if control.kind == BOARD]
            assert [(control.id, control.at_ms) for control in records] == [("ours", revision)]  # not one for each change
            assert (await client.delete("/v1/controls/board/ours")).status_code == 200
        await until(lambda: "ours" not in revisions(other.decisions.standing), "the other replica lets it go")
        assert revisions(other.decisions.standing) == dict.fromkeys(SHIPPED, 0)


async def test_a_replica_that_starts_later_has_every_board(kafka: str, settings_for: SettingsFor) -> None:
    async with replicas(kafka, settings_for, 1) as (board,):
        kept = await board.decisions.decide(BOARD, "ours", DECLARATION)
        late = Board(board.settings)
        await late.start()
        try:
            await until(lambda: revisions(late.decisions.standing).get("ours") == kept.at_ms, "the late replica has it")
            await until(lambda: late.caught_up, "the late replica is caught up")
        finally:
            await late.stop()


async def test_what_cannot_be_kept_is_not_waited_for_without_end() -> None:
    board = Board(Settings(kafka={"bootstrap": "127.0.0.1:9"}))
    async with asyncio.timeout(30):
        with pytest.raises(Undecided, match="Kafka does not take it now"):
            await board.decisions.decide(BOARD, "ours", DECLARATION)
    assert board.decisions.standing == []
