"""The wall board's page and files, and the page of the documentation: everything from this server, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.api import boards
from services.api.problems import nearest

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_FILES = {
    "wall.css": "text/css; charset=utf-8",
    "wall.js": "text/javascript; charset=utf-8",
    "figure_text.js": "text/javascript; charset=utf-8",
    "trend.js": "text/javascript; charset=utf-8",
    "feed.js": "text/javascript; charset=utf-8",
    "lineage.js": "text/javascript; charset=utf-8",
    "sources.js": "text/javascript; charset=utf-8",
    "lineage.css": "text/css; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "vendor/uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "vendor/uPlot.min.css": "text/css; charset=utf-8",
    "vendor/uPlot.LICENSE.txt": "text/plain; charset=utf-8",
}
"""What may be fetched: a closed table, so that no path can lead elsewhere."""


def router() -> APIRouter:
    """The routes. Files are read when asked for: a change shows without a restart, and they are few and small."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    @routes.get("/wall")
    async def first_board(request: Request) -> Response:
        return _file(request, "index.html", "text/html; charset=utf-8")

    @routes.get("/wall/{board}")
    async def one_board(request: Request, board: str) -> Response:
        if board not in boards.BOARDS:
            raise HTTPException(404, f"there is no such board{nearest(board, boards.BOARDS)}")
        return _file(request, "index.html", "text/html; charset=utf-8")

    @routes.get("/docs")
    async def documentation(request: Request) -> Response:
        return _file(request, "docs.html", "text/html; charset=utf-8")

    @routes.get("/static/{path:path}")
    async def static(request: Request, path: str) -> Response:
        if path not in _FILES:
            raise HTTPException(404, "there is no such file")
        return _file(request, path, _FILES[path])

    @routes.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return _file(request, "icon.svg", "image/svg+xml")

    return routes


def _file(request: Request, path: str, media_type: str) -> Response:
    content = (files("services.api") / "static" / path).read_bytes()
    tag = f'"{_tag(content)}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",  # asked for again each time, answered 304 while the same: an upgrade shows at once
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(b"", 304, headers)
    return Response(content, 200, headers, media_type)


def _tag(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()[:20]
