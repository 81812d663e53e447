"""GET /healthz and /readyz: alive, and caught up."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.api.ports import Figures
from services.api.problems import problem
from services.api.routes.answers import answer, described

_SCHEMA = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}


def router(board: Figures) -> APIRouter:
    """The routes; they never ask for a token."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="Alive", responses=described(_SCHEMA, refused=()))
    async def alive() -> Response:
        return answer({"status": "alive"})

    @routes.get("/readyz", summary="Caught up", responses=described(_SCHEMA, refused=(503,)))
    async def ready() -> Response:
        fresh = board.freshness()
        if not fresh.ready:
            return problem(503, fresh.reason or "not caught up yet", headers={"Retry-After": "2"})
        return answer({"status": "ready"})

    return routes
