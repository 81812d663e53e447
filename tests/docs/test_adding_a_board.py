"""The page on adding a board, done as it says."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from services.api.app import create_app
from services.api.board import Board
from services.api.boards.shipped import SHIPPED
from services.controls import Control
from services.settings import Settings
from tests.conftest import REPOSITORY
from tests.services.api.calling import calling
from tests.services.api.filled_board import filled

PAGE = (REPOSITORY / "docs/adding-a-board.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


class Remembered:
    """Decisions without a Kafka: the board is told of each as if it had come back."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def decide(self, kind: str, id: str, value: dict[str, Any] | None) -> Control:
        """As `Decisions.decide`."""
        control = Control(kind=kind, id=id, valid_from_ms=0, value=value, at_ms=len(self._board.decisions.standing) + 1)
        self._board.decisions.heed([control])
        return control


async def test_the_page_adds_a_board_and_takes_it_back() -> None:
    board = filled()
    settings = Settings(**tomllib.loads(block("toml")))
    [address] = set(re.findall(r"8081(/v1/controls/board/[a-z-]+)", PAGE))
    app = create_app(settings, board, decisions=Remembered(board), environ={settings.api.edit_token_env: "one-that-edits-boards"})
    async with calling(app, Authorization="Bearer one-that-edits-boards") as client:
        kept = await client.put(address, content=block("json"), headers={"Content-Type": "application/json"})
        assert kept.status_code == 200, kept.text
        laid_out = (await client.get("/v1/boards/night-shift")).json()
        assert laid_out["problems"] == []
        assert [(tile["title"], tile["target"], tile["watch"], tile["dims"]) for tile in laid_out["tiles"]] == [
            ("Active issues", 300, 330, {}),
            ("First reply time", 1800, None, {}),
            ("First reply, chat", 300, None, {"channel": "chat"}),
        ]
        assert (await client.get("/wall/night-shift")).status_code == 200
        assert (await client.delete(address)).status_code == 200
        assert (await client.get("/wall/night-shift")).status_code == 404


def test_the_page_names_the_boards_and_the_fields_that_there_are() -> None:
    first = PAGE.split("## 1.")[0]
    assert all(f"`{id}`" in first or f"/wall/{id}`" in first for id in SHIPPED)
    tile_and_board = {name for tile in json.loads(block("json"))["tiles"] for name in tile} | set(json.loads(block("json")))
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == tile_and_board - {"kpi", "title", "tiles"}
