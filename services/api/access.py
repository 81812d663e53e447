"""Who may do what, by bearer token: read, edit boards, write controls; each may do what those before it may.

Laws: tokens are compared in constant time and never said back; nothing is written for a cookie, only for a header that no other
site can make a browser send; without a token that may write, nobody may.

A browser on a wall cannot send a header, so `/wall?token=…` answers once with an HttpOnly cookie, which may read, and a redirect
that takes the token out of the address.
"""

from __future__ import annotations

import hmac
from collections.abc import MutableMapping
from enum import IntEnum
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.problems import problem
from services.api_settings import Tokens

OPEN = frozenset({"/healthz", "/readyz"})
COOKIE = "deskpulse_token"
_COOKIE_SECONDS = 400 * 86_400
_RIGHT = "deskpulse.right"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="deskpulse"'}


class Right(IntEnum):
    """What the header of a request allows; more includes less."""

    NONE = 0
    READ = 1
    EDIT = 2
    CONTROL = 3


class Access:
    """Pure ASGI, so that a stream passes through unbuffered."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = [
            (token.encode(), right)
            for token, right in zip(tokens, (Right.READ, Right.EDIT, Right.CONTROL), strict=True)
            if token is not None
        ]
        self._read = None if tokens.read is None else tokens.read.encode()
        # the cookie is not the token itself: who reads a browser's disk cannot use the API's header with it
        self._cookie = "" if self._read is None else hmac.new(self._read, b"deskpulse wall cookie", sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets through who may read and notes what the header allows, gives a wall its cookie, refuses the rest with 401."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        right = self._right(headers.get("authorization", ""))
        scope[_RIGHT] = right
        if self._read is None or right or self._has_cookie(headers.get("cookie", "")):
            await self._app(scope, receive, send)
        elif (to := self._wall_with_token(scope, self._read)) is not None:
            await self._cookied(scope, to)(scope, receive, send)
        else:
            refusal = problem(
                401, "show the token: a header Authorization: Bearer …, or open /wall?token=… once in a browser", headers=_CHALLENGE
            )
            await refusal(scope, receive, send)

    def _right(self, header: str) -> Right:
        scheme, _, token = header.partition(" ")
        given = token.strip().encode()
        allowed = [right for known, right in self._tokens if hmac.compare_digest(given, known)]  # every one, whichever it is
        return max(allowed, default=Right.NONE) if scheme.lower() == "bearer" else Right.NONE

    def _has_cookie(self, header: str) -> bool:
        cookie = cookie_parser(header).get(COOKIE, "")
        return bool(self._cookie) and hmac.compare_digest(cookie.encode(), self._cookie.encode())

    def _cookied(self, scope: Scope, to: str) -> Response:
        response = RedirectResponse(to, 303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self._cookie,
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
            path="/",
        )
        return response

    def _wall_with_token(self, scope: Scope, token: bytes) -> str | None:
        path: str = scope["path"]
        if scope["method"] != "GET" or not (path in ("/", "/wall") or path.startswith("/wall/")):
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(name == "token" and hmac.compare_digest(value.encode(), token) for name, value in pairs):
            return None
        rest = urlencode([(name, value) for name, value in pairs if name != "token"])
        return ("/wall/" + path.removeprefix("/wall/") if path.startswith("/wall/") else "/") + (f"?{rest}" if rest else "")


def refusal_to_write(request: Request, tokens: Tokens) -> Response | None:
    """Why this request may write nothing at all, None when it may: 403 while nobody may or the token only reads, 401 without one."""
    if tokens.edit is None and tokens.controls is None:
        return problem(
            403, "nobody may write here: name the variable that holds a token in api.edit_token_env (boards) or api.controls_token_env"
        )
    right = right_of(request.scope)
    if right >= Right.EDIT:
        return None
    if right == Right.READ:
        return problem(403, "this token may read; to write, show the one of api.edit_token_env or api.controls_token_env")
    return problem(
        401,
        "show the token that may write in a header Authorization: Bearer …; the cookie of a wall only reads",
        headers=_CHALLENGE,
    )


def right_of(scope: MutableMapping[str, Any]) -> Right:
    """What the header of this request allows."""
    found: Right = scope.get(_RIGHT, Right.NONE)
    return found
