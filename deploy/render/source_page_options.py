"""The options of a kind as a table: names, forms and defaults from the fields of its Struct, meanings from the docstring beside them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec import inspect as forms

from deploy.render.markdown import sentence

Row = tuple[str, str, str, str]


def rows(options: type[Struct]) -> list[Row]:
    """One row for each option: name, form, default as in TOML, meaning."""
    said = meanings(options)
    found = forms.type_info(options)
    assert isinstance(found, forms.StructType)
    return [(f"`{field.encode_name}`", form(field.type), default(field), said.get(field.name, "")) for field in found.fields]


def inside(options: type[Struct]) -> list[type[Struct]]:
    """The Structs that stand in the options' fields, however deep, in the order of their first sight."""
    out: dict[type[Struct], None] = {}
    _collect(forms.type_info(options), out)
    return [cls for cls in out if cls is not options]


def _collect(found: forms.Type, out: dict[type[Struct], None]) -> None:
    if isinstance(found, forms.StructType) and found.cls not in out:
        out[found.cls] = None
        for field in found.fields:
            _collect(field.type, out)
    for part in _parts(found):
        _collect(part, out)


def _parts(found: forms.Type) -> Iterator[forms.Type]:
    if isinstance(found, forms.CollectionType):
        yield found.item_type
    elif isinstance(found, forms.DictType):
        yield found.value_type
    elif isinstance(found, forms.UnionType):
        yield from found.types


def form(found: forms.Type) -> str:
    """What may stand there, in words."""
    if isinstance(found, forms.LiteralType):
        return " or ".join(f"`{json.dumps(value)}`" for value in found.values)
    if isinstance(found, forms.StructType):
        return _name(found.cls)
    if isinstance(found, forms.DictType):
        return f"table of {_many(found.value_type)}"
    if isinstance(found, forms.CollectionType | forms.VarTupleType):
        return f"list of {_many(found.item_type)}"
    if isinstance(found, forms.UnionType):
        return " or ".join(form(one) for one in found.types if not isinstance(one, forms.NoneType))
    plain: Mapping[type[forms.Type], str] = {
        forms.StrType: "text",
        forms.BoolType: "true or false",
        forms.IntType: "whole number",
        forms.FloatType: "number",
    }
    return plain.get(type(found), "value")


def _many(found: forms.Type) -> str:
    word = form(found)
    if isinstance(found, forms.StructType):
        return f"{word}s"
    return {"text": "texts", "whole number": "whole numbers", "number": "numbers"}.get(word, word)


def _name(cls: type[Struct]) -> str:
    return f"*{re.sub(r'(?<!^)(?=[A-Z])', ' ', cls.__name__).lower()}*"


def default(field: forms.Field) -> str:
    """The default as TOML, "required" where there is none, blank for what is simply not set."""
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if value is None else f"`{toml(value)}`"


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Struct):
        value = {name: said for name in value.__struct_fields__ if (said := getattr(value, name)) is not None}
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(name))} = {toml(said)}" for name, said in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def meanings(options: type[Struct]) -> dict[str, str]:
    """For each field the sentences of the docstrings (the class's own, then those it extends) that name it in backticks."""
    out: dict[str, list[str]] = {}
    for cls in options.__mro__:
        for clause in _clauses(cls.__dict__.get("__doc__") or ""):
            for name in dict.fromkeys(re.findall(r"`(\w+)`", clause)):
                if name in options.__struct_fields__:
                    out.setdefault(name, []).append(sentence(clause))
    return {name: " ".join(dict.fromkeys(said)) for name, said in out.items()}


def _clauses(text: str) -> list[str]:
    """The sentences of a docstring, and the parts of one that stand between semicolons."""
    flat = " ".join(inspect.cleandoc(text).split())
    return [clause.strip().rstrip(".") for clause in re.split(r"(?<=\.)\s+(?=[A-Z`])|;\s+", flat) if clause.strip(" .")]
