"""Every refusal as RFC 9457 `application/problem+json`: what is wrong and what to do, in the same form from every door."""

from __future__ import annotations

import difflib
import http
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kpis.query import Unanswerable

_log = logging.getLogger(__name__)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["reason"],
                "properties": {"index": {"type": "integer"}, "pointer": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_ADVICE = {
    404: "there is nothing at this address; /docs lists what there is",
    405: "this address does not answer to that method; /docs lists what it answers to",
}


def problem(
    status: int,
    detail: str,
    *,
    parameter: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One refusal. `parameter` is the query parameter at fault, "" when it is none of them; `errors` are the faults of a body."""
    body: dict[str, Any] = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}
    if parameter:
        body["errors"] = [{"pointer": f"?{parameter}", "reason": detail}]
    elif errors:
        body["errors"] = list(errors)
    return Response(orjson.dumps(body), status, headers=dict(headers or {}), media_type="application/problem+json")


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence: the nearest known name, or all of them when they are few, or nothing."""
    names = sorted(set(known))
    if near := difflib.get_close_matches(word[:100], names, 1, 0.5):
        return f"; the nearest is {near[0]}"
    return f"; known are {', '.join(names)}" if 0 < len(names) <= 24 else ""


def shown(text: str) -> str:
    """A stranger's word, short and printable enough to be said back."""
    return "".join(c if c.isprintable() else "?" for c in text[:60]) + ("…" if len(text) > 60 else "") or '""'


def install(app: FastAPI) -> None:
    """Makes every error of this application a problem."""
    app.add_exception_handler(Unanswerable, _unanswerable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)


def _unanswerable(_: Request, error: Exception) -> Response:
    return problem(422, str(error), parameter=getattr(error, "parameter", ""))


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = http.HTTPStatus(error.status_code).phrase
    detail = _ADVICE.get(error.status_code, error.detail) if error.detail == phrase else error.detail
    return problem(error.status_code, detail, headers=error.headers)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(422, "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))


def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "this is a fault of ours; the log of the service says more")
