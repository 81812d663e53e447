"""Answers as JSON, and how they are described in OpenAPI: both from the same msgspec structs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from kpis.steps import Steps
from services.api.problems import SCHEMA as PROBLEM

_json = msgspec.json.Encoder()
Parameters = list[dict[str, Any]]


def answer(body: Any, status: int = 200, *, max_age_seconds: int = 0) -> Response:
    """A JSON answer; figures are of the moment, so that nobody keeps them unless told."""
    keep = f"max-age={max_age_seconds}" if max_age_seconds else "no-store"
    return Response(_json.encode(body), status, {"Cache-Control": keep}, "application/json")


def listed(members: Iterable[Any]) -> Steps[msgspec.Raw]:
    """A list as JSON, a member a step; it stands in an `answer` as it is."""
    texts = []
    for member in members:
        texts.append(_json.encode(member))
        yield
    return msgspec.Raw(b"[" + b",".join(texts) + b"]")


def described(
    schema: dict[str, Any], *, refused: tuple[int, ...] = (422,), media_type: str = "application/json"
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: its good answer and its refusals."""
    problems: dict[int | str, dict[str, Any]] = {
        code: {"description": "A problem that says what to do.", "content": {"application/problem+json": {"schema": PROBLEM}}}
        for code in refused
    }
    return {200: {"description": "The answer.", "content": {media_type: {"schema": schema}}}, **problems}


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a struct, whole, without references."""
    schema, parts = msgspec.json.schema_components([kind], ref_template="{name}")

    def whole(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return whole(parts[node["$ref"]])
            return {key: whole(value) for key, value in node.items()}
        return [whole(item) for item in node] if isinstance(node, list) else node

    out: dict[str, Any] = whole(schema[0])
    return out


def parameter(name: str, about: str, *, repeatable: bool = False, required: bool = False, **schema: Any) -> dict[str, Any]:
    """One query parameter for OpenAPI."""
    one: dict[str, Any] = {"type": "string", **schema}
    if repeatable:
        one = {"type": "array", "items": one, "minItems": 1}
    return {"name": name, "in": "query", "required": required, "description": about, "schema": one, "style": "form", "explode": True}


def asked(known_kpis: list[str], windows: tuple[str, ...], dimensions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The parameters that several routes share, by name."""
    times: dict[str, Any] = {"format": "date-time"}
    return {
        "kpi": parameter("kpi", "Which KPIs; without it, all of them.", repeatable=True, enum=known_kpis),
        "window": parameter("window", "Which windows; without it, each KPI's own.", repeatable=True, enum=list(windows)),
        "by": parameter("by", "Split by one dimension, or by a configured pair such as channel,team.", maxLength=64),
        "as_of": parameter("as_of", "The instant to read for; without it, now.", **times),
        "from": parameter("from", "Start of a span, instead of a window.", **times),
        "to": parameter("to", "End of the span, not included.", **times),
        "anchor": parameter("anchor", "Whether a case counts when it ended or when it began.", enum=["completed", "created"]),
        "clock": parameter("clock", "Calendar time or business hours.", enum=["calendar", "business"]),
        "step": parameter("step", "Width of a bucket, such as 1m, 15m, 1h, 1d.", pattern="^[1-9][0-9]{0,5}[smhd]$"),
        **{name: parameter(name, f"Only this value of {name}.", maxLength=512) for name in dimensions},
    }
