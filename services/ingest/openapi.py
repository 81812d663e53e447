"""The webhook paths in the OpenAPI document: they are served outside the framework, for speed, so they are described here.

Which kinds there are, with which methods and answers, is read from the table of providers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider

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
    "401": "unknown source, or signature or token missing, wrong or too old; which of these is not told",
    "405": "a method that this kind's sender does not use; see Allow",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "wrong content type or encoding",
    "422": "generic kinds: not one event is usable",
    "429": "over the configured rate; see Retry-After",
    "503": "Kafka cannot acknowledge; see Retry-After",
}
_BODIES = {
    "application/json": "what most kinds send; of a generic kind one event or an array of them",
    "application/x-ndjson": "generic kinds: one event in each line",
    "application/cloudevents+json": "one structured CloudEvent",
    "application/cloudevents-batch+json": "an array of them",
    "application/x-www-form-urlencoded": "a form",
    "text/xml": "a SOAP message",
}
_SOME_MS = 1_700_000_000_000
_NO_BODY = ("get", "head", "options")


def with_webhooks(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the webhook paths and their schemas added."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {"Counted": _COUNTED, "Fault": _FAULT, "Problem": _PROBLEM, "SourceKind": _kinds()}
    document["paths"]["/webhooks/{source}"] = _path("Take one delivery of a configured source", ("source",))
    document["paths"]["/webhooks/{source}/{token}"] = _path("The same, for senders that cannot sign", ("source", "token"))
    return document


def _kinds() -> dict[str, Any]:
    """Every kind that a source may have, with its title and its page."""
    return {
        "type": "string",
        "enum": sorted(PROVIDERS),
        "description": "the kind of a source, `sources.NAME.kind` in the configuration\n\n" + _listed(PROVIDERS.values()),
        "x-kinds": [
            {"kind": one.kind, "title": one.title, "page": _page(one), "methods": [*one.methods, *one.probes], "schemes": list(one.schemes)}
            for one in _ordered(PROVIDERS.values())
        ],
    }


def _ordered(providers: Iterable[Provider]) -> list[Provider]:
    return sorted(providers, key=lambda provider: provider.kind)


def _page(provider: Provider) -> str:
    return f"docs/sources/{provider.kind}.md"


def _listed(providers: Iterable[Provider]) -> str:
    return "\n".join(f"* `{one.kind}`: {one.title} ({_page(one)})" for one in _ordered(providers))


def _path(summary: str, names: tuple[str, ...]) -> dict[str, Any]:
    path: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": _PARAMETERS[name]} for name in names
        ]
    }
    for method in dict.fromkeys(method.lower() for one in PROVIDERS.values() for method in (*one.methods, *one.probes)):
        path[method] = _operation(summary, method)
    path["options"] = _operation("Ask what may be sent", "options")
    return path


_PARAMETERS = {
    "source": "the name of a configured source; its kind, one of SourceKind, decides what is taken",
    "token": "a secret of the source, for senders that cannot sign (`token_env`)",
}


def _operation(summary: str, method: str) -> dict[str, Any]:
    taking = [one for one in PROVIDERS.values() if method.upper() in one.methods]
    if method in _NO_BODY and not taking:
        return _without_body(summary if method == "options" else "Is the address there", method)
    everyone = len(taking) == len(PROVIDERS)
    responses: dict[str, Any] = {status: _problem(about) for status, about in _REFUSALS.items()}
    responses |= _replies(taking)
    responses["202"] = {
        "description": "Kafka has acknowledged",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Counted"}}},
    }
    return {
        "summary": summary,
        "description": ("Every kind takes it:" if everyone else "These kinds take it:") + f"\n\n{_listed(taking)}",
        "tags": ["webhooks"],
        "requestBody": {"required": True, "content": _contents(taking)},
        "responses": dict(sorted(responses.items())),
    }


def _contents(providers: Iterable[Provider]) -> dict[str, Any]:
    """The kinds of bodies: those that are common, and those that only one sender writes."""
    found = dict(_BODIES)
    for provider in _ordered(providers):
        headers = {name.lower(): value for name, value in provider.sample("sample", _SOME_MS).headers.items()}
        found.setdefault(headers.get("content-type", "application/json").partition(";")[0].strip().lower(), f"what {provider.title} sends")
    return {kind: {"schema": {"description": about}} for kind, about in found.items()}


def _without_body(summary: str, method: str) -> dict[str, Any]:
    asked = [one for one in PROVIDERS.values() if method.upper() in one.probes or (method == "options" and one.handshake is not None)]
    about = f"Answered without a proof. Kinds whose senders ask it before they deliver:\n\n{_listed(asked)}"
    responses = {
        "200": {"description": "this may be sent here; whether the source is there is not told"},
        "401": _problem(_REFUSALS["401"]),
        "405": _problem(_REFUSALS["405"]),
    }
    return {"summary": summary, "description": about, "tags": ["webhooks"], "responses": responses}


def _replies(providers: Iterable[Provider]) -> dict[str, Any]:
    """The answers that senders of some kinds want to read instead of the counts, by status."""
    found: dict[str, list[str]] = {}
    contents: dict[str, dict[str, Any]] = {}
    for provider in _ordered(providers):
        if provider.reply is None:
            continue
        sample = provider.sample("sample", _SOME_MS)
        headers = {name.lower().encode(): value.encode() for name, value in sample.headers.items()}
        reply = provider.reply(Delivery(headers=headers, body=sample.body, received_at_ms=_SOME_MS))
        status = "200" if reply is None else str(reply.status)
        found.setdefault(status, []).append(f"`{provider.kind}`" + (" (to a handshake)" if reply is None else ""))
        if reply is not None and reply.body:
            contents.setdefault(status, {})[reply.content_type.decode()] = {"schema": {}}
    return {
        status: {
            "description": f"Kafka has acknowledged; what senders of these kinds want to read: {', '.join(kinds)}",
            **({"content": contents[status]} if status in contents else {}),
        }
        for status, kinds in found.items()
    }


def _problem(about: str) -> dict[str, Any]:
    return {"description": about, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
