"""Looks for secrets in what was said: as they stand, and in every form in which somebody could read them back."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus


def leaks(said: bytes, secrets: Mapping[str, str]) -> list[str]:
    """`name as form`, for every secret that is to be found."""
    small = said.lower()
    found = []
    for name, secret in secrets.items():
        for form, needle, case_matters in _forms(secret):
            if needle in (said if case_matters else small):
                found.append(f"{name} as {form}")
    return found


def _forms(secret: str) -> Iterator[tuple[str, bytes, bool]]:
    """The name of a form, the bytes to look for, and whether their case matters."""
    raw = secret.encode()
    yield "text", raw, True
    yield "text in small letters", raw.lower(), False
    yield "hex", raw.hex().encode(), False
    yield "percent signs", quote(secret, safe="").lower().encode(), False
    yield "a field of a form", quote_plus(secret).lower().encode(), False
    yield "JSON", json.dumps(secret)[1:-1].encode(), True
    yield "JSON with slashes", json.dumps(secret)[1:-1].replace("/", "\\/").encode(), True
    yield "JSON of text", json.dumps(secret, ensure_ascii=False)[1:-1].encode(), True
    yield "Python", repr(secret)[1:-1].encode(), True
    yield "Python bytes", repr(raw)[2:-1].encode(), True
    yield "HTML", html.escape(secret).encode(), True
    yield "reversed", raw[::-1], True
    for shift in range(3):  # where base64 begins in the middle of something, the secret's place in its groups decides
        yield f"base64 ({shift})", _core(base64.b64encode, raw, shift), True
        yield f"base64 of addresses ({shift})", _core(base64.urlsafe_b64encode, raw, shift), True


def _core(encode: object, raw: bytes, shift: int) -> bytes:
    """What every base64 of something that holds `raw` after 3n + shift bytes has in common."""
    whole = raw[(3 - shift) % 3 :]
    whole = whole[: len(whole) // 3 * 3]
    assert callable(encode)
    found: bytes = encode(whole)
    return found
