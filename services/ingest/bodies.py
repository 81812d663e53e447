"""Bytes to JSON values, at the one place where foreign bytes are decoded.

Law: a JSON value comes out or `Rejected` is raised, whatever the bytes are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from schemas.rejections import Reason, Rejected

JSON_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
FIELDS_MAX = 1000
_BOM = b"\xef\xbb\xbf"
_values = msgspec.json.Decoder()
_raws = msgspec.json.Decoder(list[msgspec.Raw])


def value_of(data: bytes) -> Any:
    """The JSON value that the bytes hold. Raises Rejected: empty, not UTF-8, not JSON or nested too deeply."""
    try:
        return _values.decode(data)
    except UnicodeDecodeError as error:
        raise Rejected(Reason.NOT_UTF8, f"the body is not UTF-8 (byte {error.start}): send JSON in UTF-8") from None
    except RecursionError:
        raise Rejected(Reason.TOO_DEEP, "the body is nested too deeply: an event is an object of plain values") from None
    except ValueError as error:
        if data.startswith(_BOM) and not data.startswith(_BOM * 2):
            return value_of(data[len(_BOM) :])
        if not data.strip():
            raise Rejected(Reason.EMPTY_BODY, "the body is empty: send one event as a JSON object") from None
        _refuse_other_encodings(data)
        raise Rejected(Reason.NOT_JSON, f"the body is not JSON: {error}") from None


def _refuse_other_encodings(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Rejected(Reason.NOT_UTF8, f"the body is not UTF-8 (byte {error.start}): send JSON in UTF-8") from None


def object_of(data: bytes) -> dict[str, Any]:
    """The JSON object that the bytes hold. Raises Rejected."""
    value = value_of(data)
    if not isinstance(value, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "this kind of source sends one JSON object")
    return value


def form_of(data: bytes) -> dict[str, str]:
    """The fields of a form, the last value of each name, blank ones kept. Raises Rejected."""
    if not data:
        raise Rejected(Reason.EMPTY_BODY, "the body is empty: send the fields of a form")
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"))
    except UnicodeDecodeError:
        raise Rejected(Reason.NOT_UTF8, "the form is not UTF-8") from None
    except ValueError:
        raise Rejected(Reason.TOO_DEEP, f"the form holds more than {FIELDS_MAX} fields") from None


def lines_of(data: bytes) -> tuple[list[Any], Callable[[int], bytes]]:
    """The values of JSON Lines (a line that is none becomes its `Rejected`) and the bytes of each line.

    Blank lines are skipped. Raises Rejected when there is no line at all.
    """
    lines = [line for line in data.removeprefix(_BOM).split(b"\n") if line.strip()]
    if not lines:
        raise Rejected(Reason.EMPTY_BODY, "the body holds no line: send one event in each line")
    return [_value_or_rejected(line) for line in lines], lines.__getitem__


def _value_or_rejected(line: bytes) -> Any:
    try:
        return value_of(line)
    except Rejected as rejected:
        return rejected


def elements_of(data: bytes) -> Callable[[int], bytes]:
    """The bytes of each element of a JSON array that `value_of` has decoded already; they are looked for at the first call."""
    found: list[msgspec.Raw] = []

    def original(index: int) -> bytes:
        if not found:
            found.extend(_raws.decode(data.removeprefix(_BOM)))
        return bytes(found[index])

    return original


def from_base64(text: Any, pointer: str) -> bytes:
    """The bytes behind base64 text. Raises Rejected."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Rejected(Reason.BAD_FIELD, "this is not base64", pointer) from None
