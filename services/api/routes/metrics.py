"""GET /metrics and /metrics/agents: for Prometheus."""

from __future__ import annotations

import asyncio
import gzip

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.api.exposition import OPENMETRICS_TYPE, TEXT_TYPE, wants_openmetrics
from services.api.ports import Figures
from services.api.problems import problem
from services.api.routes.answers import described
from services.api.scrape import Scrape

_WORTH_COMPRESSING_BYTES = 1_000
_LARGE_BYTES = 200_000


def router(board: Figures, figures: Scrape, agents: Scrape) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["metrics"])
    about = described({"type": "string"}, refused=(503,), media_type="text/plain")
    about[200]["content"]["application/openmetrics-text"] = {"schema": {"type": "string"}}

    @routes.get("/metrics", summary="Figures for Prometheus", responses=about)
    async def metrics(request: Request) -> Response:
        return await _answer(request, figures)

    @routes.get("/metrics/agents", summary="Figures by agent for Prometheus", responses=about)
    async def metrics_by_agent(request: Request) -> Response:
        return await _answer(request, agents)

    async def _answer(request: Request, scrape: Scrape) -> Response:
        fresh = board.freshness()
        if not fresh.ready:
            # half-read history would look to a Prometheus like a burst of new events
            return problem(
                503, f"not caught up yet: {fresh.reason or 'reading the history'}; scrape again later", headers={"Retry-After": "5"}
            )
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        text = await scrape.text(openmetrics=openmetrics)
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
        if _takes_gzip(request.headers.get("accept-encoding", "")) and len(text) > _WORTH_COMPRESSING_BYTES:
            headers["Content-Encoding"] = "gzip"
            text = await asyncio.to_thread(_gzip, text) if len(text) > _LARGE_BYTES else _gzip(text)
        return Response(text, 200, headers, OPENMETRICS_TYPE if openmetrics else TEXT_TYPE)

    return routes


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gzip(text: bytes) -> bytes:
    return gzip.compress(text, 1, mtime=0)
