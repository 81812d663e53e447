"""The questions of the benchmark are answered, and by a board that has something to tell."""

from __future__ import annotations

import httpx
import pytest

from benchmarks.series import QUESTIONS, Asked, ask, filled
from services.api.app import create_app
from services.api.board import Board


@pytest.fixture(scope="module")
def board() -> Board:
    return filled(6)


@pytest.mark.parametrize("asked", [pytest.param(one, id=one.about) for one in QUESTIONS if "*" not in one.given.get("kpi", "")])
async def test_every_question_is_answered(asked: Asked, board: Board) -> None:
    transport = httpx.ASGITransport(app=create_app(board.settings, board, environ={}))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        took = await ask(client, asked)
    assert took.points > 0
    assert took.cuts > 0
