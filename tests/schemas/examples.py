"""One plain event of every type, made from the declarations themselves, so that a new type is tested without being listed."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec

from schemas.events import BY_TYPE, Answer, Event


def example(kind: str, **given: Any) -> Event:
    """An event of the type with every required field filled, and `given` over them."""
    cls = BY_TYPE[kind]
    hints = typing.get_type_hints(cls, include_extras=False)
    fields = {f.name: _value(hints[f.name]) for f in msgspec.structs.fields(cls) if f.required}
    return cls(**{**fields, "id": "e-1", "occurred_at_ms": 1_772_439_330_123, **given})


def _value(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin in (typing.Union, types.UnionType):
        return _value(typing.get_args(hint)[0])
    if origin is tuple:
        return (Answer(metric="csat", score=1.0),) if Answer in typing.get_args(hint) else ()
    return {str: "x", int: 1, float: 1.0, bool: True}[hint]
