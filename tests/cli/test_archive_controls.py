"""What was decided, in the archive and back: a board is served again, and of two histories the later one stands whole."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.archiving.controls import OF_FIGURES, OF_TOPICS, archived_controls, lacking, restore_controls, save_controls
from cli.archiving.layout import CONTROLS_FILE
from cli.archiving.store import ArchiveUnusable, Store, default_address
from services import controls
from services.api.app import create_app
from services.api.board import Board
from services.api.boards.kept import revisions
from services.controls import AUDIT, BOARD, CALENDAR, DECISIONS, GENERATION, POLICY, Control, read_controls
from services.settings import Settings
from services.topics import ensure_topics
from tests.cli.test_archive_kafka import command
from tests.conftest import SettingsFor
from tests.services.aggregator.test_workers import ready, tape
from tests.services.aggregator.workers import publish, until
from tests.services.api.calling import calling

DECLARATION = {"title": "Ours", "tiles": [{"kpi": "nps", "windows": ["28d"]}]}


def control(id: str, at_ms: int, *, kind: str = BOARD, valid_from_ms: int = 0) -> Control:
    """A decision."""
    return Control(kind=kind, id=id, valid_from_ms=valid_from_ms, value={"at": at_ms}, at_ms=at_ms)


@pytest.mark.parametrize(
    ("held", "standing", "missing"),
    [
        pytest.param([control("a", 1), control("b", 2)], [], [0, 1], id="an empty topic lacks all"),
        pytest.param([control("a", 1)], [control("a", 1)], [], id="the same"),
        pytest.param([control("a", 1)], [control("a", 2)], [], id="the topic's is newer"),
        pytest.param([control("a", 2)], [control("a", 1)], [0], id="the archive's is newer"),
        pytest.param(
            [control("a", 1), control("a", 5, valid_from_ms=9)], [control("a", 1)], [1], id="a later change that the topic has lost"
        ),
        pytest.param(
            [control("a", 1), control("a", 5, valid_from_ms=9)], [control("a", 6)], [], id="begun anew since, all of the old is over"
        ),
        pytest.param([control("a", 1), control("b", 1)], [control("a", 6)], [1], id="one board says nothing of another"),
        pytest.param(
            [control("night", 1, kind=CALENDAR), control("a", 1)], [control("p", 6, kind=POLICY)], [1], id="decided anew for figures since"
        ),
        pytest.param([control("night", 7, kind=CALENDAR)], [control("p", 6, kind=POLICY)], [0], id="decided for figures before"),
    ],
)
def test_what_goes_back(held: list[Control], standing: list[Control], missing: list[int]) -> None:
    assert lacking(held, standing) == [held[number] for number in missing]


CONTROLS = st.lists(
    st.builds(
        control, st.sampled_from("ab"), st.integers(0, 5), kind=st.sampled_from([POLICY, CALENDAR, BOARD]), valid_from_ms=st.integers(0, 2)
    ),
    max_size=8,
    unique_by=lambda one: one.key,
)


@given(CONTROLS, CONTROLS)
def test_nothing_newer_is_ever_replaced_and_a_second_time_nothing_is_missing(held: list[Control], standing: list[Control]) -> None:
    missing = lacking(held, standing)
    after = {one.key: one for one in standing}
    for one in missing:
        assert one.key not in after or after[one.key].at_ms < one.at_ms
        after[one.key] = one
    assert lacking(held, after.values()) == []


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "archive"))
    assert archived_controls(store) == []
    store.write_file(CONTROLS_FILE, b'{"kind":"board","id":"a","valid_from_ms":0,"value":null,"at_ms":1}\n{"kind":\n')
    with pytest.raises(ArchiveUnusable, match=r"_controls\.jsonl: line 2"):
        archived_controls(store)


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Board]:
    """The board of these topics, caught up."""
    board = Board(settings)
    await board.start()
    try:
        await until(lambda: board.caught_up, "the board is caught up")
        yield board
    finally:
        await board.stop()


@pytest.mark.broker
async def test_an_edited_board_is_served_again_from_another_topic(kafka: str, settings_for: SettingsFor) -> None:
    settings = await ready(kafka, settings_for)
    await publish(settings, tape(10))
    await controls.publish(settings, POLICY, DECISIONS, {"answer_within_ms": 7})
    await controls.publish(settings, POLICY, DECISIONS, {"answer_within_ms": 9}, 5_000)
    await controls.publish(settings, AUDIT, "last", {"differences": 0})
    async with serving(settings) as board:
        await board.decisions.decide(BOARD, "ours", DECLARATION)
        edited = await board.decisions.decide(BOARD, "ours", {**DECLARATION, "title": "Edited"})
    done = command(settings, "run", "--json")
    assert (done.returncode, json.loads(done.stdout)["controls"]) == (0, 6), done.stderr

    restored = settings_for(kafka, now="watermark")
    await ensure_topics(restored)
    done = command(restored, "restore", "--from", default_address(settings), "--json")
    assert (done.returncode, json.loads(done.stdout)["controls"]) == (0, 3), done.stderr
    assert {one.kind for one in archived_controls(Store(default_address(settings)))} == {AUDIT, BOARD, GENERATION, POLICY}
    decided = [one for one in await read_controls(settings) if one.kind in (BOARD, POLICY)]
    assert await read_controls(restored) == decided  # when each was written and from when it held included
    async with serving(restored) as board:
        await until(lambda: revisions(board.decisions.standing)["ours"] == edited.at_ms, "the board has its revision")
        async with calling(create_app(restored, board, environ={})) as client:
            assert (await client.get("/v1/boards/ours")).json()["title"] == "Edited"
        newer = await board.decisions.decide(BOARD, "ours", {**DECLARATION, "title": "Newer"})
    done = command(restored, "restore", "--force", "--from", default_address(settings), "--json")
    assert (done.returncode, json.loads(done.stdout)["controls"]) == (0, 0), done.stderr
    assert newer in await read_controls(restored)


@pytest.mark.broker
async def test_the_archive_forgets_nothing_that_the_topic_has_lost(kafka: str, settings_for: SettingsFor) -> None:
    settings, other = await ready(kafka, settings_for), await ready(kafka, settings_for)
    store = Store(default_address(settings))
    lost = await controls.publish(settings, BOARD, "lost", DECLARATION)
    changed = await controls.publish(settings, BOARD, "changed", DECLARATION)
    calendar = await controls.publish(settings, CALENDAR, "night", {"hours": {}})
    assert await save_controls(settings, store) == 3
    later = await controls.publish(other, BOARD, "changed", {**DECLARATION, "title": "Later"})
    assert later.at_ms >= changed.at_ms
    assert await save_controls(other, store) == 3
    assert archived_controls(store) == [later, lost, calendar]

    assert await restore_controls(other, store, but=OF_TOPICS | OF_FIGURES) == 1  # what a rebuild brings back
    assert await read_controls(other) == [later, lost]
    assert await restore_controls(other, store) == 1
    assert await restore_controls(other, store) == 0
