"""GET /v1/spikes: what is unusual now and why, and every series that is watched."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from schemas.canonical import rfc3339
from schemas.spikes import Spike, Watched
from services.api.ports import Figures
from services.api.routes.answers import answer, described, schema_of

_SCHEMA = {
    "type": "object",
    "required": ["as_of", "ready", "spikes", "watched"],
    "properties": {
        "as_of": {"type": "string"},
        "ready": {"type": "boolean"},
        "spikes": {"type": "array", "items": schema_of(Spike)},
        "watched": {"type": "array", "items": schema_of(Watched)},
    },
}


def router(board: Figures) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["figures"])

    @routes.get("/v1/spikes", summary="Unusual numbers and their causes", responses=described(_SCHEMA, refused=()))
    async def spikes() -> Response:
        fresh = board.freshness()
        return answer({"as_of": rfc3339(board.now_ms()), "ready": fresh.ready, "spikes": fresh.spikes, "watched": fresh.watched})

    return routes
