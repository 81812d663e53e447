"""The API on a fake board as a process of its own, for the tests that stop and start it: `python -m tests.services.api.fake_server`."""

from __future__ import annotations

import argparse
import asyncio
import time

import uvicorn

from services.api.app import create_app
from services.settings import ApiSettings, Settings, TargetSettings
from tests.services.api import fake_spikes
from tests.services.api.fake_board import MADE, NOON_MS, FakeBoard
from tests.services.api.fake_lineages import FakeLineages

STEP_SECONDS = 0.5
ENVIRON = {"EDIT_TOKEN": "may-edit-any-board"}
SILENT = ("csat_score", "ces")
"""KPIs that have no data in any scene."""
SCENES = ("moving", "still", "empty", "behind", "spike", "spikes", "hostile")
TARGETS = {
    "first_reply_time_seconds": TargetSettings(p50=1800, within=3600, share=0.9),
    "speed_of_answer_seconds": TargetSettings(within=20, share=0.8),
    "active_issues": TargetSettings(within=300),
    "current_longest_wait_seconds": TargetSettings(within=1800),
    "csat_score": TargetSettings(share=0.9),
    "service_conversion_rate": TargetSettings(share=0.08),
}


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


def staged(scene: str, now_ms: int) -> FakeBoard:
    """The board as a scene begins."""
    board = FakeBoard(now_ms=now_ms, empty=[one.id for one in MADE] if scene == "empty" else SILENT, ready=scene != "behind")
    if scene in ("spike", "spikes"):
        board.fresh.spikes = [fake_spikes.escalations(now_ms)]
    if scene == "spikes":
        board.fresh.spikes += [fake_spikes.longest_wait(now_ms), fake_spikes.hostile(now_ms)]
    if scene == "hostile":
        board.fresh.spikes = [fake_spikes.hostile(now_ms)]
        board.fresh.sources[fake_spikes.HOSTILE] = now_ms
        board.hostile(fake_spikes.HOSTILE)
    return board


async def main() -> None:
    """Serves until ended."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--scene", choices=SCENES, default="moving")
    asked.add_argument("--heartbeat", type=float, default=1.0)
    asked.add_argument("--frozen", action="store_true", help="the clock stands at noon, for pictures that can be compared")
    given = asked.parse_args()
    board = staged(given.scene, NOON_MS if given.frozen else time.time_ns() // 1_000_000)
    settings = Settings(time_zone="Europe/Helsinki", api=ApiSettings(edit_token_env="EDIT_TOKEN"), targets=TARGETS)
    config = uvicorn.Config(
        create_app(settings, board, FakeLineages(board), decisions=board, environ=ENVIRON, heartbeat_seconds=given.heartbeat),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    moves = None if given.frozen else asyncio.create_task(moving(board, still=given.scene != "moving"))
    try:
        await uvicorn.Server(config).serve()
    finally:
        if moves is not None:
            moves.cancel()


if __name__ == "__main__":
    asyncio.run(main())
