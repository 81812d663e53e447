"""The wall board's page and files, and the page of the documentation: everything from this server, nothing from elsewhere."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.api.boards.kept import Boards
from services.api.problems import nearest

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def router(boards: Boards) -> APIRouter:
    """The routes. Files are read when asked for: a change shows without a restart, and they are few and small."""
    routes = APIRouter(include_in_schema=False)
    served = _files()

    @routes.get("/")
    @routes.get("/wall")
    async def first_board(request: Request) -> Response:
        return _file(request, "index.html", "text/html; charset=utf-8")

    @routes.get("/wall/{board}")
    async def one_board(request: Request, board: str) -> Response:
        if board not in boards.declared():
            raise HTTPException(404, f"there is no such board{nearest(board, boards.declared())}")
        return _file(request, "index.html", "text/html; charset=utf-8")

    @routes.get("/docs")
    async def documentation(request: Request) -> Response:
        return _file(request, "docs.html", "text/html; charset=utf-8")

    @routes.get("/static/{path:path}")
    async def static(request: Request, path: str) -> Response:
        if path not in served:
            raise HTTPException(404, "there is no such file")
        return _file(request, path, served[path])

    @routes.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return _file(request, "icon.svg", "image/svg+xml")

    return routes


def _files() -> dict[str, str]:
    """What may be fetched, and its type: a closed table, so that no path can lead elsewhere."""
    static = files("services.api") / "static"
    found = [(entry, entry.name) for entry in static.iterdir() if entry.is_file()]
    found += [(entry, f"vendor/{entry.name}") for entry in (static / "vendor").iterdir() if entry.is_file()]
    suffixes = {path: "." + entry.name.rpartition(".")[2] for entry, path in found}
    return {path: _TYPES[suffix] for path, suffix in suffixes.items() if suffix in _TYPES}


def _file(request: Request, path: str, media_type: str) -> Response:
    content = (files("services.api") / "static" / path).read_bytes()
    tag = f'"{_tag(content)}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",  # asked for again each time, answered 304 while the same: an upgrade shows at once
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(b"", 304, headers)
    return Response(content, 200, headers, media_type)


def _tag(content: bytes) -> str:
    return sha256(content).hexdigest()[:20]
