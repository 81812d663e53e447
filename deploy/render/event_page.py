"""docs/events.md: every type of event with its fields, from the Structs in schemas/events.py."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from deploy.render import json_schemas
from deploy.render.markdown import code, head, joined, sentence, table
from deploy.render.outside import OCCURRED_AT, SENDABLE, Outside, everything_said, fields_of
from kpis.lifecycles.table import LIFE_CYCLES
from schemas import keys
from schemas.canonical import CLOCK_AHEAD_MS
from schemas.events import ID_MAX_CHARS, Event
from schemas.rejections import Reason

_ABOUT = f"""\
An event says what happened, in our words. This is the form in which senders write it (schemas/json/event.json is the same as JSON
Schema); how to send one: [adding-an-event-source.md](adding-an-event-source.md).

* `(source, id)` identifies an event; the source is the one of the webhook's path. The same event again has no effect. The same id
  with a higher `version` replaces the earlier content; with equal version and other content the earlier one in time holds, and the
  other is kept in `rejected`.
* Events may arrive late and in any order. An entity's log is ordered by `occurred_at`, `sequence`, the rank of the type (its place on
  this page), `id`; `fact.withdrawn` takes an event back.
* An attribute that is absent was not said, which never means "empty". Ids and names have at most {ID_MAX_CHARS} characters.
* A time is RFC 3339 with a zone. One more than {CLOCK_AHEAD_MS // 60_000} min ahead of our clock is refused (`{Reason.CLOCK_AHEAD}`).
* Fields that a type does not have are stripped and counted. No event carries message text, names, addresses, telephone numbers or
  e-mail addresses."""

_OPTIONAL_KEYS = ("ticket_id", "lead_id", "quote_id", "of_job_id", "order_id", "survey_id", "customer_id")
"""Fields that, when they are said, may give an event to another entity."""


def page() -> str:
    """The page."""
    definitions: dict[str, Any] = json_schemas.event()["$defs"]
    every = definitions[json_schemas.EVERY]["properties"]
    lines = head("Events", "schemas/events.py")
    lines += [*_ABOUT.split("\n"), "", "## Every event", ""]
    lines += table(_COLUMNS, [_field(field, every[field.name]) for field in fields_of(Event)])
    lines += ["## Types", ""]
    for family, classes in groupby(SENDABLE, key=lambda cls: str(cls.__struct_config__.tag).partition(".")[0]):
        lines += [f"### {family}", ""]
        for cls in classes:
            lines += _type(cls, definitions[str(cls.__struct_config__.tag)], every)
    lines += ["## Answers of a survey", "", sentence(definitions["Answer"]["description"]), ""]
    answer = definitions["Answer"]
    fields = [Outside(name, name, False, name in answer["required"]) for name in answer["properties"]]
    lines += table(_COLUMNS, [_field(field, answer["properties"][field.name]) for field in fields])
    lines += ["## Reasons", "", "What cannot be used is kept in `rejected` with one of these reasons, and counted:", ""]
    return joined([*lines, code(reason.value for reason in Reason)])


_COLUMNS = ("field", "required", "type", "default")


def _type(cls: type[Event], schema: dict[str, Any], every: dict[str, Any]) -> list[str]:
    said = {field.name for field in fields_of(cls) if field.required}
    properties = {**every, **schema["properties"]}
    own = [field for field in fields_of(cls) if field.name in schema["properties"] or (field.required and field.name != "id")]
    own.sort(key=lambda field: not field.required)
    lines = [f"#### {cls.__struct_config__.tag}", "", sentence(schema["description"]), "", _entity(cls, said), ""]
    return lines + (table(_COLUMNS, [_field(field, properties[field.name]) for field in own]) if own else [])


def _entity(cls: type[Event], required: set[str]) -> str:
    """Whose log the event goes to, with every key that its optional fields can give it."""
    optional = {name for name in _OPTIONAL_KEYS if name in cls.__struct_fields__ and name not in required}
    all_keys = dict.fromkeys(
        keys.of(everything_said(cls, left_out=frozenset({"ticket_source", *(optional - {name})}))) for name in ("", *sorted(optional))
    )
    if keys.EVERYWHERE in all_keys:
        return "Goes to every partition: the id alone does not say whose event it is."
    kinds = {key.partition(":")[0] for key in all_keys}
    waits = " Kept in `events` until this kind has a life cycle; it changes no figure yet." if not kinds & set(LIFE_CYCLES) else ""
    return f"Belongs to {code(all_keys)}.{waits}"


def _field(field: Outside, schema: dict[str, Any]) -> tuple[str, str, str, str]:
    default = schema.get("default")
    shown = "" if default is None or field.required else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    if field.name == OCCURRED_AT:
        shown = "the time of receipt"
    return f"`{field.name}`", "yes" if field.required else "", _kind(schema), shown


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds) + (" or null" if "default" not in schema else "")
    if "enum" in schema:
        return code(str(value) for value in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("format") == "date-time":
        return "time"
    kind = str(schema["type"])
    if kind == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {_kind(schema['items'])}{most}"
    return kind
