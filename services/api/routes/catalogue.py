"""GET /v1/kpis and /v1/kpis/{kpi}: what each number is."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from services.api.ports import Figures
from services.api.problems import nearest
from services.api.routes.answers import answer, described

_ENTRY = {
    "type": "object",
    "required": ["id", "title", "unit", "windows", "dimensions"],
    "properties": {"id": {"type": "string"}, "title": {"type": "string"}, "unit": {"type": "string"}},
}


def router(board: Figures) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["catalogue"])

    @routes.get(
        "/v1/kpis",
        summary="Every KPI",
        responses=described({"type": "object", "properties": {"kpis": {"type": "array", "items": _ENTRY}}}, refused=()),
    )
    async def every_kpi() -> Response:
        return answer({"kpis": board.catalogue()})

    @routes.get("/v1/kpis/{kpi}", summary="One KPI", responses=described(_ENTRY, refused=(404,)))
    async def one_kpi(kpi: str) -> Response:
        entries = {str(entry["id"]): entry for entry in board.catalogue()}
        if kpi not in entries:
            raise HTTPException(404, f"there is no KPI of that name{nearest(kpi, entries)}")
        return answer(entries[kpi])

    return routes
