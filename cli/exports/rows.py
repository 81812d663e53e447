"""The rows of an export, whatever it is written in: CSV of any dialect, JSON Lines, a JSON array.

Laws: a bad row costs only itself and is told by its number; a file that lacks a mapped column stops, and says which columns it has.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from cli.exports.mapping import ExportMapping, nearest

_FIELD_MAX_CHARS = 16 * 1024 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}
_LISTED_MAX = 60


class BadExport(ValueError):
    """The file cannot be read with this mapping; the message says what to change."""


class Row(NamedTuple):
    """One row: its number in the file (1 is the first row of data), what it says by column, or what is wrong with it."""

    number: int
    said: Mapping[str, Any]
    problem: str = ""


def read_rows(file: str, mapping: ExportMapping) -> Iterator[Row]:
    """The rows of a file, in order. Raises BadExport, OSError."""
    form = _form(file, mapping)
    try:
        yield from (_csv_rows if form == "csv" else _json_rows if form == "json" else _json_line_rows)(file, mapping)
    except UnicodeError:
        set_it = 'encoding = "cp1252" (or "latin-1", "utf-16", …)'
        raise BadExport(f"{file} is not written in {mapping.file.encoding}: set [file] {set_it} in the mapping") from None
    except (EOFError, zlib.error):
        raise BadExport(f"{file} is damaged or ends too early: export or copy it again") from None


def _form(file: str, mapping: ExportMapping) -> str:
    if mapping.file.form != "auto":
        return mapping.file.form
    suffix = Path(file.removesuffix(".gz")).suffix.lower()
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    with _opened(file) as content:
        start = content.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return "json" if start.startswith(b"[") else "jsonl" if start.startswith(b"{") else "csv"


def _opened(file: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "rb")) if file.endswith(".gz") else Path(file).open("rb")


def _text(content: IO[bytes], mapping: ExportMapping) -> io.TextIOWrapper:
    start = content.read(4)
    content.seek(0)
    encoding = mapping.file.encoding
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif start.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    return io.TextIOWrapper(content, encoding=encoding, newline="")


# ---- CSV ---------------------------------------------------------------------------------------


def _csv_rows(file: str, mapping: ExportMapping) -> Iterator[Row]:
    csv.field_size_limit(_FIELD_MAX_CHARS)
    with _opened(file) as content, _text(content, mapping) as text:
        first = text.readline()
        if first.lower().startswith("sep="):  # a line that Excel writes for itself
            first = text.readline()
        while first and not first.strip():
            first = text.readline()
        if not first:
            return
        wanted = set(mapping.columns.values())
        header, delimiter = _header(first, text, mapping, wanted)
        names = [name.strip() for name in header]
        for field, column in mapping.columns.items():
            if column not in names:
                raise BadExport(_no_column(field, column, names))
            if names.count(column) > 1:
                raise BadExport(f"{file} has the column {column} {names.count(column)} times: rename all but one in its first line")
        rows = csv.reader(text, delimiter=delimiter)
        number = 0
        while True:
            try:
                fields = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                yield Row(number, {}, f"the row cannot be read ({error})")
                continue
            if not fields or not any(field.strip() for field in fields):
                continue
            number += 1
            if len(fields) != len(names):
                more = "more" if len(fields) > len(names) else "fewer"
                yield Row(number, {}, f"the row has {more} fields than the first line (a delimiter or quote that is not escaped)")
                continue
            yield Row(number, dict(zip(names, fields, strict=True)))


def _header(first: str, text: io.TextIOWrapper, mapping: ExportMapping, wanted: set[str]) -> tuple[list[str], str]:
    """The names of the columns, and the delimiter under which most of the mapped ones are found."""
    while first.count('"') % 2 and (more := text.readline()):  # a name over several lines
        first += more
    candidates = _DELIMITERS if mapping.file.delimiter == "auto" else (mapping.file.delimiter,)
    read = [(next(csv.reader(io.StringIO(first, newline=""), delimiter=mark)), mark) for mark in candidates]
    return max(read, key=lambda one: (len(wanted & {name.strip() for name in one[0]}), len(one[0])))


def _no_column(field: str, column: str, names: list[str]) -> str:
    listed = ", ".join(names[:_LISTED_MAX]) + (", …" if len(names) > _LISTED_MAX else "")
    return f'[columns] {field} = "{column}": the export has no such column{nearest(column, names)}; it has: {listed}'


# ---- JSON --------------------------------------------------------------------------------------


def _json_line_rows(file: str, mapping: ExportMapping) -> Iterator[Row]:
    seen: dict[str, None] = {}
    number = 0
    with _opened(file) as content:
        for line in content:
            stripped = line.lstrip(b"\xef\xbb\xbf").strip()
            if not stripped:
                continue
            number += 1
            try:
                value = orjson.loads(stripped)
            except ValueError:
                value = None
            yield _of_object(number, value, mapping, seen)
    _check_seen(mapping, seen, number)


def _json_rows(file: str, mapping: ExportMapping) -> Iterator[Row]:
    with _opened(file) as content:
        whole = content.read().lstrip(b"\xef\xbb\xbf")
    if not whole.strip():
        return
    try:
        value = orjson.loads(whole)
    except ValueError:
        if mapping.file.form == "auto":  # objects in lines under a name that ends in .json
            yield from _json_line_rows(file, mapping)
            return
        raise BadExport(f"{file} is no JSON") from None
    for name in filter(None, mapping.file.records.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise BadExport(f'{file} holds no array of tickets there: set [file] records = "…", the path to it, such as "tickets"')
    seen: dict[str, None] = {}
    for number, one in enumerate(value, 1):
        yield _of_object(number, one, mapping, seen)
    _check_seen(mapping, seen, len(value))


def _of_object(number: int, value: Any, mapping: ExportMapping, seen: dict[str, None]) -> Row:
    if not isinstance(value, dict):
        return Row(number, {}, "the row is no JSON object")
    said = {}
    for column in mapping.columns.values():
        found, there = _at(value, column)
        if there:
            seen[column] = None
            said[column] = found
    if len(seen) < _LISTED_MAX:
        seen |= dict.fromkeys(_names(value))
    return Row(number, said)


def _at(value: Any, column: str) -> tuple[Any, bool]:
    """What stands under a name, or under a path of names with dots."""
    if column in value:
        return value[column], True
    for name in column.split("."):
        if not isinstance(value, dict) or name not in value:
            return None, False
        value = value[name]
    return value, True


def _names(value: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from (f"{name}.{more}" for more in inner)
        else:
            yield name


def _check_seen(mapping: ExportMapping, seen: Mapping[str, None], rows: int) -> None:
    for field, column in mapping.columns.items():
        if rows and column not in seen:
            raise BadExport(_no_column(field, column, [name for name in seen if name not in mapping.columns.values()] or list(seen)))
