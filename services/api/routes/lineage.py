"""GET /v1/lineage: where one figure comes from: the entities that count, those left out and why, what corrected it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from kpis.lineage import LIMIT, LIMIT_MAX
from kpis.lineage_answer import Lineage
from services.api.lineage import Lineages, Unreadable
from services.api.ports import Figures
from services.api.problems import problem
from services.api.questions import Known, lineage_query
from services.api.routes.answers import answer, asked, described, parameter, schema_of

_ABOUT = """The figure, its formula with the numbers filled in, the entities it counts with their events, what was left out and
why, and the late events that corrected it. Ids of tickets and customers are told here and nowhere else."""


def router(board: Figures, lineages: Lineages) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["figures"])
    known = Known(board.catalogue())
    shared = asked(list(known.by_id), known.windows, known.dimensions)
    one = {name: {**shared[name], "schema": shared[name]["schema"]["items"]} for name in ("kpi", "window")}
    one["kpi"] |= {"required": True, "description": "Which KPI."}
    one["window"]["description"] = "Which window; without it, 24h or else the first of now, today, 28d and 90d that the KPI has."
    limit = parameter("limit", f"How many entities are listed, newest first; {LIMIT} unless told.")
    limit["schema"] = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}
    parameters = [*one.values(), *(p for name, p in shared.items() if name not in ("kpi", "window", "by", "step")), limit]

    @routes.get(
        "/v1/lineage",
        summary="Where a figure comes from",
        description=_ABOUT,
        responses=described(schema_of(Lineage), refused=(422, 503)),
        openapi_extra={"parameters": parameters},
    )
    async def lineage(request: Request) -> Response:
        query, most = lineage_query(request.query_params.multi_items(), known)
        try:
            return answer(await lineages.lineage(query, most))
        except Unreadable as error:
            return problem(503, str(error), headers={"Retry-After": str(error.retry_seconds)})

    return routes
