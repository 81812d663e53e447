"""Dead letters as rows and as text. Law: no byte of a sender reaches the terminal as a control character."""

from __future__ import annotations

import base64
from typing import Any

from cli.rejected_advice import advice
from cli.rejected_letters import Kept
from schemas.canonical import rfc3339

COLUMNS = ("id", "when", "source", "reason", "where", "what to do", "bytes")
_LINE_BYTES = 16


def plain(text: str) -> str:
    """Text on one line, with whatever a terminal would obey written out."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def row_of(kept: Kept) -> dict[str, Any]:
    """A letter as a row of the list; the columns of the table are among its names."""
    letter = kept.letter
    return {
        "id": kept.id,
        "when": rfc3339(kept.rejected_at_ms),
        "source": plain(letter.source),
        "reason": plain(letter.reason),
        "where": plain(letter.pointer) or None,
        "what to do": advice(letter.reason),
        "bytes": len(kept.body),
        "kind": plain(letter.kind),
        "detail": plain(letter.detail),
        "received_at": rfc3339(letter.received_at_ms) if letter.received_at_ms else None,
    }


def told_of(kept: Kept, *, as_json: bool) -> dict[str, Any]:
    """All that is known of a letter, by name; its body as text, or in hex (as JSON in base64) where it is no plain text."""
    letter, text = kept.letter, _text(kept.body)
    told = row_of(kept) | {"letter": letter.id, "position": letter.position or None, "ordinal": letter.ordinal, "whole": kept.whole}
    if as_json:
        return told | {"headers": letter.headers, "body_text": text, "body_base64": base64.b64encode(kept.body).decode()}
    headers = "; ".join(f"{plain(name)}: {plain(value)}" for name, value in letter.headers.items())
    shown = {name: "-" if value is None else value for name, value in told.items()}
    return shown | {"headers": headers or "-", "body": _hex(kept.body) if text is None else text}


def _text(body: bytes) -> str | None:
    """The body as text, None when it is not UTF-8 or holds what a terminal would obey."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\n\t" for character in text.replace("\r\n", "\n")) else None


def _hex(body: bytes) -> str:
    lines = []
    for start in range(0, len(body), _LINE_BYTES):
        piece = body[start : start + _LINE_BYTES]
        readable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        lines.append(f"\n{start:08x}  {piece.hex(' '):<{_LINE_BYTES * 3}} {readable}")
    return "".join(lines)
