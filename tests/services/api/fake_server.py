"""The API on a fake board as a process of its own, for the tests that stop and start it: `python -m tests.services.api.fake_server`."""

from __future__ import annotations

import argparse
import asyncio
import time

import uvicorn

from services.api.app import create_app
from services.settings import Settings
from tests.services.api.fake_board import MADE, FakeBoard
from tests.services.api.fake_lineages import FakeLineages

STEP_SECONDS = 0.5
SILENT = ("csat_score", "ces")
"""KPIs that have no data in any scene."""


async def moving(board: FakeBoard, *, still: bool) -> None:
    """Lets time pass on the board, and every figure move a little with it."""
    turn = 0
    while True:
        await asyncio.sleep(STEP_SECONDS)
        turn += 1
        now_ms = time.time_ns() // 1_000_000
        passed_ms = now_ms - board.now_ms()
        board.fresh.last_event_ms = now_ms - 700
        board.fresh.sources |= {"zendesk": now_ms - 700, "aircall": now_ms - 2_000}
        for one in () if still else MADE[turn % 5 :: 5]:
            if one.id in SILENT:
                continue
            value = one.value * (1 + ((turn * 7) % 13 - 6) / 100)
            for window in one.windows:
                board.tell(
                    one.id, window, round(value) if one.unit in ("tickets", "complaints") else value, n=max(12, int(one.denominator))
                )
        board.advance(passed_ms)


async def main() -> None:
    """Serves until ended."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--scene", choices=("moving", "still", "empty", "behind"), default="moving")
    asked.add_argument("--heartbeat", type=float, default=1.0)
    given = asked.parse_args()
    now_ms = time.time_ns() // 1_000_000
    empty = [one.id for one in MADE] if given.scene == "empty" else SILENT
    board = FakeBoard(now_ms=now_ms, empty=empty, ready=given.scene != "behind")
    settings = Settings(time_zone="Europe/Helsinki")
    config = uvicorn.Config(
        create_app(settings, board, FakeLineages(board), environ={}, heartbeat_seconds=given.heartbeat),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    moves = asyncio.create_task(moving(board, still=given.scene in ("still", "empty", "behind")))
    try:
        await uvicorn.Server(config).serve()
    finally:
        moves.cancel()


if __name__ == "__main__":
    asyncio.run(main())
