"""GET, PUT and DELETE /v1/controls: what a company has decided, and boards to be decided here.

Laws: nothing is written without a header that may; what is refused changes nothing and says where it is wrong; who says which
revision it has changed (If-Match) overwrites nobody else's.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from schemas.canonical import rfc3339
from services.api.access import refusal_to_write
from services.api.boards.checks import findings
from services.api.boards.declarations import BOARD_ID, MOST_BOARDS, MOST_BYTES, Declaration, Unreadable, bare, read
from services.api.boards.kept import Boards
from services.api.boards.shipped import SHIPPED
from services.api.ports import Decisions, Figures, Undecided
from services.api.problems import nearest, problem, shown
from services.api.routes.answers import answer, described, schema_of
from services.api_settings import Tokens
from services.controls import AUDIT, BOARD, CALENDAR, GENERATION, POLICY, Control
from services.settings import Settings

READ_SECONDS = 10.0
MOST_NAMES = 1_000
"""Names of boards that were ever kept: a record stays of each, so that what is gone stays gone."""
SET_ELSEWHERE = {
    POLICY: "it follows from targets and escalation_kinds in deskpulse.toml, which are published when the aggregator starts",
    CALENDAR: "it follows from [calendars.NAME] in deskpulse.toml, which is published when the aggregator starts",
    GENERATION: "`deskpulse rebuild` makes and switches generations",
    AUDIT: "`deskpulse audit` writes what it found",
}
_PATH = "/v1/controls/{kind}/{id}"
_BAD_NAME = "the name of a board is small letters, digits and hyphens, begins with a letter and has at most 40 characters"


class ControlAnswer(Struct, kw_only=True, omit_defaults=True):
    """One decision as it is told outside.

    `revision` is what If-Match takes (0: as shipped); `valid_from` is null when it holds from the beginning, `at` when it was
    written, null for what came with deskpulse. `value` is left out in the list.
    """

    kind: str
    id: str
    writable: bool
    revision: int
    valid_from: str | None
    at: str | None
    value: dict[str, Any] | None = None


class ControlList(Struct):
    """Every decision that stands."""

    controls: list[ControlAnswer]


def router(board: Figures, boards: Boards, decisions: Decisions | None, settings: Settings, tokens: Tokens) -> APIRouter:
    """The routes. Without `decisions` nothing can be kept."""
    routes = APIRouter(tags=["controls"])
    writing = asyncio.Lock()  # what If-Match was held against must still be so when it is written

    @routes.get("/v1/controls", summary="Every decision that stands", responses=described(schema_of(ControlList), refused=()))
    async def every_control() -> Response:
        found = [_told(c, with_value=False) for c in board.freshness().controls if c.value is not None]
        kept_boards = {one.id for one in found if one.kind == BOARD}
        found += [_shipped(id, with_value=False) for id in SHIPPED if id not in kept_boards]
        return answer(ControlList(sorted(found, key=lambda one: (one.kind, one.id, one.valid_from or ""))))

    @routes.get(_PATH, summary="One decision", responses=described(schema_of(ControlAnswer), refused=(404,)), openapi_extra=_of_path())
    async def one_control(kind: str, id: str) -> Response:
        return _answered(kind, id) or _nothing(kind, id)

    @routes.put(
        _PATH,
        summary="Decide: a board",
        description="Takes a board's declaration. Other kinds are set elsewhere, and the answer says where.",
        responses=described(schema_of(ControlAnswer), refused=(401, 403, 408, 412, 413, 415, 422, 503)),
        openapi_extra=_of_path(
            requestBody={"required": True, "content": {"application/json": {"schema": schema_of(Declaration)}}},
            if_match=True,
        ),
    )
    async def put(request: Request, kind: str, id: str) -> Response:
        if (refusal := refusal_to_write(request, tokens) or _not_writable(kind, id)) is not None:
            return refusal
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return problem(415, "send the declaration as application/json")
        body = await _body(request)
        if isinstance(body, Response):
            return body
        try:
            declaration = read(body)
        except Unreadable as error:
            return _refused([error.finding])
        if found := findings(declaration, boards.known, board, settings.targets):
            return _refused(found)
        return await _decided(request, id, bare(declaration))

    @routes.delete(
        _PATH,
        summary="Take a decision back: a board is as shipped again, or gone",
        responses=described(schema_of(ControlAnswer), refused=(401, 403, 404, 412, 422, 503)),
        openapi_extra=_of_path(if_match=True),
    )
    async def delete(request: Request, kind: str, id: str) -> Response:
        if (refusal := refusal_to_write(request, tokens) or _not_writable(kind, id)) is not None:
            return refusal
        if id not in boards.declared():
            return _nothing(kind, id)
        return await _decided(request, id, None)

    async def _decided(request: Request, id: str, value: dict[str, Any] | None) -> Response:
        async with writing:
            every = boards.declared()
            revision = every[id].revision if id in every else 0
            asked = request.headers.get("if-match", "*").strip().removeprefix("W/").strip('"')
            if asked not in ("*", str(revision)):
                return problem(
                    412, f"board {id} is at revision {revision} by now: read it again, make the change to that, and send its revision"
                )
            if value is None and not revision:
                return _answered(BOARD, id) or _nothing(BOARD, id)  # as shipped already
            if value is not None and id not in every:
                if len(every) >= MOST_BOARDS:
                    return problem(422, f"there are {len(every)} boards, and at most {MOST_BOARDS}: delete one first")
                if sum(c.kind == BOARD for c in board.freshness().controls) >= MOST_NAMES:
                    return problem(422, f"{MOST_NAMES} names of boards have been used: take one of those again")
            if decisions is None:
                return problem(503, "this server keeps no decisions", headers={"Retry-After": "30"})
            try:
                control = await decisions.decide(BOARD, id, value)
            except Undecided as error:
                return problem(503, f"it may not have been kept: {error}; look, and send it again", headers={"Retry-After": "5"})
        if value is not None:
            return _with_tag(_told(control))
        return _answered(BOARD, id) or answer(ControlAnswer(kind=BOARD, id=id, writable=True, revision=0, valid_from=None, at=None))

    def _answered(kind: str, id: str) -> Response | None:
        now_ms = board.wall_ms()
        in_force = [c for c in board.freshness().controls if (c.kind, c.id) == (kind, id) and (kind == BOARD or c.valid_from_ms <= now_ms)]
        if in_force and in_force[-1].value is not None:
            return _with_tag(_told(in_force[-1]))
        return _with_tag(_shipped(id)) if kind == BOARD and id in SHIPPED else None

    def _nothing(kind: str, id: str) -> Response:
        every = {(c.kind, c.id) for c in board.freshness().controls} | {(BOARD, name) for name in boards.declared()}
        kinds = {name for name, _ in every}
        if kind not in kinds:
            return problem(404, f"there is no decision of the kind {shown(kind)}{nearest(kind, kinds)}")
        return problem(404, f"there is no {shown(kind)} {shown(id)}{nearest(id, [name for of, name in every if of == kind])}")

    return routes


def _not_writable(kind: str, id: str) -> Response | None:
    if kind in SET_ELSEWHERE:
        return problem(422, f"a {kind} is not set here: {SET_ELSEWHERE[kind]}")
    if kind != BOARD:
        return problem(422, f"there is no kind {shown(kind)} to be set here{nearest(kind, [BOARD, *SET_ELSEWHERE])}")
    return None if re.fullmatch(BOARD_ID, id) else problem(422, _BAD_NAME)


def _refused(found: list[Any]) -> Response:
    errors = [{"pointer": one.pointer, "reason": one.reason} | ({} if one.index is None else {"index": one.index}) for one in found]
    detail = f"{found[0].pointer or 'the body'}: {found[0].reason}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
    return problem(422, detail, errors=errors)


async def _body(request: Request) -> bytes | Response:
    """The body, never more of it than may be; or why it is not taken."""
    too_large = problem(413, f"a declaration has at most {MOST_BYTES} bytes", headers={"Connection": "close"})
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or len(declared) > 9 or int(declared) > MOST_BYTES:
        return too_large
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    return too_large
    except (TimeoutError, ClientDisconnect):
        return problem(408, "the declaration did not arrive in time: send it again", headers={"Connection": "close"})
    return bytes(body)


def _told(control: Control, *, with_value: bool = True) -> ControlAnswer:
    return ControlAnswer(
        kind=control.kind,
        id=control.id,
        writable=control.kind == BOARD,
        revision=control.at_ms,
        valid_from=rfc3339(control.valid_from_ms) if control.valid_from_ms else None,
        at=rfc3339(control.at_ms),
        value=control.value if with_value else None,
    )


def _shipped(id: str, *, with_value: bool = True) -> ControlAnswer:
    value = bare(SHIPPED[id]) if with_value else None
    return ControlAnswer(kind=BOARD, id=id, writable=True, revision=0, valid_from=None, at=None, value=value)


def _with_tag(told: ControlAnswer) -> Response:
    response = answer(told)
    response.headers["ETag"] = f'"{told.revision}"'
    return response


def _of_path(*, if_match: bool = False, **more: Any) -> dict[str, Any]:
    """The parameters of the path for OpenAPI."""
    parameters: list[dict[str, Any]] = [
        {"name": "kind", "in": "path", "required": True, "schema": {"type": "string", "enum": [BOARD, *SET_ELSEWHERE]}},
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}},
    ]
    if if_match:
        about = "The revision that was changed; another one standing by now is 412 instead of being overwritten."
        parameters.append({"name": "If-Match", "in": "header", "required": False, "description": about, "schema": {"type": "string"}})
    return {"parameters": parameters, **more}
