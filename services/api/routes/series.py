"""GET /v1/series: one value per bucket."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.canonical import rfc3339
from services.api.ports import Figures
from services.api.questions import Known, series_query
from services.api.routes.answers import answer, asked, described

_POINT = {
    "type": "object",
    "required": ["start", "end", "value", "n"],
    "properties": {"start": {"type": "string"}, "end": {"type": "string"}, "value": {"type": ["number", "null"]}, "n": {"type": "integer"}},
}
_LINE = {
    "type": "object",
    "required": ["kpi", "unit", "dims", "points"],
    "properties": {
        "kpi": {"type": "string"},
        "unit": {"type": "string"},
        "dims": {"type": "object", "additionalProperties": {"type": "string"}},
        "points": {"type": "array", "items": _POINT},
    },
}
_SCHEMA = {
    "type": "object",
    "required": ["step_seconds", "from", "to", "series"],
    "properties": {
        "step_seconds": {"type": "number"},
        "from": {"type": "string"},
        "to": {"type": "string"},
        "series": {"type": "array", "items": _LINE},
    },
}


def router(board: Figures) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["figures"])
    known = Known(board.catalogue())
    shared = asked(list(known.by_id), known.windows, known.dimensions)
    shared["kpi"] = {**shared["kpi"], "required": True}
    left_out = ("window", "as_of", "clock")

    @routes.get(
        "/v1/series",
        summary="One value per bucket",
        responses=described(_SCHEMA),
        openapi_extra={"parameters": [parameter for name, parameter in shared.items() if name not in left_out]},
    )
    async def series(request: Request) -> Response:
        asked_for = series_query(request.query_params.multi_items(), known, board.now_ms())
        lines: list[dict[str, Any]] = []
        for kpi in asked_for.kpis:
            found = board.series(
                kpi,
                step_ms=asked_for.step_ms,
                start_ms=asked_for.start_ms,
                end_ms=asked_for.end_ms,
                by=asked_for.by,
                where=asked_for.where,
                anchor=asked_for.anchor,
            )
            for dims, points in found:
                told = [{"start": rfc3339(p.start_ms), "end": rfc3339(p.end_ms), "value": p.value, "n": p.n} for p in points]
                lines.append({"kpi": kpi, "unit": str(known.by_id[kpi].get("unit", "")), "dims": dims, "points": told})
        return answer(
            {
                "step_seconds": asked_for.step_ms / 1000,
                "from": rfc3339(asked_for.start_ms),
                "to": rfc3339(asked_for.end_ms),
                "series": lines,
            }
        )

    return routes
