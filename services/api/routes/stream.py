"""GET /v1/stream: figures as Server-Sent Events: a snapshot, then changes, a beat every ten seconds."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

from fastapi import APIRouter
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kpis.query import Unanswerable
from services.api.boards.declarations import BOARD_ID
from services.api.boards.kept import Boards
from services.api.hub import Full, Hub, Seat
from services.api.ports import Figures
from services.api.problems import nearest, problem
from services.api.questions import Known, stream_query
from services.api.routes.answers import answer, asked, described, parameter
from services.api.stream import Questions, pulse

SEND_SECONDS = 30.0
"""A listener that takes nothing for so long is let go; it comes again when it can."""
_log = logging.getLogger(__name__)


class _Stream(EventSourceResponse):
    seat: Seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("a listener took nothing for so long that it was let go")
        finally:
            self.seat.leave()


def router(board: Figures, hub: Hub, boards: Boards, *, heartbeat_seconds: float, send_seconds: float = SEND_SECONDS) -> APIRouter:
    """The routes of streams. A listener that takes nothing for `send_seconds` is let go."""
    routes = APIRouter(tags=["stream"])
    known = Known(board.catalogue())
    shared = asked(list(known.by_id), known.windows, known.dimensions)
    parameters = [p for name, p in shared.items() if name not in ("as_of", "from", "to", "step")]
    parameters.append(parameter("board", "All that a wall board shows, instead of the other parameters.", pattern=BOARD_ID))

    def questions(request: Request) -> Questions:
        given = request.query_params.multi_items()
        named = [value for name, value in given if name == "board"]
        if not named:
            return (stream_query(given, known),)
        if len(given) > 1:
            raise Unanswerable("board stands alone: it says itself what it shows", "board")
        if named[0] not in boards.declared():
            raise Unanswerable(f"there is no such board{nearest(named[0], boards.declared())}", "board")
        return boards.questions(named[0])

    @routes.get(
        "/v1/stream",
        summary="Figures as they change",
        responses=described({"type": "string"}, refused=(422, 503), media_type="text/event-stream"),
        openapi_extra={"parameters": parameters},
    )
    async def stream(request: Request) -> Response:
        asked_for = questions(request)
        try:
            seat = hub.seat(asked_for)
        except Full:
            return problem(503, "too many listen already; ask again in a moment, or share one stream", headers={"Retry-After": "10"})
        last_id = request.headers.get("last-event-id", "")[:64]

        async def messages() -> AsyncGenerator[ServerSentEvent, None]:
            told = seat.messages(last_id)
            try:
                async for message in told:
                    yield ServerSentEvent(message.data, event=message.event, id=message.id, retry=2000)
            finally:
                await told.aclose()

        streaming = _Stream(
            messages(),
            headers={"Cache-Control": "no-cache"},
            ping=heartbeat_seconds,
            ping_message_factory=lambda: ServerSentEvent(hub.pulse(), event="beat"),
            send_timeout=send_seconds,
            sep="\n",
        )
        streaming.seat = seat
        return streaming

    @routes.get("/v1/progress", summary="How far the figures have come", responses=described({"type": "object"}, refused=()))
    async def progress() -> Response:
        fresh = board.freshness()
        return answer({**pulse(fresh, board.now_ms()), "progress": fresh.progress, "generation": fresh.generation})

    return routes
