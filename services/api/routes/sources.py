"""GET /v1/sources: how each source of webhooks stands."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.api.ports import Figures
from services.api.routes.answers import answer, described, schema_of
from services.api.standings import SourceAnswer, told


def router(board: Figures) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["sources"])

    @routes.get(
        "/v1/sources",
        summary="Each source: last delivery, what became of its deliveries, silence",
        responses=described(schema_of(list[SourceAnswer]), refused=()),
    )
    async def sources() -> Response:
        now_ms = board.wall_ms()
        return answer([told(standing, now_ms) for standing in board.freshness().standings])

    return routes
