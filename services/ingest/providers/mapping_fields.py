"""The fields of every canonical event by what may stand in them, and how any JSON value or text becomes one.

Laws: what is blank or null is not said; what is there but cannot be read as its field is refused, never guessed; an e-mail address
or a telephone number never gets into an event.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any, Literal

from msgspec import Struct
from msgspec.inspect import BoolType, FloatType, IntType, LiteralType, NoneType, UnionType, VarTupleType, type_info

from schemas.events import BY_TYPE, Answer
from schemas.rejections import Reason, Rejected
from services.ingest.providers.money import currency_in, from_major, from_minor
from services.ingest.providers.times import any_time
from services.ingest.providers.values import TAGS_MAX, email_hash, flag_in, id_in, is_address, name_in, number_in, objects_in, whole_in

Kind = Literal["text", "word", "flag", "whole", "number", "money", "time", "tags", "answers", "score", "currency"]

_INSIDE_ONLY = frozenset({"id", "source", "ticket_source", "occurred_at", "received_at", "time_is_received", "log", "generation"})
_SHOUTED = frozenset({"channel", "priority", "issue_type"})
_BETWEEN_WORDS = re.compile(r"[\s\-]+")
_ANSWER_FIELDS = frozenset(Answer.__struct_fields__)


class Field(Struct, frozen=True, kw_only=True):
    """One field of an event in its outside form. `words` are those that may stand in it where only some may."""

    name: str
    kind: Kind
    required: bool
    words: tuple[str, ...] = ()


class Reading(Struct, frozen=True, kw_only=True):
    """How a source's values are to be read; see `MappingOptions`."""

    zone: tzinfo
    words: Mapping[str, Mapping[str, str]]
    factors: Mapping[str, float]
    major: tuple[str, ...]
    hashes_addresses: bool


def _fields_of(cls: type[Struct]) -> dict[str, Field]:
    info: Any = type_info(cls)
    found = {}
    for each in info.fields:
        name = each.encode_name.removesuffix("_ms")
        if name not in _INSIDE_ONLY:
            node: Any = each.type
            if isinstance(node, UnionType):
                node = next(of for of in node.types if not isinstance(of, NoneType))
            words = tuple(str(word) for word in node.values) if isinstance(node, LiteralType) else ()
            kind = "time" if each.encode_name.endswith("_ms") else _kind_of(name, node)
            found[name] = Field(name=name, kind=kind, required=each.required, words=words)
    if "answers" in found:
        found["score"] = Field(name="score", kind="score", required=False)
    return found


def _kind_of(name: str, node: Any) -> Kind:
    if name.endswith("_minor"):
        return "money"
    if name in ("answers", "currency"):
        return "answers" if name == "answers" else "currency"
    kinds: tuple[tuple[type, Kind], ...] = (
        (LiteralType, "word"), (BoolType, "flag"), (IntType, "whole"), (FloatType, "number"), (VarTupleType, "tags"),
    )  # fmt: skip
    return next((kind for of, kind in kinds if isinstance(node, of)), "text")


FIELDS: Mapping[str, Mapping[str, Field]] = {name: _fields_of(cls) for name, cls in BY_TYPE.items() if name != "ticket.absorbed"}
"""What may be said of each type; `score` of an answered survey stands for the one answer that a question makes of it."""
EVERY_FIELD = frozenset(name for fields in FIELDS.values() for name in fields)


def read(field: Field, value: Any, reading: Reading, pointer: str) -> Any:
    """The value as it may stand in the event, None when nothing is said. Raises Rejected when it cannot be read."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "" or value == []:
        return None
    words = reading.words.get(field.name)
    if words is not None and (word := id_in(value)):
        value = words.get(word, words.get(word.lower(), value))
    match field.kind:
        case "text":
            return _text(value, reading, lower=field.name in _SHOUTED)
        case "word":
            return _word(field, value, pointer)
        case "time":
            return any_time(value, pointer, reading.zone)
        case "tags":
            return _tags(value)
        case "answers":
            return [{k: v for k, v in each.items() if k in _ANSWER_FIELDS} for each in objects_in(value)] or None
        case "currency":
            return currency_in(value) or _refuse(field, "a currency's code of three letters, such as EUR", pointer)
        case "flag":
            return _said(flag_in(value), field, "true or false", pointer)
        case "whole":
            return _said(_whole(value), field, "a whole number", pointer)
        case "number":
            number = _said(number_in(value), field, "a number", pointer)
            return number * reading.factors.get(field.name, 1)
        case _:
            return value  # money and scores need their neighbours


def money(field: Field, value: Any, currency: str | None, reading: Reading, pointer: str) -> int | None:
    """An amount in minor units, None when nothing is said. Raises Rejected when it cannot be read, or its currency is not known."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if field.name not in reading.major:
        return int(_said(from_minor(value), field, "an amount in minor units", pointer))
    if currency is None:
        raise Rejected(Reason.MISSING_FIELD, f"{field.name} is in major units and needs its currency, which is not said", pointer)
    return int(_said(from_major(value, currency), field, "an amount", pointer))


def _said(found: Any, field: Field, wanted: str, pointer: str) -> Any:
    return _refuse(field, wanted, pointer) if found is None else found


def _refuse(field: Field, wanted: str, pointer: str) -> Any:
    raise Rejected(Reason.BAD_FIELD, f"{field.name} is {wanted}: name the place where it stands, or translate it in options.words", pointer)


def _text(value: Any, reading: Reading, *, lower: bool) -> str | None:
    found = id_in(value)
    if is_address(found):
        return email_hash(found) if reading.hashes_addresses else None
    return name_in(found.lower() if lower else found)


def _word(field: Field, value: Any, pointer: str) -> str:
    word = _BETWEEN_WORDS.sub("_", id_in(value)[:100].lower())
    if word not in field.words:
        wanted = f"{field.name} is none of {', '.join(field.words)}: translate the sender's word in options.words.{field.name}"
        raise Rejected(Reason.UNTRANSLATABLE, wanted, pointer)
    return word


def _whole(value: Any) -> int | None:
    text = id_in(value)  # numbers of changes are longer than the numbers of `whole_in`
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else whole_in(value)


def _tags(value: Any) -> list[str] | None:
    if isinstance(value, str):
        value = [tag.strip() for tag in value.split(",")] if "," in value else value.split()
    if not isinstance(value, list):
        return None
    names = (name_in(each.get("name") if isinstance(each, dict) else each) for each in value)
    return [name for name in names if name is not None and not is_address(name)][:TAGS_MAX] or None


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint at the word that was probably meant, "" when none is near."""
    near = difflib.get_close_matches(word, sorted(words), 1)
    return f"; the nearest is {near[0]}" if near else ""
