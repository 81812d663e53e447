"""GET /v1/figures: figures now, as of an earlier instant, or over a span."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from kpis.query import Unanswerable
from schemas.canonical import rfc3339
from schemas.figures import Figure
from services.api.ports import Figures
from services.api.questions import Known, figures_query
from services.api.routes.answers import answer, asked, described, listed, parameter, schema_of
from services.api.turns import Turns

_PROGRESS = parameter("progress", "Also tell the newest offset of every input that these figures include.", enum=["true", "false"])


def _with_progress(given: list[str]) -> bool:
    if len(given) > 1 or any(value not in ("true", "false") for value in given):
        raise Unanswerable("progress is true or false, once", "progress")
    return given == ["true"]


def router(board: Figures) -> APIRouter:
    """The route. The names that exist are read once: a catalogue does not change while a service runs."""
    routes = APIRouter(tags=["figures"])
    known, turns = Known(board.catalogue()), Turns()
    shared = asked(list(known.by_id), known.windows, known.dimensions)
    schema = {
        "type": "object",
        "required": ["as_of", "version", "ready", "figures"],
        "properties": {
            "as_of": {"type": "string"},
            "version": {"type": "integer"},
            "ready": {"type": "boolean"},
            "figures": {"type": "array", "items": schema_of(Figure)},
            "progress": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    }

    @routes.get(
        "/v1/figures",
        summary="Figures",
        responses=described(schema),
        openapi_extra={"parameters": [*(one for name, one in shared.items() if name != "step"), _PROGRESS]},
    )
    async def figures(request: Request) -> Response:
        given = request.query_params.multi_items()
        query = figures_query([pair for pair in given if pair[0] != "progress"], known)
        with_progress = _with_progress([value for name, value in given if name == "progress"])
        steps, fresh = board.figures_in_steps(query), board.freshness()  # of the same version: nothing is awaited in between
        as_of_ms = board.now_ms() if query.as_of_ms is None else query.as_of_ms
        body = {"as_of": rfc3339(as_of_ms), "version": fresh.version, "ready": fresh.ready}
        progress = {"progress": fresh.progress} if with_progress else {}
        found = await turns.finished(listed(await turns.finished(steps)))
        return answer({**body, "figures": found, **progress})

    return routes
