"""A long answer gives way: what else the loop has to do is done between its stretches, and it tells of one moment all the same."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import httpx
import pytest

from kpis.query import Query, Unanswerable
from kpis.steps import Steps
from kpis.window import DAY, HOUR
from schemas.figures import Figure
from services.api.app import create_app
from services.api.ports import Series
from services.api.turns import Turns
from services.settings import Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import NOON_MS, FakeBoard
from tests.services.api.filled_board import filled

PATIENCE_SECONDS = 20.0


def counting(to: int, trace: list[str] | deque[str], name: str = "") -> Steps[int]:
    """So many steps, each of which leaves its name."""
    for _ in range(to):
        trace.append(name)
        yield
    return to


async def test_a_short_answer_is_given_at_once() -> None:
    beats: list[int] = []
    asyncio.get_running_loop().call_soon(beats.append, 1)
    assert await Turns(PATIENCE_SECONDS).finished(counting(1000, [])) == 1000
    assert beats == []


async def test_long_answers_progress_side_by_side() -> None:
    trace: list[str] = []
    turns = Turns(0.0)  # every step is a stretch

    async def beat() -> None:
        for _ in range(100):
            trace.append("beat")
            await asyncio.sleep(0)

    await asyncio.gather(turns.finished(counting(20, trace, "a")), turns.finished(counting(20, trace, "b")), beat())
    assert trace.index("b") < len(trace) - trace[::-1].index("a")
    first_a, last_a = trace.index("a"), len(trace) - trace[::-1].index("a")
    assert trace[first_a:last_a].count("beat") >= 10
    assert (trace.count("a"), trace.count("b")) == (20, 20)


async def test_what_goes_wrong_in_a_step_is_told_and_holds_up_nobody() -> None:
    def refused() -> Steps[int]:
        yield
        raise Unanswerable("not so", "kpi")

    turns = Turns()
    with pytest.raises(Unanswerable, match="not so"):
        await turns.finished(refused())
    assert await turns.finished(counting(3, [])) == 3


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    turns = Turns(0.0)
    endless = asyncio.create_task(turns.finished(counting(10**9, deque(maxlen=1))))
    await asyncio.sleep(0)
    endless.cancel()
    assert await turns.finished(counting(3, [])) == 3
    with pytest.raises(asyncio.CancelledError):
        await endless


class Unhurried(FakeBoard):
    """A board whose long answers end only once its version has changed, which takes somebody else."""

    begun = False

    def _until_changed(self) -> Steps[None]:
        self.begun = True
        version, began = self.fresh.version, time.monotonic()
        while self.fresh.version == version:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError("nobody else came to anything")
            yield

    def figures_in_steps(self, query: Query) -> Steps[list[Figure]]:
        """As `Figures.figures_in_steps`."""
        figures = self.figures(query)
        yield from self._until_changed()
        return figures

    def series_in_steps(self, *args: object, **kwargs: object) -> Steps[Series]:
        """As `Figures.series_in_steps`."""
        yield from self._until_changed()
        return (yield from super().series_in_steps(*args, **kwargs))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/v1/series?kpi=first_reply_time&by=channel", "/v1/figures?kpi=first_reply_time&by=channel"])
async def test_others_are_served_while_a_long_question_is_answered(path: str) -> None:
    board = Unhurried()
    version = board.fresh.version
    async with calling(create_app(Settings(), board, environ={})) as client:
        asking = asyncio.create_task(client.get(path))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not board.begun:
                await asyncio.sleep(0)
        for _ in range(3):
            assert (await client.get("/healthz")).status_code == 200
        assert not asking.done()
        board.advance()
        answer: httpx.Response = await asking
    assert answer.status_code == 200, answer.text
    assert answer.json().get("version", version) == version


async def test_a_large_question_to_the_real_board_leaves_the_loop_its_time() -> None:
    board = filled(300)
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(heart())
    large = {"step_ms": HOUR, "start_ms": NOON_MS - 59 * DAY, "end_ms": NOON_MS, "by": ("channel", "team"), "where": (), "anchor": None}
    await asyncio.sleep(0)
    beats = 0
    found = await Turns(0.001).finished(board.series_in_steps("issues_created", **large))  # type: ignore[arg-type]
    seen = beats
    beating.cancel()
    assert sum(len(points) for _, points in found) > 10_000
    assert seen > 3
