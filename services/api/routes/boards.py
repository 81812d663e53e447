"""GET /v1/boards and /v1/boards/{name}: which wall boards there are, and what one shows."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from services.api.boards.kept import Boards
from services.api.problems import nearest
from services.api.routes.answers import answer, described

_NAMED = {
    "type": "object",
    "required": ["id", "title"],
    "properties": {"id": {"type": "string"}, "title": {"type": "string"}},
}
_LIST = {"type": "object", "required": ["boards"], "properties": {"boards": {"type": "array", "items": _NAMED}}}
_BOARD = {
    "type": "object",
    "required": ["id", "title", "tiles", "rest", "strip", "targets", "problems", "editable", "revision", "declaration"],
    "properties": {
        **_NAMED["properties"],  # type: ignore[dict-item]
        "tiles": {"type": "array", "items": {"type": "object"}},
        "rest": {"type": "array", "items": {"type": "object"}},
        "strip": {"type": ["object", "null"]},
        "targets": {"type": "array", "items": {"type": "object", "required": ["name", "part", "value"]}},
        "problems": {"type": "array", "items": {"type": "object", "required": ["pointer", "reason"]}},
        "editable": {"type": "boolean"},
        "revision": {"type": "integer"},
        "declaration": {"type": "object"},
    },
}


def router(boards: Boards) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["boards"])

    @routes.get("/v1/boards", summary="Every wall board", responses=described(_LIST, refused=()))
    async def every_board() -> Response:
        return answer({"boards": [{"id": id, "title": one.declaration.title} for id, one in boards.declared().items()]})

    @routes.get("/v1/boards/{name}", summary="What a wall board shows", responses=described(_BOARD, refused=(404,)))
    async def one_board(name: str) -> Response:
        if name not in boards.declared():
            raise HTTPException(404, f"there is no such board{nearest(name, boards.declared())}")
        return answer(boards.definition(name))

    return routes
