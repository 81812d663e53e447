"""GET /v1/series: one value per bucket."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from kpis.query import Unanswerable
from kpis.reading import SERIES_MAX_VALUES
from kpis.steps import Steps
from schemas.canonical import rfc3339
from services.api.ports import Figures, Series
from services.api.questions import Known, series_query
from services.api.routes.answers import answer, asked, described, listed
from services.api.turns import Turns

_json = msgspec.json.Encoder()
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


def _lines(found: dict[str, Steps[Series]], known: Known) -> Steps[msgspec.Raw]:
    """The lines of all KPIs as JSON. Raises Unanswerable for more than fit in one answer."""
    lines: list[msgspec.Raw] = []
    values = 0
    for kpi, steps in found.items():
        moments: dict[int, str] = {}
        series = yield from steps
        values += sum(len(points) for _, points in series)
        if values > SERIES_MAX_VALUES:
            raise Unanswerable(f"that is more than {SERIES_MAX_VALUES} points in all: ask for fewer KPIs at a time", "kpi")
        for dims, points in series:
            told = []
            for point in points:
                for at_ms in (point.start_ms, point.end_ms):
                    if at_ms not in moments:  # the same for every line
                        moments[at_ms] = rfc3339(at_ms)
                told.append({"start": moments[point.start_ms], "end": moments[point.end_ms], "value": point.value, "n": point.n})
            line = {"kpi": kpi, "unit": str(known.by_id[kpi].get("unit", "")), "dims": dims, "points": told}
            lines.append(msgspec.Raw(_json.encode(line)))
            yield
    return (yield from listed(lines))


def router(board: Figures) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["figures"])
    known, turns = Known(board.catalogue()), Turns()
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
        found = {
            kpi: board.series_in_steps(
                kpi,
                step_ms=asked_for.step_ms,
                start_ms=asked_for.start_ms,
                end_ms=asked_for.end_ms,
                by=asked_for.by,
                where=asked_for.where,
                anchor=asked_for.anchor,
            )
            for kpi in asked_for.kpis
        }
        return answer(
            {
                "step_seconds": asked_for.step_ms / 1000,
                "from": rfc3339(asked_for.start_ms),
                "to": rfc3339(asked_for.end_ms),
                "series": await turns.finished(_lines(found, known)),
            }
        )

    return routes
