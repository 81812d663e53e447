"""The bearer token: asked for everything but health, when one is configured.

A browser on a wall cannot send a header, so `/wall?token=…` answers once with an HttpOnly cookie and a redirect that takes the
token out of the address.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.problems import problem

OPEN = frozenset({"/healthz", "/readyz"})
COOKIE = "deskpulse_token"
_COOKIE_SECONDS = 400 * 86_400


class BearerToken:
    """Pure ASGI, so that a stream passes through unbuffered. Compares in constant time."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()
        # the cookie is not the token itself: who reads a browser's disk cannot use the API's header with it
        self._cookie = hmac.new(self._token, b"deskpulse wall cookie", sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets through what shows the token, gives the cookie to a wall that does, refuses the rest with 401."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        by_header = scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), self._token)
        if by_header or hmac.compare_digest(cookie.encode(), self._cookie.encode()):
            await self._app(scope, receive, send)
            return
        if (to := self._wall_with_token(scope)) is not None:
            response = RedirectResponse(to, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
            response.set_cookie(
                COOKIE,
                self._cookie,
                max_age=_COOKIE_SECONDS,
                httponly=True,
                samesite="strict",
                secure=scope.get("scheme") == "https",
                path="/",
            )
            await response(scope, receive, send)
            return
        refusal = problem(
            401,
            "show the token: a header Authorization: Bearer …, or open /wall?token=… once in a browser",
            headers={"WWW-Authenticate": 'Bearer realm="deskpulse"'},
        )
        await refusal(scope, receive, send)

    def _wall_with_token(self, scope: Scope) -> str | None:
        path: str = scope["path"]
        if scope["method"] != "GET" or not (path in ("/", "/wall") or path.startswith("/wall/")):
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(name == "token" and hmac.compare_digest(value.encode(), self._token) for name, value in pairs):
            return None
        rest = urlencode([(name, value) for name, value in pairs if name != "token"])
        return ("/wall/" + path.removeprefix("/wall/") if path.startswith("/wall/") else "/") + (f"?{rest}" if rest else "")
