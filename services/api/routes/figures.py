"""GET /v1/figures: figures now, as of an earlier instant, or over a span."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.canonical import rfc3339
from schemas.figures import Figure
from services.api.ports import Figures
from services.api.questions import Known, figures_query
from services.api.routes.answers import answer, asked, described, schema_of


def router(board: Figures) -> APIRouter:
    """The route. The names that exist are read once: a catalogue does not change while a service runs."""
    routes = APIRouter(tags=["figures"])
    known = Known(board.catalogue())
    shared = asked(list(known.by_id), known.windows, known.dimensions)
    schema = {
        "type": "object",
        "required": ["as_of", "version", "ready", "figures"],
        "properties": {
            "as_of": {"type": "string"},
            "version": {"type": "integer"},
            "ready": {"type": "boolean"},
            "figures": {"type": "array", "items": schema_of(Figure)},
        },
    }

    @routes.get(
        "/v1/figures",
        summary="Figures",
        responses=described(schema),
        openapi_extra={"parameters": [parameter for name, parameter in shared.items() if name != "step"]},
    )
    async def figures(request: Request) -> Response:
        query = figures_query(request.query_params.multi_items(), known)
        found = board.figures(query)
        fresh = board.freshness()
        as_of_ms = board.now_ms() if query.as_of_ms is None else query.as_of_ms
        return answer({"as_of": rfc3339(as_of_ms), "version": fresh.version, "ready": fresh.ready, "figures": found})

    return routes
