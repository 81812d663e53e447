"""schemas/json/: the canonical event as senders write it, and the published figure, as JSON Schema 2020-12.

Stricter than the door in two things: the door reads a null as "not said" and strips fields that it does not know.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import msgspec

from deploy.render.outside import SENDABLE, fields_of
from schemas.events import Answer, Event
from schemas.figures import Figure

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVERY = "Event"
"""The definition of what all types share."""
_TIME = {"type": "string", "format": "date-time", "description": "RFC 3339 with a zone, such as 2026-11-22T08:15:30.123Z"}


def event() -> dict[str, Any]:
    """One canonical event: the `type` says which definition holds."""
    definitions = {str(cls.__struct_config__.tag): _of_event(cls) for cls in SENDABLE}
    return {
        "$schema": _DIALECT,
        "title": "Canonical event",
        "description": "One event as a sender writes it. The source is the one of the path; without occurred_at the time of receipt holds.",
        "type": "object",
        "required": ["type"],
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": {EVERY: _every_event(), **definitions, "Answer": _definition(Answer)},
    }


def figure() -> dict[str, Any]:
    """One figure, as the API, the stream and `deskpulse compute --json` give it."""
    whole = msgspec.json.schema(Figure)
    definitions = dict(whole["$defs"])
    return {"$schema": _DIALECT, **definitions.pop("Figure"), "$defs": definitions}


def as_text(schema: dict[str, Any]) -> str:
    """The file: indented, in the order of declaration."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _every_event() -> dict[str, Any]:
    return {
        "description": sentence_of(Event),
        "type": "object",
        "properties": _properties(Event),
        "required": [field.name for field in fields_of(Event) if field.required],
    }


def _of_event(cls: type[Event]) -> dict[str, Any]:
    shared = _properties(Event)
    own = {name: schema for name, schema in _properties(cls).items() if shared.get(name) != schema}
    required = [field.name for field in fields_of(cls) if field.required and field.name != "id"]
    return {
        "description": sentence_of(cls),
        "allOf": [{"$ref": f"#/$defs/{EVERY}"}],
        "properties": {"type": {"const": cls.__struct_config__.tag}, **own},
        "required": ["type", *required],
        "unevaluatedProperties": False,
    }


@cache
def _properties(cls: type[Event]) -> dict[str, Any]:
    inside = _definition(cls)["properties"]
    return {field.name: _time(inside[field.inside]) if field.is_time else inside[field.inside] for field in fields_of(cls)}


def sentence_of(cls: type) -> str:
    """The first sentence of a Struct's docstring: what it means."""
    return " ".join(str(cls.__doc__).split("\n\n")[0].split())


def _time(inside: dict[str, Any]) -> dict[str, Any]:
    if any(one.get("type") == "null" for one in inside.get("anyOf", ())):
        return {"anyOf": [_TIME, {"type": "null"}], **({"default": None} if "default" in inside else {})}
    return dict(_TIME)


def _definition(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.schema(cls)["$defs"][cls.__name__]
    return found
