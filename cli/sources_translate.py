"""A body without its request: which canonical events it becomes, what of it is ignored, what is rejected and why.

Law: the same translation, the same options and the same door as in ingest; only the signature is not asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import typer

from schemas.canonical import outside_of
from schemas.rejections import Rejected
from services.ingest.admission import admitted
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.sources import Source

_BY_SUFFIX = {
    ".json": "application/json",
    ".xml": "text/xml",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
}
_REQUEST = re.compile(rb"\A[A-Z]+ \S+ HTTP/1\.[01]\r?\n")
_FORM = re.compile(rb"\A[^\s=&{<]+=[^\s&]*(&[^\s=&]+=[^\s&]*)*\s*\Z")


class Told(NamedTuple):
    """What a body comes to: `events` in the outside form with their source, `ignored` by name, `rejected` in words."""

    events: list[dict[str, Any]]
    ignored: list[str]
    rejected: list[str]


def translated(source: Source, delivery: Delivery) -> Told:
    """What a delivery of this source comes to."""
    try:
        translation = source.provider.translate(delivery, source.options)
    except Rejected as rejected:
        return Told([], [], [_why(rejected)])
    except WrongContentType as error:
        return Told([], [], [f"wrong content type: {error}"])
    events, refused = [], []
    for ordinal, item in enumerate(translation.items):
        try:
            event, _ = admitted(item, source, delivery.received_at_ms)
        except Rejected as rejected:
            refused.append((f"item {ordinal}: " if len(translation.items) > 1 else "") + _why(rejected))
            continue
        said = outside_of(event)
        events.append({"type": said.pop("type"), "id": said.pop("id"), "source": event.source, **said})
    return Told(events, list(translation.ignored), refused)


def _why(rejected: Rejected) -> str:
    return f"{rejected.reason.value}{f' at {rejected.pointer}' if rejected.pointer else ''}: {rejected.detail}"


def request_in(data: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body of a file that holds a whole request as it goes over the wire; of any other file no headers, and its bytes."""
    if not _REQUEST.match(data):
        return {}, data
    head, _, body = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = [line.partition(b":") for line in head.split(b"\n")[1:]]
    return {name.strip().lower(): value.strip() for name, colon, value in fields if colon}, body


def content_type_of(file: str, body: bytes) -> str:
    """The content type that a body most likely came with, by the name of its file, else by its looks."""
    if known := _BY_SUFFIX.get(Path(file).suffix.lower()):
        return known
    begins = body.lstrip()[:1]
    if begins == b"<":
        return "text/xml"
    return "application/x-www-form-urlencoded" if begins not in (b"{", b"[") and _FORM.match(body) else "application/json"


def headers_of(given: Sequence[str]) -> dict[bytes, bytes]:
    """Headers as `--header 'Name: value'` gives them. Raises typer.BadParameter."""
    headers: dict[bytes, bytes] = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter("a header is written as --header 'X-Topic: orders/paid'")
        headers[name.strip().lower().encode()] = value.strip().encode()
    return headers


def options_in(file: Path) -> Mapping[str, Any]:
    """The options in a TOML file. Raises typer.BadParameter."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise typer.BadParameter(f"{file} is not TOML: {error}") from None
