"""The webhook paths in the OpenAPI document: they are served outside the framework, for speed, so they are described here."""

from __future__ import annotations

from typing import Any

_COUNTED = {
    "type": "object",
    "required": ["accepted", "ignored", "rejected"],
    "properties": {
        "accepted": {"type": "integer", "description": "events that Kafka has acknowledged"},
        "ignored": {"type": "integer", "description": "messages that say nothing to a KPI"},
        "rejected": {"type": "integer", "description": "events that cannot be used; they are kept, with the reason"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
_FAULT = {
    "type": "object",
    "required": ["index", "pointer", "reason"],
    "properties": {"index": {"type": "integer"}, "pointer": {"type": "string"}, "reason": {"type": "string"}},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what to do"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
_REFUSALS = {
    "401": "unknown source, or signature missing, wrong or too old",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "wrong content type or encoding",
    "422": "generic kinds: not one event is usable",
    "429": "over the configured rate; see Retry-After",
    "503": "Kafka cannot acknowledge; see Retry-After",
}
_BODIES = ("application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json")


def with_webhooks(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the webhook paths and their schemas added."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {"Counted": _COUNTED, "Fault": _FAULT, "Problem": _PROBLEM}
    document["paths"]["/webhooks/{source}"] = _path("Take one delivery of a configured source", ("source",))
    document["paths"]["/webhooks/{source}/{token}"] = _path("The same, for senders that cannot sign", ("source", "token"))
    return document


def _path(summary: str, names: tuple[str, ...]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    counted = {"application/json": {"schema": {"$ref": "#/components/schemas/Counted"}}}
    responses: dict[str, Any] = {status: {"description": about, "content": problem} for status, about in _REFUSALS.items()}
    responses["202"] = {"description": "Kafka has acknowledged", "content": counted}
    return {
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names],
        "post": {
            "summary": summary,
            "tags": ["webhooks"],
            "requestBody": {"required": True, "content": {kind: {"schema": {}} for kind in _BODIES}},
            "responses": responses,
        },
    }
